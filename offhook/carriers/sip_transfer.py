"""Carries out a transfer of a call over SIP: what `Transfer` decides, with the caller's dialog and the agent's leg."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from offhook.api.call import Call
from offhook.calls.bridge import Bridge, OneWay
from offhook.calls.conversation import Conversation
from offhook.calls.ringing_tone import RingingTone
from offhook.carriers.place_call import LegWanted
from offhook.carriers.sip_leg import AgentLeg, LegOwner
from offhook.records import EndedBy
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig
from offhook.sip.commands import Command, CommandFailed
from offhook.sip.refer.commands import Refer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferRefused
from offhook.transfer.outcome import TransferError, TransferFailure, TransferMode, Transferred
from offhook.transfer.request import TransferRequest
from offhook.transfer.tables import TransferAction, TransferState
from offhook.transfer.targets import Target
from offhook.transfer.transfer import CANNOT_REFER_WHY, Transfer, TransferPolicy

ReferEvent = ReferAccepted | ReferRefused | ReferProgress

RING_MARGIN_S = 5.0

LAST_MEDIA_S = 0.2
"""How long what one phone has sent may still arrive when another one rings."""

ATTEMPTS = 2
"""How often an agent is asked who says nothing that can be understood."""


class CallerSide(Protocol):
    """The call that is transferred."""

    handle: str

    @property
    def conversation(self) -> Conversation:
        """The caller's."""

    def do(self, command: Command) -> None:
        """Have the user agent execute it."""

    def new_leg(self, owner: LegOwner) -> AgentLeg:
        """A leg for the agent."""

    def leg_wanted(self, to: str, headers: tuple[tuple[str, str], ...]) -> LegWanted:
        """What has it placed."""


class SipTransfer:
    """One transfer. `host` is where numbers are: the trunk's host, else the caller's."""

    def __init__(
        self, caller: CallerSide, request: TransferRequest, target: Target, config: Config, host: str, *, trunk: str,
        can_refer: bool,
    ) -> None:  # fmt: skip
        settings = config.transfer
        self._trunk: TrunkConfig | None = config.trunks.get(trunk)
        mode: TransferMode = request.mode or (self._trunk.transfer if self._trunk else None) or settings.mode
        self._caller = caller
        self._request = request
        self._settings = settings
        self._target = target
        self._uri = target.uri(host)
        is_never_asked = self._trunk is not None and self._trunk.transfer == "bridge"
        self._transfer = Transfer(
            target.name,
            mode,
            # RFC 3515 §2.4.1: a dialog that is not confirmed is not referred anywhere.
            can_refer=can_refer
            and not is_never_asked
            and request.waiter is None
            and (caller.conversation.answered or mode != "auto"),
            refer_why=f'`transfer = "bridge"` below `[trunks.{trunk}]`' if is_never_asked else CANNOT_REFER_WHY,
            can_call=True,
            policy=TransferPolicy(
                ring_s=request.ring_s or settings.ring_s,
                notify_s=settings.notify_s,
                silence_is_success=settings.unnotified == "success",
            ),
        )
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._leg: AgentLeg | None = None
        self._bridge: Bridge | None = None
        self._bridged_at: float | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._tone: RingingTone | None = None
        self._early: OneWay | None = None
        self._private: Conversation | None = None
        self._withdrawn = False
        self._rang = False
        self._done: asyncio.Future[Transferred | TransferError | None] = self._loop.create_future()

    @property
    def over(self) -> bool:
        """Whether it is."""
        return self._transfer.over

    async def run(self) -> Transferred | None:
        """To its end. None: the caller has hung up. Raises TransferError."""
        early = self._caller.conversation.early
        if early is not None and self._transfer.mode in ("refer", "attended"):
            await early.answer()
        if not self._done.done():
            self._run(self._transfer.announced(self._now()))
        result = await asyncio.shield(self._done)
        if isinstance(result, TransferError):
            raise result.again()
        if result is None or self._bridged_at is None:
            return result
        return replace(result, talked_s=self._now() - self._bridged_at)

    # --- from the caller's dialog

    def on_event(self, event: ReferEvent) -> None:
        """What became of the REFER."""
        match event:
            case ReferAccepted(notifies=notifies):
                self._run(self._transfer.refer_accepted(self._now(), notifies=notifies))
            case ReferRefused(status=status, reason=reason):
                self._run(self._transfer.refer_refused(status, reason, self._now()))
            case ReferProgress(status=status, reason=reason, is_last=is_last):
                self._run(self._transfer.refer_progress(status, reason, self._now(), is_last=is_last))

    def command_failed(self, failed: CommandFailed) -> None:
        """The REFER could not be sent."""
        if isinstance(failed.command, Refer):
            self._run(self._transfer.refer_refused(503, failed.why, self._now()))

    def caller_gone(self) -> str | None:
        """The caller's leg is over. Returns why, if that is the transfer's doing."""
        self._run(self._transfer.caller_gone(self._now()))
        if self._transfer.state is TransferState.ALONE and not self._done.done():
            # What is left is the agent's side; the dialog need not wait for it.
            self._done.set_result(Transferred(self._target.name, "replaces"))
        left = self._transfer.state in {TransferState.TRANSFERRED, TransferState.ALONE}
        return f"transferred to {self._target.name}" if left else None

    # --- from the agent's leg

    def agent_rings(self) -> None:
        """See LegOwner."""
        if self._request.on_ringing is not None and not self._rang and self._transfer.state is TransferState.CALLING:
            self._rang = True
            self._request.on_ringing(self._target.name)

    def agent_has_early_media(self) -> None:
        """See LegOwner. The caller hears it, unless the bot asks the agent first."""
        line = None if self._leg is None or self._leg.conversation is None else self._leg.conversation.line
        caller = self._caller.conversation.line
        if line is None or caller is None or self._transfer.mode == "attended" or self._early is not None:
            return
        if self._transfer.state is not TransferState.CALLING or self._request.waiter is not None:
            return
        self._share_privacy()
        # Many networks announce early media, and send none until the answer.
        self._early = OneWay(line, caller, on_first=self._stop_tone)

    def agent_forwarded(self) -> None:
        """See LegOwner. The caller hears the ringing tone again, until more comes."""
        if self._early is None:
            return
        self._stop_early()
        self._stop_tone()
        self._begin_tone()
        self._loop.call_later(LAST_MEDIA_S, self.agent_has_early_media)

    def agent_answered(self) -> None:
        """See LegOwner."""
        if self._request.waiter is not None and self._transfer.state is TransferState.CALLING:
            self._request.waiter.agent_answered()
        if self._request.on_answer is not None and self._transfer.state is TransferState.CALLING:
            self._request.on_answer(self._target.name)
        self._run(self._transfer.agent_answered(self._now()))

    def agent_failed(self, status: int, why: str) -> None:
        """See LegOwner."""
        self._leg = None
        self._run(self._transfer.agent_failed(status, why, self._now()))

    def agent_gone(self) -> None:
        """See LegOwner."""
        self._leg = None
        self._run(self._transfer.agent_gone(self._now()))

    def agent_decided(self, agrees: bool, why: str) -> None:
        """See LegOwner."""
        now = self._now()
        self._run(self._transfer.agent_agreed(now) if agrees else self._transfer.agent_declined(why, now))

    def withdraw(self) -> None:
        """The agent is to ring, or to talk to the caller, no longer."""
        self._withdrawn = True
        self._run(self._transfer.take_back(self._now()))

    def dump(self) -> dict[str, object]:
        """As plain values."""
        return self._transfer.dump(self._now())

    # --- actions

    def _run(self, actions: list[TransferAction]) -> None:
        for action in actions:
            _ACTIONS[action](self)
        if self._timer is not None:
            self._timer.cancel()
        due = self._transfer.get_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._run(self._transfer.handle_timer(self._now()))

    def _send_refer(self) -> None:
        self._wait_silently()
        self._caller.do(Refer(self._caller.handle, self._uri, target_headers=self._request.target_headers))

    def _send_replaces(self) -> None:
        assert self._leg is not None, "the agent has agreed"
        headers = self._request.target_headers
        self._caller.do(Refer(self._caller.handle, "", replaces=self._leg.handle, target_headers=headers))

    def _call_agent(self) -> None:
        self._wait_silently()
        self._begin_tone()
        self._leg = self._caller.new_leg(self)
        if self._request.on_call is not None:
            self._request.on_call(self._target.name)
        wanted = self._caller.leg_wanted(self._target.address, self._request.target_headers)
        # The transfer gives up first, by its own timer.
        ring_s = (self._request.ring_s or self._settings.ring_s) + RING_MARGIN_S
        self._leg.invite(replace(wanted, ring_s=ring_s))

    def _brief_agent(self) -> None:
        assert self._leg is not None, "the agent has answered"
        self._leg.brief(self._request.brief or self._ask_agent)

    def _connect(self) -> None:
        leg, caller = self._leg, self._caller.conversation
        assert leg is not None and leg.conversation is not None, "the agent has answered"
        self._stop_tone()
        self._stop_early()
        self._share_privacy()
        if self._request.waiter is not None:
            self._request.waiter.joining()
        if caller.early is not None:
            caller.early.begin_answer()
        leg.conversation.suspend(True)
        if caller.line is not None and leg.conversation.line is not None:
            self._bridge = Bridge(caller.line, leg.conversation.line, self._on_key)
            caller.log.info("bridged", agent=leg.conversation.id, to=self._target.name)
        self._bridged_at = self._now()
        limit_s, longest_s = self._request.limit_s, self._settings.max_talk_s
        self._limit = self._loop.call_later(longest_s if limit_s is None else min(limit_s, longest_s), self._take_back)

    def _disconnect(self) -> None:
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None
        if self._limit is not None:
            self._limit.cancel()

    def _release_agent(self) -> None:
        leg, self._leg = self._leg, None
        if leg is not None:
            result = self._transfer.result
            unanswered = isinstance(result, TransferError) and result.reason is TransferFailure.NO_ANSWER
            leg.release(unanswered=unanswered)

    def _release_caller(self) -> None:
        self._caller.conversation.hang_up(EndedBy.BOT, f"transferred to {self._target.name}")

    def _report(self) -> None:
        self._stop_tone()
        self._stop_early()
        self._stop_sharing()
        result = self._transfer.result
        caller = self._caller.conversation
        is_back = isinstance(result, TransferError) or (result is not None and result.returned)
        if is_back and self._request.waiter is None:
            caller.suspend(False)
        why = result.problems[0].why if isinstance(result, TransferError) else ""
        caller.log.info("transfer over", to=self._target.name, state=self._transfer.state.value, why=why)
        if isinstance(result, TransferError) and not self._withdrawn and self._request.on_failure is not None:
            self._request.on_failure(self._target.name, result)
        if self._bridged_at is not None:
            talked_s = self._now() - self._bridged_at
            caller.talked(Transferred(self._target.name, "bridge", returned=is_back, talked_s=talked_s))
        if not self._done.done():
            self._done.set_result(result)

    # --- inside

    def _now(self) -> float:
        return self._loop.time()

    def _wait_silently(self) -> None:
        """The caller waits for the agent, and nothing of the dialog times out."""
        if self._request.waiter is None:
            self._caller.conversation.suspend(True)

    def _share_privacy(self) -> None:
        """What must not be in the caller's recording must not be in the leg's: both have both sides."""
        leg, caller = self._leg, self._caller.conversation
        if self._private is None and leg is not None and leg.conversation is not None:
            self._private = leg.conversation
            self._private.privacy.withhold(False)  # the caller decides
            caller.privacy.listeners.append(self._private.privacy.follow)
            self._private.privacy.follow(caller.privacy.on)

    def _stop_sharing(self) -> None:
        if self._private is not None:
            self._caller.conversation.privacy.listeners.remove(self._private.privacy.follow)
            self._private = None

    def _stop_early(self) -> None:
        if self._early is not None:
            self._early.close()
            self._early = None

    def _begin_tone(self) -> None:
        line = self._caller.conversation.line
        if line is not None and self._request.waiter is None:
            self._tone = RingingTone(line, self._settings.ringing_tone)

    def _stop_tone(self) -> None:
        if self._tone is not None:
            self._tone.stop()
            self._tone = None

    def _on_key(self, key: str) -> bool:
        if key != self._request.return_key:
            return False
        self._loop.call_soon(self._take_back)
        return True

    def _take_back(self) -> None:
        self._run(self._transfer.take_back(self._now()))

    async def _ask_agent(self, agent: Call) -> bool:
        """Say the summary, and ask whether they take the call."""
        if self._request.language is not None:
            agent.language = self._request.language
        text = f"{self._request.summary} {self._settings.offer_prompt}".strip()
        for _ in range(ATTEMPTS):
            answer = await agent.ask(text, choices=_CHOICES, keys=_KEYS)
            if answer.choice is not None:
                return answer.choice == "yes"
            text = self._settings.offer_prompt
        return False


_ACTIONS: Mapping[TransferAction, Callable[[SipTransfer], None]] = {
    TransferAction.SEND_REFER: SipTransfer._send_refer,
    TransferAction.SEND_REPLACES: SipTransfer._send_replaces,
    TransferAction.CALL_AGENT: SipTransfer._call_agent,
    TransferAction.BRIEF_AGENT: SipTransfer._brief_agent,
    TransferAction.BRIDGE: SipTransfer._connect,
    TransferAction.UNBRIDGE: SipTransfer._disconnect,
    TransferAction.RELEASE_AGENT: SipTransfer._release_agent,
    TransferAction.RELEASE_CALLER: SipTransfer._release_caller,
    TransferAction.REPORT: SipTransfer._report,
}
_CHOICES = {"yes": ("yes", "yes please", "okay", "sure", "put them through"), "no": ("no", "no thanks", "not now")}
_KEYS = {"1": "yes", "2": "no"}


def not_possible(why: str) -> TransferError:
    """For a call that cannot be transferred now."""
    return TransferError(TransferFailure.NOT_POSSIBLE, "this call cannot be transferred now", why)
