"""A session description as values (RFC 8866)."""

from dataclasses import dataclass

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line: who made the description, and which version of it this is.

    The numbers are text, since they may have too many digits for arithmetic.
    """

    username: str
    session_id: str
    version: str
    host: str


NO_ORIGIN = Origin("-", "0", "0", "0.0.0.0")
"""In place of a malformed or missing o= line."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An a= line; `value` is None where it has no colon."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """An m= line and what belongs to it. `host` is that of its own c= line; None where the session's applies."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    port_count: int = 1
    host: str | None = None
    attributes: tuple[Attribute, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """The values of all attributes of that name that have one."""
        return tuple(each.value for each in self.attributes if each.name == name and each.value is not None)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description. `host` is that of the session's c= line; None without one.

    Lines that audio offer/answer doesn't need (i, u, e, p, b, r, z, k, most attributes) are not kept. A host is
    empty where its c= line is malformed.
    """

    origin: Origin
    name: str = "-"
    host: str | None = None
    time: str = "0 0"
    attributes: tuple[Attribute, ...] = ()
    media: tuple[Media, ...] = ()


def stated_direction(attributes: tuple[Attribute, ...]) -> str | None:
    """The direction attribute; None without one."""
    return next((each.name for each in attributes if each.name in DIRECTIONS), None)
