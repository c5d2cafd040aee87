"""Caller, callee and diversion, by every header of an INVITE that names them.

RFC 3261 §8.1.1, RFC 3325, RFC 5806, RFC 7044.

Read leniently: malformed values are left out, since only the owner's own rules depend on them. None of it is proof:
a trusted trunk names the caller in P-Asserted-Identity, and anybody else can send that header, too (see `untrusted`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import unquote

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.address import NameAddr
from offhook.sip.message.grammar import is_token, split_list
from offhook.sip.message.limits import MAX_LIST
from offhook.sip.message.message import Request
from offhook.sip.message.uri import Uri

T = TypeVar("T")

_SEPARATORS = str.maketrans("", "", "-.() ")
_NUMBER = re.compile(r"\+?[0-9*#]+")
_CAUSE = re.compile(r"cause[ \t]*=[ \t]*([0-9]{3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Party:
    """One party: a URI or a bare number, empty where there is none, and its display name."""

    uri: str = ""
    display: str = ""

    @property
    def user(self) -> str:
        """The part before the host, unescaped and without parameters: a number or a name; of a tel URI the number."""
        try:
            parsed = Uri.parse(self.uri)
        except ParseError:
            # A carrier without SIP gives a bare number.
            return self.uri if _NUMBER.fullmatch(self.uri) else ""
        text = parsed.opaque if parsed.opaque is not None else parsed.user
        return unquote((text or "").partition(";")[0], errors="replace")

    @property
    def number(self) -> str | None:
        """`user` where that is a phone number, without visual separators (RFC 3966 §5.1.1)."""
        number = self.user.translate(_SEPARATORS)
        return number if _NUMBER.fullmatch(number) else None


@dataclass(frozen=True, slots=True)
class Diversion:
    """A party that diverted the call (RFC 5806); `reason` is a word such as "no-answer", or empty."""

    party: Party
    reason: str = ""
    counter: int = 1


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An earlier target of the call (RFC 7044): `index` gives the order, `cause` why the call moved on."""

    party: Party
    index: str = ""
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class Identities:
    """All of them. `called` is the Request-URI."""

    called: Party = field(default_factory=Party)
    to: Party = field(default_factory=Party)
    caller: Party = field(default_factory=Party)
    asserted: tuple[Party, ...] = ()
    """P-Asserted-Identity: at most a sip and a tel URI."""
    diversions: tuple[Diversion, ...] = ()
    """Latest first."""
    history: tuple[HistoryEntry, ...] = ()
    """Oldest first."""
    privacy: tuple[str, ...] = ()
    """What the caller wants (RFC 3323): with "id" or "user" nobody else may learn who they are."""


def untrusted(found: Identities) -> Identities:
    """Those of a caller who may assert nothing: without P-Asserted-Identity (RFC 3325 §6)."""
    return replace(found, asserted=()) if found.asserted else found


def identities(request: Request) -> Identities:
    """Read them from an INVITE."""
    return Identities(
        called=Party(printable(request.uri)),
        to=_one(request, typed.to),
        caller=_one(request, typed.from_),
        asserted=_all(request, "P-Asserted-Identity", _party),
        diversions=_all(request, "Diversion", _diversion),
        history=_all(request, "History-Info", _history_entry),
        privacy=_privacy(request),
    )


def _one(request: Request, read: Callable[[Request], NameAddr]) -> Party:
    try:
        return _party(read(request))
    except ParseError:
        return Party()


def _privacy(request: Request) -> tuple[str, ...]:
    # RFC 3323 §4.2: semicolons; some write commas.
    words = re.split(r"[;, \t]+", ";".join(request.headers.get_all("Privacy")).lower())
    return tuple(word for word in dict.fromkeys(words) if is_token(word))[:MAX_LIST]


def printable(text: str) -> str:
    """Bytes that were not UTF-8 are kept as surrogates in a message; files and databases refuse those."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _all(request: Request, name: str, read: Callable[[NameAddr], T]) -> tuple[T, ...]:
    found: list[T] = []
    for field_ in request.headers.get_all(name):
        try:
            values = split_list(field_, name, MAX_LIST)
        except ParseError:
            continue
        for value in values:
            try:
                found.append(read(NameAddr.parse(value)))
            except ParseError:
                continue
    return tuple(found[:MAX_LIST])


def _party(address: NameAddr) -> Party:
    return Party(printable(str(address.uri)), printable(address.display_name))


def _diversion(address: NameAddr) -> Diversion:
    counter = address.params.get("counter") or ""
    return Diversion(
        _party(address),
        printable(address.params.get("reason") or ""),
        int(counter) if counter.isascii() and counter.isdigit() and len(counter) <= 3 else 1,
    )


def _history_entry(address: NameAddr) -> HistoryEntry:
    cause = _CAUSE.search(unquote(address.uri.headers or "", errors="replace"))
    uri = str(address.uri).partition("?")[0]
    return HistoryEntry(
        Party(printable(uri), printable(address.display_name)),
        printable(address.params.get("index") or ""),
        None if cause is None else int(cause.group(1)),
    )
