"""What a caller hears while the agent's phone rings."""

import asyncio
from typing import Literal

from offhook.calls.line import CallLine
from offhook.telephony import tones

LEVEL_DBFS = -24.0

_CADENCES: dict[str, tuple[tuple[float, ...], float, float]] = {
    "us": ((440.0, 480.0), 2.0, 4.0),  # ITU-T E.180 Sup. 2
    "europe": ((425.0,), 1.0, 4.0),
}
"""Frequencies, and seconds of tone and of silence."""


class RingingTone:
    """Played on the line from now on until `stop`."""

    def __init__(self, line: CallLine, kind: Literal["us", "europe", "none"]) -> None:
        self._line = line
        self._timer: asyncio.TimerHandle | None = None
        if kind in _CADENCES:
            frequencies, on_s, off_s = _CADENCES[kind]
            pcm = tones.tones(frequencies, 1000 * on_s, level_dbfs=LEVEL_DBFS, rate_hz=line.rate_hz)
            self._payload, self._period_s = line.encode(pcm), on_s + off_s
            self._ring()

    def stop(self) -> None:
        """Silence. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._line.clear()

    def _ring(self) -> None:
        self._line.play(self._payload)
        self._timer = asyncio.get_running_loop().call_later(self._period_s, self._ring)
