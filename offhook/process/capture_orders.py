"""Which calls are captured: those of the settings, and those that somebody orders while the bot runs."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import random

from offhook.carriers.pjsua2.unseen import CAPTURE
from offhook.settings.config import Config
from offhook.usererror import UserError

MAX_ORDERS = 8
"""That wait for calls."""
MAX_FINISHED = 32
"""Whose result can still be asked for."""
MAX_ORDERED = 100
"""Calls of one order; as many calls of their transfers are part of it."""
ORDER_S = 3_600.0
"""How long an order waits for its calls; its result can be asked for as long again."""


@dataclass(slots=True)
class Order:
    """The next `left` calls, of those from a host or by a trunk if one is given. `calls` are the Call-IDs so far,
    `leg_call_ids` those of their calls to other parties, and `open` the handles of all that go on."""

    left: int
    host: str
    trunk: str
    until: float
    calls: list[str] = field(default_factory=list)
    leg_call_ids: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    def waits(self, now: float) -> bool:
        """Whether it is for further calls."""
        return self.left > 0 and now < self.until


class CaptureOrders:
    """`now` is monotonic, `chance` gives a random number from 0 to 1."""

    def __init__(self, config: Config, now: Callable[[], float], chance: Callable[[], float] = random) -> None:
        self._records = config.records
        self._trunks = config.trunks
        self._sees_packets = config.sip.backend == "own"
        self._now = now
        self._chance = chance
        self._orders: dict[str, Order] = {}

    def wants(self, call_id: str, host: str, trunk: str) -> bool:
        """Whether a new call is captured; it counts for an order that waits for one, but once only if it goes to
        another worker."""
        now = self._now()
        if any(call_id in order.calls for order in self._orders.values()):
            return True
        for order in self._orders.values():
            if order.waits(now) and order.host in ("", host) and order.trunk in ("", trunk):
                order.left -= 1
                order.calls.append(call_id)
                return True
        of_trunk = self._of_trunk(trunk)
        return (self._records.capture if of_trunk is None else of_trunk) and self._is_chosen()

    def wants_leg(self, call_id: str, part_of: str, trunk: str, *, captured: bool) -> bool:
        """Whether a leg is captured of the call with the handle `part_of`: as that is, unless the leg's own trunk has a
        setting. It belongs to its call's order, and is none of the calls that this waits for."""
        for order in self._orders.values():
            if part_of in order.open and len(order.leg_call_ids) < MAX_ORDERED:
                order.leg_call_ids.append(call_id)
                return True
        of_trunk = self._of_trunk(trunk)
        return of_trunk is not False if captured else bool(of_trunk) and self._is_chosen()

    def _of_trunk(self, trunk: str) -> bool | None:
        return self._trunks[trunk].capture if trunk in self._trunks else None

    def _is_chosen(self) -> bool:
        share = self._records.capture_share
        return share >= 1 or self._chance() < share

    def begun(self, call: str, call_id: str) -> None:
        """A worker has a call that is captured."""
        for order in self._orders.values():
            if call_id in order.calls or call_id in order.leg_call_ids:
                order.open.add(call)

    def removed(self, call: str) -> None:
        """A call is over, or moves to another worker."""
        for order in self._orders.values():
            order.open.discard(call)

    def add(self, calls: int, host: str, trunk: str) -> str:
        """Order the capture of the next calls; the order's name. Raises UserError."""
        if not self._sees_packets:
            raise UserError.of([CAPTURE])
        now = self._now()
        for name in [name for name, each in self._orders.items() if now >= each.until + ORDER_S]:
            del self._orders[name]
        if not 1 <= calls <= MAX_ORDERED:
            raise UserError(f"{calls} calls cannot be captured", f"1 to {MAX_ORDERED} can be ordered", "--calls 3")
        if trunk and trunk not in self._trunks:
            raise UserError(f"there is no trunk {trunk!r}", "the settings do not have it", f"[trunks.{trunk}]")
        if sum(each.waits(now) for each in self._orders.values()) >= MAX_ORDERS:
            why = f"{MAX_ORDERS} are open"
            raise UserError("no more captures can be ordered", why, "end one with Ctrl-C where it waits")
        finished = [name for name, each in self._orders.items() if not each.waits(now)]
        for name in finished[:-MAX_FINISHED]:
            del self._orders[name]
        name = secrets.token_hex(8)
        self._orders[name] = Order(calls, host, trunk, now + ORDER_S)
        return name

    def find(self, name: str) -> Order | None:
        """An order."""
        return self._orders.get(name)

    def end(self, name: str) -> None:
        """Take an order back; calls that it began to capture go on being captured."""
        self._orders.pop(name, None)

    def dump(self) -> Mapping[str, object]:
        """The state, for people."""
        return {
            name: {"left": each.left, "calls": len(each.calls), "open": len(each.open)}
            for name, each in self._orders.items()
        }
