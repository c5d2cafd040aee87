"""Music for a caller who waits: played straight into the line, so that nothing else has to be done for them."""

import asyncio

from offhook.calls.line import CallLine
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.recording import Recording

PIECE_S = 10.0
LEAD_S = 1.0
"""What is still to be heard when the next piece follows: timers may be late."""


class HoldMusic:
    """Played on the line, from `at_tick` of it and over and over, until `stop`."""

    def __init__(self, line: CallLine, music: Recording, at_tick: int = 0) -> None:
        self._line = line
        payload = music.payload(line.encoding, line.encode, line.rate_hz)
        self._payload = payload[: len(payload) - len(payload) % line.bytes_per_tick]
        self._ticks = len(self._payload) // line.bytes_per_tick
        self._began_at = line.sent_ticks - at_tick
        self._next = at_tick % self._ticks
        self._timer: asyncio.TimerHandle | None = None
        self._feed()

    def stop(self) -> int:
        """Silence; returns where it was. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._line.clear()
        return (self._line.sent_ticks - self._began_at) % self._ticks

    def _feed(self) -> None:
        line = self._line
        end = min(self._ticks, self._next + round(PIECE_S * TICK_HZ))
        line.play(self._payload[self._next * line.bytes_per_tick : end * line.bytes_per_tick])
        self._next = end % self._ticks
        delay_s = max(0.0, line.queued_ticks / TICK_HZ - LEAD_S)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._feed)
