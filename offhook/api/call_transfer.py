"""Others that the caller is connected to: the part of `Call` that transfers, and has callers wait in queues."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from offhook.api.call_ended import CallEnded
from offhook.api.call_speech import CallSpeech
from offhook.api.queued import Queued, QueueRequest
from offhook.transfer.outcome import TransferMode, Transferred
from offhook.transfer.request import Brief, TransferRequest
from offhook.usererror import UserError


class CallTransfer(CallSpeech):
    """What is declared here belongs to the call."""

    _on_transfer: Callable[[TransferRequest], Awaitable[Transferred | None]] | None
    _on_queue: Callable[[Any, QueueRequest], Awaitable[Queued]] | None  # it gets the Call

    async def transfer(  # noqa: PLR0913  # each is one property of a transfer
        self,
        target: str,
        *,
        mode: TransferMode | None = None,
        summary: str = "",
        brief: Brief | None = None,
        user_to_user: str | None = None,
        headers: Mapping[str, str] | None = None,
        ring_s: float | None = None,
        return_key: str | None = None,
        limit_s: float | None = None,
    ) -> Transferred:
        """Connect the caller to `target` once everything said has been played, and usually leave the call.

        `target` is a name of `[transfer.targets]`, or a number or SIP address that the settings allow. `mode` is one of
        MODES (None: the trunk's, or `transfer.mode`). With `attended` the agent is called first and hears `summary`,
        and a key or a word says whether they take the call; `brief(agent)`, which gets a Call of its own with the
        agent, does that in another way and returns whether they do. `user_to_user` (as "41;encoding=hex") and
        `headers` reach the agent. `ring_s`: how long their phone rings. `return_key`: a key by which either brings the
        caller back from a bridge; `limit_s`: after how long it ends by itself.

        A call that is not answered yet is answered when the agent does (a bridge: until then the caller hears what
        their network sends), or before anything else where the mode is `refer` or `attended`.

        Returns when the transfer is over: `returned` says whether the caller is with the bot again (the agent has hung
        up a bridge). If not, nothing more can be said, but the dialog runs on. Raises TransferError, and the call goes
        on, with the reason: busy, no answer, declined … CallEnded if the caller hangs up before that. UserError if the
        call cannot be transferred at all.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_transfer is None:
            raise UserError(
                "this call cannot be transferred",
                "its carrier has no transfers",
                "await call.hangup(), or have the call come over SIP or Twilio",
            )
        result = await self._on_transfer(
            TransferRequest(
                target,
                mode,
                summary,
                brief,
                user_to_user,
                tuple((headers or {}).items()),
                ring_s,
                return_key,
                self._language,
                limit_s,
            )
        )
        if result is None:
            raise CallEnded
        self.hung_up = not result.returned
        return result

    async def queue(self, name: str, *, summary: str = "", priority: int = 0, ticket: str = "") -> Queued:
        """Have the caller wait in a queue of the settings (`[queues.NAME]`) until an agent takes the call, who hears
        `summary` first. Callers with a higher `priority` come before the others. `ticket`: this is a call-back.

        Returns when the agent has hung up, or with the reason (`end`) when the wait has ended otherwise. Raises
        CallEnded; UserError if there is no such queue, or the call can wait in none.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_queue is None:
            what, why = "this call cannot wait in a queue", "its carrier has no transfers by the bot"
            raise UserError(what, why, "await call.transfer(…), or have the call come over SIP")
        return await self.until_ended(self._on_queue(self, QueueRequest(name, summary, priority, ticket)))
