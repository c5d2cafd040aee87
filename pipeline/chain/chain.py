"""What chains of recognisers and chains of voices have in common."""

from collections.abc import Sequence
from copy import copy
from typing import Generic, Self

from offhook.pipeline.chain.lifecycle import Lifecycle
from offhook.pipeline.chain.member import DAY_S, E, Member, Today
from offhook.pipeline.chain.spending import CallMeter
from offhook.pipeline.clock import Clock
from offhook.pipeline.rates import MakeResampler


class Chain(Generic[E]):
    """`members`, the first choice first. `resampler` converts the audio of those whose rate is not the first one's;
    `today` is Unix time."""

    def __init__(self, members: Sequence[Member[E]], resampler: MakeResampler, clock: Clock, today: Today) -> None:
        self.members = tuple(members)
        self.name = ", ".join(member.name for member in members)
        self.resampler = resampler
        self.clock = clock
        self.meter = CallMeter()
        self._today = today
        self._lifecycle = Lifecycle(self.members)

    def for_call(self, meter: CallMeter) -> Self:
        """The same chain for one call: `meter` gets what it uses, and keeps its budgets."""
        other = copy(self)
        other.meter = meter
        return other

    async def start(self) -> None:
        """Start all members. Raises EngineError if none starts."""
        await self._lifecycle.start()

    @property
    def day(self) -> int:
        """The day for which budgets count."""
        return int(self._today() // DAY_S)

    def dump(self) -> list[dict[str, object]]:
        """The state of the members, for people."""
        now = self.clock.now()
        return [member.dump(now, self.day) for member in self.members]
