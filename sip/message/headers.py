"""The header fields of a message (RFC 3261 §7.3)."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

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

Field: TypeAlias = tuple[str, str, str]
"""The key that is the same for all spellings of a name; the name, in its long form; the value."""


class Headers:
    """Header fields in order; names in any case, and compact forms, mean the same field.

    One entry is one field as it was in the message: a comma-separated list is not split. Values are
    `str`; bytes that are not UTF-8 are kept as surrogate escapes, so that they can be echoed unchanged.
    """

    __slots__ = ("_fields", "_values", "parsed")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[Field] = [_field(name, value) for name, value in fields]
        self._values: dict[str, list[str]] | None = None
        """By key; made when a field is first asked for, and again after a change."""
        self.parsed: dict[str, object] = {}
        """What `typed` made of them, by name; emptied by every change."""

    @classmethod
    def of(cls, fields: list[Field]) -> "Headers":
        """Of fields that were checked already: those of a parsed message."""
        headers = cls()
        headers._fields = fields
        return headers

    def get(self, name: str) -> str | None:
        """The value of the first field of that name."""
        values = self._by_key().get(field_key(name))
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of that name, in order."""
        return self._by_key().get(field_key(name), []).copy()

    def add(self, name: str, value: str) -> None:
        """Append a field. Raises LocalError when name or value would break the message."""
        self._fields.append(_field(name, value))
        self.forget_parsed()

    def add_from(self, other: "Headers", name: str, at_most: int | None = None) -> None:
        """Append another message's fields of that name, with their values as they are: none, or the first few."""
        key = field_key(name)
        self._fields += [(key, name, value) for value in other._by_key().get(key, ())[:at_most]]
        self.forget_parsed()

    def set(self, name: str, value: str) -> None:
        """Make this the only field of that name, in the place of the first, else at the end. Raises LocalError."""
        field = _field(name, value)
        self.forget_parsed()
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
        self.forget_parsed()

    def copy(self) -> "Headers":
        """An independent copy."""
        return Headers.of(self._fields.copy())

    def forget_parsed(self) -> None:
        """Keep only the fields themselves; what is asked for is made of them again."""
        self._values, self.parsed = None, {}

    def lines(self) -> list[str]:
        """As in a message, without their line ends; Content-Length, which the body decides, is left out."""
        return [f"{name}: {value}" for key, name, value in self._fields if key != "content-length"]

    def _by_key(self) -> dict[str, list[str]]:
        if (values := self._values) is None:
            values = self._values = {}
            for key, _, value in self._fields:
                if key in values:
                    values[key].append(value)
                else:
                    values[key] = [value]
        return values

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and field_key(name) in self._by_key()

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


@lru_cache(maxsize=256)
def field_key(name: str) -> str:
    """The same for all spellings of a name, compact forms included."""
    key = name.lower()
    return _KEYS.get(key, key)


@lru_cache(maxsize=256)
def field_name(text: str) -> tuple[str, str] | None:
    """The key of a name and the name itself, in its long form where it is compact; None for what isn't a name.

    White space behind it belongs to the colon (§7.3.1).
    """
    name = text.rstrip(" \t")
    return (field_key(name), _COMPACT.get(name.lower(), name)) if is_token(name) else None


def _field(name: str, value: str) -> Field:
    if (known := field_name(name)) is None or name[-1] in " \t":
        raise LocalError(f"header name {name!r} is not a token")
    if "\r" in value or "\n" in value:
        raise LocalError(f"the value of {name} contains a line end")
    return *known, value.strip(" \t")
