"""Files to take home: read back with what users read them with."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer.clips.annotated import annotated_frame, write_annotated
from fer.clips.exports import timeline_csv, timeline_json, timeline_vtt
from fer.clips.reading import inspect_clip, open_clip
from fer.clips.timeline import Timeline
from fer.clips.writing import VideoWriter
from fer.errors import ClipError
from fer.labels import FER7, LabelSet
from tests.fer.clips.making import READING, SAD, TONE_HZ, encode, samples, smiling, timeline_of, together

SMILE = [0.05] * 10 + [0.9] * 10
_TIMING = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) --> (\d\d):(\d\d):(\d\d\.\d{3})")


def two() -> Timeline:
    return timeline_of(together(samples(SMILE, left=20), samples([0.9] * 20, SAD, left=200)))


def cues(text: str) -> list[tuple[float, float, list[str]]]:
    """WebVTT, parsed as its standard says: a header, then blocks of a timing and lines."""
    blocks = text.rstrip("\n").split("\n\n")
    assert blocks[0] == "WEBVTT"
    found = []
    for block in blocks[1:]:
        timing, *lines = block.strip().split("\n")
        match = _TIMING.fullmatch(timing)
        assert match, timing
        h1, m1, s1, h2, m2, s2 = match.groups()
        found.append((3600 * int(h1) + 60 * int(m1) + float(s1), 3600 * int(h2) + 60 * int(m2) + float(s2), lines))
    return found


def test_timeline_csv_has_a_row_a_person_and_frame() -> None:
    rows = list(csv.DictReader(io.StringIO(timeline_csv(two()))))
    assert [row["person"] for row in rows] == ["1"] * 20 + ["2"] * 20
    assert [float(row["time_s"]) for row in rows[:20]] == pytest.approx([i / 10 for i in range(20)])
    assert rows[15]["label"] == "happy"
    assert sum(float(rows[0][f"smoothed_{label}"]) for label in FER7) == pytest.approx(1, abs=1e-5)
    assert float(rows[15]["valence_derived"]) > 0.6
    assert float(rows[25]["valence_derived"]) < -0.4


def test_timeline_csv_leaves_what_is_not_a_face_empty() -> None:
    found = samples(SMILE)
    found[4] = replace(found[4], predictions=(replace(found[4].predictions[0], face_probability=0.1),))
    row = list(csv.DictReader(io.StringIO(timeline_csv(timeline_of(found)))))[4]
    assert row["label"] == "not a face"
    assert {row["confidence"], row["raw_happy"], row["smoothed_sad"], row["valence_derived"]} == {""}
    assert row["face_probability"] == "0.1"


def test_timeline_csv_without_people_has_a_head() -> None:
    assert timeline_csv(timeline_of([])).startswith("person,time_s,x1")


def test_timeline_json_holds_people_frames_and_moments() -> None:
    told = json.loads(timeline_json(two()))
    assert [person["person"] for person in told["people"]] == [1, 2]
    assert len(told["people"][0]["frames"]) == 20
    assert told["people"][0]["shares"]["happy"] == pytest.approx(0.5)
    assert told["people"][1]["baseline"]["sad"] == pytest.approx(0.9)
    assert {moment["label"] for moment in told["moments"]} >= {"happy"}
    assert told["reading"]["label_set"] == list(FER7)


def test_timeline_json_has_no_value_that_json_does_not_know() -> None:
    found = [replace(s, predictions=(replace(s.predictions[0], face_probability=None),)) for s in samples(SMILE)]
    assert "NaN" not in timeline_json(timeline_of(found))


def test_timeline_vtt_says_who_shows_what_from_when_to_when() -> None:
    one = cues(timeline_vtt(timeline_of(samples(SMILE))))
    assert [(start, end) for start, end, _ in one] == [(0.0, 1.0), (1.0, 2.0)]
    assert [lines for *_, lines in one] == [["😐 neutral 90 %"], ["😄 happy 90 %"]]


def test_timeline_vtt_gives_everybody_a_line_in_cues_that_do_not_overlap() -> None:
    found = cues(timeline_vtt(two()))
    assert [lines for *_, lines in found] == [
        ["Person 1: 😐 neutral 90 %", "Person 2: 😢 sad 90 %"],
        ["Person 1: 😄 happy 90 %", "Person 2: 😢 sad 90 %"],
    ]
    assert [(start, end) for start, end, _ in found] == [(0.0, 1.0), (1.0, 2.0)]


def test_timeline_vtt_is_read_by_a_player(tmp_path: Path) -> None:
    """FFmpeg's reader, which VLC, mpv and others share."""
    (tmp_path / "a.vtt").write_text(timeline_vtt(two()), encoding="utf-8")
    with av.open(str(tmp_path / "a.vtt")) as container:
        found = [
            (float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode()) for p in container.demux() if p.size
        ]
    assert [(start, length) for start, length, _ in found] == [(0.0, 1.0), (1.0, 1.0)]
    assert found[1][2] == "Person 1: 😄 happy 90 %\nPerson 2: 😢 sad 90 %"


def test_timeline_vtt_is_silent_where_nobody_is_seen() -> None:
    found = samples([0.9] * 40)
    for gone in range(15, 30):
        found[gone] = replace(found[gone], predictions=())
    assert [(start, end) for start, end, _ in cues(timeline_vtt(timeline_of(found)))] == [(0.0, 1.5), (3.0, 4.0)]


def test_timeline_vtt_of_uneven_frames_leaves_no_hole_between_them() -> None:
    found = [replace(s, time_s=at) for s, at in zip(samples([0.05, 0.05, 0.9, 0.9, 0.9]), (0.0, 0.1, 1.5, 1.6, 3.0), strict=True)]
    assert [(start, end) for start, end, _ in cues(timeline_vtt(timeline_of(found)))][:2] == [(0.0, 1.5), (1.5, 3.75)]


def test_timeline_vtt_of_names_with_signs_of_its_own_stays_readable() -> None:
    labels = LabelSet(("a <b> & --> c", *FER7.names[1:]))
    reading = replace(READING, label_set=labels)
    found = [replace(s, predictions=(replace(s.predictions[0], label_set=labels),)) for s in samples([0.9] * 5, 0)]
    ((_, _, lines),) = cues(timeline_vtt(timeline_of(found, reading=reading)))
    assert lines == ["🎭 a &lt;b&gt; &amp; --&gt; c 90 %"]


def test_timeline_vtt_without_people_is_valid() -> None:
    assert cues(timeline_vtt(timeline_of([]))) == []


def read_back(path: Path) -> tuple[av.VideoStream, list[av.VideoFrame]]:
    with av.open(str(path)) as container:
        return container.streams.video[0], list(container.decode(video=0))


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip with sound, and what `write_annotated` makes of it."""
    folder = tmp_path_factory.mktemp("annotated")
    clip = encode(folder / "clip.mp4", smiling(30), sound="aac")
    timeline = timeline_of(samples([0.9] * 20), info=inspect_clip(clip))
    write_annotated(clip, timeline, folder / "out.mp4")
    return clip, folder / "out.mp4"


def test_write_annotated_makes_h264_that_browsers_play_with_all_its_frames(annotated: tuple[Path, Path]) -> None:
    clip, out = annotated
    stream, frames = read_back(out)
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    _, before = read_back(clip)
    assert [frame.time for frame in frames] == pytest.approx([frame.time for frame in before], abs=1e-3)
    assert inspect_clip(out).duration_s == pytest.approx(2.0, abs=0.1)
    content = out.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays before it is loaded whole


def test_write_annotated_marks_the_face_and_leaves_the_rest(annotated: tuple[Path, Path]) -> None:
    with open_clip(annotated[0]) as clip, open_clip(annotated[1]) as out:
        before, after = clip.frame_at(1.0).image.astype(int), out.frame_at(1.0).image.astype(int)
    differs = np.abs(before - after).max(axis=2) > 60
    assert differs[45:55, 95:165].mean() > 0.2  # the upper edge of the box
    assert differs[150:].mean() < 0.01


@pytest.mark.parametrize(("suffix", "codec", "sound"), [("mp4", "libx264", "aac"), ("webm", "libvpx", "libopus")])
def test_write_annotated_keeps_the_sound(tmp_path: Path, suffix: str, codec: str, sound: str) -> None:
    clip = encode(tmp_path / f"clip.{suffix}", smiling(30), codec=codec, sound=sound)
    write_annotated(clip, timeline_of(samples([0.9] * 20), info=inspect_clip(clip)), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        pieces = [frame.to_ndarray().astype(float).mean(axis=0) for frame in container.decode(audio=0)]
    wave = np.concatenate(pieces)
    rate = 48_000
    assert len(wave) / rate == pytest.approx(2.0, abs=0.15)
    spectrum = np.abs(np.fft.rfft(wave[rate // 2 : rate // 2 + rate]))
    assert abs(int(spectrum.argmax()) - TONE_HZ) <= 1


def test_write_annotated_ends_where_the_reading_was_stopped(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", smiling(30))
    timeline = timeline_of(samples([0.9] * 10), info=inspect_clip(clip), is_whole=False)
    write_annotated(clip, timeline, tmp_path / "out.mp4")
    assert inspect_clip(tmp_path / "out.mp4").duration_s == pytest.approx(1.0, abs=0.15)


def test_write_annotated_tells_its_progress_and_leaves_nothing_when_ended(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", smiling(15))
    timeline = timeline_of(samples([0.9] * 10), info=inspect_clip(clip))
    told: list[float] = []

    def report(share: float) -> None:
        told.append(share)
        if share > 0.5:
            raise InterruptedError

    with pytest.raises((InterruptedError, ClipError)):
        write_annotated(clip, timeline, tmp_path / "out.mp4", progress=report)
    assert told == sorted(told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]


def test_write_annotated_refuses_another_suffix_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", smiling(5))
    timeline = timeline_of(samples([0.9] * 5), info=inspect_clip(clip))
    with pytest.raises(ClipError, match=r"\.mp4"):
        write_annotated(clip, timeline, tmp_path / "out.avi")
    with pytest.raises(ClipError, match="Cannot write"):
        write_annotated(clip, timeline, tmp_path / "nowhere" / "out.mp4")


def test_annotated_frame_numbers_people_where_there_are_several() -> None:
    image = np.full((240, 320, 3), 128, np.uint8)
    several = annotated_frame(image, two(), 1.5)
    alone = annotated_frame(image, timeline_of(samples(SMILE, left=20)), 1.5)
    assert (several[:, :160] != alone[:, :160]).any()


@pytest.mark.parametrize("rate", [1.0, 29.97, 1000.0])
def test_video_writer_takes_odd_sizes_and_rates(tmp_path: Path, rate: float) -> None:
    with VideoWriter(tmp_path / "a.mp4", (65, 49), rate) as video:
        for number in range(4):
            video.write(number / 10, np.full((49, 65, 3), 40 * number, np.uint8))
    _, frames = read_back(tmp_path / "a.mp4")
    assert (frames[0].width, frames[0].height) == (64, 48)
    assert [Fraction(frame.time).limit_denominator(100) for frame in frames] == [Fraction(n, 10) for n in range(4)]
