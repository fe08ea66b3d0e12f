"""Has the model seen the images that it is tested on: the very pixels, or frames of the same clip?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset, FileStore
from fer.data.layouts import split_of
from fer.evaluation.checks.check import Check, Evidence, Kind
from fer.labels import is_known_label
from fer.words import percent

_LEAKS = Kind(
    "leaks from train",
    "Do images stand in train and in the part that is evaluated? What a model has learned by heart says nothing about other "
    "faces. Images are compared by their pixels.",
)
_ALIKE = Kind(
    "look-alikes in train",
    "Do near copies of one photograph, or frames of one clip, stand on both sides? They look alike to a person and to a network, "
    "and a random split of frames tests on what was trained on. Images are compared by their edges, file names by their numbers.",
)
_TRAIN_NEEDED = "Give the data that the model was trained on, with its train part, to have this checked."

# Fewer than one image in a hundred cannot move the accuracy by a point.
_HARMLESS = 0.01
# Where so much of what is tested was seen, the rest is no fair sample either. FER2013, collected by a search engine, has an
# eighth that looks like an image of train; of clips whose frames were split by chance, nearly all do.
_MOST = 1 / 3

# Images looked at, of the part evaluated and of train: in memory they cost 25 µs each, as files a millisecond or two.
_SAMPLES = (4_000, 32_000)
_SAMPLES_OF_FILES = (300, 1_200)
# Correlation of the low frequencies below which edges are not compared: of FER2013's nearest pairs below it, hardly one in four
# shows one photograph.
_WORTH_A_LOOK = 0.92
# Correlation of edges from which two images count as alike that are neighbours by their names, too: from frame to frame a face
# moves and noise differs. All others have to be the `SAME_PHOTOGRAPH`.
_SAME_CLIP = 0.85
# Frames so near in number are neighbours. A set whose pictures are all numbered through has 10 such pairs an image, and the most
# alike of thousands is hardly ever among them by chance.
_NEIGHBOURS = 5
# A running number is one that counts: among as many frames, it goes up by no more than this each.
_LARGEST_STEP = 10
# Clips, or people, that have to stand on both sides before names alone are believed; a camera's one running number is no clip.
_FEWEST_CLIPS = 20


def check_leaks(evidence: Evidence) -> Check:
    """Are evaluated images, by their pixels, among those of train?"""
    train, report = evidence.train, evidence.report
    if train is None:
        if "train" in evidence.dataset.split_names:
            return _LEAKS.warns(
                "Images of the dataset's train part were evaluated; a model that learned from them looks better than it is.",
                "Evaluate the part called test, or val.",
            )
        return _LEAKS.skips("There is no train part to compare with, and the model's card tells of other data.", _TRAIN_NEEDED)
    seen = np.isin(evidence.question.part.content_ids, train.content_ids)
    whose = "the model learned from" if evidence.learned is not None else "the dataset's train part has"
    if not seen.any():
        removed = ""
        if report.leaks and report.accuracy_leak_free is not None:
            free = percent(report.accuracy_leak_free)
            removed = f". {report.leaks:,} had twins there, which training left out; without them {free}"
        return _LEAKS.passes(f"None of {report.n:,} images is among the {len(train):,} that {whose}{removed}.")
    finding = (
        f"{int(seen.sum()):,} of {report.n:,} images are among the {len(train):,} that {whose}. {_without(evidence.right, seen)}"
    )
    if seen.mean() < _HARMLESS:
        return _LEAKS.passes(finding)
    action = "Take them out (the audit in Explore finds them, or python -m fer data audit), and quote the lower figure."
    # The figure would be another without them.
    another = seen.all() or evidence.right[~seen].mean() < report.accuracy_ci95[0]
    return _LEAKS.fails(finding, action) if another or seen.mean() >= _MOST else _LEAKS.warns(finding, action)


def check_look_alikes(evidence: Evidence) -> Check:
    """Do evaluated images look like images of train, or belong to the same clips by their names?"""
    train, part = evidence.train, evidence.question.part
    if train is None:
        return _ALIKE.skips("There is no train part to compare with.", _TRAIN_NEEDED)
    frames, train_frames = _Frames.of(part.names), _Frames.of(train.names)
    shared = frames.clips_with_numbers() & train_frames.clips_with_numbers()
    in_shared = np.isin(frames.clips, sorted(shared))
    rows, alike, next_by_name = _alike(part, frames, train, train_frames)
    looked_at = f"Of {len(rows):,} images looked at, {int(alike.sum()):,} ({percent(alike.mean())}) look like one of train"
    example = f", such as {part.names[rows[alike][0]]}" if alike.any() else ""
    if alike.mean() < _HARMLESS:
        if len(shared) >= _FEWEST_CLIPS and in_shared.mean() >= _MOST:
            return _ALIKE.warns(
                f"By their names, {percent(in_shared.mean())} of the images belong to {len(shared):,} clips or people of which "
                f"train has images, too (such as {min(shared)}…), though few look alike.",
                "Split by clip or by person, not by image, if the names mean that.",
            )
        return _ALIKE.passes(f"{looked_at}; the names tell of no clip on both sides.")
    named = f"; {int(next_by_name.sum()):,} stand next to it in a clip by their names" if next_by_name.any() else ""
    finding = f"{looked_at}{example}{named}. {_without(evidence.right[rows], alike)}"
    copies = "Take the copies out (the audit in Explore finds them, or python -m fer data audit)"
    advice = "Split by clip or by person, not by image" if named else copies
    action = f"{advice}; until then, quote the lower figure."
    return _ALIKE.fails(finding, action) if alike.mean() >= _MOST else _ALIKE.warns(finding, action)


def _without(right: NDArray[np.bool_], seen: NDArray[np.bool_]) -> str:
    if seen.all():
        return "None is left to judge by."
    return f"Without them the accuracy is {percent(right[~seen].mean())}, with them {percent(right.mean())}."


@dataclass(frozen=True)
class _Frames:
    """Names of N images as a clip and a number: `train/happy/clip01_frame_0007.png` is `clip01_frame_` and 7.

    Args:
        clips: str (N,); what stands before the last number, folders of splits and classes left out.
        numbers: int64 (N,); -1 where there is none.
    """

    clips: NDArray[np.str_]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, names: Sequence[str] | NDArray[np.str_]) -> _Frames:
        parsed = [_frame(str(name)) for name in names]
        return cls(np.array([clip for clip, _ in parsed], np.str_), np.array([number for _, number in parsed], np.int64))

    def clips_with_numbers(self) -> set[str]:
        """Clips that look like several frames with a running number; a clip without a name of its own is none."""
        order = np.lexsort((self.numbers, self.clips))
        clips, starts, counts = np.unique(self.clips[order], return_index=True, return_counts=True)
        numbers = self.numbers[order]
        spans = numbers[starts + counts - 1] - numbers[starts]
        running = (clips != "") & (numbers[starts] >= 0) & (spans <= _LARGEST_STEP * counts)
        return set(clips[running].tolist())


def _frame(name: str) -> tuple[str, int]:
    *folders, file = name.split("/")
    kept = [folder for folder in folders if not split_of([folder]) and not is_known_label(folder)]
    stem = file.rpartition(".")[0] or file
    found = re.fullmatch(r"(.*?)(\d{1,18})\D*", stem)
    return ("/".join([*kept, found[1]]), int(found[2])) if found else ("/".join([*kept, stem]), -1)


def _alike(
    part: Dataset, frames: _Frames, train: Dataset, train_frames: _Frames
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which images of the part look like an image of train that has other pixels?

    Returns:
        rows of the part that were looked at, intp (n,); whether each looks like one of train, and whether it also stands next to
        that one in a clip by its name, both bool (n,).
    """
    from fer.quality.similarity import SAME_PHOTOGRAPH, SIDE, edge_correlation, low_frequencies

    rng = np.random.default_rng(0)
    most, most_train = _SAMPLES_OF_FILES if isinstance(part.images, FileStore) else _SAMPLES
    rows = np.sort(rng.permutation(len(part))[:most])
    others = np.flatnonzero(~np.isin(train.content_ids, part.content_ids))
    if len(others) > most_train:
        near = np.intersect1d(_next_in_number(frames, rows, train_frames), others)[:most_train]
        others = np.concatenate([near, rng.permutation(np.setdiff1d(others, near))[: most_train - len(near)]])
    alike, next_by_name = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    if not len(others):
        return rows, alike, next_by_name
    images, train_images = (dataset.images.batch(which, SIDE, 1)[..., 0] for dataset, which in ((part, rows), (train, others)))
    waves, train_waves = (_unit(low_frequencies(pixels)) for pixels in (images, train_images))
    for start in range(0, len(rows), 256):
        correlation = waves[start : start + 256] @ train_waves.T
        nearest = correlation.argmax(axis=1)
        for at in np.flatnonzero(correlation.max(axis=1) >= _WORTH_A_LOOK).tolist():
            row, other = rows[start + at], others[nearest[at]]
            neighbours = frames.clips[row] == train_frames.clips[other] and (
                0 < abs(int(frames.numbers[row] - train_frames.numbers[other])) <= _NEIGHBOURS
            )
            least = _SAME_CLIP if neighbours else SAME_PHOTOGRAPH
            alike[start + at] = edge_correlation(train_images[nearest[at]], images[start + at]) >= least
            next_by_name[start + at] = alike[start + at] and neighbours
    return rows, alike, next_by_name


def _next_in_number(frames: _Frames, rows: NDArray[np.intp], train_frames: _Frames) -> NDArray[np.intp]:
    """For each row, those of train that stand next to it in its clip, before and behind."""
    order = np.lexsort((train_frames.numbers, train_frames.clips))
    keys = [f"{clip}\0{number:020d}" for clip, number in zip(train_frames.clips[order], train_frames.numbers[order], strict=True)]
    asked = [f"{clip}\0{number:020d}" for clip, number in zip(frames.clips[rows], frames.numbers[rows], strict=True)]
    behind = np.searchsorted(np.array(keys), np.array(asked))
    return np.unique(order[np.clip(np.concatenate([behind - 1, behind]), 0, len(order) - 1)])


def _unit(waves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1; blank pictures, which are alike whatever they show, become 0."""
    length = np.linalg.norm(waves, axis=1, keepdims=True)
    # 48 pixels a side times a standard deviation of 3 grey levels.
    return np.where(length >= 3 * 48, waves / np.maximum(length, 1e-6), 0).astype(np.float32)
