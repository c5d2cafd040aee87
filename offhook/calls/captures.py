"""Captures of SIP calls: signalling and media in one file, even from different processes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time

from offhook.encryption.keys import Key
from offhook.ladder.redact import redacted
from offhook.ladder.traces import SeenMessage
from offhook.observe.log import get_logger
from offhook.records.capture import CallCapture, CaptureWriter
from offhook.sip.net.address import Address
from offhook.usererror import UserError

log = get_logger(__name__)

LINGER_S = 2.0
"""How long a capture goes on after the call, for the last response."""
MAX_SIP_DATAGRAMS = 2_000
"""Per call."""
MAX_OF_STRANGERS = 50
"""Of these, from anywhere else with the call's Call-ID, and the answers."""

LATE_MEDIA_S = 2.0
"""How long what was keyed or said in private may still be under way: a key that is held, and packets behind a gap."""
LATE_INFO_S = 32.0
"""How long an INFO may be sent again (RFC 3261 §17.1.2.2, timer F)."""

RTP_VERSION, RTP_HEADER_BYTES, RTP_PADDING, RTP_EXTENSION = 2, 12, 0x20, 0x10
FIRST_RTCP_TYPE, LAST_RTCP_TYPE, RTCP_HEADER_BYTES = 200, 207, 8
SHORTEST_SOUND_BYTES = 36
"""Beyond this a payload is sound: five keys (RFC 2198) and a tag of SRTP's are less, 10 ms of G.711 are more."""


@dataclass(frozen=True, slots=True)
class SipDatagram:
    """One SIP datagram of a call, as on the wire; `at_s` is Unix time."""

    call: str
    at_s: float
    data: bytes
    local_port: int
    peer: Address
    received: bool


@dataclass(frozen=True, slots=True)
class CaptureCall:
    """The next message is a call that has to be captured."""

    call: str


class DatagramReport:
    """Passes the messages of a captured call to the process that has its media: a `Report` of `SipTraces`."""

    def __init__(self, call: str, send: Callable[[SipDatagram], None]) -> None:
        self._call = call
        self._send = send
        self._left = MAX_SIP_DATAGRAMS
        self._left_of_strangers = MAX_OF_STRANGERS

    def __call__(self, seen: SeenMessage, own: bool) -> None:
        self._left_of_strangers -= not own
        if self._left <= 0 or (not own and self._left_of_strangers < 0):
            return
        self._left -= 1
        flow = seen.flow
        self._send(SipDatagram(self._call, seen.at_s, seen.data, flow.local.port, flow.remote, seen.received))


class Captures:
    """The captures of one process, by call handle. `directory` is made for the first of them."""

    def __init__(self, directory: Path) -> None:
        self.key: Key | None = None
        """Encrypts them; to be set before the first."""
        self._directory = directory
        self._writer: CaptureWriter | None = None
        self._wanted: set[str] = set()
        self._calls: dict[str, Capture] = {}

    def open(self) -> None:
        """Make ready to write. Raises UserError if `directory` cannot be used."""
        if self._writer is None:
            self._writer = CaptureWriter(self._directory, self.key)

    def want(self, handle: str) -> None:
        """Have a call captured that is about to begin."""
        try:
            self.open()
        except UserError as error:
            log.error("a call is not captured", why=error.problems[0].why, path=str(self._directory))
            return
        if handle not in self._calls:
            self._wanted.add(handle)

    def begin(self, handle: str, uniqueid: str, local_host: str) -> "Capture | None":
        """Begin a call's capture, if it is wanted; `local_host` is our address as the far end sees it."""
        if handle not in self._wanted or self._writer is None:
            return None
        capture = self._calls[handle] = Capture(self._writer.capture(uniqueid), local_host)
        return capture

    def join(self, handle: str, before: str) -> None:
        """The dialog `handle` is one of the call `before` from now on, and so are its messages, if that is captured."""
        self._wanted.discard(handle)
        if (capture := self._calls.get(before)) is not None:
            self._calls[handle] = capture

    def sip(self, datagram: SipDatagram) -> None:
        """Add signalling; ignored unless the call is being captured."""
        capture = self._calls.get(datagram.call)
        if capture is not None:
            peer = (datagram.peer.host, datagram.peer.port)
            capture.signalling(datagram.at_s, datagram.data, peer, datagram.local_port, datagram.received)

    def end(self, handle: str) -> None:
        """The call is over; its capture ends shortly after."""
        self._wanted.discard(handle)
        asyncio.get_running_loop().call_later(LINGER_S, self._end, handle)

    def close(self) -> bool:
        """Complete all captures; waits some seconds for the disk, and returns False if that was not enough."""
        return self._writer is None or self._writer.close()

    def _end(self, handle: str) -> None:
        capture = self._calls.get(handle)
        if capture is not None:
            capture.close()
            self._calls = {each: of for each, of in self._calls.items() if of is not capture}


class Capture:
    """The capture of one call."""

    def __init__(self, file: CallCapture, local_host: str) -> None:
        self._file = file
        self._local_host = local_host
        self._is_private = False
        self._private_until = float("-inf")
        self.keep = file.keep
        self.close = file.close

    def media(self, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """A `telephony.net.tapped.Tap`."""
        is_private = self._is_private or monotonic() < self._private_until + LATE_MEDIA_S
        # A pair's odd port is that of RTCP; where both share the even one, RTCP is treated as sound.
        if is_private and not (local_port % 2 and is_rtcp(data)):
            masked = without_sound(data)
            if masked is None:
                return
            data = masked
        self.datagram(time(), data, peer, local_port, received)

    def signalling(self, at_s: float, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """Add a SIP message, without the proofs of passwords and the keys of media."""
        digits = not self._is_private and monotonic() >= self._private_until + LATE_INFO_S
        self.datagram(at_s, redacted(data, digits=digits), peer, local_port, received)

    def keep_private(self, private: bool) -> None:
        """While true, and for a moment afterwards, there is neither sound nor a key in the file."""
        if self._is_private and not private:
            self._private_until = monotonic()
        self._is_private = private

    def datagram(self, at_s: float, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """Add one datagram, received or sent."""
        local = (self._local_host, local_port)
        source, destination = (peer, local) if received else (local, peer)
        self._file.put(at_s, source, destination, data)


def is_rtcp(packet: bytes) -> bool:
    """Whether it is RTCP by its type and length (RFC 3550 §6.4.1). RTP of the payload types 72 to 79 has the same
    second byte with its marker bit, so only the port tells them apart for certain."""
    if len(packet) < RTCP_HEADER_BYTES or packet[0] >> 6 != RTP_VERSION:
        return False
    fits = 4 * (int.from_bytes(packet[2:4]) + 1) <= len(packet)
    return FIRST_RTCP_TYPE <= packet[1] <= LAST_RTCP_TYPE and fits


def without_sound(packet: bytes) -> bytes | None:
    """An RTP packet with nothing but zeros in it; None for one that is so short that it may be a key (RFC 4733: 4
    bytes), as even their number is private. What is no RTP becomes zeros."""
    if len(packet) < RTP_HEADER_BYTES or packet[0] >> 6 != RTP_VERSION:
        return bytes(len(packet))
    header = RTP_HEADER_BYTES + 4 * (packet[0] & 0x0F)
    payload = len(packet) - header
    # What is behind the header may have been put there by the far end: extensions are zeros, too, and none is said to
    # be there; neither is padding.
    first = packet[0] & ~(RTP_PADDING | RTP_EXTENSION)
    return None if payload <= SHORTEST_SOUND_BYTES else bytes([first]) + packet[1:header] + bytes(payload)
