"""Captures of SIP calls: signalling and media of a call meet in one file, wherever the dialogs live."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time

from offhook.records.capture import CallCapture, CaptureWriter
from offhook.sip.events import IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint

LINGER_S = 2.0
"""A call's last answer comes after its end."""
RECENT = 16
"""Datagrams remembered that belong to no known call: an INVITE comes before its call, and so does the 100 to it."""
MAX_SIP_DATAGRAMS = 2_000
"""Of one call."""

_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)  # RFC 3261 §20.8


@dataclass(frozen=True, slots=True)
class SipDatagram:
    """One of a call's, as it was on the wire; `at_s` is Unix time."""

    call: str
    at_s: float
    data: bytes
    local_port: int
    peer: Address
    received: bool


Report = Callable[[SipDatagram], None]


class Captures:
    """Those of the calls of one process, by the calls' handles. UserError if `directory` cannot be used."""

    def __init__(self, directory: Path) -> None:
        self._writer = CaptureWriter(directory)
        self._calls: dict[str, Capture] = {}

    def begin(self, handle: str, uniqueid: str, local_host: str) -> "Capture":
        """Of a new call; `local_host` is our address as the far end sees it."""
        capture = self._calls[handle] = Capture(self._writer.capture(uniqueid), local_host)
        return capture

    def sip(self, datagram: SipDatagram) -> None:
        """Signalling; of a call that is not captured (any more) it is passed over."""
        capture = self._calls.get(datagram.call)
        if capture is not None:
            peer = (datagram.peer.host, datagram.peer.port)
            capture.datagram(datagram.at_s, datagram.data, peer, datagram.local_port, datagram.received)

    def end(self, handle: str) -> None:
        """The call is over; its capture soon."""
        asyncio.get_running_loop().call_later(LINGER_S, self._end, handle)

    def close(self) -> bool:
        """Complete all; waits for the disk, for some seconds at the most, and is false when that was too short."""
        return self._writer.close()

    def _end(self, handle: str) -> None:
        capture = self._calls.pop(handle, None)
        if capture is not None:
            capture.close()


class Capture:
    """One call's."""

    def __init__(self, file: CallCapture, local_host: str) -> None:
        self._file = file
        self._local_host = local_host
        self.keep = file.keep
        self.close = file.close

    def media(self, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """A `telephony.net.tapped.Tap`."""
        self.datagram(time(), data, peer, local_port, received)

    def datagram(self, at_s: float, data: bytes, peer: tuple[str, int], local_port: int, received: bool) -> None:
        """One that came or went."""
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
    """Sorts what passes through `endpoint` by the call that it belongs to, by its Call-ID."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._port = endpoint.address.port
        self._recent: deque[_Seen] = deque(maxlen=RECENT)
        self._by_call_id: dict[str, _Tapped] = {}
        self._call_ids: dict[str, str] = {}
        endpoint.on_datagram = self._on_datagram

    def begin(self, event: IncomingCall, report: Report) -> None:
        """From now on, and of what has come just before, the call's datagrams go to `report`."""
        tapped = self._by_call_id[event.call_id] = _Tapped(event.call, report, MAX_SIP_DATAGRAMS)
        self._call_ids[event.call] = event.call_id
        for seen in self._recent:
            if seen.call_id == event.call_id:
                self._report(tapped, seen)

    def end(self, call: str) -> None:
        """The call is over: soon nothing is reported any more."""
        call_id = self._call_ids.pop(call, "")
        tapped = self._by_call_id.get(call_id)
        # Two calls may bear one Call-ID, against the rules: then the later one has it.
        if tapped is not None and tapped.call == call:
            asyncio.get_running_loop().call_later(LINGER_S, self._forget, call_id, tapped)

    def _forget(self, call_id: str, tapped: _Tapped) -> None:
        # A call that was given to another worker meanwhile has begun anew.
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
