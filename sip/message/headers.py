"""The header fields of a message (RFC 3261 §7.3)."""

import re
from collections.abc import Iterable, Iterator

from offhook.sip.errors import LocalError
from offhook.sip.message.grammar import is_token

# RFC 3261 §7.3.3 and the extensions that registered a letter since.
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_KEYS = {letter: name.lower() for letter, name in _COMPACT.items()}

_BROKEN = re.compile(r"[\r\n]")


class Headers:
    """Header fields in order; names in any case, and compact forms, mean the same field.

    One entry is one field as it was in the message: a comma-separated list is not split. Values are
    `str`; bytes that are not UTF-8 are kept as surrogate escapes, so that they can be echoed unchanged.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[tuple[str, str, str]] = []
        for name, value in fields:
            self.add(name, value)

    def get(self, name: str) -> str | None:
        """The value of the first field of that name."""
        key = field_key(name)
        for known, _, value in self._fields:
            if known == key:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name, in order."""
        key = field_key(name)
        return [value for known, _, value in self._fields if known == key]

    def add(self, name: str, value: str) -> None:
        """Append a field. Raises LocalError when name or value would break the message."""
        self._fields.append(_field(name, value))

    def set(self, name: str, value: str) -> None:
        """Make this the only field of that name, in the place of the first, else at the end. Raises LocalError."""
        field = _field(name, value)
        for index, (known, _, _) in enumerate(self._fields):
            if known == field[0]:
                self._fields[index] = field
                later = self._fields[index + 1 :]
                self._fields[index + 1 :] = [other for other in later if other[0] != field[0]]
                return
        self._fields.append(field)

    def remove(self, name: str) -> None:
        """Remove all fields of that name."""
        key = field_key(name)
        self._fields = [field for field in self._fields if field[0] != key]

    def copy(self) -> "Headers":
        """An independent copy."""
        other = Headers()
        other._fields = self._fields.copy()
        return other

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name, value) for _, name, value in self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Headers):
            return NotImplemented
        return [(key, value) for key, _, value in self._fields] == [(key, value) for key, _, value in other._fields]

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Headers({list(self)!r})"


def field_key(name: str) -> str:
    """The same for all spellings of a name, compact forms included."""
    key = name.lower()
    return _KEYS.get(key, key)


def _field(name: str, value: str) -> tuple[str, str, str]:
    if not is_token(name):
        raise LocalError(f"header name {name!r} is not a token")
    if _BROKEN.search(value):
        raise LocalError(f"the value of {name} contains a line end")
    return field_key(name), _COMPACT.get(name.lower(), name), value.strip(" \t")
