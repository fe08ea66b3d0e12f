"""A dataset written for others to read: class folders, FER2013's official CSV, or Parquet with the images inside.

The end of the folder's flow: what cleaning has left goes out in a layout that this project and other tools open. Images are
written one by one, so memory does not grow with the dataset; what is written stands at its place whole, or not at all.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer.data.dataset import UNSPLIT, Dataset, fit_image
from fer.data.layouts import USAGES
from fer.data.read import Progress
from fer.errors import DataError, SettingsError
from fer.files import replacing, replacing_folder, write_json
from fer.labels import FER7, VOTE_COLUMNS

LAYOUTS: Mapping[str, str] = {
    "folders": "Class folders: split/class/name.png; any image tool and every framework opens them",
    "csv": "FER2013's official table: emotion,pixels,Usage; seven classes, grey, 48×48, names are lost",
    "parquet": "Parquet with the images inside, a file a split; opens as images and classes in Hugging Face datasets",
}
CSV_SIDE = 48
MARK = ".fer-export.json"  # hidden, so that readers pass over it: says what a folder holds, and that it may be replaced

_USAGE_OF = {split: usage for usage, split in USAGES.items()}
# Hugging Face datasets reads the split off the file's name; where none says one, all is `train` to it.
_PARQUET_OF = {"train": "train", "val": "validation", "test": "test", UNSPLIT: "unsplit"}
_ROW_GROUP_IMAGES, _ROW_GROUP_BYTES = 1000, 32 * 2**20
_REPORT_EVERY = 256
_MAX_NAME_BYTES = 180  # file systems take 255; the ending, a number against twins and a marker still fit
_UNSAFE = re.compile(r'[<>:"|?*/\\\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)  # by Windows, for devices
_VOTES = [f"votes_{column}" for column in VOTE_COLUMNS]
_NUMBERS = [str(value) for value in range(256)]


def export_dataset(
    dataset: Dataset,
    target: str | Path,
    layout: str,
    *,
    resize: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a dataset, pixel for pixel.

    Class folders hold PNGs under the last part of each image's name, changed only where a file system would not take it or two
    would be one; images without a split stand in `class/` itself. The CSV numbers its rows anew, so FER+ votes cannot be joined.
    Parquet has a file a split, with columns for image, label, name, and FER+ votes where there are any.

    Args:
        dataset: at least one image.
        target: a new folder, for `csv` a new file.
        layout: one of `LAYOUTS`.
        resize: for `csv`, make each image grey and 48×48, whatever it is.
        overwrite: replace a file, or a folder that an export has made; no other folder is ever replaced.
        progress: called with what is being done and the fraction done, 0…1.

    Returns:
        where it stands, absolute.

    Raises:
        SettingsError: an unknown layout, or an option that it does not have.
        DataError: the target holds something, cannot be written, or is where the dataset was read from; an image cannot be read;
            or the layout has no room for a class, a split or a size of the dataset.
    """
    if layout not in LAYOUTS:
        raise SettingsError(f"Unknown layout {layout!r}. Known: {', '.join(LAYOUTS)}")
    if resize and layout != "csv":
        raise SettingsError(f"Images are resized for csv alone; {layout} takes them at any size.")
    if not len(dataset):
        raise DataError(f"Dataset {dataset.name!r} holds no images to export.")
    place = Path(target).expanduser().resolve()
    _check_apart(dataset, place)
    report = progress or (lambda _what, _fraction: None)
    try:
        if layout == "csv":
            with _new_file(place, overwrite) as file:
                _write_csv(dataset, file, resize, report)
        else:
            with _new_folder(place, overwrite) as folder:
                (_write_folders if layout == "folders" else _write_parquet)(dataset, folder, report)
                _write_mark(dataset, folder, layout)
    except OSError as error:
        why = error.strerror or error
        raise DataError(f"Cannot write {place}: {why}. Free some space, or name another place.") from error
    report("Writing pictures", 1.0)
    return place


def _check_apart(dataset: Dataset, place: Path) -> None:
    """Refuse to write into, over or around what is being read."""
    source = Path(dataset.source)
    if dataset.source and source.exists():
        source = source.resolve()
        if place == source or source in place.parents or place in source.parents:
            raise DataError(f"The dataset is read from {source}. Expected a target beside it. Received: {place}")


@contextmanager
def _new_file(place: Path, overwrite: bool) -> Iterator[Path]:
    if place.is_dir():
        raise DataError(f"{place} is a folder. Expected the name of a file, such as {place / 'fer2013.csv'}")
    if place.exists() and not overwrite:
        raise DataError(f"{place} is there already. Name another file, or say that it may be overwritten.")
    place.parent.mkdir(parents=True, exist_ok=True)
    with replacing(place) as beside:
        yield beside


@contextmanager
def _new_folder(place: Path, overwrite: bool) -> Iterator[Path]:
    """A folder beside `place`, which takes its place when the block ends well, and vanishes when not."""
    if place.exists() and not place.is_dir():
        raise DataError(f"{place} is a file. Expected a new folder.")
    if place.is_dir() and any(place.iterdir()):
        if not overwrite:
            raise DataError(f"{place} holds something already. Name a new folder, or say that it may be overwritten.")
        if not (place / MARK).is_file():
            # A slip of the hand must not cost a folder of somebody's work.
            raise DataError(f"{place} is not overwritten: no export has made it ({MARK} is missing). Name a new folder.")
    with replacing_folder(place, overwrite=overwrite) as building:
        yield building


def _write_mark(dataset: Dataset, folder: Path, layout: str) -> None:
    counts = {split or "unsplit": by_label for split, by_label in dataset.counts().items()}
    described = {"layout": layout, "dataset": dataset.name, "fingerprint": dataset.fingerprint, "counts": counts}
    write_json(folder / MARK, {"format": 1, **described})


def _images(dataset: Dataset, rows: NDArray[np.integer], done: int, report: Progress) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Row and image, one after the other; `done` images have been written before."""
    for count, row in enumerate(rows.tolist(), done):
        if count % _REPORT_EVERY == 0:
            report("Writing pictures", count / len(dataset))
        yield row, dataset.images[row]


def _write_folders(dataset: Dataset, folder: Path, report: Progress) -> None:
    classes = [_safe_part(label) for label in dataset.label_set]
    if len({label.casefold() for label in classes}) < len(classes):
        raise DataError(
            f"Two classes would share a folder: {', '.join(dataset.label_set)}. Rename one, or choose another layout."
        )
    file_name = _file_names(dataset)
    for row, image in _images(dataset, np.arange(len(dataset)), 0, report):
        place = folder / str(dataset.splits[row]) / classes[dataset.label_ids[row]]
        place.mkdir(parents=True, exist_ok=True)
        (place / file_name(row)).write_bytes(encode_png(image, bool(dataset.is_grey[row])))


def _file_names(dataset: Dataset) -> Callable[[int], str]:
    """A function from row to file name, which no other row of its split and class has; to be asked once a row."""
    # Where no image is in val, readers take PublicTest_… in the test folder for val, as one download of FER2013 has it.
    only_test = "val" not in dataset.split_names
    taken: dict[tuple[str, int, str], int] = {}  # the number that was last put in front of a name

    def name(row: int) -> str:
        split, label_id = str(dataset.splits[row]), int(dataset.label_ids[row])
        # As `join_ferplus` cuts it, which takes the last number that is left.
        stem = _safe_part(str(dataset.names[row]).replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0])
        if split == "test" and only_test and stem.startswith("PublicTest_"):
            stem = f"_{stem}"
        free, number = stem, taken.get(_key(split, label_id, stem), 0)
        while _key(split, label_id, free) in taken:
            number += 1
            free = f"{number}-{stem}"  # in front, where it is not the last number
        taken[_key(split, label_id, stem)] = max(number, 1)
        taken.setdefault(_key(split, label_id, free), 1)
        return f"{free}.png"

    return name


def _key(split: str, label_id: int, stem: str) -> tuple[str, int, str]:
    """Equal for names that are one to Windows or macOS: without regard to case and to how accents are spelled."""
    return split, label_id, unicodedata.normalize("NFC", stem).casefold()


def _safe_part(name: str) -> str:
    """A name as one part of a path that every system takes, and that leads nowhere else."""
    text = _UNSAFE.sub("_", name.encode("utf-8", "replace").decode())  # names on disk need not be UTF-8
    while len(text.encode()) > _MAX_NAME_BYTES:
        text = text[1:]  # the end has the number
    text = text.strip(" ").rstrip(". ")
    if text.startswith("."):  # hidden files are litter to readers
        text = f"_{text[1:]}"
    return f"_{text}" if _RESERVED.match(text) or not text else text


def encode_png(image: NDArray[np.uint8], is_grey: bool) -> bytes:
    """A PNG of an image, uint8 RGB (H, W, 3); one channel where it has no colour."""
    pixels = np.ascontiguousarray(image[..., 0]) if is_grey else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", pixels)
    assert done  # any uint8 image can be
    return data.tobytes()


def _write_csv(dataset: Dataset, file: Path, resize: bool, report: Progress) -> None:
    known = [label in FER7 for label in dataset.label_set]
    strange = [label for label_id, label in enumerate(dataset.label_set) if not known[label_id] and label_id in dataset.label_ids]
    if strange:
        raise DataError(
            f"The official CSV knows {', '.join(FER7)}. The dataset also has {', '.join(strange)}: "
            "drop or relabel those images, or choose another layout."
        )
    if UNSPLIT in dataset.split_names:
        n = int((dataset.splits == UNSPLIT).sum())
        raise DataError(
            f"In the official CSV each image is in Training, PublicTest or PrivateTest; {n:,} of these are in no split. "
            "Split the dataset anew, or choose another layout."
        )
    emotions = [FER7.label_id(label) if known[label_id] else -1 for label_id, label in enumerate(dataset.label_set)]
    with file.open("w", newline="", encoding="ascii") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["emotion", "pixels", "Usage"])
        for row, image in _images(dataset, np.arange(len(dataset)), 0, report):
            if resize:
                image = fit_image(image, CSV_SIDE, 1)
            elif image.shape[:2] != (CSV_SIDE, CSV_SIDE) or not dataset.is_grey[row]:
                colour = "grey" if dataset.is_grey[row] else "in colour"
                raise DataError(
                    f"The official CSV holds grey images of {CSV_SIDE}×{CSV_SIDE}. {str(dataset.names[row])!r} is "
                    f"{image.shape[1]}×{image.shape[0]}, {colour}: have the images resized, or choose another layout."
                )
            pixels = " ".join([_NUMBERS[value] for value in image[..., 0].ravel().tolist()])
            writer.writerow([emotions[dataset.label_ids[row]], pixels, _USAGE_OF[str(dataset.splits[row])]])


def _write_parquet(dataset: Dataset, folder: Path, report: Progress) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _parquet_schema(dataset)
    file_name, done = _file_names(dataset), 0
    for split in dataset.split_names:
        rows = np.flatnonzero(dataset.splits == split)
        place = folder / f"{_PARQUET_OF[split]}.parquet"
        # PNGs are as small as they get, and no two are alike: neither packed again nor looked up.
        with pq.ParquetWriter(place, schema, compression="none", use_dictionary=["label"]) as file:
            group: list[dict[str, Any]] = []
            waiting = 0
            for row, image in _images(dataset, rows, done, report):
                png = encode_png(image, bool(dataset.is_grey[row]))
                name = str(dataset.names[row]).encode("utf-8", "replace").decode()
                group.append(
                    {"image": {"bytes": png, "path": file_name(row)}, "label": int(dataset.label_ids[row]), "name": name}
                )
                if dataset.votes is not None:
                    group[-1].update(zip(_VOTES, dataset.votes[row].tolist(), strict=True))
                waiting += len(png)
                if len(group) == _ROW_GROUP_IMAGES or waiting > _ROW_GROUP_BYTES:
                    file.write_table(pa.Table.from_pylist(group, schema))
                    group, waiting = [], 0
            if group:
                file.write_table(pa.Table.from_pylist(group, schema))
        done += len(rows)


def _parquet_schema(dataset: Dataset) -> Any:
    """Columns, and what Hugging Face datasets is to take them for: https://huggingface.co/docs/datasets/about_dataset_features"""
    import pyarrow as pa

    columns = {"image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "label": pa.int64(), "name": pa.string()}
    features: dict[str, dict[str, Any]] = {
        "image": {"_type": "Image"},
        "label": {"names": list(dataset.label_set), "_type": "ClassLabel"},
        "name": {"dtype": "string", "_type": "Value"},
    }
    if dataset.votes is not None:
        columns.update(dict.fromkeys(_VOTES, pa.uint8()))
        features.update({column: {"dtype": "uint8", "_type": "Value"} for column in _VOTES})
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})
