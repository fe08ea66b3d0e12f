"""`write_annotated`: a clip with every face marked, as H.264 in MP4, which every browser and player shows; its sound is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer.clips.reading import MAX_CLIP_SECONDS, OpenClip, open_clip
from fer.clips.timeline import Timeline
from fer.clips.writing import VideoWriter
from fer.drawing import annotate
from fer.errors import ClipError
from fer.files import replacing

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

# Sound in these formats is taken over as it is: browsers play it in MP4.
_KEPT_SOUND = ("aac", "mp3")


def write_annotated(
    clip_path: str | Path, timeline: Timeline, target: str | Path, *, progress: Callable[[float], None] = lambda share: None
) -> None:
    """Write a clip again with every face in its box, with the label that is shown; what was not read is left out.

    Args:
        clip_path: the clip that the timeline is of.
        timeline: says who is where.
        target: a file that ends in `.mp4`; it appears when it is whole.
        progress: called with the share done, 0…1; what it raises ends the writing.

    Raises:
        ClipError: the clip cannot be read, or the target cannot be written.
    """
    import av

    target = Path(target)
    if target.suffix.lower() != ".mp4":
        raise ClipError(f"An annotated clip is an MP4 file, so its name ends in .mp4. Received: {target.name}")
    info = timeline.info
    try:
        with open_clip(clip_path) as clip, replacing(target) as beside, ExitStack() as stack:
            video = stack.enter_context(VideoWriter(beside, info.resolution_wh, info.frame_rate or 25.0))
            sound = _Sound(stack.enter_context(open_clip(clip_path)), video.container) if info.has_audio else None
            for frame in clip.frames():
                if not timeline.is_whole and frame.time_s > timeline.duration_s:
                    break
                video.write(frame.time_s, annotated_frame(frame.image, timeline, frame.time_s))
                if sound:
                    sound.write_until(frame.time_s)
                progress(min(frame.time_s / timeline.duration_s, 1.0))
            if sound and timeline.is_whole:
                sound.write_until(MAX_CLIP_SECONDS)
            if sound:
                sound.end()
    except (OSError, av.FFmpegError) as error:
        raise ClipError(f"Cannot write {target}: {error}. Free some space, or name a file in a folder that is there.") from error
    progress(1.0)


def annotated_frame(image: NDArray[np.uint8], timeline: Timeline, time_s: float) -> NDArray[np.uint8]:
    """A frame with the faces that the timeline has at that moment marked, uint8 RGB (H, W, 3), of the same size."""
    faces = timeline.faces_at(time_s)
    return annotate(image, faces, names=[f"{face.number}: " for face in faces] if len(timeline.people) > 1 else None)


class _Sound:
    """The sound track of a clip on its way into another file, a piece at a time, so that it lies beside its pictures there."""

    def __init__(self, clip: OpenClip, output: OutputContainer) -> None:
        self._output = output
        source: AudioStream = clip.container.streams.audio[0]
        self._start_s = clip.start_s
        self._copied = source.codec_context.name in _KEPT_SOUND
        self._stream: AudioStream
        if self._copied:
            self._stream = output.add_stream_from_template(source)
        else:
            self._stream = output.add_stream("aac", rate=source.codec_context.sample_rate)
        self._packets: Iterator[Packet[AudioStream]] = clip.container.demux(source)
        self._next = next(self._packets, None)

    def write_until(self, time_s: float) -> None:
        """Write what is heard up to a moment."""
        while self._next is not None and _seconds(self._next) - self._start_s <= time_s:
            if self._copied:
                self._copy(self._next)
            else:
                self._encode(self._next)
            self._next = next(self._packets, None)

    def end(self) -> None:
        """Write what the encoder still holds back."""
        if not self._copied:
            self._output.mux(self._stream.encode(None))

    def _copy(self, packet: Packet[AudioStream]) -> None:
        if packet.pts is None or packet.dts is None or packet.time_base is None:  # an empty one ends the file
            return
        shift = round(self._start_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = self._stream
        self._output.mux(packet)

    def _encode(self, packet: Packet[AudioStream]) -> None:
        for frame in packet.decode():
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(self._start_s / frame.time_base)
            self._output.mux(self._stream.encode(frame))


def _seconds(packet: Packet[AudioStream]) -> float:
    """When a packet is heard; one that does not say, now."""
    return float(packet.pts * packet.time_base) if packet.pts is not None and packet.time_base is not None else -math.inf
