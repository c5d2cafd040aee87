"""Unasked turns: what the caller says while the dialog is busy, or over an utterance that cannot be interrupted. They
are kept until a question takes them, like keys typed ahead. Pure."""

from collections import deque
from dataclasses import dataclass, replace

MAX_KEPT = 8  # turns


@dataclass(frozen=True, slots=True)
class Span:
    """When a turn began and ended, in monotonic seconds; `early`: no question was open then."""

    began_at: float
    ended_at: float
    early: bool


class UnaskedTurns:
    """The unasked turn in progress, if any, and those that are over; together no longer than `max_s`."""

    def __init__(self, max_s: float) -> None:
        self.kept: deque[Span] = deque()
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
        self.kept = deque(replace(span, early=True) for span in self.kept)

    def keep(self) -> int:
        """The turn is over: keep it. Returns how many of the oldest must be dropped to make room."""
        self.open = False
        self.kept.append(Span(self.began_at, self.ended_at, self.early))
        dropped = 0
        while len(self.kept) > 1 and (len(self.kept) > MAX_KEPT or self._length_s() > self._max_s):
            self.kept.popleft()
            dropped += 1
        return dropped

    def take(self) -> Span:
        """Take the oldest kept turn."""
        return self.kept.popleft()

    def _length_s(self) -> float:
        return sum(span.ended_at - span.began_at for span in self.kept)
