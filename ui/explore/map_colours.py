"""Ways to colour the map of the Explore page: label, split, votes, the model's answer, what the audit found, and decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import Dataset
from fer.labels import EMOTIONS, FER8, VOTE_COLUMNS, LabelSet
from fer.quality.cleaning import CleaningList
from fer.quality.findings import KINDS, Audit
from fer.quality.projection import FaceMap
from ui.explore.face_map import Colouring, Kind
from ui.theme import SPLIT_TITLES, palette

# Of Okabe and Ito's palette, as the emotions' colours, but for what they do not mean here the eye needs a quiet ground and one or
# two colours that stand out.
_QUIET, _LOUD, _MIDDLE = "#8A8F98", "#D55E00", "#E69F00"
_DECISIONS = {
    "keep": ("kept", "#009E73"),
    "drop": ("dropped", _LOUD),
    "relabel": ("relabelled", "#56B4E9"),
    "move": ("moved", "#CC79A7"),
}
_FOUND = ("#D55E00", "#0072B2", "#F0C808", "#009E73", "#CC79A7", "#56B4E9", "#8C564B", "#E69F00")
# Shares of the ten nearest with the same label.
_ALONE, _MIXED = 0.15, 0.5


def colourings(
    dataset: Dataset, drawn: FaceMap, agreement: NDArray[np.floating], cleaning: CleaningList, audit: Audit | None
) -> list[Colouring]:
    """All ways that this dataset has something to show by, its labels first.

    Args:
        dataset: the one that was drawn.
        drawn: its map, of M images.
        agreement: (M,), `neighbour_agreement` of the labels.
        cleaning: the decisions so far.
        audit: of the dataset, where there is one.
    """
    rows = drawn.rows
    chosen = dataset.select(rows)
    ways = [Colouring("label", "Label", _emotions(dataset.label_set), _codes(chosen.label_ids), "Labelled")]
    answers = np.array([*drawn.answers])[drawn.answer_ids] if len(drawn) else np.zeros(0, "U8")
    labels = np.array([*dataset.label_set])[chosen.label_ids] if len(drawn) else np.zeros(0, "U8")
    if chosen.votes is not None:
        kinds = [*_emotions(FER8), Kind("unknown", "#B8A9D9"), Kind("not a face", "#E377C2")]
        ways.append(Colouring("vote", "FER+ vote", kinds[: len(VOTE_COLUMNS)], _codes(chosen.votes.argmax(axis=1))))
    ways += [
        Colouring("answer", "Model's answer", _emotions(drawn.answers), _codes(drawn.answer_ids), "The model:"),
        Colouring("agrees", "Label and model", [Kind("agree", _QUIET), Kind("disagree", _LOUD)], _codes(answers != labels)),
        Colouring(
            "neighbours",
            "Label and neighbours",
            [Kind("alike", _QUIET), Kind("mixed", _MIDDLE), Kind("unlike its neighbours", _LOUD)],
            _codes(np.where(agreement <= _ALONE, 2, agreement < _MIXED)),
        ),
    ]
    if len(dataset.split_names) > 1:
        colours = palette().splits
        kinds = [Kind(SPLIT_TITLES[split].lower(), colours[split]) for split in dataset.split_names]
        codes = sum((chosen.splits == split) * code for code, split in enumerate(dataset.split_names))
        ways.append(Colouring("split", "Split", kinds, _codes(np.asarray(codes)), "Split:"))
    if audit is not None:
        ways.append(_found(audit, rows))
    if len(cleaning):
        ways.append(_decided(chosen, cleaning))
    return ways


def _emotions(label_set: LabelSet) -> list[Kind]:
    return [Kind(name, label_set.colour(name), EMOTIONS[name].emoji if name in EMOTIONS else "") for name in label_set]


def _codes(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)


def _found(audit: Audit, rows: NDArray[np.integer]) -> Colouring:
    """Each image by the first kind of finding, in the order of `KINDS`, that proposes something for it."""
    kinds: Sequence[str] = list(KINDS)
    of_row = np.zeros(audit.n, np.uint8)
    for code in range(len(kinds), 0, -1):
        targets = [row for finding in audit.findings if finding.kind == kinds[code - 1] for row in finding.targets]
        of_row[targets] = code
    classes = [Kind("nothing found", _QUIET)]
    classes += [Kind(KINDS[kind].title.lower(), _FOUND[at % len(_FOUND)]) for at, kind in enumerate(kinds)]
    return Colouring("audit", "Audit", classes, of_row[rows], none=0)


def _decided(chosen: Dataset, cleaning: CleaningList) -> Colouring:
    decisions = {(name, content): d.action for (name, content, is_move), d in cleaning.in_force.items() if is_move}
    # What becomes of an image says more than where it stands.
    decisions |= {(name, content): d.action for (name, content, is_move), d in cleaning.in_force.items() if not is_move}
    codes: dict[str | None, int] = {None: 0} | {action: code for code, action in enumerate(_DECISIONS, 1)}
    subjects = zip(chosen.names.tolist(), chosen.content_ids.tolist(), strict=True)
    classes = [Kind("undecided", _QUIET), *(Kind(*words) for words in _DECISIONS.values())]
    of_point = np.array([codes[decisions.get(subject)] for subject in subjects], np.uint8)
    return Colouring("decision", "Cleaning list", classes, of_point, none=0)
