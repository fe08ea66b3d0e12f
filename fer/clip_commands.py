"""What the command `clip` does; parsed by `cli.py`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fer.errors import ClipError, SettingsError
from fer.files import replacing
from fer.terminal import print_json, print_table, progress_bar
from fer.words import percent

if TYPE_CHECKING:
    from fer.clips import Timeline

_MOST_MOMENTS = 20


def clip(options: argparse.Namespace) -> int:
    from fer.clips.job import ClipJob
    from fer.clips.worker import run_clip

    if options.job:
        run_clip(ClipJob(Path(options.job)))
        return 0
    if not options.file:
        raise SettingsError("Name a clip: python -m fer clip FILE")
    _check_targets(options)
    timeline = _read(options)
    _write_files(options, timeline)
    if options.json:
        from fer.clips.exports import timeline_values

        return print_json(timeline_values(timeline))
    _print(timeline)
    return 0


def _check_targets(options: argparse.Namespace) -> None:
    """Refuse what could not be written at the end, before minutes go into reading."""
    for name in (options.csv, options.vtt, options.video):
        if name and not Path(name).parent.is_dir():
            raise ClipError(f"Cannot write {name}: there is no such folder. Name a file in a folder that is there.")
    if options.video and Path(options.video).suffix.lower() != ".mp4":
        raise SettingsError(f"--video writes an MP4 file, so its name ends in .mp4. Received: {options.video}")


def _read(options: argparse.Namespace) -> Timeline:
    from fer.clips import ClipSettings
    from fer.clips.read import read_clip

    given = {"rate": options.rate, "smoothing_s": options.smooth}
    settings = ClipSettings(
        **{key: value for key, value in given.items() if value is not None},
        model=options.model,
        head=options.head,
        detector=options.detector,
    )
    return read_clip(options.file, settings, progress=progress_bar())


def _write_files(options: argparse.Namespace, timeline: Timeline) -> None:
    """Write the files that `--csv`, `--vtt` and `--video` name."""
    from fer.clips.annotated import write_annotated
    from fer.clips.exports import timeline_csv, timeline_vtt

    texts: tuple[tuple[str | None, Callable[[Timeline], str]], ...] = ((options.csv, timeline_csv), (options.vtt, timeline_vtt))
    for name, make in texts:
        if name is None:
            continue
        try:
            with replacing(Path(name)) as beside:
                beside.write_text(make(timeline), encoding="utf-8")
        except OSError as error:
            raise ClipError(f"Cannot write {name}: {error.strerror or error}. Name a file in a folder that is there.") from error
        print(f"Written to {name}", file=sys.stderr)
    if options.video:
        progress = progress_bar()
        write_annotated(options.file, timeline, options.video, progress=lambda share: progress("Writing the clip", share))
        print(f"Written to {options.video}", file=sys.stderr)


def _print(timeline: Timeline) -> None:
    from fer.clips import find_moments

    frames = len(timeline.times_s)
    people = "1 person" if len(timeline.people) == 1 else f"{len(timeline.people)} people"
    print(f"{timeline.name}: {timeline.duration_s:.1f} s, {frames:,} frames read, {people}")
    if timeline.cut_short:
        print(f"warning: the file says that it is {timeline.info.duration_s:.1f} s long. It is cut short.", file=sys.stderr)
    if not timeline.people:
        print("No face found. What helps: a larger face, another --detector, a higher --rate.")
        return
    rows = []
    for person in timeline.people:
        commonest = Counter(timeline.shares(person)).most_common(3)
        shown = ", ".join(f"{label} {percent(share, 0)}" for label, share in commonest if share >= 0.005)
        rows.append([str(person.number), f"{person.times_s[0]:.1f}–{person.times_s[-1]:.1f}", f"{len(person):,}", shown])
    print_table(["person", "seen (s)", "frames", "shows"], rows)
    moments = find_moments(timeline)
    for moment in moments[:_MOST_MOMENTS]:
        what = f"most {moment.label}" if moment.kind == "peak" else f"{moment.before} → {moment.label}"
        print(f"{moment.time_s:8.2f} s  person {moment.person}  {what} ({percent(moment.probability, 0)})")
    if len(moments) > _MOST_MOMENTS:
        print(f"and {len(moments) - _MOST_MOMENTS} more moments: --json lists all")
