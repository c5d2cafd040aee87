"""What a dialog does with its caller and somebody else: a transfer, or a wait in a queue."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from offhook.api.call import HANG_UP_WAIT_S, Call
from offhook.api.queued import Queued, QueueRequest
from offhook.api.queueing import Waiting
from offhook.api.taken import Taken, TakeRequest
from offhook.api.taking import Taking
from offhook.calls.call_log import CallLog
from offhook.calls.transfers import CallQueues, CallTransfers
from offhook.pipeline.session import Session
from offhook.settings.config import Config
from offhook.settings.queues import no_queue
from offhook.telephony.pcm import RATE_HZ
from offhook.transfer.outcome import Transferred
from offhook.transfer.request import TransferRequest


class WithOthers:
    """Of one call. `leave(reason)` ends it: the caller was given away for good."""

    def __init__(
        self,
        config: Config,
        call_log: CallLog,
        transfers: CallTransfers | None,
        queues: CallQueues | None,
        leave: Callable[[str], None],
    ) -> None:
        self._config = config
        self._call_log = call_log
        self._transfers = transfers
        self._queues = queues
        self._leave = leave
        self.transferring: asyncio.Task[None] | None = None
        """The task in which the caller is being given away; it runs on when the call ends."""

    @property
    def has_transfers(self) -> bool:
        """Whether the carrier can transfer the call."""
        return self._transfers is not None

    @property
    def has_queues(self) -> bool:
        """Whether the caller can wait for somebody."""
        return self._queues is not None

    async def transfer(self, session: Session, request: TransferRequest) -> Transferred | None:
        """Carry out a transfer once everything said has been played; None: the caller has hung up. Raises UserError,
        TransferError."""
        if self._transfers is None:
            return None
        transferring = self._transfers.transfer(request)
        # An announcement of any length is played to its end; a line that stalls does not hold the call.
        within_s = HANG_UP_WAIT_S + session.line.queued_ticks / RATE_HZ
        with suppress(TimeoutError):
            await asyncio.wait_for(session.drained(), within_s)
        self.transferring = asyncio.current_task()
        try:
            result = await transferring()
        finally:
            self.transferring = None
        if result is not None and result.by != "bridge":  # see `Conversation.talked`
            self._call_log.transferred(result)
        if result is not None and not result.returned:
            self._leave(f"transferred to {result.target}")
        return result

    async def queue(self, call: Call, request: QueueRequest) -> Queued:
        """Have the caller wait in a queue. Raises CallEnded; UserError if there is no such queue."""
        config = self._config
        if request.queue not in config.queues:
            raise no_queue(request.queue, list(config.queues))
        assert self._queues is not None, "the carrier has queues"
        offers = config.may_be_called(call.trunk)
        port, queue = self._queues.enter_queue(), config.queues[request.queue]
        log = self._call_log
        log.queued(request.queue)
        try:
            return await Waiting(call, port, queue, request, offers_call_back=offers, on_agent=log.with_agent).run()
        finally:
            log.queue_left()

    async def take(self, call: Call, request: TakeRequest) -> Taken:
        """Have an agent talk to the next caller of a queue. Raises CallEnded; UserError if there is no such queue."""
        config = self._config
        if request.queue not in config.queues:
            raise no_queue(request.queue, list(config.queues), "callers cannot be taken from")
        assert self._queues is not None, "the carrier has queues"
        if not call.answered:  # no caller may come to a call that its network ends as unanswered
            await call.answer()
        port, queue = self._queues.take_caller(), config.queues[request.queue]
        return await Taking(call, port, queue, request, longest_s=config.transfer.max_talk_s).run()

    def close(self) -> None:
        """The call is over: its carrier is released."""
        self._transfers = self._queues = None
        self._leave = _nothing


def _nothing(reason: str) -> None:
    """Callback of an ended call."""
