"""Keeps one address of record registered with its registrar: RFC 3261 §10.2, RFC 5626 §4.5.

Theory of operation. REGISTERs of one registration share a Call-ID and count their CSeq up, so that the registrar sees
their order (§10.2.4). Its answer says how long the binding lasts, which may be less than was asked for; the next one is
sent well before that. What is refused, or not answered, is tried again after a time that doubles up to half an hour,
with a random part so that a thousand accounts do not return together; a Retry-After counts for more.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from offhook.sip.dialog.authenticated import AuthenticatedRequest
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.requests import MAX_FORWARDS
from offhook.sip.errors import ParseError
from offhook.sip.events import Registered, RegistrationEnded, RegistrationFailed
from offhook.sip.message import typed
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.message.uri import Uri
from offhook.sip.methods import ALLOW
from offhook.sip.net.flow import Flow
from offhook.sip.net.unsent import Unsent
from offhook.sip.registration.tables import (
    REGISTRATION,
    RegistrationAction,
    RegistrationInput,
    RegistrationState,
    RegistrationTimer,
)
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.machine import Machine

_S = RegistrationState

LEAST_S, MOST_S = 30.0, 1_800.0
"""Between two attempts (RFC 5626 §4.5)."""

LONGEST_S = 7 * 86_400
"""Of what a registrar may ask for by 423 or Retry-After, or grant."""

BRIEF_S = 60.0
"""A connection that is closed this soon after a registration is opened again only after a pause …"""

RECONNECT_S = 2.0
"""… any other within this time: a thousand accounts of a registrar that restarts do not return together."""

CORRECTED_S = 30.0
"""Between two registrations for the sake of an address that has changed: a NAT may give a new port each time."""

EARLY_S = 32.0
"""How long before its end a binding is refreshed: one transaction may fail meanwhile. Half of a shorter one."""


@dataclass(frozen=True, slots=True)
class Account:
    """`registrar` is a URI without a user (§10.2, some registrars are silent otherwise), `aor` the address of record;
    `contact_user` is what the registrar's calls will have in their Request-URI, `auth_user` whose password is used.
    `give_up_s` is how long an answer is waited for where another registrar may do; None: 32 s."""

    registrar: str
    aor: str
    contact_user: str
    expires_s: int = 600
    auth_user: str | None = None
    give_up_s: float | None = None


class Registration:
    """One address of record. `name` is the handle in its events."""

    def __init__(self, core: UserAgentCore[Any], name: str, account: Account, destination: Flow, now: float) -> None:
        self.core = core
        self.name = name
        self.account = account
        self.destination = destination
        self._call_id = core.entropy()
        self._tag = core.entropy()
        self._cseq = 0
        self._asked_s = account.expires_s
        self._failures = 0
        self._accepted_at = self._corrected_at = -math.inf
        self._contact = self._former_contact = ""
        self._durations: dict[str, float | None] = {}
        self._machine: Machine[RegistrationState, RegistrationAction] = Machine(
            REGISTRATION, self._durations, core.settings.timers.t2_s
        )
        self._why: tuple[int, str] = (0, "")
        self._unsent: Unsent | None = None
        core.registrations[name] = self
        self._act(self._machine.start(now), now)

    @property
    def call_id(self) -> str:
        """The Call-ID of all its REGISTERs (§10.2)."""
        return self._call_id

    @property
    def state(self) -> RegistrationState:
        """Where it stands."""
        return self._machine.state

    def move(self, destination: Flow, now: float) -> None:
        """Send REGISTERs there from now on, and one at once unless one waits for its answer. No effect at the end."""
        if self.state not in (RegistrationState.ENDING, RegistrationState.REMOVING):
            self.destination = destination
            self._handle(RegistrationInput.MOVED, now)

    def connection_lost(self, flow: Flow, now: float) -> None:
        """The connection by which calls were to come may be closed: another one is opened, and soon (RFC 5626 §4.5)."""
        ours = self.destination
        if (flow.transport, flow.remote) != (ours.transport, ours.remote) or self.state is not _S.REGISTERED:
            return
        self._why, self._unsent = (0, "the connection was closed"), None
        # One that is closed again and again, after each answer, gets the pauses of a failure.
        brief = now - self._accepted_at < BRIEF_S
        self._failures = self._failures + 1 if brief else 0
        self._durations[RegistrationTimer.RETRY] = self._wait_s() if brief else RECONNECT_S * self.core.fraction()
        self._handle(RegistrationInput.LOST, now)

    def remove(self, now: float) -> None:
        """Remove the binding, and end. No effect when it ends already."""
        self._handle(RegistrationInput.REMOVE, now)

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due."""
        while (timer := self._machine.pop_due(now)) is not None:
            self._handle(timer, now)

    def dump(self, now: float) -> dict[str, object]:
        """As plain values."""
        at = self._machine.get_timer()
        return {
            "account": self.name,
            "call_id": self._call_id,
            "aor": self.account.aor,
            "registrar": str(self.destination),
            "state": self.state.value,
            "failures": self._failures,
            "answer": " ".join(str(part) for part in self._why if part),
            "timer_in_s": None if at is None else round(at - now, 3),
        }

    # --- responses

    def on_response(self, client: ClientTransaction, response: Response, now: float) -> None:
        """See TransactionUser."""
        if response.status < 200:
            return
        self._why, self._unsent = (response.status, response.reason), None
        if response.status < 300:
            if now - self._accepted_at > BRIEF_S:
                self._failures = 0
            self._accepted_at, self._former_contact = now, ""
            granted_s = self._granted_s(response)
            self._durations[RegistrationTimer.REFRESH] = max(granted_s - EARLY_S, granted_s / 2)
            self._handle(RegistrationInput.ACCEPTED, now)
            self._follow_address(now)
            return
        least_s = _seconds(response, "Min-Expires")
        if response.status == 423 and least_s is not None and least_s > self._asked_s:
            self._asked_s = least_s
            self._handle(RegistrationInput.TOO_BRIEF, now)
            return
        self._refused(_seconds(response, "Retry-After"), now)

    def on_failure(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """See TransactionUser."""
        self._why, self._unsent = (0, client.why(failure)), client.unsent
        self._refused(None, now)

    def _refused(self, retry_after_s: int | None, now: float) -> None:
        self._failures += 1
        self._former_contact = ""  # perhaps it was one too many
        self._durations[RegistrationTimer.RETRY] = max(self._wait_s(), retry_after_s or 0)
        self._handle(RegistrationInput.REFUSED, now)

    def _wait_s(self) -> float:
        doubled_s = LEAST_S * float(2 ** min(self._failures - 1, 10))
        return min(MOST_S, doubled_s) * (0.5 + self.core.fraction() / 2)

    def _follow_address(self, now: float) -> None:
        """Register the address under which the registrar sees us, where that is another one than was registered."""
        contact = self._our_contact()
        if contact != self._contact and now - self._corrected_at > CORRECTED_S and self.state is _S.REGISTERED:
            self._corrected_at, self._former_contact = now, self._contact
            self._handle(RegistrationInput.MOVED, now)

    def _our_contact(self) -> str:
        return self.core.contact(self.destination, user=self.account.contact_user)

    def _granted_s(self, response: Response) -> float:
        """How long our binding lasts (§10.2.4): its own `expires`, else that of all, else as asked for."""
        granted: int | None = None
        with suppress(ParseError):
            for contact in typed.contacts(response):
                if contact.uri.user == self.account.contact_user or granted is None:
                    value = contact.params.get("expires") or ""
                    granted = int(value) if value.isdigit() and len(value) <= 9 else granted
        for seconds in (granted, _seconds(response, "Expires"), self._asked_s):
            if seconds is not None and seconds > 0:
                return float(min(seconds, LONGEST_S))
        return float(self._asked_s)

    # --- inputs and actions

    def _handle(self, given: StrEnum, now: float) -> None:
        actions = self._machine.handle(given, now)
        if actions is not None:
            self._act(actions, now)

    def _act(self, actions: list[RegistrationAction], now: float) -> None:
        for action in actions:
            self._actions[action](self, now)
        self.core.agenda.schedule(self, self._machine.get_timer())
        if self.state is RegistrationState.ENDED and self.core.registrations.get(self.name) is self:
            del self.core.registrations[self.name]

    def _send(self, now: float, expires_s: int | None = None) -> None:
        core, account = self.core, self.account
        self._cseq += 1
        headers = Headers()
        headers.add("Via", core.via(self.destination))
        headers.add("Max-Forwards", MAX_FORWARDS)
        headers.add("From", f"<{account.aor}>;tag={self._tag}")
        headers.add("To", f"<{account.aor}>")
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} REGISTER")
        expires_s = self._asked_s if expires_s is None else expires_s
        headers.add("Expires", str(expires_s))
        headers.add("Allow", ALLOW)
        headers.add("Supported", "path")
        request = Request("REGISTER", account.registrar, headers)

        def amend(request: Request, target: Flow) -> None:
            self._add_contact(request.headers, expires_s)

        sent = AuthenticatedRequest(
            core,
            self.destination,
            self,
            self._take_cseq,
            account.auth_user,
            amend=amend,
            give_up_s=account.give_up_s,
        )
        sent.send(request, Uri.parse(account.registrar).host, now)

    def _add_contact(self, headers: Headers, expires_s: int) -> None:
        """Who asks for a password has said how we are seen: the answer has that."""
        self._contact = self._our_contact()
        headers.set("Contact", f"{self._contact};expires={expires_s}")
        if self._former_contact not in ("", self._contact):
            headers.add("Contact", f"{self._former_contact};expires=0")

    def _take_cseq(self) -> int:
        self._cseq += 1
        return self._cseq

    def _report_registered(self, now: float) -> None:
        refresh_s = self._durations[RegistrationTimer.REFRESH] or 0.0
        self.core.events.append(Registered(self.name, refresh_s))

    def _report_failed(self, now: float) -> None:
        status, reason = self._why
        retry_s = self._durations[RegistrationTimer.RETRY] or 0.0
        self.core.events.append(RegistrationFailed(self.name, status, reason, retry_s, self._unsent))

    _actions: ClassVar[Mapping[RegistrationAction, Any]] = {
        RegistrationAction.SEND: _send,
        RegistrationAction.SEND_REMOVAL: lambda self, now: self._send(now, 0),
        RegistrationAction.REPORT_REGISTERED: _report_registered,
        RegistrationAction.REPORT_FAILED: _report_failed,
        RegistrationAction.REPORT_ENDED: lambda self, now: self.core.events.append(RegistrationEnded(self.name)),
    }


def _seconds(response: Response, name: str) -> int | None:
    """A number of seconds (delta-seconds, with or without a comment); None if it is absent or malformed."""
    digits = (response.headers.get(name) or "").split("(")[0].split(";")[0].strip()
    return min(int(digits), LONGEST_S) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
