"""A relay that stands between SIP callers and a bot, in the signalling and in the media.

It listens where the caller calls and passes messages on with the addresses changed, so that either end takes it for
the other one; a stream that an SDP names gets ports of the relay's. To a caller it is the bot, to the bot a NAT.
It knows calls that come from the caller's side, in clear text over UDP.
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from offhook.testing import sipwire
from offhook.testing.udp import Address, Outbox, UdpPort
from offhook.testing.udp_relay import Passage, RelaySettings, UdpRelay, Way, summed

MAX_STREAMS = 10_000
"""Concurrent media streams; an SDP beyond that passes unchanged."""

LINGER_S = 5.0
"""How long a call's media ports stay open after its BYE."""

IDLE_S = 120.0
"""After so long without a packet a stream is over: its call was not answered, or its BYE took another path."""

_TRIES = 200


class _Closeable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closeable)


class RelayedStream:
    """One m-line's RTP and RTCP: a pair of ports for the caller and one for the bot."""

    def __init__(self, name: str, settings: RelaySettings, outbox: Outbox, host: str, ports: range) -> None:
        """Binds four ports of `ports`. Raises OSError when there are none."""
        self.closes_at: float | None = None
        self._callers: list[Address | None] = [None, None]

        def towards_bot(address: Address, part: int) -> Passage:
            kind = ("rtp", "rtcp")[part]
            return Passage(f"{name}/{kind}", settings, outbox, address, partial(self._to_caller, part))

        def towards_caller(address: Address, part: int) -> UdpPort:
            return UdpPort(address, lambda data, _, now: self._passages[part].send_up(data, now))

        self._passages = _bound_pair(host, ports, towards_bot)
        self.port_for_bot = self._passages[0].address[1]
        try:
            self._ports = _bound_pair(host, ports, towards_caller)
        except OSError:
            for passage in self._passages:
                passage.close()
            raise
        self.port_for_caller = self._ports[0].address[1]

    @property
    def passages(self) -> tuple[Passage, Passage]:
        """Counters of RTP and RTCP."""
        return self._passages

    @property
    def last_at(self) -> float:
        """When the last packet passed, monotonic seconds."""
        return max(passage.last_at for passage in self._passages)

    def caller_is_at(self, rtp: Address, rtcp: Address) -> None:
        """Where the caller's SDP wants its media."""
        self._callers = [rtp, rtcp]

    def bot_is_at(self, rtp: Address, rtcp: Address) -> None:
        """Where the bot's SDP wants its media."""
        self._passages[0].bot, self._passages[1].bot = rtp, rtcp

    def close(self) -> None:
        """Idempotent."""
        for one in (*self._passages, *self._ports):
            one.close()

    def _to_caller(self, part: int, data: bytes) -> None:
        target = self._callers[part]
        if target is not None:
            self._ports[part].send(data, target)


class SipRelay:
    """Calls from `listen` to `target`, signalling impaired by `sip`, media by `media`, whose ports are in `ports`."""

    def __init__(
        self, listen: Address, target: Address, *, sip: RelaySettings, media: RelaySettings, ports: range
    ) -> None:
        """Create it on the running loop. Raises OSError when `listen` is not free."""
        self._target = target
        self._media = media
        self._ports = ports
        self._outbox = Outbox()
        self._streams: dict[tuple[str, int], RelayedStream] = {}
        self._past = {"rtp": summed(()), "rtcp": summed(())}
        self._opened = 0
        self._without_ports = 0
        self._sip = UdpRelay(listen, target, sip, name="sip", rewrite=self._rewritten)
        self._sweep = asyncio.get_running_loop().call_later(1.0, self._close_ended)

    @property
    def address(self) -> Address:
        """Where callers call."""
        return self._sip.address

    def report(self) -> dict[str, object]:
        """Counters of signalling and media, all calls together."""
        media = {}
        for part, kind in enumerate(("rtp", "rtcp")):
            here = summed(stream.passages[part].counters for stream in self._streams.values())
            media[kind] = _added(self._past[kind], here)
        return {
            "sip": self._sip.report(),
            **media,
            "streams": self._opened,
            "streams_open": len(self._streams),
            "streams_without_ports": self._without_ports,
        }

    def close(self) -> None:
        """Idempotent."""
        self._sweep.cancel()
        self._sip.close()
        self._outbox.close()
        for stream in self._streams.values():
            stream.close()

    def _rewritten(self, message: bytes, way: Way, caller: Address, bot_side: Address) -> bytes:
        call = sipwire.call_id(message)
        if call is None:
            return message
        here = self._sip.address
        if way == "up":
            message = sipwire.replace_addresses(message, {here: self._target, caller: bot_side})
        else:
            message = sipwire.replace_addresses(message, {self._target: here, bot_side: caller})
        sdp = sipwire.session_description(message)
        if sdp:
            message = sipwire.with_body(message, self._relayed(sdp, call, way))
        if sipwire.method(message) == "BYE":
            closes_at = time.monotonic() + LINGER_S
            for (of, _), stream in self._streams.items():
                if of == call:
                    stream.closes_at = closes_at
        return message

    def _relayed(self, sdp: bytes, call: str, way: Way) -> bytes:
        ports: dict[int, int] = {}
        for named in sipwire.media_streams(sdp):
            stream = self._streams.get((call, named.index)) or self._open(call, named.index)
            if stream is None:
                continue
            if way == "up":
                stream.caller_is_at(named.rtp, named.rtcp)
                ports[named.index] = stream.port_for_bot
            else:
                stream.bot_is_at(named.rtp, named.rtcp)
                ports[named.index] = stream.port_for_caller
        return sipwire.with_media_at(sdp, self.address[0], ports) if ports else sdp

    def _open(self, call: str, index: int) -> RelayedStream | None:
        if len(self._streams) >= MAX_STREAMS:
            self._without_ports += 1
            return None
        # Named by number, not by the Call-ID, which differs in each run.
        name = f"media/{self._opened}"
        try:
            stream = RelayedStream(name, self._media, self._outbox, self.address[0], self._ports)
        except OSError:
            self._without_ports += 1
            return None
        self._opened += 1
        self._streams[call, index] = stream
        return stream

    def _close_ended(self) -> None:
        now = time.monotonic()
        for key, stream in list(self._streams.items()):
            ended = stream.closes_at is not None and stream.closes_at <= now
            if ended or stream.last_at + IDLE_S <= now:
                for part, kind in enumerate(("rtp", "rtcp")):
                    self._past[kind] = _added(self._past[kind], summed([stream.passages[part].counters]))
                stream.close()
                del self._streams[key]
        self._sweep = asyncio.get_running_loop().call_later(1.0, self._close_ended)


def _bound_pair(host: str, ports: range, bind: Callable[[Address, int], T]) -> tuple[T, T]:
    """The results of `bind(address, part)` at a free even port and at the next one. OSError: there are none."""
    for _ in range(_TRIES):
        port = random.choice(ports) & ~1
        try:
            first = bind((host, port), 0)
        except OSError:
            continue
        try:
            return first, bind((host, port + 1), 1)
        except OSError:
            first.close()
    raise OSError(f"no two free ports between {ports.start} and {ports.stop - 1}")


def _added(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {way: {name: count + other[way][name] for name, count in counts.items()} for way, counts in one.items()}
