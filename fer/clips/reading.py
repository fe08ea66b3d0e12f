"""Frames from clips: guarded opening, upright pictures at a chosen rate, each with the time at which a player shows it.

Every clip that enters the project comes through `open_clip`, so that what is too large, cut short or no clip at all is refused
here, once, in words. Decoding is FFmpeg's, through PyAV, in this process.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fer.errors import ClipError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

CLIP_TYPES = ("mp4", "mov", "m4v", "webm", "mkv")
MAX_CLIP_BYTES = 4 * 2**30
MAX_CLIP_SECONDS = 4 * 3600
MAX_FRAME_PIXELS = 36_000_000  # above 8K; 108 MB once decoded
MIN_SIDE = 8

# Told by content and then named to FFmpeg. Left to guess, it would also open playlists, which name other files and hosts to read.
_MATROSKA = b"\x1a\x45\xdf\xa3"
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"msf1")
_EXPECTED = "Expected a clip as MP4, MOV, WebM or MKV"
# Times are fractions of the file's own clock, and the wanted moments are not: a frame this much early is on time.
_EARLY_S = 1e-3


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip says of itself.

    Args:
        duration_s: length in seconds; None where the file does not say, as recordings of browsers do not.
        resolution_wh: width and height of an upright frame with square pixels, in pixels.
        frame_rate: frames a second, on average; None where the file does not say.
        codec: name of the video's format, such as `h264`.
        has_audio: whether it has a sound track.
    """

    duration_s: float | None
    resolution_wh: tuple[int, int]
    frame_rate: float | None
    codec: str
    has_audio: bool

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ClipInfo:
        width, height = values["resolution_wh"]
        return cls(**{**values, "resolution_wh": (width, height)})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a clip.

    Args:
        time_s: when a player shows it, in seconds from the clip's beginning.
        image: uint8 RGB (H, W, 3), upright, of the clip's resolution.
    """

    time_s: float
    image: NDArray[np.uint8]


class OpenClip:
    """A clip that is open, as `open_clip` gives it; for one thread at a time."""

    def __init__(self, container: InputContainer, name: str) -> None:
        self.container = container
        self.stream = _video_stream(container, name)
        _check_size(self.stream, name)
        self._name = name
        self.start_s = (container.start_time or 0) / 1_000_000
        self.turns = _turns(container, self.stream, name)
        self.info = _info(container, self.stream, self.turns, name)

    def frames(self, rate: float | None = None, *, after_s: float | None = None) -> Iterator[Frame]:
        """Frames in the order of time; what cannot be decoded is left out, as players do.

        Args:
            rate: so many a second: the first frame at or after each tick; None for every one.
            after_s: only frames that are later than this, to go on where an earlier reading ended.

        Yields:
            Frames, each later than the one before.

        Raises:
            ClipError: not a single frame can be decoded.
        """
        for time_s, frame in self.timed_frames(rate, after_s=after_s):
            yield Frame(time_s, self.to_image(frame))

    def timed_frames(self, rate: float | None = None, *, after_s: float | None = None) -> Iterator[tuple[float, av.VideoFrame]]:
        """As `frames`, before they become pictures: that costs more than decoding them."""
        if after_s is not None:
            self._seek(after_s)
        latest = -math.inf if after_s is None else after_s
        due = -math.inf if rate is None or after_s is None else _tick_after(after_s, rate)
        found = False
        for frame in self._decode():
            found = True
            time_s = self._time(frame, latest)
            if time_s <= latest or time_s < due - _EARLY_S:
                continue
            latest = time_s
            if rate is not None:
                due = _tick_after(time_s, rate)
            yield time_s, frame
        if not found and after_s is None:
            raise ClipError(f"No frame of {self._name} can be decoded: it is damaged, or cut short.")

    def frame_at(self, time_s: float) -> Frame:
        """The frame that a player shows at a moment: the last one that is not later; the first one, before that.

        Raises:
            ClipError: no frame can be decoded.
        """
        self._seek(time_s)
        shown: tuple[float, av.VideoFrame] | None = None
        for frame in self._decode():
            at = self._time(frame, shown[0] if shown else -math.inf)
            if shown is not None and at > time_s + _EARLY_S:
                break
            shown = (at, frame)
        if shown is None:
            raise ClipError(f"No frame of {self._name} can be decoded at {time_s:.2f} s: it is damaged, or cut short.")
        return Frame(shown[0], self.to_image(shown[1]))

    def to_image(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """A decoded frame as an upright picture, uint8 RGB (H, W, 3), of the clip's resolution."""
        width, height = self.info.resolution_wh
        if self.turns % 2:
            width, height = height, width
        # The size is given for frames of another one than the first, which WebM allows, and for pixels that are not square.
        image = frame.to_ndarray(format="rgb24", width=width, height=height)
        return np.ascontiguousarray(np.rot90(image, self.turns)) if self.turns else np.asarray(image, np.uint8)

    def _time(self, frame: av.VideoFrame, latest: float) -> float:
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base) - self.start_s
        return (latest if math.isfinite(latest) else 0.0) + 1 / (self.info.frame_rate or 25.0)

    def _seek(self, time_s: float) -> None:
        """Go to the last frame before a moment from which decoding can begin."""
        import av

        try:
            self.container.seek(round((max(time_s, 0.0) + self.start_s) * 1_000_000))
        except av.FFmpegError:  # a file without an index: it is read from its beginning
            self.container.seek(0, any_frame=True)

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decoded frames as they come; damaged parts are passed over, and what was cut off is missing."""
        import av

        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue


@contextmanager
def open_clip(path: str | Path) -> Iterator[OpenClip]:
    """Open a clip, checked.

    Raises:
        ClipError: there is no such file, it is no clip that can be read, or it is too large or too long.
    """
    import av

    path = Path(path)
    container_format = _checked_format(path)
    try:
        container = av.open(str(path), format=container_format, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ClipError(f"{path.name} is damaged, or cut short: it cannot be opened. {_EXPECTED}.") from error
    with container:
        yield OpenClip(container, path.name)


def inspect_clip(path: str | Path) -> ClipInfo:
    """What a clip says of itself; raises as `open_clip`."""
    with open_clip(path) as clip:
        return clip.info


def _checked_format(path: Path) -> str:
    """The name of FFmpeg's reader for a file, by its first bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise ClipError(f"Cannot read the clip {path.name}: {error.strerror or error}.") from error
    if not size:
        raise ClipError(f"{path.name} is empty (0 bytes).")
    if size > MAX_CLIP_BYTES:
        raise ClipError(f"{path.name} is larger than the {MAX_CLIP_BYTES // 2**30} GiB that are read. Cut it, or scale it down.")
    if head.startswith(_MATROSKA):
        return "matroska"
    if head[4:8] in _MP4_BOXES and head[8:12] not in _PICTURE_BRANDS:
        return "mp4"
    raise ClipError(f"{path.name} is no clip, whatever its name says. {_EXPECTED}.")


def _video_stream(container: InputContainer, name: str) -> VideoStream:
    import av

    # Cover pictures of songs are video streams, too.
    pictures = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    if not streams:
        raise ClipError(f"{name} has no video, only sound. {_EXPECTED}.")
    stream = streams[0]
    if stream.codec_context is None:
        raise ClipError(f"The video of {name} is in a format that cannot be decoded here. Save it as H.264, VP9 or AV1.")
    stream.thread_type = "AUTO"
    # Frames may become larger on the way: such are not decoded.
    stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    return stream


def _check_size(stream: VideoStream, name: str) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_FRAME_PIXELS:
        most = MAX_FRAME_PIXELS // 10**6
        raise ClipError(f"{name} is {width}×{height} pixels; at most {most} million are read. Scale it down.")
    if min(width, height) < MIN_SIDE:
        raise ClipError(f"{name} is {width}×{height} pixels: too small to hold a face (at least {MIN_SIDE} a side).")


def _info(container: InputContainer, stream: VideoStream, turns: int, name: str) -> ClipInfo:
    width, height = stream.codec_context.width, stream.codec_context.height
    aspect = stream.sample_aspect_ratio
    if aspect and aspect > 0:
        width = min(max(round(width * float(aspect)), MIN_SIDE), MAX_FRAME_PIXELS // height)
    duration_s = _duration_s(container)
    if duration_s is not None and duration_s > MAX_CLIP_SECONDS:
        raise ClipError(f"{name} is {duration_s / 3600:.1f} h long; at most {MAX_CLIP_SECONDS // 3600} are read. Cut it.")
    rate = stream.average_rate
    return ClipInfo(
        duration_s=duration_s,
        resolution_wh=(height, width) if turns % 2 else (width, height),
        frame_rate=float(rate) if rate else None,
        codec=stream.codec_context.name,
        has_audio=bool(container.streams.audio),
    )


def _duration_s(container: InputContainer) -> float | None:
    """Length from the first frame on, in seconds; None where the file does not say."""
    if container.duration is None:
        return None
    # Matroska counts from its clock's zero, where nothing need begin: cut recordings keep the times that they had.
    before = (container.start_time or 0) if "matroska" in container.format.name else 0
    return max((container.duration - before) / 1_000_000, 0.0)


def _turns(container: InputContainer, stream: VideoStream, name: str) -> int:
    """Quarter turns, counter-clockwise, that set a frame upright; phones write them beside the pictures."""
    import av

    try:
        first = next(container.decode(stream), None)
    except av.FFmpegError:
        first = None
    try:
        container.seek(0)
    except av.FFmpegError as error:
        if first is None:
            raise ClipError(f"No frame of {name} can be decoded: it is damaged, or cut short.") from error
    return 0 if first is None else round(first.rotation / 90) % 4


def _tick_after(time_s: float, rate: float) -> float:
    return (math.floor((time_s + _EARLY_S) * rate) + 1) / rate
