"""A frame's way through streamlit-webrtc 0.79.0 and aiortc, made short: only the newest frame, and nothing waits for the next.

    browser ─ jitter buffer ─ decoder ─ relay ─→ answer ─ relay ─ encoder ─→ browser

As these come, a frame waits in the jitter buffer for the one after it, and so does its answer; both relays keep, without end,
what the encoder is too slow for; and the browser plays as evenly as it can, for which it holds frames back. On two cores
with five other programs at work that was 0.7 to 2.7 s from camera to screen, and is 0.2 to 0.3 s (`benchmarks/live_browser.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiortc.codecs
import aiortc.rtcrtpreceiver
import aiortc.rtp
import av
import streamlit_webrtc.webrtc
from aiortc.contrib.media import MediaRelay
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap

# https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/playout-delay: 12 bits for the least, 12 for the most.
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
_AT_ONCE = b"\0\0\0"
_ONE_BYTE_HEADERS, _MOST_SHORT_ID = 0xBEDE, 14  # RFC 8285


class NewestRelay(MediaRelay):
    """Hands the newest frame on, and keeps none that came before it."""

    def subscribe(self, track: MediaStreamTrack, buffered: bool = False) -> MediaStreamTrack:
        """A track for one more consumer."""
        return super().subscribe(track, buffered)


class AnsweredTrack(MediaStreamTrack):
    """A track's newest frame, answered as soon as it comes, in a thread of its own; what comes meanwhile is dropped.

    Args:
        track: of a `NewestRelay`.
        answer: makes of a frame what is shown; never raises.
    """

    kind = "video"

    def __init__(self, track: MediaStreamTrack, answer: Callable[[av.VideoFrame], av.VideoFrame]) -> None:
        super().__init__()
        self._track, self._answer = track, answer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="webcam-frames")
        track.on("ended", self.stop)

    async def recv(self) -> av.VideoFrame:
        """The next answer.

        Raises:
            MediaStreamError: there is none any more.
        """
        frame: Any = await self._track.recv()
        if self.readyState != "live":
            raise MediaStreamError
        answered = await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, frame)
        answered.pts, answered.time_base = frame.pts, frame.time_base
        return answered

    def stop(self) -> None:
        """End it; the thread goes when it is done with its frame."""
        super().stop()
        self._track.stop()
        self._thread.shutdown(wait=False)


class PromptJitterBuffer(JitterBuffer):
    """Gives a frame of video out with its last packet, which is marked (RFC 7741, RFC 6184), not with the first of the next."""

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        frame = super()._remove_frame(sequence_number)
        if frame is not None or not self._is_video or self._origin is None:
            return frame
        packets: list[Any] = []
        for count in range(self.capacity):
            packet = self._packets[(self._origin + count) % self.capacity]
            if packet is None or (packets and packet.timestamp != packets[0].timestamp):
                return None
            packets.append(packet)
            if packet.marker:
                self.remove(len(packets))
                return JitterFrame(b"".join(part._data for part in packets), packet.timestamp)
        return None


class PromptHeaders(HeaderExtensionsMap):
    """Asks a browser that understands it to show every frame at once."""

    _id: int | None = None

    def configure(self, parameters: RTCRtpParameters) -> None:
        """Take note of what was negotiated."""
        super().configure(parameters)
        self._id = next((extension.id for extension in parameters.headerExtensions if extension.uri == PLAYOUT_DELAY), None)

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        """Profile and content of a packet's extensions, the content of a length that four divides."""
        profile, content = super().set(values)
        if self._id is None or self._id > _MOST_SHORT_ID or profile != _ONE_BYTE_HEADERS:
            return profile, content
        return profile, content + bytes([self._id << 4 | len(_AT_ONCE) - 1]) + _AT_ONCE


_RELAY = NewestRelay()


def _answered(track: MediaStreamTrack, processor: Any, *, relay: MediaRelay, **_: Any) -> MediaStreamTrack:
    return track if processor is None else AnsweredTrack(relay.subscribe(track), processor.recv)


def shorten_the_way() -> None:
    """Put these parts in the place of those that wait, in this process; streams that run already keep theirs."""
    webrtc, receiver, rtp = (vars(module) for module in (streamlit_webrtc.webrtc, aiortc.rtcrtpreceiver, aiortc.rtp))
    webrtc |= {"get_global_relay": lambda: _RELAY, "_wrap_with_processor": _answered}
    receiver["JitterBuffer"], rtp["HeaderExtensionsMap"] = PromptJitterBuffer, PromptHeaders
    known = aiortc.codecs.HEADER_EXTENSIONS["video"]
    if not any(extension.uri == PLAYOUT_DELAY for extension in known):
        known.append(RTCRtpHeaderExtensionParameters(id=1 + max(extension.id for extension in known), uri=PLAYOUT_DELAY))
