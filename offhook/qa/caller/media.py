"""The caller's media: a packet every 20 ms on an absolute clock, and what comes back with the kernel's time of arrival.

A loop of its own in place of `UdpLine`: nothing is delayed, filled or left out between the socket and the figures. The
line's faults (`Impairment`) are applied here, behind what is sent and before what is heard.
"""

import asyncio
import math
import socket
import struct
import time
from array import array
from collections import deque
from functools import partial
from secrets import randbits
from typing import Protocol

from offhook.qa.caller.incoming import Piece, ReceivedAudio
from offhook.qa.caller.outgoing import FRAME, FRAME_S, CallerAudio
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.script.script import LineProfile
from offhook.sip.sdp.negotiate import NegotiatedAudio
from offhook.telephony.codec.base import Convert, codec_named
from offhook.telephony.net.ports import SO_TIMESTAMPNS, PortPair
from offhook.telephony.rtp.config import SrtpKeys
from offhook.telephony.rtp.srtp import Srtp
from offhook.telephony.wire import rtcp, rtp
from offhook.testing.impair import Impairer, Impairment
from offhook.testing.udp import Outbox

MAX_DATAGRAM = 2_048
AIM_EARLY_S, SERVE_EARLY_S = 0.000_5, 0.001
"""As of `MediaClock`: uvloop rounds timers to milliseconds, which this puts around zero; a packet that is due within
one leaves at once, to avoid spinning."""

MAX_BEHIND = 5
"""Packets that are sent at once when the loop was late; beyond that their time is skipped, as a phone would."""


class HearsMedia(Protocol):
    """The call that the media belong to."""

    def on_heard(self, piece: Piece, at_s: float) -> None:
        """Audio has come, at that time."""

    def on_frame(self) -> None:
        """A packet has been sent."""

    def on_sound(self) -> None:
        """The caller begins to speak, or to press keys."""


class MediaLoop:
    """Sends and receives for one call over a pair of ports, from `agree` to `close`.

    What is sent comes from `call`, which hears what is received; `recorder` keeps both, if there is one.
    """

    def __init__(
        self,
        pair: PortPair,
        outgoing: CallerAudio,
        received: ReceivedAudio,
        line: LineProfile,
        seed: int,
        call: HearsMedia,
        recorder: LineRecorder | None = None,
    ) -> None:
        self._pair = pair
        self._local: tuple[str, int] = pair.rtp.getsockname()[:2]
        self._recorder = recorder
        self._outgoing = outgoing
        self._received = received
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox()
        self._up = _impairer(line.up, seed, "up")
        self._down = _impairer(line.down, seed, "down")
        self._echo: deque[bytes] = deque([b""] * (1 + line.echo_ms // 20), maxlen=1 + line.echo_ms // 20)
        self._last_heard = b""
        self._agreed: NegotiatedAudio | None = None
        self._encode: Convert = bytes
        self._srtp: Srtp | None = None
        self._ssrc, self._sequence, self._timestamp = randbits(32), randbits(16), randbits(32)
        self._next_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.late_ms = array("d")
        """How late each packet left; less than 0: early."""
        self.sent = self.undeciphered = 0
        pair.rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._loop.add_reader(pair.rtp.fileno(), self._readable)
        self._loop.add_reader(pair.rtcp.fileno(), self._skip_rtcp)

    def agree(self, audio: NegotiatedAudio) -> None:
        """What was negotiated; sending begins with the first, if it is allowed. Raises LocalError."""
        codec = codec_named(audio.codec)
        if self._agreed is None or self._agreed.codec != audio.codec:
            self._encode = codec.encoder()
        if audio.srtp is not None:
            keys = SrtpKeys(audio.srtp.suite, audio.srtp.send_key, audio.srtp.receive_key)
            self._srtp = Srtp(keys, self._srtp)
        self._received.agree(audio.receive_payload_types, audio.receive_dtmf_payload_type)
        if self._agreed is None:
            self._next_at = time.monotonic() + FRAME_S
            self._arm()
        self._agreed = audio

    @property
    def agreed(self) -> NegotiatedAudio | None:
        """What is negotiated."""
        return self._agreed

    def close(self) -> None:
        """Stop, and free the ports. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._outbox.close()
        self._loop.remove_reader(self._pair.rtp.fileno())
        self._loop.remove_reader(self._pair.rtcp.fileno())
        self._pair.release(time.monotonic())

    # ---- out

    def _arm(self) -> None:
        delay_s = max(0.0, self._next_at - AIM_EARLY_S - time.monotonic())
        self._timer = self._loop.call_later(delay_s, self._due)

    def _due(self) -> None:
        now = time.monotonic()
        if now - self._next_at > MAX_BEHIND * FRAME_S:
            skipped = math.floor((now - self._next_at) / FRAME_S)
            self._next_at += skipped * FRAME_S
            self._timestamp += skipped * FRAME
        while self._next_at <= now + SERVE_EARLY_S:
            self._send_frame(self._next_at)
            self.late_ms.append(1_000 * (time.monotonic() - self._next_at))
            self._next_at += FRAME_S
        self._arm()
        self._call.on_frame()

    def _send_frame(self, at_s: float) -> None:
        agreed = self._agreed
        if agreed is None:
            return
        heard, self._last_heard = self._last_heard, b""
        self._echo.append(heard)
        pcm, key, begins = self._outgoing.frame(at_s, self._timestamp, self._echo[0])
        if self._recorder is not None:
            self._recorder.spoken(pcm, at_s)
        kind, timestamp = agreed.payload_type, self._timestamp
        if key is not None and agreed.dtmf_payload_type is not None:
            kind = agreed.dtmf_payload_type | (rtp.MARKER if key.marker else 0)
            timestamp, payload = key.timestamp, key.payload
        else:
            payload = self._encode(pcm)
        if begins:
            self._call.on_sound()
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        if agreed.direction in ("sendrecv", "sendonly"):
            packet = rtp.build_plain(kind, self._sequence, timestamp & 0xFFFFFFFF, self._ssrc, payload)
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._leave(packet, agreed)

    def _leave(self, data: bytes, agreed: NegotiatedAudio) -> None:
        plain = None
        if self._srtp is not None:
            plain = data
            (data,) = self._srtp.protect([data])
        target = agreed.remote_host, agreed.remote_port
        if self._up is None:
            self._sendto(data, target, plain)
            return
        now = time.monotonic()
        for departure in self._up.packet(data, now):
            self._outbox.at(departure.send_at, partial(self._sendto, departure.data, target, plain), now)

    def _sendto(self, data: bytes, target: tuple[str, int], plain: bytes | None) -> None:
        try:
            self._pair.rtp.sendto(data, target)
            self.sent += 1
        except OSError:
            return  # nobody listens there (any more): the next packet may find somebody
        if self._recorder is not None:
            self._recorder.packet(time.monotonic(), plain or data, self._local, target)

    # ---- in

    def _readable(self) -> None:
        # One at a time: usually there is one, and where more have come the loop calls again.
        try:
            data, ancillary, _, source = self._pair.rtp.recvmsg(MAX_DATAGRAM, 64)
        except OSError:
            return  # nothing more, or an ICMP error for something that was sent; reading clears it
        self._take(data, _arrived_at(ancillary), source[:2])

    def _take(self, data: bytes, at_s: float, source: tuple[str, int]) -> None:
        if self._down is None:
            self._hear(data, at_s, source)
            return
        now = time.monotonic()
        for departure in self._down.packet(data, at_s):
            self._outbox.at(departure.send_at, partial(self._hear, departure.data, departure.send_at, source), now)

    def _hear(self, data: bytes, at_s: float, source: tuple[str, int]) -> None:
        if self._closed or rtcp.is_rtcp(data):
            return
        if self._srtp is not None:
            opened = self._srtp.unprotect(data)
            if opened is None:
                self.undeciphered += 1
                return
            data = opened
        if self._recorder is not None:
            self._recorder.packet(at_s, data, source, self._local)
        piece = self._received.receive(data, at_s)
        if piece is not None:
            self._last_heard = piece.pcm if len(piece.pcm) == 2 * FRAME else b""
            self._call.on_heard(piece, at_s)

    def _skip_rtcp(self) -> None:
        try:
            self._pair.rtcp.recv(MAX_DATAGRAM)
        except OSError:
            return


def _impairer(impairment: Impairment, seed: int, stream: str) -> Impairer | None:
    """None where the line is perfect."""
    if impairment == Impairment():
        return None
    return Impairer(impairment, seed=seed, stream=stream, start=time.monotonic())


def _arrived_at(ancillary: list[tuple[int, int, bytes]]) -> float:
    """The kernel's time of arrival on the monotonic clock; the present, where there is none."""
    now = time.monotonic()
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", data[: struct.calcsize("@ll")])
            wall_s = float(seconds) + float(nanoseconds) / 1e9
            return now - max(0.0, time.time() - wall_s)
    return now
