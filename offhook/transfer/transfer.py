"""One transfer: events in, actions out, time as numbers. The table decides; here is what depends on mode and policy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from offhook.sip.transaction.machine import Machine
from offhook.transfer.outcome import (
    TransferError,
    TransferFailure,
    TransferMode,
    Transferred,
    failure_of,
)
from offhook.transfer.tables import FINAL, TRANSFER, TransferAction, TransferInput, TransferState, TransferTimer

CANNOT_REFER = frozenset({400, 403, 405, 420, 488, 501, 503, 603})
"""Answers to a REFER that say "not here" rather than "not them": `auto` calls the agent itself then."""

CANNOT_REFER_WHY = "the caller's side knows no REFER (its Allow does not have it)"
_CANNOT_CALL_WHY = "the bot cannot call anybody over this carrier"


@dataclass(frozen=True, slots=True)
class TransferPolicy:
    """How long is waited for what, and what silence means."""

    ring_s: float = 30.0
    briefing_s: float = 60.0
    notify_s: float = 10.0
    """For the first NOTIFY after a REFER was accepted."""
    silence_is_success: bool = True
    """What it means if none comes."""
    outcome_s: float = 90.0
    """For the last NOTIFY, after the first one."""
    replacement_s: float = 10.0
    """For the agent's phone to be taken over by a caller's side that has left us."""

    def durations(self) -> Mapping[str, float | None]:
        """Of each timer."""
        return {
            TransferTimer.SILENT_GOOD: self.notify_s if self.silence_is_success else None,
            TransferTimer.SILENT_BAD: None if self.silence_is_success else self.notify_s,
            TransferTimer.OUTCOME: self.outcome_s,
            TransferTimer.RING: self.ring_s,
            TransferTimer.BRIEFING: self.briefing_s,
            TransferTimer.REPLACEMENT: self.replacement_s,
        }


class Transfer:
    """`can_refer`: the caller's line knows REFER, and may be asked; else `refer_why` says why not. `can_call`: the bot
    can call the agent.

    Every input returns what to do at once, in order. After `REPORT` nothing more follows: `result` has the outcome, or
    the error, or is None if the caller has hung up.
    """

    def __init__(
        self,
        target: str,
        mode: TransferMode,
        *,
        can_refer: bool,
        can_call: bool,
        policy: TransferPolicy,
        refer_why: str = CANNOT_REFER_WHY,
    ) -> None:
        self.target = target
        self.mode = mode
        self._can_refer = can_refer
        self._can_call = can_call
        self._refer_why = refer_why
        self._machine: Machine[TransferState, TransferAction] = Machine(TRANSFER, policy.durations(), 0.0)
        self._by: Literal["refer", "replaces", "bridge"] = "refer"
        self._why = (TransferFailure.NOT_POSSIBLE, "", 0)
        self.agreed = False
        """Whether the agent is connected, or has agreed to be."""

    @property
    def state(self) -> TransferState:
        """Where it stands."""
        return self._machine.state

    @property
    def over(self) -> bool:
        """Whether nothing more follows."""
        return self.state in FINAL

    @property
    def result(self) -> Transferred | TransferError | None:
        """The outcome, once it is over."""
        match self.state:
            case TransferState.TRANSFERRED:
                return Transferred(self.target, self._by)
            case TransferState.RETURNED if self.agreed:
                return Transferred(self.target, self._by, returned=True)
            case TransferState.RETURNED:
                reason, why, status = self._why
                return TransferError(reason, f"the call was not transferred to {self.target}", why, status=status)
        return None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        return self._machine.get_timer()

    # --- inputs

    def announced(self, now: float) -> list[TransferAction]:
        """All that was said has been played."""
        wants_refer = self.mode == "refer" or (self.mode == "auto" and self._can_refer)
        if wants_refer and self._can_refer:
            return self._take(TransferInput.REFER, now)
        if wants_refer or not self._can_call:
            self._why = (
                TransferFailure.NOT_POSSIBLE,
                self._refer_why if self.mode == "refer" else _CANNOT_CALL_WHY,
                0,
            )
            return self._take(TransferInput.CANNOT, now)
        self._by = "bridge"
        return self._take(TransferInput.CALL, now)

    def refer_accepted(self, now: float, *, notifies: bool) -> list[TransferAction]:
        """2xx to the REFER."""
        return self._take(TransferInput.ACCEPTED if notifies else TransferInput.ACCEPTED_FOR_GOOD, now)

    def refer_refused(self, status: int, why: str, now: float) -> list[TransferAction]:
        """300 and more to the REFER, or nothing."""
        if self.state is TransferState.REFERRING:
            self._why = TransferFailure.REFUSED, f"the caller's side does not transfer calls: {status} {why}", status
        if self.mode == "auto" and self._can_call and status in CANNOT_REFER and not self.agreed:
            if self.state is TransferState.REFERRING:
                self._by = "bridge"
            return self._take(TransferInput.REFUSED_CALL, now)
        if self.state is TransferState.REPLACING:
            self._by = "bridge"
        return self._take(TransferInput.REFUSED, now)

    def refer_progress(self, status: int, why: str, now: float, *, is_last: bool) -> list[TransferAction]:
        """A NOTIFY."""
        if status < 200:
            return self._take(TransferInput.UNKNOWN if is_last else TransferInput.PROGRESS, now)
        if status < 300:
            return self._take(TransferInput.SUCCEEDED, now)
        if self.state in {TransferState.REPLACING, TransferState.REPLACED}:
            self._by = "bridge"
        else:
            self._failed(status, why)
        return self._take(TransferInput.FAILED, now)

    def agent_answered(self, now: float) -> list[TransferAction]:
        """2xx from the agent."""
        if self.mode == "attended":
            return self._take(TransferInput.ANSWERED_BRIEF, now)
        self.agreed = self.agreed or self.state is TransferState.CALLING
        return self._take(TransferInput.ANSWERED_BRIDGE, now)

    def agent_failed(self, status: int, why: str, now: float) -> list[TransferAction]:
        """The agent was not reached (300 to 699; 0: no answer to the INVITE)."""
        if self.state is TransferState.CALLING:
            self._failed(status, why)
        return self._take(TransferInput.AGENT_FAILED, now)

    def agent_gone(self, now: float) -> list[TransferAction]:
        """The agent's leg is over."""
        if self.state in {TransferState.CALLING, TransferState.BRIEFING}:
            self._why = TransferFailure.DECLINED, "they hung up", 0
        if self.state in {TransferState.REPLACING, TransferState.REPLACED}:
            self.agreed = False
            self._why = TransferFailure.UNREACHABLE, "they hung up", 0
        return self._take(TransferInput.AGENT_GONE, now)

    def agent_agreed(self, now: float) -> list[TransferAction]:
        """The agent takes the call."""
        if self.state is not TransferState.BRIEFING:
            return []
        self.agreed = True
        if self._can_refer:
            self._by = "replaces"
            return self._take(TransferInput.AGREED_REFER, now)
        return self._take(TransferInput.AGREED_BRIDGE, now)

    def agent_declined(self, why: str, now: float) -> list[TransferAction]:
        """The agent does not."""
        if self.state is TransferState.BRIEFING:
            self._why = TransferFailure.DECLINED, why, 0
        return self._take(TransferInput.DECLINED, now)

    def take_back(self, now: float) -> list[TransferAction]:
        """The bot wants the caller back; a REFER that was sent cannot be taken back."""
        if not self.agreed:
            self._why = TransferFailure.NOT_POSSIBLE, "the bot has taken the caller back", 0
        return self._take(TransferInput.TAKE_BACK, now)

    def caller_gone(self, now: float) -> list[TransferAction]:
        """The caller's leg is over."""
        return self._take(TransferInput.CALLER_GONE, now)

    def handle_timer(self, now: float) -> list[TransferAction]:
        """Run what is due."""
        actions: list[TransferAction] = []
        while (timer := self._machine.pop_due(now)) is not None:
            self._expired(TransferTimer(timer))
            actions += self._machine.handle(timer, now) or []
        return actions

    def dump(self, now: float) -> dict[str, object]:
        """As plain values."""
        at = self.get_timer()
        return {
            "target": self.target,
            "mode": self.mode,
            "state": self.state.value,
            "timer": self._machine.next_timer(),
            "timer_in_s": None if at is None else round(at - now, 3),
        }

    # --- inside

    def _take(self, given: TransferInput, now: float) -> list[TransferAction]:
        return self._machine.handle(given, now) or []

    def _failed(self, status: int, why: str) -> None:
        self._why = failure_of(status), f"{status} {why}".strip() if status else why or "it does not answer", status

    def _expired(self, timer: TransferTimer) -> None:
        if self.state is TransferState.REPLACED:
            self._by = "bridge"
        elif timer in {TransferTimer.RING, TransferTimer.OUTCOME, TransferTimer.BRIEFING, TransferTimer.SILENT_BAD}:
            self._why = TransferFailure.NO_ANSWER, "nobody took the call in time", 0
