"""A relay for datagrams that impairs what passes.

"Up" is from the caller, who talks to the relay, to the bot behind it; "down" is the way back.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Literal, TypeAlias

from offhook.testing.impair import ImpairCounters, Impairer, Impairment
from offhook.testing.udp import Address, Outbox, UdpPort

Way = Literal["up", "down"]

Rewrite: TypeAlias = Callable[[bytes, Way, Address, Address], bytes]
"""(data, way, the caller's address, the relay's address towards the bot) -> the datagram to relay instead."""

MAX_CALLERS = 20_000
"""Sources with a port of their own; datagrams of further ones are dropped."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The impairments. `rebind_s` after a stream's beginning, packets to the bot come from another port, as behind
    a NAT that forgot; the old port is dead.
    """

    seed: int = 1
    up: Impairment = field(default_factory=Impairment)
    down: Impairment = field(default_factory=Impairment)
    rebind_s: float | None = None


class Passage:
    """One stream to the bot and back: two Impairers, and the port that the bot sees."""

    def __init__(
        self,
        name: str,
        settings: RelaySettings,
        outbox: Outbox,
        bot_side: Address,
        to_caller: Callable[[bytes], None],
        rewrite: Callable[[bytes, Way, Address], bytes] | None = None,
    ) -> None:
        """Binds `bot_side`; raises OSError. `rewrite` is given the present address there."""
        self.bot: Address | None = None
        self.last_at = now = time.monotonic()
        self._up = Impairer(settings.up, seed=settings.seed, stream=f"{name}/up", start=now)
        self._down = Impairer(settings.down, seed=settings.seed, stream=f"{name}/down", start=now)
        self._outbox = outbox
        self._to_caller = to_caller
        self._rewrite = rewrite
        self._port = UdpPort(bot_side, self._receive_from_bot)
        self._timer: asyncio.TimerHandle | None = None
        if settings.rebind_s is not None:
            self._timer = asyncio.get_running_loop().call_later(settings.rebind_s, self._rebind)

    @property
    def address(self) -> Address:
        """Where the bot sends to."""
        return self._port.address

    @property
    def counters(self) -> dict[Way, ImpairCounters]:
        return {"up": self._up.counters, "down": self._down.counters}

    def send_up(self, data: bytes, now: float) -> None:
        """The caller sent this."""
        self.last_at = now
        if self._rewrite is not None:
            data = self._rewrite(data, "up", self.address)
        for departure in self._up.packet(data, now):
            self._outbox.at(departure.send_at, partial(self._leave, departure.data), now)

    def close(self) -> None:
        """Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        self._port.close()

    def _receive_from_bot(self, data: bytes, _: Address, now: float) -> None:
        self.last_at = now
        if self._rewrite is not None:
            data = self._rewrite(data, "down", self.address)
        for departure in self._down.packet(data, now):
            self._outbox.at(departure.send_at, partial(self._to_caller, departure.data), now)

    def _leave(self, data: bytes) -> None:
        # The port is looked up on sending: it may have been rebound meanwhile.
        if self.bot is not None:
            self._port.send(data, self.bot)

    def _rebind(self) -> None:
        old, self._port = self._port, UdpPort((self._port.address[0], 0), self._receive_from_bot)
        old.close()


class UdpRelay:
    """Datagrams of any kind from `listen` to `target` and back; each source has its own port towards the target."""

    def __init__(
        self,
        listen: Address,
        target: Address,
        settings: RelaySettings,
        *,
        name: str = "udp",
        rewrite: Rewrite | None = None,
    ) -> None:
        """Create it on the running loop. Raises OSError when `listen` is not free."""
        self._target = target
        self._settings = settings
        self._name = name
        self._rewrite = rewrite
        self._outbox = Outbox()
        self._passages: dict[Address, Passage] = {}
        self._port = UdpPort(listen, self._receive)
        self._refused = 0

    @property
    def address(self) -> Address:
        """Where callers send to."""
        return self._port.address

    def report(self) -> dict[str, object]:
        """Counters of all sources together, by way, and of refused callers."""
        return {
            **summed(passage.counters for passage in self._passages.values()),
            "callers": len(self._passages),
            "refused": self._refused,
        }

    def close(self) -> None:
        """Idempotent."""
        self._port.close()
        self._outbox.close()
        for passage in self._passages.values():
            passage.close()

    def _receive(self, data: bytes, source: Address, now: float) -> None:
        passage = self._passages.get(source)
        if passage is None:
            if len(self._passages) >= MAX_CALLERS:
                self._refused += 1
                return
            passage = self._passages[source] = self._open(source)
        passage.send_up(data, now)

    def _open(self, caller: Address) -> Passage:
        rewrite = self._rewrite
        passage = Passage(
            f"{self._name}/{len(self._passages)}",
            self._settings,
            self._outbox,
            (self._port.address[0], 0),
            lambda data: self._port.send(data, caller),
            None if rewrite is None else lambda data, way, bot_side: rewrite(data, way, caller, bot_side),
        )
        passage.bot = self._target
        return passage


def summed(streams: Iterable[dict[Way, ImpairCounters]]) -> dict[str, dict[str, int]]:
    """Counters of many streams added up, by way, as plain numbers."""
    total: dict[Way, ImpairCounters] = {"up": ImpairCounters(), "down": ImpairCounters()}
    for stream in streams:
        for way, counters in stream.items():
            total[way].add(counters)
    return {way: asdict(counters) for way, counters in total.items()}
