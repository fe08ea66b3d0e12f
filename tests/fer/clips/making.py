"""What the tests of clips are made of: real encoded files, of a photo that is moved about, and timelines of plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from skimage import data

from fer.clips.reading import ClipInfo
from fer.clips.samples import Reading, Sample
from fer.clips.timeline import Timeline, build_timeline
from fer.inference.recognizer import FacePrediction
from fer.labels import FER7

HAPPY, SAD, NEUTRAL = FER7.label_id("happy"), FER7.label_id("sad"), FER7.label_id("neutral")
READING = Reading("tiny", "ab" * 32, "labels", FER7, "haar", 20, 10.0, 0.4, 0.5)
INFO = ClipInfo(duration_s=2.0, resolution_wh=(320, 240), frame_rate=30.0, codec="h264", has_audio=False)
TONE_HZ, SOUND_RATE = 440, 48_000


def encode(
    path: Path,
    images: Iterable[np.ndarray],
    *,
    times_s: Sequence[float] | None = None,
    fps: int = 15,
    codec: str = "libx264",
    sound: str | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A file by PyAV: pictures at a steady rate or at times of their own, with a tone where a codec for sound is named."""
    with av.open(str(path), "w", container_options=options or {}) as container:
        tone = container.add_stream(sound, rate=SOUND_RATE) if sound else None
        stream: Any = None
        for number, image in enumerate(images):
            if stream is None:
                stream = container.add_stream(codec, rate=fps, width=image.shape[1], height=image.shape[0], pix_fmt="yuv420p")
                stream.codec_context.time_base = Fraction(1, 1000)
                if rotation:
                    stream.set_display_rotation(rotation)
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = round(1000 * (times_s[number] if times_s else number / fps))
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
            if tone:
                container.mux(tone.encode(_tone(number * SOUND_RATE // fps, SOUND_RATE // fps)))
        container.mux(stream.encode(None))
        if tone:
            container.mux(tone.encode(None))
    return path


def _tone(start: int, n: int) -> av.AudioFrame:
    wave = np.sin(2 * np.pi * TONE_HZ * (np.arange(n) + start) / SOUND_RATE)
    frame = av.AudioFrame.from_ndarray((8000 * wave).astype(np.int16)[None], format="s16", layout="mono")
    frame.rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
    return frame


def smiling(n: int, *, faceless: range = range(0)) -> Iterator[np.ndarray]:
    """Pictures of 320×240 pixels in which one smiling face moves to and fro; in some it is turned away from the camera."""
    photo = data.astronaut()
    for number in range(n):
        left = 130 + round(40 * np.sin(2 * np.pi * number / n))
        image = photo[:240, left : left + 320].copy()
        if number in faceless:
            image[:] = image.mean()
        yield image


def counting(n: int, size_wh: tuple[int, int] = (64, 48)) -> Iterator[np.ndarray]:
    """Grey pictures, each darker than the next, with a red bar on top."""
    for number in range(n):
        image = np.full((size_wh[1], size_wh[0], 3), 40 + 4 * (number % 40), np.uint8)
        image[:10] = (255, 0, 0)
        yield image


def towards(label_id: int, share: float) -> tuple[float, ...]:
    """A distribution over FER7 in which one class has this share, and the resting face most of what is left."""
    rest = np.full(len(FER7), 0.01 * (1 - share))
    rest[NEUTRAL] += 1 - share - rest.sum() + rest[label_id]
    rest[label_id] = share
    return tuple((rest / rest.sum()).tolist())


def face(shares: tuple[float, ...], xyxy: tuple[float, float, float, float], *, face_probability: float = 0.9) -> FacePrediction:
    return FacePrediction(xyxy, 0.9, FER7, shares, face_probability, READING.face_threshold, READING.unsure_below)


def samples(
    shares: Sequence[float], label_id: int = HAPPY, *, rate: float = 10.0, left: float = 100.0, start_s: float = 0.0
) -> list[Sample]:
    """One face that stays in its place, a sample a share of one class."""
    box = (left, 50.0, left + 60, 120.0)
    return [Sample(start_s + i / rate, (face(towards(label_id, share), box),)) for i, share in enumerate(shares)]


def together(*people: list[Sample]) -> list[Sample]:
    """Several people's samples of the same frames."""
    return [
        Sample(frames[0].time_s, tuple(face for sample in frames for face in sample.predictions))
        for frames in zip(*people, strict=True)
    ]


def timeline_of(found: list[Sample], *, smoothing_s: float = 0.0, **changes: Any) -> Timeline:
    values = {"name": "party.mp4", "info": INFO, "reading": READING, "smoothing_s": smoothing_s, **changes}
    return build_timeline(found, **values)
