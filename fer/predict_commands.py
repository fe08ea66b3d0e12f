"""What the command `predict` does: pictures, folders and archives in; lines, JSON, annotated pictures or a table out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer.errors import DataError, FerError, SettingsError
from fer.terminal import print_json, print_table, progress_bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer.explain_commands import Why
    from fer.inference.recognizer import FacePrediction, Recognizer

_STREAM = "-"  # stdin as a picture, stdout as a file
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def predict(options: argparse.Namespace) -> int:
    from fer.data.archives import is_archive_name
    from fer.folders.table import TABLE_SUFFIXES

    if options.job:
        return _work_on(options.job)
    if not options.images:
        raise SettingsError("There is nothing to predict: name pictures, a folder or an archive; - reads a picture from stdin.")
    options.explain = options.explain or options.explain_by is not None
    if options.explain and options.blur:
        raise SettingsError("--explain shows the faces that --blur hides. Take one of them.")
    many = [name for name in options.images if Path(name).is_dir() or is_archive_name(name)]
    if options.out and options.out.lower().endswith(TABLE_SUFFIXES):
        if options.explain:
            raise SettingsError("--explain draws on pictures, and a table has none. Name a picture or a folder with --out.")
        return _predict_many(options, many)
    if many:
        raise SettingsError(f"{many[0]} holds many pictures. Name a table for them: --out results.csv, or results.parquet")
    return _predict_pictures(options)


def _recognizer(options: argparse.Namespace) -> Recognizer:
    from fer.bundles import default_model
    from fer.inference.recognizer import Recognizer

    detector = None if options.no_detect else options.detector
    recognizer = Recognizer(options.model or default_model(), detector, unsure_below=options.unsure_below)
    recognizer.bundle.head(options.head)  # one that is not there is said once, not for every picture
    return recognizer


def _how(options: argparse.Namespace) -> dict[str, Any]:
    """The options that `Recognizer.predict` and `predict_folder` share."""
    return {"whole_image": options.no_detect, "head": options.head, "min_size": options.min_size}


def _predict_pictures(options: argparse.Namespace) -> int:
    targets = _targets(options)
    recognizer = _recognizer(options)
    answers, failed = [], False
    for name, target in zip(options.images, targets, strict=True):
        try:
            image = _read(name)
            faces = recognizer.predict(image, **_how(options))
            if not options.json:
                _print_faces(faces, f"{name}: " if len(options.images) > 1 else "", to_stderr=options.out == _STREAM)
            whys = _explain(options, recognizer, image, faces)
            answers.append({"path": name, "faces": _as_dicts(faces, whys)})
            _hand_out(options, image, faces, target, whys)
        except FerError as error:
            # One bad picture must not cost the answers of the others.
            print(f"error: {error}" if name in str(error) else f"error: {name}: {error}", file=sys.stderr)
            failed = True
    if options.json:
        print_json(answers)
    return 1 if failed else 0


def _read(name: str) -> NDArray[np.uint8]:
    from fer.images import MAX_IMAGE_BYTES, read_image

    return read_image(sys.stdin.buffer.read(MAX_IMAGE_BYTES + 1) if name == _STREAM else Path(name))


def _print_faces(faces: Sequence[FacePrediction], named: str, *, to_stderr: bool) -> None:
    """A line a face."""
    file = sys.stderr if to_stderr else sys.stdout
    if not faces:
        print(f"{named}no face found", file=file)
    for face in faces:
        where = f" at {', '.join(f'{value:.0f}' for value in face.xyxy)}" if len(faces) > 1 else ""
        answer = f"Predicted Emotion: {face.label} ({face.confidence:.2%})" if face.is_face else face.label
        print(f"{named}{answer}{', unsure' if face.is_unsure else ''}{where}", file=file)


def _explain(
    options: argparse.Namespace, recognizer: Recognizer, image: NDArray[np.uint8], faces: Sequence[FacePrediction]
) -> list[Why | None]:
    """Why each face got its answer, where that is asked; says whether it can be believed."""
    if not options.explain:
        return [None] * len(faces)
    from fer.explain_commands import explain_all

    whys = explain_all(recognizer, image, faces, options.explain_by)
    for why in whys:
        if why and not options.json:
            print(f"  why {why.face.label}: {why.words}", file=sys.stderr if options.out == _STREAM else sys.stdout)
    return whys


def _as_dicts(faces: Sequence[FacePrediction], whys: Sequence[Why | None]) -> list[dict[str, Any]]:
    return [face.as_dict() | ({"why": why.as_dict()} if why else {}) for face, why in zip(faces, whys, strict=True)]


def _targets(options: argparse.Namespace) -> list[Path | None]:
    """Where the annotated picture of each picture goes; None: nowhere, or to stdout.

    Raises:
        SettingsError: `--out` names what cannot hold them.
    """
    if options.out is None:
        # Beside the picture, where people look for it; with --json the answer is for programs.
        return [None if options.json or name == _STREAM else _annotated(Path(name).parent, name) for name in options.images]
    if options.out == _STREAM:
        if options.json or len(options.images) > 1:
            raise SettingsError("--out - writes one annotated picture to stdout, so it takes one picture, and no --json.")
        return [None]
    out = Path(options.out)
    if out.is_dir() or len(options.images) > 1:
        return [_annotated(out, name) for name in options.images]
    if out.suffix.lower() not in _PICTURE_SUFFIXES:
        raise SettingsError(
            f"--out names a picture ({', '.join(_PICTURE_SUFFIXES)}), a folder for pictures, or a table (.csv, .parquet). "
            f"Received: {options.out}"
        )
    return [out]


def _annotated(folder: Path, name: str) -> Path:
    return folder / f"{'stdin' if name == _STREAM else Path(name).stem}-annotated.png"


def _hand_out(
    options: argparse.Namespace,
    image: NDArray[np.uint8],
    faces: Sequence[FacePrediction],
    target: Path | None,
    whys: Sequence[Why | None],
) -> None:
    """Write and show the annotated picture, as the options ask.

    Raises:
        DataError: it cannot be written, or shown.
    """
    if target is None and options.out is None and not options.show:
        return
    from PIL import Image, ImageShow

    from fer.drawing import annotate, blur_faces
    from fer.explain_commands import with_reasons

    annotated = annotate(blur_faces(image, faces) if options.blur else image, faces)
    picture = Image.fromarray(with_reasons(annotated, whys))
    if options.out == _STREAM:
        picture.save(sys.stdout.buffer, "PNG")
    elif target is not None:
        _write(picture, target, inputs=options.images)
    if options.show and not ImageShow.show(picture, title="fer"):
        raise DataError("This system has no program that shows pictures. Open the one that was written.")


def _write(picture: Any, target: Path, *, inputs: Sequence[str]) -> None:
    from fer.files import replacing

    if any(Path(name).resolve() == target.resolve() for name in inputs):
        raise DataError(f"{target} is one of the pictures that are read. Name another file.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as beside:
            picture.save(beside)
    except OSError as error:
        raise DataError(f"Cannot write {target}: {error.strerror or error}. Name another place: --out FILE") from error
    print(f"Written to {target}", file=sys.stderr)


def _predict_many(options: argparse.Namespace, many: Sequence[str]) -> int:
    from fer.folders import predict_folder

    if options.blur or options.show:
        raise SettingsError("A table holds no pictures: --out FILE.csv or .parquet takes no --blur and no --show.")
    if many and len(options.images) > 1:
        raise SettingsError(f"A table is of one folder or archive, or of pictures. Received: {' '.join(options.images)}")
    recognizer, progress = _recognizer(options), progress_bar()
    try:
        summary = predict_folder(
            options.images[0] if many else options.images,
            recognizer,
            options.out,
            overwrite=options.overwrite,
            progress=progress,
            **_how(options),
        )
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was.", file=sys.stderr)
        return 1
    if options.json:
        return print_json(summary.as_dict())
    print(f"pictures: {summary.pictures:,}, faces: {summary.faces:,}, in {summary.path}")
    if summary.others:
        files = (
            "1 file is no picture by its name"
            if summary.others == 1
            else f"{summary.others:,} files are no pictures by their names"
        )
        print(f"Left out: {files}.", file=sys.stderr)
    print_table(["label", "rows"], [[label, f"{n:,}"] for label, n in summary.counts.items()])
    return 0


def _work_on(folder: str) -> int:
    """The reading that a page has begun."""
    from fer.folders.job import FolderJob
    from fer.folders.worker import run_folder_job

    job = run_folder_job(FolderJob(Path(folder)))
    print(f"{job.status}. {job.reason}".strip())
    return 0
