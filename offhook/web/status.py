"""What HTTP needs from the rest: health, readiness, metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Readiness(StrEnum):
    """Whether calls can come in."""

    READY = "ready"
    STARTING = "starting"
    DRAINING = "draining"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ReadyStatus:
    """`why` is for people, `details` (calls, capacity …) for programs; neither says anything about callers."""

    state: Readiness
    why: str = ""
    details: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """`alive` false: restart the process. `loop_lag_s`: how late the event loop has been."""

    alive: bool
    why: str = ""
    loop_lag_s: float = 0.0


class StatusSource(Protocol):
    """Answers on the event loop, `health` and `ready` from memory."""

    def health(self) -> HealthStatus:
        """For `/healthz`."""

    def ready(self) -> ReadyStatus:
        """For `/readyz`."""

    async def metrics(self) -> bytes:
        """For `/metrics`: the Prometheus text format (`Metrics.render`)."""
