"""How transfers and waits in queues end in a test of a flow."""

from collections import Counter
from collections.abc import Mapping

from offhook.api.queued import Queued
from offhook.api.taken import TAKE_ENDS, TakeEnd, Taken
from offhook.flow_tools.case import Case
from offhook.queues.orders import QueueEnd
from offhook.testing.simulated_queue import TALK_S
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred

TAKEN, BACK = "taken", "back"
"""Somebody takes the call, and it is over for the bot; or they hang up, and the caller is back."""

TRANSFER_ENDS = (TAKEN, BACK, *(str(each) for each in TransferFailure))
QUEUE_ENDS = (TAKEN, BACK, *(str(each) for each in QueueEnd))


class Ends:
    """What becomes of the transfers and waits of one call: as its case says, in turn, or else they are taken, unless
    none is. Each talk takes TALK_S, so that a flow that goes in circles with nothing but talks comes to its end."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._times = Counter[tuple[str, str]]()

    def transfer(self, target: str) -> Transferred | TransferError | None:
        """The end of a transfer to this target; None: it is taken."""
        word = self._next("transfer", target, self._case.transfer_ends)
        if word == TAKEN:
            return None
        if word == BACK:
            return Transferred(target, "bridge", returned=True, talked_s=TALK_S)
        return TransferError(TransferFailure(word), f"{target[:60]} was not connected", "the test says so")

    def queue(self, name: str) -> Queued | None:
        """The end of a wait in this queue; None: an agent takes the call."""
        word = self._next("queue", name, self._case.queue_ends)
        if word == TAKEN:
            return None
        return Queued("agent") if word == BACK else Queued(end=QueueEnd(word))

    def take(self, name: str) -> Taken:
        """Who an agent takes from this queue: somebody where a wait in it would end with an agent, else nobody."""
        if not self._case.queue_ends.get(name):
            return Taken(end=TakeEnd.TIMEOUT)
        word = self._next("take", name, self._case.queue_ends)
        if word in (TAKEN, BACK):
            return Taken("caller", talked_s=TALK_S)
        return Taken(end=TAKE_ENDS.get(QueueEnd(word), TakeEnd.NOT_POSSIBLE))

    def _next(self, kind: str, name: str, ends: Mapping[str, tuple[str, ...]]) -> str:
        in_turn = ends.get(name) or (TAKEN if self._case.transfers else str(QueueEnd.NOT_POSSIBLE),)
        self._times[kind, name] += 1
        return in_turn[min(self._times[kind, name], len(in_turn)) - 1]
