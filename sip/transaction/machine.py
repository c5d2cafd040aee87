"""A small machine that runs any table of (state, input) -> (state, actions), with timers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
D = TypeVar("D", bound=StrEnum)


class Pace(Enum):
    """How a timer's next interval follows from its last."""

    FIRST = auto()
    DOUBLE = auto()
    DOUBLE_TO_T2 = auto()
    T2 = auto()


@dataclass(frozen=True, slots=True)
class Start:
    """An action that the machine carries out itself: (re)start a timer."""

    timer: StrEnum
    pace: Pace = Pace.FIRST


class Table(Generic[S, D]):
    """A state machine as data.

    `rows` maps (state, input) to (next state, actions); an input without a row in a state is ignored
    there. A timer's expiry is an input like any other, and a timer lives only in states that have a row for it:
    entering any other state stops it.
    """

    def __init__(
        self,
        name: str,
        start: tuple[S, tuple[D | Start, ...]],
        rows: Mapping[tuple[S, StrEnum], tuple[S, tuple[D | Start, ...]]],
    ) -> None:
        self.name = name
        self.start = start
        self.rows = rows
        timers = {
            action.timer for _, actions in (start, *rows.values()) for action in actions if isinstance(action, Start)
        }
        states = {start[0], *(state for state, _ in rows), *(state for state, _ in rows.values())}
        self.living: dict[S, frozenset[StrEnum]] = {
            state: frozenset(timer for timer in timers if (state, timer) in rows) for state in states
        }


class Machine(Generic[S, D]):
    """One run of a `Table`. `durations` has each timer's first interval in seconds (None: it never runs)."""

    __slots__ = ("_deadlines", "_durations", "_intervals", "_t2_s", "_table", "state")

    def __init__(self, table: Table[S, D], durations: Mapping[str, float | None], t2_s: float) -> None:
        self._table = table
        self._durations = durations
        self._t2_s = t2_s
        self._deadlines: dict[StrEnum, float] = {}
        self._intervals: dict[StrEnum, float] = {}
        self.state: S = table.start[0]

    def start(self, now: float) -> list[D]:
        """Carry out the table's first actions; returns those left to the caller."""
        return self._act(self._table.start[1], now)

    def accepts(self, given: StrEnum) -> bool:
        """Whether the present state has a row for the input."""
        return (self.state, given) in self._table.rows

    def handle(self, given: StrEnum, now: float) -> list[D] | None:
        """Take one input; returns the actions left to the caller, None without a row."""
        row = self._table.rows.get((self.state, given))
        if row is None:
            return None
        self.state, actions = row
        living = self._table.living[self.state]
        if not living.issuperset(self._deadlines):
            self._deadlines = {timer: at for timer, at in self._deadlines.items() if timer in living}
        return self._act(actions, now)

    def get_timer(self) -> float | None:
        """When the earliest of the running timers is due."""
        return min(self._deadlines.values()) if self._deadlines else None

    def pop_due(self, now: float) -> StrEnum | None:
        """The earliest timer that is due, now stopped; feed it back as an input. None if none is due."""
        if not self._deadlines:
            return None
        timer = min(self._deadlines, key=self._deadlines.__getitem__)
        if self._deadlines[timer] > now:
            return None
        del self._deadlines[timer]
        return timer

    def next_timer(self) -> str | None:
        """The name of the timer that is due next, for dumps."""
        return min(self._deadlines, key=self._deadlines.__getitem__).value if self._deadlines else None

    def _act(self, actions: tuple[D | Start, ...], now: float) -> list[D]:
        todo: list[D] = []
        for action in actions:
            if isinstance(action, Start):
                self._arm(action, now)
            else:
                todo.append(action)
        return todo

    def _arm(self, start: Start, now: float) -> None:
        first = self._durations.get(start.timer)
        if first is None:
            return
        last = self._intervals.get(start.timer, first)
        match start.pace:
            case Pace.FIRST:
                interval = first
            case Pace.DOUBLE:
                interval = 2 * last
            case Pace.DOUBLE_TO_T2:
                interval = min(2 * last, self._t2_s)
            case Pace.T2:
                interval = self._t2_s
        self._intervals[start.timer] = interval
        self._deadlines[start.timer] = now + interval
