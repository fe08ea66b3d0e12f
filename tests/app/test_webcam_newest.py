"""ui/webcam/newest.py: frames on their way through WebRTC do not wait for each other, and none is kept that is old."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from fractions import Fraction

import aiortc.codecs
import av
import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamError, VideoStreamTrack
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, RtpPacket, unpack_header_extensions

from ui.webcam.newest import PLAYOUT_DELAY, AnsweredTrack, NewestRelay, PromptHeaders, PromptJitterBuffer, shorten_the_way

FRAME_S = 0.01


class Camera(VideoStreamTrack):
    """A hundred frames a second, numbered by their stamps."""

    number = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(FRAME_S)
        if self.readyState != "live":
            raise MediaStreamError
        self.number += 1
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts, frame.time_base = self.number, Fraction(1, 100)
        return frame


def copied(frame: av.VideoFrame) -> av.VideoFrame:
    return av.VideoFrame(frame.width, frame.height, "yuv420p")


def test_answered_track_drops_what_came_while_it_was_busy() -> None:
    async def watch() -> tuple[list[int], int]:
        source, relay = Camera(), NewestRelay()

        def answer(frame: av.VideoFrame) -> av.VideoFrame:
            time.sleep(8 * FRAME_S)
            return copied(frame)

        answered = AnsweredTrack(relay.subscribe(source), answer)
        shown = relay.subscribe(answered)
        stamps = [(await shown.recv()).pts for _ in range(5)]
        newest = source.number
        answered.stop()
        source.stop()
        return stamps, newest

    stamps, newest = asyncio.run(watch())
    assert all(after - before >= 5 for before, after in itertools.pairwise(stamps))
    assert newest - stamps[-1] < 16, "what is shown last is the newest that could be, and no backlog"


async def relay_has_said_so(track: AnsweredTrack) -> None:
    """Take what is still on its way, until the track has ended."""
    with contextlib.suppress(MediaStreamError):
        while track.readyState == "live":
            await track.recv()


def test_answered_track_ends_with_its_source_and_leaves_no_thread() -> None:
    async def watch() -> None:
        source, relay = Camera(), NewestRelay()
        answered = AnsweredTrack(relay.subscribe(source), copied)
        await answered.recv()
        assert any(thread.name.startswith("webcam-frames") for thread in threading.enumerate())
        source.stop()
        await relay_has_said_so(answered)
        with pytest.raises(MediaStreamError):
            await answered.recv()

    asyncio.run(watch())
    limit = time.monotonic() + 5
    while any(thread.name.startswith("webcam-frames") for thread in threading.enumerate()):
        assert time.monotonic() < limit
        time.sleep(0.01)


def packet(number: int, timestamp: int, *, last: bool = False) -> RtpPacket:
    made = RtpPacket(sequence_number=number, timestamp=timestamp, marker=int(last))
    made._data = bytes([number])
    return made


def test_prompt_jitter_buffer_gives_a_frame_with_its_last_packet() -> None:
    buffer = PromptJitterBuffer(capacity=16, is_video=True)
    assert buffer.add(packet(0, 100))[1] is None
    frame = buffer.add(packet(1, 100, last=True))[1]
    assert frame is not None
    assert (frame.data, frame.timestamp) == (b"\0\1", 100)
    # A packet that comes late is waited for.
    assert buffer.add(packet(3, 200, last=True))[1] is None
    frame = buffer.add(packet(2, 200))[1]
    assert frame is not None
    assert (frame.data, frame.timestamp) == (b"\2\3", 200)


def test_prompt_jitter_buffer_of_packets_without_marks_waits_for_the_next_frame() -> None:
    buffer = PromptJitterBuffer(capacity=16, is_video=True)
    assert buffer.add(packet(0, 100))[1] is None
    frame = buffer.add(packet(1, 200))[1]
    assert frame is not None
    assert frame.data == b"\0"


def test_prompt_headers_ask_for_every_frame_at_once_where_the_browser_knows_that() -> None:
    extensions = [
        RTCRtpHeaderExtensionParameters(id=1, uri="urn:ietf:params:rtp-hdrext:sdes:mid"),
        RTCRtpHeaderExtensionParameters(id=6, uri=PLAYOUT_DELAY),
    ]
    headers, plain = PromptHeaders(), PromptHeaders()
    headers.configure(RTCRtpParameters(headerExtensions=extensions))
    plain.configure(RTCRtpParameters(headerExtensions=extensions[:1]))
    profile, content = headers.set(HeaderExtensions(mid="0"))
    assert unpack_header_extensions(profile, content) == [(1, b"0"), (6, b"\0\0\0")]
    assert len(content) % 4 == 0
    assert headers.get(profile, content).mid == "0"
    assert unpack_header_extensions(*plain.set(HeaderExtensions(mid="0"))) == [(1, b"0")]


def test_shorten_the_way_reaches_a_connection_and_is_done_once() -> None:
    async def offer() -> str:
        shorten_the_way()
        shorten_the_way()
        connection = RTCPeerConnection()
        transceiver = connection.addTransceiver("video")
        assert type(transceiver.receiver._RTCRtpReceiver__jitter_buffer) is PromptJitterBuffer
        assert type(transceiver.sender._RTCRtpSender__rtp_header_extensions_map) is PromptHeaders
        sdp = (await connection.createOffer()).sdp
        await connection.close()
        return sdp

    assert asyncio.run(offer()).count(PLAYOUT_DELAY) == 1
    assert [extension.uri for extension in aiortc.codecs.HEADER_EXTENSIONS["video"]].count(PLAYOUT_DELAY) == 1


def test_shorten_the_way_finds_what_it_replaces() -> None:
    # It reaches into both packages: on other versions, look at each part again and measure whether it is still needed.
    import aiortc.rtcrtpreceiver
    import aiortc.rtp
    import streamlit_webrtc.webrtc

    for module, name in [
        (streamlit_webrtc.webrtc, "get_global_relay"),
        (streamlit_webrtc.webrtc, "_wrap_with_processor"),
        (aiortc.rtcrtpreceiver, "JitterBuffer"),
        (aiortc.rtp, "HeaderExtensionsMap"),
    ]:
        assert callable(getattr(module, name))
