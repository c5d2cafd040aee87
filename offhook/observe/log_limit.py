"""Limits how many log lines of one kind are written: strangers must not fill a disk, nor hide other lines."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

BURST = 50
PER_S = 5.0
"""Of one kind, after a burst."""
MAX_KINDS = 1_000
"""Kinds that are remembered; the texts of libraries may have values in them."""
EACH_CALL = frozenset({"answered", "ended"})
"""The lines that every call has; calls have limits of their own."""


@dataclass(slots=True)
class _Kind:
    tokens: float
    at: float
    left_out: int = 0


class LogLimit(logging.Filter):
    """For a handler. Lines are of one kind if they have the same event, or the same unformatted message. The next line
    of a kind that is written says how many were left out before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[str, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        event = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
        if event in EACH_CALL:
            return True
        with self._lock:  # several threads log
            return self._has_room(record, str(event)[:200])

    def _has_room(self, record: logging.LogRecord, name: str) -> bool:
        now = self._clock()
        kind = self._kinds.pop(name, None) or _Kind(BURST, now)
        if len(self._kinds) >= MAX_KINDS:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[name] = kind
        kind.tokens = min(BURST, kind.tokens + (now - kind.at) * PER_S)
        kind.at = now
        if kind.tokens < 1:
            kind.left_out += 1
            return False
        kind.tokens -= 1
        if kind.left_out:
            if isinstance(record.msg, dict):
                record.msg = record.msg | {"left_out": kind.left_out}
            else:
                record.left_out = kind.left_out
            kind.left_out = 0
        return True
