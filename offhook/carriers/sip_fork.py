"""Rings several phones for a caller at the same time: who answers first has the call.

Each rings by a transfer that bridges (`SipTransfer`); at the first answer the others are withdrawn. The caller hears
the ringing tone until both are joined.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from offhook.calls.conversation import Conversation
from offhook.calls.ringing_tone import RingingTone
from offhook.carriers.sip_transfer import ReferEvent, SipTransfer
from offhook.settings.transfer import TransferConfig
from offhook.sip.commands import CommandFailed
from offhook.transfer.outcome import TransferError, Transferred, worst_of
from offhook.transfer.request import TransferRequest
from offhook.transfer.targets import Target


@dataclass(frozen=True, slots=True)
class _Ring:
    """The Waiter of one phone."""

    fork: "SipFork"
    target: Target

    def agent_answered(self) -> None:
        self.fork.answered(self.target)

    def joining(self) -> None:
        self.fork.joining()


class SipFork:
    """One transfer of a caller to the first of several; `new_transfer` has a phone ring."""

    def __init__(
        self,
        conversation: Conversation,
        request: TransferRequest,
        targets: Sequence[Target],
        settings: TransferConfig,
        new_transfer: Callable[[TransferRequest, Target], SipTransfer],
    ) -> None:
        self._conversation = conversation
        self._settings = settings
        self._tone: RingingTone | None = None
        single = replace(request, mode="bridge", also=())
        self._rings = {
            target: new_transfer(replace(single, target=target.name, waiter=_Ring(self, target)), target)
            for target in targets
        }

    @property
    def over(self) -> bool:
        """Whether it is."""
        return all(ring.over for ring in self._rings.values())

    async def run(self) -> Transferred | None:
        """To its end. None: the caller has hung up. Raises TransferError."""
        self._conversation.suspend(True)
        line = self._conversation.line
        if line is not None:
            self._tone = RingingTone(line, self._settings.ringing_tone)
        try:
            ends = await asyncio.gather(*(ring.run() for ring in self._rings.values()), return_exceptions=True)
        finally:
            self._stop_tone()
        self._rings.clear()  # which have us
        failed = [each for each in ends if isinstance(each, TransferError)]
        if len(failed) == len(ends):
            self._conversation.suspend(False)
            raise worst_of(failed).again()
        for each in ends:
            if isinstance(each, BaseException) and not isinstance(each, TransferError):
                raise each
            if isinstance(each, Transferred):
                self._conversation.suspend(False)
                return each
        return None

    def caller_gone(self) -> str | None:
        """The caller's leg is over."""
        for ring in self._rings.values():
            ring.caller_gone()
        self._rings.clear()
        return None

    def on_event(self, event: ReferEvent) -> None:
        """Nobody is referred anywhere."""

    def command_failed(self, failed: CommandFailed) -> None:
        """Nobody is referred anywhere."""

    def dump(self) -> dict[str, object]:
        """As plain values."""
        return {"rings": [ring.dump() for ring in self._rings.values()]}

    # --- from the phones

    def answered(self, target: Target) -> None:
        """The first one has the call."""
        for other, ring in self._rings.items():
            if other != target:
                ring.withdraw()

    def joining(self) -> None:
        """Both are about to be connected."""
        self._stop_tone()

    # --- inside

    def _stop_tone(self) -> None:
        if self._tone is not None:
            self._tone.stop()
            self._tone = None
