"""A circuit breaker for one engine, shared by all calls of a node. Pure.

Theory of operation. Closed: the engine is used. After FAILURES failures in a row within WINDOW_S, whichever calls and
processes they happened in, it opens: the engine is passed over for HOLD_S. Then it is half open: one call at a time
probes the engine, beside the next one of its chain, so that no caller waits for the outcome. A probe that succeeds
closes the breaker, one that fails opens it for twice as long. What else ends meanwhile, started before it opened,
changes nothing: a storm of failures opens it once.
"""

from enum import StrEnum

from offhook.pipeline.chain.table import FAILURES, Cell, EngineRows

WINDOW_S = 60.0
HOLD_S = 10.0
MAX_HOLD_S = 300.0
PROBE_S = 5.0
"""A probe without an outcome after this time no longer keeps others from probing: its process may be gone."""


class BreakerState(StrEnum):
    """`PROBED`: half open, and a call is probing the engine."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    PROBED = "probed"


class Breaker:
    """The breaker of one engine. `now` is monotonic seconds."""

    def __init__(self, rows: EngineRows) -> None:
        self._rows = rows

    def state(self, now: float) -> BreakerState:
        """Whether the engine may be used."""
        opened_at, trips = self._opened()
        if not trips:
            return BreakerState.CLOSED
        if now < opened_at + _hold_s(trips):
            return BreakerState.OPEN
        probed_at = max(self._rows.all(Cell.PROBED_AT))
        is_probed = probed_at > opened_at and now < probed_at + PROBE_S
        return BreakerState.PROBED if is_probed else BreakerState.HALF_OPEN

    def reopens_at(self) -> float:
        """When the engine may be probed again; 0 for a closed breaker."""
        opened_at, trips = self._opened()
        return opened_at + _hold_s(trips) if trips else 0.0

    def probe(self, now: float) -> None:
        """A call begins to probe the engine."""
        self._rows.set(Cell.PROBED_AT, now)

    def withdraw(self) -> None:
        """The probe ended without an outcome, for example because its call did."""
        self._rows.set(Cell.PROBED_AT, 0.0)

    def succeeded(self, now: float, *, probe: bool = False) -> None:
        """The engine answered."""
        if probe or not self._opened()[1]:
            self._rows.set(Cell.SUCCEEDED_AT, now)

    def failed(self, now: float, *, probe: bool = False) -> None:
        """The engine failed, or did not answer in time."""
        _, trips = self._opened()
        if trips and not probe:
            return
        if trips:
            self._open(now, trips + 1)
            return
        cells = range(Cell.FAILED_AT, Cell.FAILED_AT + FAILURES)
        self._rows.set(min(cells, key=self._rows.get), now)
        since = max(now - WINDOW_S, *self._rows.all(Cell.SUCCEEDED_AT))
        if sum(at > since for cell in cells for at in self._rows.all(cell)) >= FAILURES:
            self._open(now, 1)

    def _open(self, now: float, trips: int) -> None:
        self._rows.set(Cell.TRIPS, trips)
        self._rows.set(Cell.OPENED_AT, now)

    def _opened(self) -> tuple[float, int]:
        """When it opened last, and how often since the last success; (0, 0) if it is closed."""
        succeeded_at = max(self._rows.all(Cell.SUCCEEDED_AT))
        opened = zip(self._rows.all(Cell.OPENED_AT), self._rows.all(Cell.TRIPS), strict=True)
        opened_at, trips = max(opened)
        return (opened_at, int(trips)) if opened_at > succeeded_at else (0.0, 0)


def _hold_s(trips: int) -> float:
    return min(MAX_HOLD_S, HOLD_S * 2.0 ** min(trips - 1, 30))
