"""What engines use (audio, characters, money), and the budgets for it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from offhook.pipeline.chain.table import Cell, EngineRows

Part = Literal["asr", "tts"]


class Outcome(StrEnum):
    """How an engine's work on one turn or text ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    LATE = "late"  # another engine answered, after this one's allowance
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of audio recognised, characters spoken, and their price, in whatever currency the prices have."""

    audio_s: float = 0.0
    characters: int = 0
    cost: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.audio_s + other.audio_s, self.characters + other.characters, self.cost + other.cost)


NOTHING = Spent()


@dataclass(frozen=True, slots=True)
class EngineUse:
    """One engine's work on one turn (asr) or text (tts). `why` says why it was not the first engine of its chain."""

    part: Part
    engine: str
    outcome: Outcome
    spent: Spent
    why: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be used in a day (UTC) or a call; None: any amount."""

    audio_s: float | None = None
    characters: int | None = None
    cost: float | None = None

    def exceeded(self, spent: Spent) -> str:
        """What of it is used up, in words; "" if nothing is."""
        if self.audio_s is not None and spent.audio_s >= self.audio_s:
            return f"{self.audio_s:g} s of audio"
        if self.characters is not None and spent.characters >= self.characters:
            return f"{self.characters} characters"
        if self.cost is not None and spent.cost >= self.cost:
            return f"a cost of {self.cost:g}"
        return ""


UNLIMITED = Budget()


@dataclass(frozen=True, slots=True)
class Limits:
    """An engine's prices and budgets, and the time it may be silent before the next engine of its chain starts.

    `stall_s` counts while the caller speaks, from the last partial; it is for engines that report partials.
    """

    allowance_s: float = 0.5
    stall_s: float = 2.0
    price_per_minute: float = 0.0
    price_per_1000_characters: float = 0.0
    per_day: Budget = UNLIMITED
    per_call: Budget = UNLIMITED

    def spent(self, *, audio_s: float = 0.0, characters: int = 0) -> Spent:
        """The work with its price."""
        cost = audio_s / 60.0 * self.price_per_minute + characters / 1000.0 * self.price_per_1000_characters
        return Spent(audio_s, characters, cost)


class DayLedger:
    """What all processes of the node have used of one engine today. `day` counts days since 1970."""

    def __init__(self, rows: EngineRows) -> None:
        self._rows = rows
        self._ahead: dict[tuple[int, float], int] = {}  # rows of days to come: on which day they were noticed

    def add(self, spent: Spent, day: int) -> None:
        """Count work that was done on `day`."""
        rows = self._rows
        self._follow_clock(day)
        if rows.get(Cell.DAY) < day:
            for cell in (Cell.AUDIO_S, Cell.CHARACTERS, Cell.COST):
                rows.set(cell, 0.0)
            rows.set(Cell.DAY, day)  # last: until then the others do not count this row
        for cell, amount in (
            (Cell.AUDIO_S, spent.audio_s),
            (Cell.CHARACTERS, spent.characters),
            (Cell.COST, spent.cost),
        ):
            rows.set(cell, rows.get(cell) + amount)

    def spent(self, day: int) -> Spent:
        """The sum of `day`."""
        rows = self._rows
        self._follow_clock(day)
        # What was used "tomorrow", before the clock was set back, counts, too, or a budget could be used twice.
        of_today = [self._counts(row, of, day) for row, of in enumerate(rows.all(Cell.DAY))]

        def total(cell: Cell) -> float:
            return sum(value for value, counts in zip(rows.all(cell), of_today, strict=True) if counts)

        return Spent(total(Cell.AUDIO_S), round(total(Cell.CHARACTERS)), total(Cell.COST))

    def _counts(self, row: int, of: float, day: int) -> bool:
        """Whether a row counts today. Of another process, which may be idle, one that is days ahead counts as long as
        today lasts."""
        return of >= day and (of <= day + 1 or self._ahead.setdefault((row, of), day) == day)

    def _follow_clock(self, day: int) -> None:
        """After a clock that was days ahead, what was used then counts for `day`, and not for all days until then."""
        if self._rows.get(Cell.DAY) > day + 1:
            self._rows.set(Cell.DAY, day)


@dataclass(slots=True)
class CallMeter:
    """What one call has used, by part and engine. `on_use` is called with each use."""

    on_use: Callable[[EngineUse], None] = lambda use: None
    by_engine: dict[tuple[Part, str], Spent] = field(default_factory=dict)

    def add(self, use: EngineUse) -> None:
        """Count it."""
        key = use.part, use.engine
        self.by_engine[key] = self.by_engine.get(key, NOTHING) + use.spent
        self.on_use(use)

    def spent(self, part: Part, engine: str) -> Spent:
        """What the call has used of an engine."""
        return self.by_engine.get((part, engine), NOTHING)
