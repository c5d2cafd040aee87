"""Unasked turns: what the caller says or types while the dialog is busy, or over an utterance that cannot be
interrupted. They are kept until a question takes them, like keys typed ahead. Pure."""

from collections import deque
from dataclasses import dataclass, replace

MAX_KEPT = 8  # turns


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """When a turn began and ended, in monotonic seconds; `early`: no question was open then. `line` is what was typed;
    None: it was spoken."""

    began_at: float
    ended_at: float
    early: bool
    line: str | None = None


class UnaskedTurns:
    """The unasked turn in progress, if any, and those that are over; together no longer than `max_s`."""

    def __init__(self, max_s: float) -> None:
        self.kept: deque[KeptTurn] = deque()
        self.open = False
        """Whether a turn is in progress, pauses included."""
        self.began_at = self.ended_at = 0.0
        """Of the turn in progress: its first sound, and the end of its last one."""
        self.early = False
        """Whether it began when no question was open, or none that could be answered yet."""
        self._max_s = max_s

    def begin(self, began_at: float, *, early: bool) -> None:
        """Confirmed speech."""
        self.open, self.early = True, early
        self.began_at = self.ended_at = began_at

    def close(self) -> None:
        """The turn in progress ends here: a question has taken it, or nobody will."""
        self.open = False

    def mark_early(self) -> None:
        """A question begins: all turns here are from before it."""
        self.early = True
        self.kept = deque(replace(turn, early=True) for turn in self.kept)

    def keep(self) -> list[KeptTurn]:
        """The turn in progress is over: keep it. Returns the oldest turns, dropped to make room."""
        self.open = False
        return self.add(KeptTurn(self.began_at, self.ended_at, self.early))

    def add(self, turn: KeptTurn) -> list[KeptTurn]:
        """Keep a turn. Returns the oldest ones, dropped to make room."""
        self.kept.append(turn)
        dropped = []
        while len(self.kept) > 1 and (len(self.kept) > MAX_KEPT or self._length_s() > self._max_s):
            dropped.append(self.kept.popleft())
        return dropped

    def _length_s(self) -> float:
        return sum(turn.ended_at - turn.began_at for turn in self.kept)
