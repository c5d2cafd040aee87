"""Asks for credentials and judges them (RFC 3261 §22.4, RFC 7616 §3.3): without state until they are right.

Theory of operation. A nonce is the time, a random number, and keyed hashes of both and of the host that it is sent to.
So any of our processes can check one that another has made, and a flood of requests leaves nothing behind. A right
answer is counted: the same count cannot be used again with the same nonce, so a recorded request is worth nothing. A
user that does not exist is answered like one whose password is wrong, after the same work.
"""

import hmac
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256

from offhook.sip.auth.client import CHALLENGES
from offhook.sip.auth.digest import known, response
from offhook.sip.auth.fields import Challenge, Credentials
from offhook.sip.errors import ParseError
from offhook.sip.message.message import Request
from offhook.sip.recent import Recent
from offhook.sip.tokens import random_token

NONCE_S = 300.0
MAX_NONCES = 10_000

SecretOf = Callable[[str, str, str], str | None]
"""(user, realm, algorithm) -> `digest.secret_of`; None for a user that does not exist."""

_NOBODY = "0" * 64

_MARK_CHARS, _HOST_CHARS = 32, 8
"""Of a nonce: what shows that it is ours, and for which host it was made."""


class Verdict(StrEnum):
    """What the credentials of a request are worth."""

    RIGHT = "right"
    STALE = "stale"
    """Right, but for an old nonce: the client may answer the next challenge without asking its user."""
    WRONG = "wrong"
    ABSENT = "absent"


class DigestServer:
    """The server side for one realm. `key` is secret, and the same in all processes that share the realm."""

    def __init__(
        self,
        realm: str,
        secret_of: SecretOf,
        key: bytes,
        *,
        algorithms: Iterable[str] = ("SHA-256", "MD5"),
        nonce_s: float = NONCE_S,
        entropy: Callable[[], str] = random_token,
    ) -> None:
        self.realm = realm
        self._secret_of = secret_of
        self._key = key
        self._algorithms = tuple(algorithms)
        self._nonce_s = nonce_s
        self._entropy = entropy
        self._counts: Recent[str, int] = Recent(nonce_s, MAX_NONCES)

    def challenges(self, now: float, *, stale: bool = False, host: str = "") -> list[str]:
        """The values of WWW-Authenticate, one for each algorithm, the strongest first (RFC 8760 §2.3).

        `host` is where they are sent, for `reached`.
        """
        nonce = self._nonce(f"{int(now):x}-{self._entropy()}", host)
        return [
            str(Challenge(self.realm, nonce, algorithm, ("auth", "auth-int"), stale=stale))
            for algorithm in self._algorithms
        ]

    def judge(self, request: Request, now: float, *, status: int = 401) -> tuple[Verdict, str]:
        """What the credentials of a request are worth, and whose they are ("" unless right).

        `status` is the one with which they were asked for: 401, or 407 by a proxy.
        """
        verdict = Verdict.ABSENT
        for value in request.headers.get_all(CHALLENGES[status][1]):
            try:
                credentials = Credentials.parse(value)
            except ParseError:
                verdict = Verdict.WRONG
                continue
            if credentials.realm == self.realm:
                return self._judge(credentials, request, now)
        return verdict, ""

    def reached(self, host: str, request: Request, *, status: int = 401) -> bool:
        """Whether a request answers, rightly or not, a challenge sent to that host: its source is not forged."""
        for value in request.headers.get_all(CHALLENGES[status][1]):
            with suppress(ParseError):
                nonce = Credentials.parse(value).nonce
                if hmac.compare_digest(
                    self._nonce(nonce.partition(".")[0], host).encode("utf-8", "replace"),
                    nonce.encode("utf-8", "replace"),
                ):
                    return True
        return False

    def _judge(self, given: Credentials, request: Request, now: float) -> tuple[Verdict, str]:
        if not known(given.algorithm) or given.algorithm.upper() not in self._algorithms:
            return Verdict.WRONG, ""
        secret = self._secret_of(given.username, self.realm, given.algorithm.upper())
        expected = response(
            secret or _NOBODY,
            algorithm=given.algorithm,
            method=request.method,
            uri=given.uri,
            nonce=given.nonce,
            qop=given.qop,
            nc=given.nc,
            cnonce=given.cnonce or "",
            body=request.body,
        )
        proven = hmac.compare_digest(expected.encode(), given.response.encode("utf-8", "replace"))
        # §22.4: the URI of the credentials may be written in another way than that of the request line by a proxy on
        # the way; it is hashed as it was given, and the call goes where the request line says.
        if not proven or secret is None or not self._is_ours(given.nonce) or given.qop not in ("auth", "auth-int"):
            return Verdict.WRONG, ""
        if not self._is_fresh(given.nonce, now) or given.nc <= (self._counts.recall(given.nonce, now) or 0):
            return Verdict.STALE, ""
        self._counts.keep(given.nonce, given.nc, now)
        return Verdict.RIGHT, given.username

    def _nonce(self, made: str, host: str) -> str:
        return f"{made}.{self._mark(made)}{self._mark(made, host)[:_HOST_CHARS]}"

    def _mark(self, *parts: str) -> str:
        text = "\n".join(parts).encode("utf-8", "replace")
        return hmac.digest(self._key, text, sha256).hex()[:_MARK_CHARS]

    def _is_ours(self, nonce: str) -> bool:
        # Whichever host it was made for: a phone's address may change, and the password is what counts.
        made, _, marks = nonce.partition(".")
        return hmac.compare_digest(self._mark(made).encode(), marks[:_MARK_CHARS].encode("utf-8", "replace"))

    def _is_fresh(self, nonce: str, now: float) -> bool:
        made_at = int(nonce.partition("-")[0], 16)
        return -1 <= now - made_at <= self._nonce_s
