"""Asks for a password before an INVITE becomes a call, or a REGISTER a contact: RFC 3261 §22.2. Pure.

A stranger learns nothing: no password, a wrong one and an unknown user get the same 401. A host that guesses is not
answered for a while, and a host without credentials gets few answers a second, whatever it asks.
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

BAN_S = 300.0
"""… nothing from there is answered for so long. Guesses with a forged source do not count: they would shut out
others. A host that has proven a password may guess more often: phones behind one address are many."""

PROVEN_GUESSES = 100

BURST, PER_S = 32.0, 16.0
"""Challenges for one host: at once, and in a second from then on. An office of phones behind one address that has lost
its power needs some seconds; who tries names or passwords needs days."""

PROVEN_S = 3_600.0
"""For how long a host counts as known after a right password."""

MAX_HOSTS = 10_000
"""The hosts remembered for each of these."""


@dataclass(frozen=True, slots=True)
class Challenged:
    """The answer to a request without valid credentials; None: it gets none. `wrong`: it had some, so this is not just
    the first step."""

    refusal: Refusal | None
    wrong: bool


class InviteGuard:
    """Who may call: known users, and those that `trusts` names by their address."""

    def __init__(self, server: DigestServer, trusts: Callable[[Address], bool]) -> None:
        self._server = server
        self._trusts = trusts
        self._guesses: Recent[str, int] = Recent(BAN_S, MAX_HOSTS)
        self._challenged: Recent[str, tuple[float, float]] = Recent(BAN_S, MAX_HOSTS)
        self._proven: Recent[str, bool] = Recent(PROVEN_S, MAX_HOSTS)

    def check(self, request: Request, source: Address, now: float) -> Challenged | None:
        """None for an INVITE that may become a call."""
        if self._trusts(source):
            return None
        challenged = self.identify(request, source, now)
        return challenged if isinstance(challenged, Challenged) else None

    def identify(self, request: Request, source: Address, now: float) -> Challenged | str:
        """The user whose password the request proves."""
        host = source.host
        guesses = self._guesses.recall(host, now) or 0
        if guesses >= self._most_guesses(host, now):
            return Challenged(None, True)
        verdict, user = self._server.judge(request, now)
        if verdict is Verdict.RIGHT:
            self._proven.keep(host, True, now)
            return user
        if verdict is Verdict.WRONG and self._server.reached(host, request):
            self._guesses.keep(host, guesses + 1, now)
        wrong = verdict is Verdict.WRONG
        if not self._may_ask(host, now):
            return Challenged(None, wrong)
        values = self._server.challenges(now, stale=verdict is Verdict.STALE, host=host)
        return Challenged(Refusal(UNAUTHORIZED, tuple(("WWW-Authenticate", value) for value in values)), wrong)

    def is_proven(self, host: str, now: float) -> bool:
        """Whether a right password has come from there lately."""
        return self._proven.recall(host, now) is not None

    def banned(self, now: float) -> list[tuple[str, float]]:
        """(host, seconds left) of those that are not answered."""
        found = self._guesses.items(now)
        return [(host, left_s) for host, guesses, left_s in found if guesses >= self._most_guesses(host, now)]

    def _most_guesses(self, host: str, now: float) -> int:
        return PROVEN_GUESSES if self.is_proven(host, now) else MAX_GUESSES

    def _may_ask(self, host: str, now: float) -> bool:
        left, at = self._challenged.recall(host, now) or (BURST, now)
        left = min(BURST, left + (now - at) * PER_S)
        self._challenged.keep(host, (max(left - 1, 0.0), now), now)
        return left >= 1
