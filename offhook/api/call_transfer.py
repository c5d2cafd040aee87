"""Others that the caller is connected to: the part of `Call` that transfers, and has callers wait in queues."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from offhook.api.call_ended import CallEnded
from offhook.api.call_speech import CallSpeech
from offhook.api.queued import Queued, QueueRequest, WhileWaiting
from offhook.api.taken import Taken, TakeRequest
from offhook.pipeline.closed import ignore
from offhook.transfer.outcome import TransferError, TransferMode, Transferred
from offhook.transfer.request import Brief, TransferRequest
from offhook.usererror import UserError


class CallTransfer(CallSpeech):
    """What is declared here belongs to the call."""

    _on_transfer: Callable[[TransferRequest], Awaitable[Transferred | None]] | None
    _on_queue: Callable[[Any, QueueRequest], Awaitable[Queued]] | None  # it gets the Call
    _on_take: Callable[[Any, TakeRequest], Awaitable[Taken]] | None  # likewise

    async def transfer(  # noqa: PLR0913  # each is one property of a transfer
        self,
        target: str | Sequence[str],
        *,
        mode: TransferMode | None = None,
        summary: str = "",
        brief: Brief | None = None,
        user_to_user: str | None = None,
        headers: Mapping[str, str] | None = None,
        ring_s: float | None = None,
        return_key: str | None = None,
        limit_s: float | None = None,
        on_call: Callable[[str], None] | None = None,
        on_ringing: Callable[[str], None] | None = None,
        on_answer: Callable[[str], None] | None = None,
        on_failure: Callable[[str, TransferError], None] | None = None,
    ) -> Transferred:
        """Connect the caller to `target` once everything said has been played, and usually leave the call.

        `target` is a name of `[transfer.targets]`, or a number or SIP address that the settings allow. Of several, all
        ring at the same time, and who answers first has the caller, by a bridge, with neither `summary` nor `brief`.
        `mode` is one of MODES (None: the trunk's, or `transfer.mode`). With `attended` the agent is called first and
        hears `summary`, and a key or a word says whether they take the call; `brief(agent)`, which gets a Call of its
        own with the agent, does that in another way and returns whether they do. `user_to_user` (as "41;encoding=hex")
        and `headers` reach the agent. `ring_s`: how long their phone rings. `return_key`: a key by which either brings
        the caller back from a bridge; `limit_s`: after how long it ends by itself.
        `on_call` is called with each target that the bot calls, `on_ringing` with each whose phone rings, as far as its
        network says so, `on_answer` with the one that answers, and `on_failure` with each that may not be called, or
        does not take the call, and why.

        A call that is not answered yet is answered when the agent does (a bridge: until then the caller hears what
        their network sends), or before anything else where the mode is `refer` or `attended`.

        Returns when the transfer is over: `returned` says whether the caller is with the bot again (the agent has hung
        up a bridge). If not, nothing more can be said, but the dialog runs on. Raises TransferError, and the call goes
        on, with the reason: busy, no answer, declined … CallEnded if the caller hangs up before that. UserError if the
        call cannot be transferred at all.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        first, *also = _targets(target, mode, summary, brief)
        if self._on_transfer is None:
            raise UserError(
                "this call cannot be transferred",
                "its carrier has no transfers",
                "await call.hangup(), or have the call come over SIP or Twilio",
            )
        result = await self._on_transfer(
            TransferRequest(
                first,
                mode,
                summary,
                brief,
                user_to_user,
                tuple((headers or {}).items()),
                ring_s,
                return_key,
                self._language,
                limit_s,
                tuple(also),
                on_call,
                on_ringing,
                on_answer,
                on_failure,
            )
        )
        if result is None:
            raise CallEnded
        self.hung_up = not result.returned
        return result

    async def queue(
        self,
        name: str,
        *,
        summary: str = "",
        priority: int = 0,
        ticket: str = "",
        on_agent: Callable[[str], None] = ignore,
        while_waiting: WhileWaiting | None = None,
    ) -> Queued:
        """Have the caller wait in a queue of the settings (`[queues.NAME]`) until an agent takes the call, who hears
        `summary` first. Callers with a higher `priority` come before the others. `ticket`: this is a call-back.
        `on_agent` is called with the agent who talks to the caller, and with an empty text where they wait again.
        `while_waiting(wait)` is a coroutine function that says, plays and asks what the caller hears, in place of the
        queue's music, announcements and keys. It is begun again when it has returned, and cancelled, in mid-word too,
        when an agent has answered. Its Wait says where the caller stands, and `wait.leave()` has them leave.

        Returns when the agent has hung up, or with the reason (`end`) when the wait has ended otherwise. Raises
        CallEnded; UserError if there is no such queue, or the call can wait in none.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_queue is None:
            what, why = "this call cannot wait in a queue", "its carrier has no transfers by the bot"
            raise UserError(what, why, "await call.transfer(…), or have the call come over SIP")
        request = QueueRequest(name, summary, priority, ticket, on_agent, while_waiting)
        return await self.until_ended(self._on_queue(self, request))

    async def take(
        self,
        name: str,
        *,
        wait_s: float | None = None,
        limit_s: float | None = None,
        return_key: str | None = None,
        on_caller: Callable[[str], None] = ignore,
    ) -> Taken:
        """Connect an agent, who is in this call, to the next caller of a queue of the settings, by priority and then
        arrival. While nobody waits there they hear the queue's music, for `wait_s` at most (None: the queue's
        `max_wait_s`), and what the caller's side has as a `summary` before both are connected. The talk takes `limit_s`
        at most, and a key of the agent, `return_key`, ends the wait, and the talk. `on_caller` is called with the
        record of the caller when the talk begins.

        Returns when the talk is over (a caller who is still there is with their own dialog again, as when an agent has
        hung up), or with the reason (`end`) when the wait has ended without one. Raises CallEnded if the agent hangs
        up; UserError if there is no such queue, or the call can take callers from none.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_take is None:
            what, why = "this call cannot take callers from a queue", "its carrier has no transfers by the bot"
            raise UserError(what, why, "have the call come over SIP")
        return await self.until_ended(self._on_take(self, TakeRequest(name, wait_s, limit_s, return_key, on_caller)))


def _targets(
    target: str | Sequence[str], mode: TransferMode | None, summary: str, brief: Brief | None
) -> Sequence[str]:
    """At least one. Raises UserError for none, and for what several cannot be asked."""
    if isinstance(target, str):
        return (target,)
    if not target:
        raise UserError("the call is transferred to nobody", "the list of targets is empty", 'call.transfer(["desk"])')
    if len(target) > 1 and (mode in ("refer", "attended") or summary or brief is not None):
        raise UserError(
            "several cannot be rung like this",
            "who answers first has the caller at once, by a bridge: nobody is asked, or hears a summary",
            'leave out `mode`, `summary` and `brief`; or call.queue(…), with `strategy = "ring_all"`, says a summary',
        )
    return target
