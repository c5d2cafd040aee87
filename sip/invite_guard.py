"""Asks for a password before an INVITE becomes a call: RFC 3261 §22.2. Without state, and pure.

A stranger learns nothing: no password, a wrong one and an unknown user get the same 401.
"""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.recent import Recent
from offhook.sip.uas_checks import Refusal

UNAUTHORIZED = 401

MAX_GUESSES = 10
"""Wrong passwords from one host, after which …"""

PAUSE_S = 60.0
"""… none is judged for so long. Guesses with a forged source do not count: they would shut out others."""

MAX_GUESSERS = 10_000
"""The hosts remembered for that."""


@dataclass(frozen=True, slots=True)
class Challenged:
    """The answer to an INVITE without valid credentials. `wrong`: it had some, so this is not just the first step."""

    refusal: Refusal
    wrong: bool


class InviteGuard:
    """Who may call: known users, and whomever `trusts` names by their address."""

    def __init__(self, server: DigestServer, trusts: Callable[[Address], bool]) -> None:
        self._server = server
        self._trusts = trusts
        self._guesses: Recent[str, int] = Recent(PAUSE_S, MAX_GUESSERS)

    def check(self, request: Request, source: Address, now: float) -> Challenged | None:
        """None for an INVITE that may become a call."""
        if self._trusts(source):
            return None
        guesses = self._guesses.recall(source.host, now) or 0
        verdict = self._server.judge(request, now)[0] if guesses < MAX_GUESSES else Verdict.WRONG
        if verdict is Verdict.RIGHT:
            return None
        if verdict is Verdict.WRONG and guesses < MAX_GUESSES and self._server.reached(source.host, request):
            self._guesses.keep(source.host, guesses + 1, now)
        values = self._server.challenges(now, stale=verdict is Verdict.STALE, host=source.host)
        headers = tuple(("WWW-Authenticate", value) for value in values)
        return Challenged(Refusal(UNAUTHORIZED, headers), verdict is Verdict.WRONG)
