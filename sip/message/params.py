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
_URI_PARAM = re.compile(r";([^\x00-\x20\x7f;=?<>@]*+)(?:=([^\x00-\x20\x7f;?<>@]*+))?")
_BARE_VALUE = re.compile(_VALUE)

_IDENTIFYING = frozenset({"tag", "branch"})
"""Header parameters that select a dialog or a transaction: two of them would be ambiguous (RFC 3261 §7.3.1)."""


class Params(Mapping[str, str | None]):
    """Ordered parameters; names are case-insensitive, a parameter without `=` has the value None.

    Of several with one name the first counts.

    Immutable. Two are equal when they have the same parameters in whatever order. `str()` is the form in a header
    field, quoted where needed; quoted values are held without quotes and escapes.
    """

    __slots__ = ("_by_name", "_items")

    def __init__(self, items: Iterable[tuple[str, str | None]] = ()) -> None:
        self._items = tuple(items)
        self._by_name = {name.lower(): value for name, value in reversed(self._items)}

    @classmethod
    def parse(cls, text: str, what: str = "parameters") -> "Params":
        """Read parameters of a header field, from their first semicolon to the end. Raises ParseError."""
        return _parse(text.rstrip(" \t"), what, _HEADER_PARAM)

    @classmethod
    def parse_uri(cls, text: str) -> "Params":
        """Read parameters of a URI: no white space, quotes and escapes left as they are. Raises ParseError."""
        return _parse(text, "URI", _URI_PARAM)

    def __getitem__(self, name: str) -> str | None:
        return self._by_name[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Params) and self._by_name == other._by_name

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name.items()))

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


def _parse(text: str, what: str, pattern: re.Pattern[str]) -> Params:
    items: list[tuple[str, str | None]] = []
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise ParseError(f"{what} has a malformed parameter")
        name, *quoted, value = match.groups()
        items.append((name, unquote(quoted[0]) if quoted and quoted[0] is not None else value))
        if len(items) > MAX_PARAMS:
            raise ParseError(f"{what} has too many parameters")
        position = match.end()
    params = Params(items) if items else NO_PARAMS
    names = [name.lower() for name, _ in items]
    if any(names.count(name) > 1 for name in _IDENTIFYING):
        raise ParseError(f"{what} has a parameter twice")
    return params
