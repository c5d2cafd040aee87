"""Reads the attributes of a verb: what is not as Twilio documents it is noted, and the default holds. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from offhook.twiml.element import Element

METHODS = ("GET", "POST")

_T = TypeVar("_T")


@dataclass(slots=True)
class Notes:
    """What a document has that is wrong (Twilio's warning 12200), and what is not done here."""

    warnings: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)


class Attributes:
    """Those of one element."""

    def __init__(self, element: Element, notes: Notes) -> None:
        self._element = element
        self._notes = notes
        self._read: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        """A text as it stands, without blanks around it."""
        self._read.add(name)
        return self._element.attributes.get(name, default).strip()

    def optional(self, name: str) -> str | None:
        """A text; None if the attribute is missing, which an empty one is not."""
        self._read.add(name)
        found = self._element.attributes.get(name)
        return None if found is None else found.strip()

    def one_of(self, name: str, allowed: Iterable[str], default: str) -> str:
        """One of these, in any case."""
        known = {each.lower(): each for each in allowed}
        return self._checked(name, lambda text: known.get(text.lower()), default, f"one of {', '.join(known.values())}")

    def method(self, name: str = "method") -> str:
        """GET or POST."""
        return self.one_of(name, METHODS, "POST")

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number; one beyond `most` counts as `most`."""

        def read(text: str) -> int | None:
            value = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1
            return min(value, most) if value >= least else None

        return self._checked(name, read, default, f"a whole number from {least}")

    def truth(self, name: str, default: bool) -> bool:
        """True or false."""
        return self._checked(name, {"true": True, "false": False}.get, default, "true or false")

    def keys(self, name: str, default: str) -> str:
        """Keys of a phone; none, if it is empty."""
        return self._checked(
            name, lambda text: None if set(text) - set("0123456789*#") else text, default, "digits, * and #"
        )

    def not_done(self, *names: str) -> None:
        """Note attributes that Twilio has, and that have no effect here."""
        for name in names:
            if self.optional(name) is not None:
                self._notes.not_done.append(f"{self._element.name} {name}")

    def ignored(self, *names: str) -> None:
        """Attributes that choose among Twilio's own services: nothing is missing without them."""
        self._read.update(names)

    def finish(self) -> None:
        """Note those that nobody has read."""
        for name in self._element.attributes:
            if name not in self._read:
                self._warn(f"has no attribute `{name[:40]}`")

    def _checked(self, name: str, read: Callable[[str], _T | None], default: _T, expected: str) -> _T:
        given = self.optional(name)
        if given is None:
            return default
        value = read(given.lower() if isinstance(default, bool) else given)
        if value is None:
            self._warn(f"has {name}=`{given[:40]}`, and it is {expected}")
            return default
        return value

    def _warn(self, why: str) -> None:
        self._notes.warnings.append(f"line {self._element.line}: <{self._element.name}> {why}")
