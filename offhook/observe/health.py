"""Health and readiness of a bot, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Readiness(StrEnum):
    """Whether new calls are accepted."""

    READY = "ready"
    STARTING = "starting"
    DRAINING = "draining"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ReadyStatus:
    """`why` is for people, `details` (calls, capacity …) for programs. Neither reveals anything about callers."""

    state: Readiness
    why: str = ""
    details: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """`alive` false: the process should be restarted. `loop_lag_s`: how late the event loop has been lately."""

    alive: bool
    why: str = ""
    loop_lag_s: float = 0.0


class StatusSource(Protocol):
    """The bot, as the HTTP side sees it. Called on the event loop; `health` and `ready` must not block."""

    def health(self) -> HealthStatus:
        """For `/healthz`."""

    def ready(self) -> ReadyStatus:
        """For `/readyz`."""

    async def metrics(self) -> bytes:
        """For `/metrics`: the Prometheus text format (`Metrics.render`)."""
