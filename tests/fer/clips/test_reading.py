"""Frames from clips: real files of every kind that is taken, and of those that are refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fer.clips import reading
from fer.clips.reading import inspect_clip, open_clip
from fer.errors import ClipError
from tests.fer.clips.making import counting, encode


def times(path: Path, rate: float | None = None, **options: float) -> list[float]:
    with open_clip(path) as clip:
        return [round(frame.time_s, 3) for frame in clip.frames(rate, **options)]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx")]
)
def test_frames_of_every_container_have_their_times_and_pixels(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, counting(30), codec=codec)
    info = inspect_clip(path)
    assert info.resolution_wh == (64, 48)
    assert info.duration_s == pytest.approx(2.0, abs=0.1)
    assert not info.has_audio
    with open_clip(path) as clip:
        frames = list(clip.frames())
    assert [frame.time_s for frame in frames] == pytest.approx([i / 15 for i in range(30)], abs=1e-3)
    levels = [float(frame.image[30:].mean()) for frame in frames]
    assert levels == pytest.approx([40 + 4 * (i % 40) for i in range(30)], abs=3)
    assert frames[0].image[:8, :, 0].mean() > 200  # red, and RGB


@pytest.mark.parametrize("rate", [2.0, 5.0, 7.5, 60.0])
def test_frames_at_a_rate_are_the_first_at_or_after_each_tick(tmp_path: Path, rate: float) -> None:
    path = encode(tmp_path / "a.mp4", counting(30))
    every = times(path)
    ticks = [tick / rate for tick in range(int(2 * rate))]
    expected = sorted({min(at for at in every if at >= tick - 1e-3) for tick in ticks if tick <= every[-1] + 1e-3})
    assert times(path, rate) == expected


def test_frames_of_a_variable_rate_keep_their_own_times(tmp_path: Path) -> None:
    own = [0.0, 0.05, 0.1, 0.4, 0.41, 1.3, 2.0]
    path = encode(tmp_path / "a.mp4", counting(7), times_s=own)
    assert times(path) == pytest.approx(own, abs=2e-3)
    # Where nothing is filmed for a second, nothing is made up.
    assert times(path, 5.0) == pytest.approx([0.0, 0.4, 1.3, 2.0], abs=2e-3)


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 1.9])
def test_frames_after_a_moment_go_on_where_a_reading_ended(tmp_path: Path, after_s: float) -> None:
    path = encode(tmp_path / "a.mp4", counting(30))
    whole = times(path, 5.0)
    ended = max(at for at in whole if at <= after_s)
    assert times(path, 5.0, after_s=ended) == [at for at in whole if at > ended]


def test_frames_of_a_recording_that_was_cut_begin_at_zero(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", counting(30), times_s=[5 + i / 15 for i in range(30)])
    assert times(path, 3.0) == pytest.approx([i / 3 for i in range(6)], abs=2e-2)
    assert inspect_clip(path).duration_s == pytest.approx(2.0, abs=0.1)
    with open_clip(path) as clip:
        assert clip.frame_at(1.0).time_s == pytest.approx(1.0, abs=1e-3)


def test_frames_of_a_file_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    """As browsers record."""
    path = encode(tmp_path / "a.webm", counting(30), codec="libvpx", options={"live": "1"})
    assert inspect_clip(path).duration_s is None
    assert times(path, 3.0, after_s=1.0) == pytest.approx([4 / 3, 5 / 3], abs=2e-2)


@pytest.mark.parametrize(("rotation", "side"), [(90, "left"), (-90, "right"), (180, "bottom"), (0, "top")])
def test_frames_of_a_turned_phone_are_upright(tmp_path: Path, rotation: int, side: str) -> None:
    path = encode(tmp_path / "a.mp4", counting(3), rotation=rotation)
    with open_clip(path) as clip:
        image = next(clip.frames()).image
        assert clip.info.resolution_wh == (image.shape[1], image.shape[0])
    edges = {"top": image[:8], "bottom": image[-8:], "left": image[:, :8], "right": image[:, -8:]}
    assert edges[side][..., 0].mean() > 200
    assert image.shape == ((64, 48, 3) if abs(rotation) == 90 else (48, 64, 3))


def test_frames_with_wide_pixels_become_square(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", counting(3), aspect=Fraction(2, 1))
    with open_clip(path) as clip:
        assert clip.info.resolution_wh == (128, 48)
        assert next(clip.frames()).image.shape == (48, 128, 3)


def test_frame_at_is_the_one_that_a_player_shows(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", counting(30))
    with open_clip(path) as clip:
        for time_s, number in ((0.0, 0), (0.5, 7), (0.07, 1), (1.2, 18), (-3.0, 0), (99.0, 29)):
            frame = clip.frame_at(time_s)
            assert frame.time_s == pytest.approx(number / 15, abs=1e-3)
            assert frame.image[30:].mean() == pytest.approx(40 + 4 * number, abs=3)


def test_frames_of_a_file_that_breaks_off_are_those_before(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mp4", counting(150), options={"movflags": "faststart"})
    content = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: int(0.7 * len(content))])
    found = times(cut)
    assert found == times(whole)[: len(found)]
    assert 20 < len(found) < 150
    assert inspect_clip(cut).duration_s == pytest.approx(10.0, abs=0.1)  # it says so still


def test_frames_with_a_damaged_middle_go_on_behind_it(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", counting(150), codec="libvpx")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    path.write_bytes(bytes(content))
    assert times(path)[0] == 0.0


def _sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), format="s16", layout="mono")
        frame.rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _picture(path: Path) -> Path:
    Image.new("RGB", (64, 48)).save(path, "PNG")
    return path


def _avif(path: Path) -> Path:
    Image.new("RGB", (64, 48)).save(path, "AVIF")
    return path


def _cut_index(path: Path) -> Path:
    content = encode(path, counting(30)).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def _written(content: bytes):  # type: ignore[no-untyped-def]
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_sound_only, "only sound"),
        (_picture, "no clip, whatever its name says"),
        (_avif, "no clip, whatever its name says"),
        (_cut_index, "damaged, or cut short"),
        (_written(b""), "empty"),
        (_written(b"\0\0\0\x20ftypisom" + bytes(range(256)) * 20), "damaged, or cut short"),
        (_written(b"\x1a\x45\xdf\xa3" + bytes(2000)), "damaged, or cut short"),
        # A playlist names other files to be read.
        (_written(b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n"), "no clip"),
        (_written(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "no clip"),
    ],
)
def test_open_clip_refuses_what_is_no_clip(tmp_path: Path, make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ClipError, match=words):
        inspect_clip(make(tmp_path / "clip.mp4"))


def test_open_clip_without_a_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="No such file"):
        inspect_clip(tmp_path / "nothing.mp4")


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("MAX_FRAME_PIXELS", 3000, "64×48 pixels"),
        ("MAX_CLIP_BYTES", 500, "larger than"),
        ("MAX_CLIP_SECONDS", 1, "long"),
        ("MIN_SIDE", 50, "too small to hold a face"),
    ],
)
def test_open_clip_refuses_what_is_beyond_its_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    path = encode(tmp_path / "a.mp4", counting(30))
    monkeypatch.setattr(reading, limit, value)
    with pytest.raises(ClipError, match=words):
        inspect_clip(path)
