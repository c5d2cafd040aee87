"""Which queues of a bot are closed: people close them, and so do switches of the flows while they are on."""

from collections.abc import Mapping
from typing import Protocol

from offhook.settings.queues import QueueConfig


class FlowSwitches(Protocol):
    """The switches of the bot's flows."""

    def is_on(self, name: str) -> bool:
        """Whether one that is on or off is on. Raises UserError for an unknown name."""

    @property
    def ends_in_s(self) -> float | None:
        """After how many seconds the next setting ends by itself; None: none does."""


class QueueDoors:
    """Of all queues. What people have closed is theirs to open, whatever the switches are."""

    def __init__(self, queues: Mapping[str, QueueConfig], switches: FlowSwitches) -> None:
        self._queues = queues
        self._switches = switches
        self._shut: set[str] = set()

    @property
    def shut(self) -> tuple[str, ...]:
        """Those that people have closed."""
        return tuple(name for name in self._queues if name in self._shut)

    def set(self, name: str, *, closed: bool) -> None:
        """People close one, or open it again."""
        (self._shut.add if closed else self._shut.discard)(name)

    def closed_by(self, name: str) -> list[str]:
        """The switches that keep one closed now."""
        return [each for each in self._queues[name].closed_by if self._switches.is_on(each)]

    def is_closed(self, name: str) -> bool:
        """Whether one is closed now, by whatever."""
        return name in self._shut or bool(self.closed_by(name))

    @property
    def look_again_in_s(self) -> float | None:
        """When that may change though nobody does anything; None: never."""
        return self._switches.ends_in_s if any(queue.closed_by for queue in self._queues.values()) else None
