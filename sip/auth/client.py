"""Answers challenges (RFC 3261 §22.2, §22.3) with the accounts of the configuration, and nobody else's.

Theory of operation. A password is used for the realm and the hosts of its account only: a stranger's 401 gets no hash
to guess it from. The strongest algorithm that is offered is taken (RFC 8760 §2.4). A challenge is remembered by its
account: later requests carry credentials at once, with a growing count, until the server asks anew. Proxies on the way
may ask each in a realm of its own: the answers to all of them go along (§22.3). A challenge of the same realm to the
answer of a challenge means that the password is wrong, unless it says that only the nonce was stale.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from offhook.sip.auth.digest import known, response, secret_of, strength
from offhook.sip.auth.fields import Challenge, Credentials
from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import quote
from offhook.sip.message.message import Request, Response

CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
"""By status: the field with the challenge, and the one that answers it."""

QOPS = ("auth", "auth-int")
"""The better one first: a proxy on the way may change a body, and a hash over it would refuse that."""

MAX_CHALLENGES = 16
"""Looked at, of one response."""

MAX_REALMS = 8
"""Remembered of one account, for those who ask: the latest."""

ProtectionSpace: TypeAlias = tuple[str, str]
"""What credentials are for: the field that has them, and the realm."""


@dataclass(frozen=True, slots=True)
class Account:
    """`hosts` are those, in lower case, to which the password may be proven; `realm` None: whatever they call it."""

    user: str
    password: str = field(repr=False)
    hosts: frozenset[str]
    realm: str | None = None


@dataclass(slots=True)
class _Known:
    challenge: Challenge
    header: str
    count: int = 0


class Authenticator:
    """The client side, for all requests of a user agent."""

    def __init__(self, accounts: Iterable[Account], entropy: Callable[[], str]) -> None:
        self._accounts = tuple(accounts)
        self._entropy = entropy
        self._known: dict[Account, dict[ProtectionSpace, _Known]] = {}

    def prepare(self, request: Request, host: str, user: str | None = None) -> None:
        """Add credentials that answer what `host` has asked for before; of several accounts there, those of `user`."""
        for account in self._accounts_of(host, user):
            for known_one in self._known.get(account, {}).values():
                self._answer(request, account, known_one)

    def answer(
        self,
        request: Request,
        refused: Response,
        host: str,
        *,
        answered: Collection[ProtectionSpace] = (),
        user: str | None = None,
    ) -> ProtectionSpace | None:
        """Add credentials to a copy of the request that was refused with 401 or 407; returns what they are for, None:
        there are none to add.

        `host` is the one that the request went to, `user` whose account there is meant (None: any). `answered` are the
        challenges that the refused request answered.
        """
        names = CHALLENGES.get(refused.status)
        if names is None:
            return None
        asks, answers = names
        for challenge in _challenges(refused, asks):
            space = (answers, challenge.realm)
            if space in answered and not challenge.stale:
                continue  # §22.3: a wrong password is not tried again
            for account in self._accounts_of(host, user, challenge.realm):
                self._answer(request, account, self._keep(account, space, _Known(challenge, answers)))
                return space
        return None

    def has_account(self, host: str, user: str | None = None) -> bool:
        """Whether there is a password for `host`; of several accounts there, for that of `user`."""
        return bool(self._accounts_of(host, user))

    def _accounts_of(self, host: str, user: str | None, realm: str | None = None) -> list[Account]:
        return [
            account
            for account in self._accounts
            if host.lower() in account.hosts
            and user in (None, account.user)
            and (None in (realm, account.realm) or account.realm == realm)
        ]

    def _keep(self, account: Account, space: ProtectionSpace, known_one: _Known) -> _Known:
        spaces = self._known.setdefault(account, {})
        spaces.pop(space, None)
        spaces[space] = known_one
        if len(spaces) > MAX_REALMS:
            del spaces[next(iter(spaces))]
        return known_one

    def _answer(self, request: Request, account: Account, known_one: _Known) -> None:
        challenge = known_one.challenge
        known_one.count += 1
        qop = next((each for each in QOPS if each in challenge.qop), None)
        cnonce = self._entropy()
        proof = response(
            secret_of(challenge.algorithm, account.user, challenge.realm, account.password),
            algorithm=challenge.algorithm,
            method=request.method,
            uri=request.uri,
            nonce=challenge.nonce,
            qop=qop,
            nc=known_one.count,
            cnonce=cnonce,
            body=request.body,
        )
        credentials = Credentials(
            account.user,
            challenge.realm,
            challenge.nonce,
            request.uri,
            proof,
            challenge.algorithm,
            qop,
            known_one.count,
            cnonce if qop is not None or challenge.algorithm.lower().endswith("-sess") else None,
            challenge.opaque,
        )
        others = [
            each for each in request.headers.get_all(known_one.header) if f"realm={quote(challenge.realm)}" not in each
        ]
        request.headers.remove(known_one.header)
        for value in (*others, str(credentials)):
            request.headers.add(known_one.header, value)


def _challenges(refused: Response, name: str) -> list[Challenge]:
    """What can be answered, the strongest first; those of one strength in their order."""
    found = []
    for value in refused.headers.get_all(name)[:MAX_CHALLENGES]:
        with suppress(ParseError):
            challenge = Challenge.parse(value)
            if known(challenge.algorithm) and (not challenge.qop or set(QOPS) & set(challenge.qop)):
                found.append(challenge)
    return sorted(found, key=lambda challenge: -strength(challenge.algorithm))
