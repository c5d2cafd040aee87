"""The longest time that a caller is with the bot."""

import asyncio
from collections.abc import Callable


class TimeLimit:
    """Calls `expired` after `seconds` from now on, in which pauses do not count. Create it on the running loop."""

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left_s = seconds
        self._expired: Callable[[], None] | None = expired
        self._timer: asyncio.TimerHandle | None = None
        self.pause(False)

    def pause(self, paused: bool) -> None:
        """Stop the time, or have it go on. Idempotent."""
        if paused and self._timer is not None:
            self._left_s = self._timer.when() - self._loop.time()
            self._timer.cancel()
            self._timer = None
        elif not paused and self._timer is None and self._expired is not None:
            self._timer = self._loop.call_later(max(0.0, self._left_s), self._expired)

    def cancel(self) -> None:
        """It never expires, and knows nobody any more. Idempotent."""
        self.pause(True)
        self._expired = None
