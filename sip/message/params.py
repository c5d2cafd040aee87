"""Parameters: `;name` and `;name=value` (RFC 3261 §25.1, generic-param and uri-parameter)."""

import re
from collections.abc import Iterable, Iterator, Mapping

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, QUOTED, TOKEN, quote, unquote
from offhook.sip.message.limits import MAX_PARAMS

# Beyond token and host, "@", "/" and "=" are allowed: tags and branches of old devices contain them.
_VALUE = r"[A-Za-z0-9\-.!%*_+`'~\[\]:@/$&#=|{}^()]+"
# The grammar has no empty value, but proxies write `;ftag=` for a From without a tag.
_HEADER_PARAM = re.compile(rf"{LWS};{LWS}({TOKEN}){LWS}(?:={LWS}(?:({QUOTED})|((?:{_VALUE})?)){LWS})?")
# Anything that leaves the URI's structure alone, empty parameters too: most are only echoed, and devices send quotes,
# braces and unescaped base64 (SIP.js #419).
_URI_PARAMS = re.compile(r";[^\x00-\x20\x7f?<>@]*+")
# Nearly all are like this, and need no closer look.
_PLAIN = re.compile(rf"(?:;{TOKEN}(?:={_VALUE})?)++")
_BARE_VALUE = re.compile(_VALUE)


class Params(Mapping[str, str | None]):
    """Ordered parameters; names are case-insensitive, a parameter without `=` has the value None.

    Of several with one name the first counts.

    Immutable. Two are equal when they have the same parameters in whatever order. `str()` is the form in a header
    field, quoted where needed; quoted values are held without quotes and escapes.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str | None]] = ()) -> None:
        self._items = tuple(items)

    @classmethod
    def parse(cls, text: str, what: str = "parameters") -> "Params":
        """Read parameters of a header field, from their first semicolon to the end. Raises ParseError."""
        return _made(_split(text) if _PLAIN.fullmatch(text) else _read(text.rstrip(" \t"), what), what)

    @classmethod
    def parse_uri(cls, text: str) -> "Params":
        """Read parameters of a URI: no white space, quotes and escapes left as they are. Raises ParseError."""
        if text and _URI_PARAMS.fullmatch(text) is None:
            raise ParseError("URI has a malformed parameter")
        return _made(_split(text), "URI")

    def __getitem__(self, name: str) -> str | None:
        # There are one or two of them, and most values are never asked for any: a dict would cost more than it saves.
        key = name.lower()
        for known, value in self._items:
            if known.lower() == key:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self._by_name() == other._by_name()

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name().items()))

    def _by_name(self) -> dict[str, str | None]:
        return {name.lower(): value for name, value in self._items[::-1]}

    def __repr__(self) -> str:
        return f"Params({str(self)!r})"

    def __str__(self) -> str:
        return "".join(
            f";{name}" if value is None else f";{name}={value if _BARE_VALUE.fullmatch(value) else quote(value)}"
            for name, value in self._items
        )

    def uri_text(self) -> str:
        """The form in a URI."""
        return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self._items)

    def with_(self, name: str, value: str | None = None) -> "Params":
        """A copy with that parameter set, in its old place or at the end."""
        if name not in self:
            return Params((*self._items, (name, value)))
        key = name.lower()
        return Params((old, value if old.lower() == key else kept) for old, kept in self._items)


NO_PARAMS = Params()


def _split(text: str) -> list[tuple[str, str | None]]:
    """Without quotes, escapes and white space, what is between semicolons is a parameter."""
    items: list[tuple[str, str | None]] = []
    for part in text[1:].split(";", MAX_PARAMS + 1):
        name, equals, value = part.partition("=")
        items.append((name, value if equals else None))
    return items


def _read(text: str, what: str) -> list[tuple[str, str | None]]:
    items: list[tuple[str, str | None]] = []
    position = 0
    while position < len(text) and len(items) <= MAX_PARAMS:
        match = _HEADER_PARAM.match(text, position)
        if match is None:
            raise ParseError(f"{what} has a malformed parameter")
        name, quoted, value = match.groups()
        items.append((name, unquote(quoted) if quoted is not None else value))
        position = match.end()
    return items


def _made(items: list[tuple[str, str | None]], what: str) -> Params:
    if len(items) > MAX_PARAMS:
        raise ParseError(f"{what} has too many parameters")
    if len(items) > 1:
        names = [name.lower() for name, _ in items]
        if names.count("tag") > 1 or names.count("branch") > 1:
            # Which of them is the dialog's or the transaction's would be a guess (RFC 3261 §7.3.1).
            raise ParseError(f"{what} has a parameter twice")
    return Params(items)
