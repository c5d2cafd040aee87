"""Refreshes a call's session in time, or ends it: RFC 4028.

Theory of operation. Each 2xx to an INVITE or UPDATE, from either side, agrees anew on an interval and on who refreshes.
If that is us, an UPDATE without a body is sent at half of the interval; a re-INVITE with the description that is valid
anyway to a far end that does not take UPDATE. Where no refresh comes through, ours or theirs, the call ends shortly
before the interval does: the far end, or the way to it, is gone.
"""

from enum import StrEnum
from typing import Any, Protocol

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog
from offhook.sip.dialog.session_interval import Interval, add_request_fields, interval_of_2xx
from offhook.sip.dialog.session_tables import (
    SESSION,
    SessionAction,
    SessionInput,
    SessionState,
    session_durations,
)
from offhook.sip.dialog.tables import CallInput
from offhook.sip.message.message import Request, Response
from offhook.sip.methods import ALLOW
from offhook.sip.policy import DialogPolicy
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.machine import Machine


class Refreshed(Protocol):
    """The call whose session is refreshed: the part of `InviteUsage` that is needed here."""

    core: UserAgentCore[Any]
    dialog: Dialog | None
    policy: DialogPolicy
    takes_update: bool

    @property
    def sender(self) -> Sender:
        """Who our requests in the call are from."""

    def learn(self, message: Request | Response) -> None:
        """What the far end's message says that it can."""

    def handle(self, given: StrEnum, now: float) -> bool:
        """An input of the call's own table."""

    def reschedule(self, now: float) -> None:
        """A timer has changed."""

    def reinvite_unchanged(self, now: float) -> bool:
        """Send a re-INVITE that changes nothing; False: it cannot be sent now."""


class SessionTimer:
    """The session of one call. It refers to the call, which gives it up at its end."""

    def __init__(self, session: Refreshed) -> None:
        self._session = session
        self._durations: dict[str, float | None] = {}
        self.machine: Machine[SessionState, SessionAction] = Machine(SESSION, self._durations, 0.0)
        self.interval: Interval | None = None

    def agree(self, interval: Interval | None, now: float) -> None:
        """A 2xx, ours or the far end's, says how it goes on from here."""
        self.interval = interval
        if interval is None:
            given = SessionInput.AGREED_NONE
        else:
            self._durations.update(session_durations(interval.seconds))
            given = SessionInput.AGREED_OURS if interval.ours else SessionInput.AGREED_THEIRS
        self.machine.handle(given, now)

    def refused(self, now: float) -> None:
        """A refresh failed, and the call goes on."""
        self.machine.handle(SessionInput.REFUSED, now)

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due."""
        while (timer := self.machine.pop_due(now)) is not None:
            for action in self.machine.handle(timer, now) or ():
                if action is SessionAction.SEND_REFRESH:
                    self._send_refresh(now)
                else:
                    self._session.handle(CallInput.NOT_REFRESHED, now)

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """A response to our UPDATE. What ends the call is that of RFC 3261 §12.2.1.2."""
        session = self._session
        if response.status < 200:
            return
        if response.status in {408, 481}:
            session.handle(CallInput.LOST, now)
        elif response.status < 300 and session.dialog is not None:
            session.dialog.refresh_target(response)
            session.learn(response)
            self.agree(interval_of_2xx(response, session.policy), now)
        else:
            if response.status in {405, 501}:
                session.takes_update = False
            self.refused(now)
        session.reschedule(now)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """Our UPDATE got no answer, or could not be sent: treated as a 408."""
        self._session.handle(CallInput.LOST, now)

    def dump(self, now: float) -> dict[str, object] | None:
        """As plain values; None where the session has no interval."""
        at = self.machine.get_timer()
        if self.interval is None:
            return None
        return {
            "interval_s": self.interval.seconds,
            "refreshed_by": self.machine.state.value,
            "timer": self.machine.next_timer(),
            "timer_in_s": None if at is None else round(at - now, 3),
        }

    def _send_refresh(self, now: float) -> None:
        session = self._session
        dialog = session.dialog
        if dialog is None:
            return
        if not session.takes_update:
            if not session.reinvite_unchanged(now):
                self.refused(now)
            return
        send_within(
            session.core,
            dialog,
            session.sender,
            "UPDATE",
            now,
            user=self,
            fields=(("Allow", ALLOW), session.core.supported(session.policy)),
            contact=True,
            fill=lambda update: add_request_fields(update, session.policy, self.interval),
        )
