"""A caller's keys that come by several ways at once: RFC 4733, SIP INFO, tones. Each press counts once. Pure."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class KeyPath(StrEnum):
    """How a key came."""

    RFC4733 = "rfc4733"
    INFO = "info"
    INBAND = "inband"


SLACK_S = 0.7
"""How far apart the same press may be reported: a tone is known 30 ms after its end, an INFO takes its own route, and
some senders write it when the key goes down."""

_KEPT = 32


@dataclass(slots=True)
class _Press:
    digit: str
    began_at: float
    ended_at: float
    paths: set[KeyPath]


class KeyMerger:
    """Decides whether a reported key is a new press.

    Each path reports presses in their order, so the n-th report of a key by one path is the n-th by another: a report
    belongs to the oldest press of that key, about that time, which its path has not reported yet. What a path skips
    over it has lost.
    """

    __slots__ = ("_presses", "duplicates")

    def __init__(self) -> None:
        self._presses: deque[_Press] = deque(maxlen=_KEPT)
        self.duplicates = 0
        """Reports of presses that had been reported before."""

    def is_new(self, digit: str, path: KeyPath, duration_ms: int, now: float) -> bool:
        """Whether this is a press that no path has reported. `now` is its end, in monotonic seconds."""
        began_at = now - duration_ms / 1_000
        presses = self._presses
        while presses and presses[0].ended_at < began_at - SLACK_S:
            presses.popleft()
        for n, press in enumerate(presses):
            if press.digit == digit and path not in press.paths and press.began_at - SLACK_S <= now:
                for skipped in list(presses)[: n + 1]:
                    skipped.paths.add(path)
                press.ended_at = max(press.ended_at, now)
                self.duplicates += 1
                return False
        presses.append(_Press(digit, began_at, now, {path}))
        return True
