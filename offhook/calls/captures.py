"""Captures of SIP calls: signalling and media in one file, even from different processes."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time

from offhook.records.capture import CallCapture, CaptureWriter
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint

LINGER_S = 2.0
"""How long a capture goes on after the call, for the last response."""
RECENT = 16
"""Recent datagrams kept for calls not yet known: the INVITE and its 100 precede the call."""
MAX_SIP_DATAGRAMS = 2_000
"""Per call."""

_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)  # RFC 3261 §20.8


@dataclass(frozen=True, slots=True)
class SipDatagram:
    """One SIP datagram of a call, as on the wire; `at_s` is Unix time."""

    call: str
    at_s: float
    data: bytes
    local_port: int
    peer: Address
    received: bool


Report = Callable[[SipDatagram], None]


class Captures:
    """The captures of one process, by call handle. UserError if `directory` cannot be used."""

    def __init__(self, directory: Path) -> None:
        self._writer = CaptureWriter(directory)
        self._calls: dict[str, Capture] = {}

    def begin(self, handle: str, uniqueid: str, local_host: str) -> "Capture":
        """Begin a call's capture; `local_host` is our address as the far end sees it."""
        capture = self._calls[handle] = Capture(self._writer.capture(uniqueid), local_host)
        return capture

    def sip(self, datagram: SipDatagram) -> None:
        """Add signalling; ignored unless the call is being captured."""
        capture = self._calls.get(datagram.call)
        if capture is not None:
            peer = (datagram.peer.host, datagram.peer.port)
            capture.datagram(datagram.at_s, datagram.data, peer, datagram.local_port, datagram.received)

    def end(self, handle: str) -> None:
        """The call is over; its capture ends shortly after."""
        asyncio.get_running_loop().call_later(LINGER_S, self._end, handle)

    def close(self) -> bool:
        """Complete all captures; waits some seconds for the disk, and returns False if that was not enough."""
        return self._writer.close()

    def _end(self, handle: str) -> None:
        capture = self._calls.pop(handle, None)
        if capture is not None:
            capture.close()


class Capture:
    """The capture of one call."""

    def __init__(self, file: CallCapture, local_host: str) -> None:
        self._file = file
        self._local_host = local_host
        self.keep = file.keep
        self.close = file.close

    def media(self, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """A `telephony.net.tapped.Tap`."""
        self.datagram(time(), data, peer, local_port, received)

    def datagram(self, at_s: float, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """Add one datagram, received or sent."""
        local = (self._local_host, local_port)
        source, destination = (peer, local) if received else (local, peer)
        self._file.put(at_s, source, destination, data)


@dataclass(slots=True)
class _Tapped:
    call: str
    report: Report
    left: int


@dataclass(frozen=True, slots=True)
class _Seen:
    call_id: str
    at_s: float
    data: bytes
    peer: Address
    received: bool


class SipTap:
    """Sorts the datagrams of `endpoint` by call, using the Call-ID."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._port = endpoint.address.port
        self._recent: deque[_Seen] = deque(maxlen=RECENT)
        self._by_call_id: dict[str, _Tapped] = {}
        self._call_ids: dict[str, str] = {}
        endpoint.message_listeners.append(self._on_datagram)

    def begin(self, call: str, call_id: str, report: Report) -> None:
        """Pass the call's datagrams to `report`, those just received included."""
        tapped = self._by_call_id[call_id] = _Tapped(call, report, MAX_SIP_DATAGRAMS)
        self._call_ids[call] = call_id
        for seen in self._recent:
            if seen.call_id == call_id:
                self._report(tapped, seen)

    def end(self, call: str) -> None:
        """The call is over: reporting stops shortly after."""
        call_id = self._call_ids.pop(call, "")
        tapped = self._by_call_id.get(call_id)
        # Two calls with the same Call-ID, against RFC 3261 §8.1.1.4: the later one gets the datagrams.
        if tapped is not None and tapped.call == call:
            asyncio.get_running_loop().call_later(LINGER_S, self._forget, call_id, tapped)

    def _forget(self, call_id: str, tapped: _Tapped) -> None:
        # The call may have been restarted on another worker meanwhile.
        if self._by_call_id.get(call_id) is tapped:
            del self._by_call_id[call_id]

    def _on_datagram(self, data: bytes, peer: Address, received: bool) -> None:
        found = _CALL_ID.search(data.partition(b"\r\n\r\n")[0])
        if found is None:
            return
        seen = _Seen(found[1].decode("utf-8", "surrogateescape"), time(), data, peer, received)
        tapped = self._by_call_id.get(seen.call_id)
        if tapped is None:
            self._recent.append(seen)
        else:
            self._report(tapped, seen)

    def _report(self, tapped: _Tapped, seen: _Seen) -> None:
        if tapped.left > 0:
            tapped.left -= 1
            tapped.report(SipDatagram(tapped.call, seen.at_s, seen.data, self._port, seen.peer, seen.received))
