"""How a carrier connects a caller to somebody else, at once or after a wait."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from offhook.queues.port import QueuePort, TakePort
from offhook.transfer.outcome import Transferred
from offhook.transfer.request import TransferRequest

Transferring = Callable[[], Awaitable[Transferred | None]]
"""Connects the caller, once everything said has been played; None: the caller has hung up. Raises UserError when it
fails."""


class CallTransfers(Protocol):
    """The transfers of one call."""

    def transfer(self, request: TransferRequest) -> Transferring:
        """What carries it out. Raises UserError at once for what is not allowed or not possible."""


class CallQueues(Protocol):
    """The waits of one call."""

    def enter_queue(self) -> QueuePort:
        """A wait that has not begun; one that has is over."""

    def take_caller(self) -> TakePort:
        """The wait of an agent who has called in, likewise."""
