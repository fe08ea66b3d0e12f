"""`VideoWriter`: pictures to a video that every browser and player shows."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

# Fine enough for every usual frame rate; the one that MPEG counts in.
_CLOCK = 90_000
# Some files state the ticks of their clock; nothing is filmed to be shown faster than this.
_FASTEST = 240.0
# Twice as quick as x264's default, for files a few percent larger.
_ENCODING = {"preset": "veryfast", "crf": "21"}


class VideoWriter:
    """Pictures to an H.264 video in MP4 that begins to play before it is loaded whole; use it in a `with` block.

    Args:
        target: a path that ends in `.mp4` (use `fer.files.replacing`, so that nobody sees half of one), or a file in memory.
        resolution_wh: of the pictures, in pixels; an odd last row or column is left out, which H.264's colours need.
        frame_rate: on average; each picture has its own time.
    """

    def __init__(self, target: Path | BytesIO, resolution_wh: tuple[int, int], frame_rate: float) -> None:
        import av

        self._stack = ExitStack()
        # FFmpeg puts the index first by opening the file a second time, which only a path allows.
        options = {"movflags": "+faststart"} if isinstance(target, Path) else {}
        file = str(target) if isinstance(target, Path) else target
        self.container: OutputContainer = self._stack.enter_context(av.open(file, "w", format="mp4", container_options=options))
        rate = Fraction(min(frame_rate, _FASTEST)).limit_denominator(1001)
        self._stream: VideoStream = self.container.add_stream("libx264", rate=rate, options=_ENCODING)
        self._stream.width, self._stream.height = (side // 2 * 2 for side in resolution_wh)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _CLOCK)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, *failure: Any) -> None:
        with self._stack:
            if failure[0] is None:
                self.container.mux(self._stream.encode(None))

    def write(self, time_s: float, image: NDArray[np.uint8]) -> None:
        """Add a picture, uint8 RGB (H, W, 3), to be shown from this moment on; later than the one before."""
        import av

        even = image[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts, frame.time_base = round(time_s * _CLOCK), Fraction(1, _CLOCK)
        self.container.mux(self._stream.encode(frame))
