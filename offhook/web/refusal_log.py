"""Log lines for refused requests, rate-limited so that strangers cannot fill the log."""

from collections.abc import Callable
from time import monotonic

import structlog

LINES_BURST = 20
LINES_PER_S = 1.0


class WebRefusalLog:
    """Writes to the logger `offhook.web`: `LINES_BURST` lines at once, then `LINES_PER_S`. `now` is in seconds."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._credit = float(LINES_BURST)
        self._credit_at = now()
        self._left_out = 0

    def refused(self, event: str, status: int, why: str, **details: str) -> None:
        """Log a refusal, or only count it. `not_logged` of a line is how many were counted since the line before."""
        now = self._now()
        self._credit = min(LINES_BURST, self._credit + (now - self._credit_at) * LINES_PER_S)
        self._credit_at = now
        if self._credit < 1:
            self._left_out += 1
            return
        self._credit -= 1
        left_out, self._left_out = self._left_out, 0
        more = {"not_logged": left_out} if left_out else {}
        structlog.get_logger("offhook.web").warning(event, status=status, why=why, **details, **more)
