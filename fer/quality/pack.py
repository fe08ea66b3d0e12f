"""An export as one file, and how large it will be: what a browser needs to take it home (`fer/quality/export.py` writes it)."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from fer.data.dataset import Dataset, fit_image
from fer.data.read import Progress
from fer.errors import DataError, SettingsError
from fer.files import replacing
from fer.quality.export import CSV_SIDE, LAYOUTS, encode_png

_SAMPLE = 64
_PARQUET_ROW = 60  # bytes of label, name and file name, about
_CHUNK = 2**20


def estimate_bytes(dataset: Dataset, layout: str) -> int:
    """About how many bytes an export will take, from some of the images.

    Args:
        dataset: any, also of no image.
        layout: one of `fer.quality.export.LAYOUTS`.

    Raises:
        SettingsError: an unknown layout.
        ImageError: an image cannot be read.
    """
    if layout not in LAYOUTS:
        raise SettingsError(f"Unknown layout {layout!r}. Known: {', '.join(LAYOUTS)}")
    rows = np.linspace(0, len(dataset) - 1, min(_SAMPLE, len(dataset))).astype(int).tolist()
    if not rows:
        return 0
    if layout == "csv":
        small = [fit_image(dataset.images[row], CSV_SIDE, 1) for row in rows]
        # A digit more from 10 on and from 100 on, and a space or the row's end after each.
        total = sum(2 * image.size + int((image >= 10).sum()) + int((image >= 100).sum()) + len("0,,Training") for image in small)
    else:
        total = sum(len(encode_png(dataset.images[row], bool(dataset.is_grey[row]))) for row in rows)
        total += len(rows) * (_PARQUET_ROW if layout == "parquet" else 0)
    return total * len(dataset) // len(rows)


def pack_export(place: Path, progress: Progress | None = None) -> Path:
    """Pack what an export has written as a ZIP beside it, file by file; a ZIP of that name is replaced.

    Args:
        place: the folder or file that `export_dataset` has returned.
        progress: called with what is being done and the fraction done, 0…1.

    Returns:
        `<place>.zip`; `read_dataset` reads class folders and the CSV in it as they are.

    Raises:
        DataError: nothing stands at the place, or the ZIP cannot be written.
    """
    report = progress or (lambda _what, _fraction: None)
    target = place.with_name(f"{place.name}.zip")
    try:
        files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
        if not files:
            raise DataError(f"There is no export at {place}. Export once more.")
        total = max(sum(file.stat().st_size for file in files), 1)
        done = 0
        with replacing(target) as beside, zipfile.ZipFile(beside, "w") as archive:
            for file in files:
                info = zipfile.ZipInfo.from_file(file, file.relative_to(place.parent).as_posix(), strict_timestamps=False)
                # PNGs are as small as they get; a table of numbers shrinks to a third.
                info.compress_type = zipfile.ZIP_DEFLATED if file.suffix == ".csv" else zipfile.ZIP_STORED
                with file.open("rb") as source, archive.open(info, "w") as out:
                    while chunk := source.read(_CHUNK):
                        report("Packing", done / total)
                        out.write(chunk)
                        done += len(chunk)
    except OSError as error:
        raise DataError(f"Cannot write {target}: {error.strerror or error}. Free some space.") from error
    report("Packing", 1.0)
    return target
