"""`read_dataset`: whatever a user points at becomes a `Dataset`.

The first step of the flow. It tells what stands at a path (`sources`), what its names say (`layouts`, `affectnet`, `pixels_csv`),
reads every picture once into a cache entry (`cache`) and opens that; the second time only the entry is opened.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from fer.data import affectnet, pixels_csv
from fer.data.archives import is_archive_name, open_archive
from fer.data.cache import EntryWriter, content_key, entry_dir, load_entry, new_entry
from fer.data.dataset import Dataset, Problem
from fer.data.ferplus import join_ferplus
from fer.data.kaggle import download
from fer.data.layouts import Row, class_folders, has_class_folders
from fer.data.parquet import SUFFIX, ParquetSource, is_parquet
from fer.data.sources import FolderSource, Source, failures_in_words
from fer.data.synthetic import synthetic_dataset
from fer.errors import DataError, ImageError
from fer.images import MAX_IMAGE_BYTES, read_image

Progress = Callable[[str, float], None]

_LAYOUTS = (
    "Expected class folders (train/happy/1.png, validation/…, or happy/1.png), a ZIP or tar of those, FER2013's CSV "
    "(emotion,pixels,Usage), Parquet with images as Hugging Face has it, or AffectNet (images/ and annotations/)."
)
_OTHERS = {
    b"rar!": "a RAR archive, which is not read: unpack it and give the folder",
    b"7z\xbc\xaf": "a 7z archive, which is not read: unpack it and give the folder",
    b"\x89png": "a single picture",
    b"\xff\xd8\xff": "a single picture",
    b"<!doctype": "a web page, as a download without signing in gives",
    b"<html": "a web page, as a download without signing in gives",
}
_MAX_NESTING = 3  # an archive in an archive in an archive; deeper is a bomb or a mistake
_REPORT_EVERY = 256


def read_dataset(path: str | Path, *, ferplus: str | Path | None = None, progress: Progress | None = None) -> Dataset:
    """Read labelled face images from any source the project knows.

    Args:
        path: a folder of class folders (with or without splits, any number of folders deep), an archive of one (ZIP, tar,
            tar.gz, tar.xz, tar.bz2), FER2013's `fer2013.csv`, a Parquet file with images or a folder of them, an AffectNet
            folder; or `synthetic`, `synthetic:N`, `synthetic:N:seed`; or `kaggle:owner/name`, which is downloaded.
        ferplus: FER+'s `fer2013new.csv`, joined by the row number in the files' names (see `join_ferplus`).
        progress: called with what is being done and the fraction done, 0…1.

    Returns:
        the dataset, sorted by name (a CSV: in its order). Pictures of one size of at most 128 pixels a side are one memory-mapped
        array in the cache; others stay files. What is no picture is listed in `problems`. The same content is read once.

    Raises:
        DataError: nothing stands at the path, it is damaged, or it holds no dataset.
        LabelError: a class folder names no known emotion.
    """
    report = progress or (lambda _what, _fraction: None)
    text = str(path)
    if text == "synthetic" or text.startswith("synthetic:"):
        dataset = _synthetic(text, report)
    elif text.startswith("kaggle:"):
        name = text.removeprefix("kaggle:")
        dataset = _read_path(download(name, report), name, report)
    else:
        local = Path(path).expanduser()
        dataset = _read_path(local, _stem(local), report)
    return dataset if ferplus is None else join_ferplus(dataset, ferplus)


def _synthetic(text: str, report: Progress) -> Dataset:
    numbers = text.split(":")[1:]
    if len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise DataError(f"Cannot read {text!r}. Expected synthetic, synthetic:N or synthetic:N:seed with whole numbers.")
    n, seed = [int(number) for number in numbers] + [2000, 0][len(numbers) :]
    dataset = synthetic_dataset(n, seed=seed, progress=lambda share: report("Drawing faces", share))
    report("Drawing faces", 1.0)
    return dataset


def _read_path(path: Path, name: str, report: Progress) -> Dataset:
    path = path.absolute()
    if not path.exists():
        raise DataError(f"There is no file or folder {path}. {_LAYOUTS}")
    with failures_in_words(path):
        report("Looking at the files", 0.0)
        entry = entry_dir(content_key(path))
        had_entry = entry.exists()
        dataset = load_entry(entry, name=name, source=path)
        if dataset is not None:
            report("Looking at the files", 1.0)
        else:
            if had_entry:  # and it is damaged: it would stand in the way of a new one
                shutil.rmtree(entry, ignore_errors=True)
            with new_entry(entry) as work:
                _fill(work, path, str(path), report)
            dataset = load_entry(entry, name=name, source=path)
    if dataset is None:
        raise DataError(f"What was read from {path} cannot be read back from the cache, {entry}. Is its disk in order?")
    return dataset


def _fill(work: Path, path: Path, title: str, report: Progress, outer: tuple[int, ...] = ()) -> None:
    """Read what stands at `path` into the entry.

    Args:
        title: how errors call it.
        outer: bytes of each archive that it was in, the outermost first.
    """
    source = FolderSource(path) if path.is_dir() else open_archive(path, title, *outer[:1])
    if source is None and is_parquet(path):
        source = ParquetSource(path, [path])
    if source is None:
        _refuse_others(path, title)
        with path.open("rb") as file:
            _fill_from_table(work, file, title, path.stat().st_size, report)
        return
    with closing(source):
        inner = _fill_from_source(work, source, report)
        if inner is None:
            return
        if len(outer) == _MAX_NESTING:
            raise DataError(f"{title} holds archives in archives, more than {_MAX_NESTING} deep. Unpack it and give the folder.")
        if isinstance(source, FolderSource):
            _fill(work, path / inner, str(path / inner), report, outer)
            return
        unpacked = work / f"inner-{len(outer)}"
        for _, stream in source.read([inner]):
            with unpacked.open("wb") as target:
                shutil.copyfileobj(stream, target)
    _fill(work, unpacked, f"{title}/{inner}", report, (*outer, path.stat().st_size))
    unpacked.unlink()


def _refuse_others(path: Path, title: str) -> None:
    """Name what people take for an archive or a dataset."""
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    what = next((what for magic, what in _OTHERS.items() if head.startswith(magic)), None)
    if what:
        raise DataError(f"{title} is {what}. {_LAYOUTS}")


def _fill_from_source(work: Path, source: Source, report: Progress) -> str | None:
    """Read a folder or archive into the entry, unless all that it holds is another archive: then return that one's name."""
    sizes = source.sizes()
    if not sizes:
        raise DataError(f"{source.title} holds no files. {_LAYOUTS}")
    if affectnet.is_affectnet(sizes):
        _fill_from_pictures(work, source, *affectnet.read_annotations(source, sizes), report)
        return None
    has_folders = has_class_folders(sizes)
    table = None if has_folders else pixels_csv.find_table(source, sizes)
    if table is not None:
        for _, stream in source.read([table]):
            _fill_from_table(work, stream, f"{source.title}/{table}", sizes[table], report)
        return None
    parquet = [source.path / name for name in sizes if name.endswith(SUFFIX)]
    if parquet and not has_folders and isinstance(source, FolderSource):
        return _fill_from_source(work, ParquetSource(source.path, parquet), report)
    rows, problems = class_folders(sizes, source.folders())
    if rows:
        _fill_from_pictures(work, source, rows, problems, report)
        return None
    inner = [name for name in sizes if is_archive_name(name)]
    if len(inner) != 1:
        raise DataError(f"No dataset found in {source.title} ({len(sizes):,} files, such as {next(iter(sizes))!r}). {_LAYOUTS}")
    return inner[0]


def _fill_from_table(work: Path, stream: BinaryIO, title: str, size: int, report: Progress) -> None:
    with EntryWriter(work, array_only=True) as writer:
        pixels_csv.read_table(stream, title, size, writer, report)
        writer.finish("array", sort=False)


def _fill_from_pictures(work: Path, source: Source, rows: list[Row], problems: list[Problem], report: Progress) -> None:
    with EntryWriter(work) as writer:
        writer.problems.extend(problems)
        wanted = {row.name: row for row in rows}
        for count, (name, stream) in enumerate(source.read(wanted)):
            if count % _REPORT_EVERY == 0:
                report("Reading pictures", count / len(wanted))
            try:
                image = read_image(stream.read(MAX_IMAGE_BYTES + 1))
            except ImageError as error:
                writer.skip(name, str(error))
                continue
            except OSError as error:
                if not isinstance(source, FolderSource):  # an archive that breaks off here is damaged as a whole
                    raise
                writer.skip(name, f"cannot be read: {error.strerror or error}")
                continue
            writer.add(name, wanted[name].label, wanted[name].split, image)
        if not writer.names:
            why = f" {writer.problems[0].name}: {writer.problems[0].reason}" if writer.problems else ""
            raise DataError(f"None of the {len(rows):,} labelled files in {source.title} is a readable picture.{why}")
        if writer.has_array:
            writer.finish("array", sort=True)
        elif isinstance(source, FolderSource):
            writer.finish("folder", sort=True)
        else:
            _unpack(source, writer.names, work / "files", report)
            writer.finish("files", sort=True)
    report("Reading pictures", 1.0)


def _unpack(source: Source, names: list[str], target: Path, report: Progress) -> None:
    """Write pictures of an archive below `target`, as `0`, `1`, … in the order of `names`.

    Not under their own names: those may be too long for this disk, differ in nothing but case, or be a file and a folder at once.
    """
    target.mkdir()
    numbers = {name: number for number, name in enumerate(names)}
    for count, (name, stream) in enumerate(source.read(names)):
        if count % _REPORT_EVERY == 0:
            report("Unpacking pictures", count / len(names))
        with (target / str(numbers[name])).open("wb") as out:
            shutil.copyfileobj(stream, out)


def _stem(path: Path) -> str:
    name = path.absolute().name
    if path.is_dir():
        return name
    for suffix in (".gz", ".xz", ".bz2", ".tar", ".tgz", ".txz", ".zip", ".csv", SUFFIX):
        name = name.removesuffix(suffix)
    return name or path.name
