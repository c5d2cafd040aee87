"""The header fields of digest authentication: a challenge, and the credentials that answer it (RFC 7616 §3.3, §3.4)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import TOKEN, quote, split_list, unquote

MAX_FIELDS = 32
"""Of one challenge or one answer."""

_FIELD = re.compile(rf"({TOKEN})[ \t]*=[ \t]*(?:(\".*\")|([^\"\s]+))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """WWW-Authenticate or Proxy-Authenticate. `qop` may be empty (RFC 2069)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> "Challenge":
        """Read one value. Raises ParseError, also for a scheme other than Digest."""
        fields = _fields(text, "a challenge")
        return cls(
            realm=_needed(fields, "realm"),
            nonce=_needed(fields, "nonce"),
            algorithm=fields.get("algorithm", "MD5"),
            qop=tuple(each.lower() for each in split_list(fields.get("qop", ""), "qop", MAX_FIELDS)),
            opaque=fields.get("opaque"),
            stale=fields.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        fields = [("realm", quote(self.realm)), ("nonce", quote(self.nonce)), ("algorithm", self.algorithm)]
        if self.qop:
            fields.append(("qop", quote(",".join(self.qop))))
        if self.opaque is not None:
            fields.append(("opaque", quote(self.opaque)))
        if self.stale:
            fields.append(("stale", "true"))
        return _text(fields)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Authorization or Proxy-Authorization. `nc` counts the requests with this nonce; 0 where there is no `qop`."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: str = "MD5"
    qop: str | None = None
    nc: int = 0
    cnonce: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Credentials":
        """Read one value. Raises ParseError, also for a scheme other than Digest."""
        fields = _fields(text, "credentials")
        count = fields.get("nc", "0")
        if re.fullmatch(r"[0-9A-Fa-f]{1,8}", count) is None:
            raise ParseError("nc is not eight hexadecimal digits")
        qop = fields.get("qop")
        return cls(
            username=_needed(fields, "username"),
            realm=_needed(fields, "realm"),
            nonce=_needed(fields, "nonce"),
            uri=_needed(fields, "uri"),
            response=_needed(fields, "response").lower(),
            algorithm=fields.get("algorithm", "MD5"),
            qop=None if qop is None else qop.lower(),
            nc=int(count, 16),
            cnonce=fields.get("cnonce"),
            opaque=fields.get("opaque"),
        )

    def __str__(self) -> str:
        fields = [
            ("username", quote(self.username)),
            ("realm", quote(self.realm)),
            ("nonce", quote(self.nonce)),
            ("uri", quote(self.uri)),
            ("response", quote(self.response)),
            ("algorithm", self.algorithm),
        ]
        if self.qop is not None:
            fields += [("qop", self.qop), ("nc", f"{self.nc:08x}"), ("cnonce", quote(self.cnonce or ""))]
        if self.opaque is not None:
            fields.append(("opaque", quote(self.opaque)))
        return _text(fields)


def _fields(text: str, what: str) -> Mapping[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ParseError(f"{what} of the scheme {scheme[:20]!r}, not Digest")
    fields: dict[str, str] = {}
    for part in split_list(rest, what, MAX_FIELDS):
        match = _FIELD.fullmatch(part)
        if match is None:
            raise ParseError(f"{what} with a malformed field")
        name, quoted, bare = match.groups()
        if name.lower() in fields:
            raise ParseError(f"{what} with two fields {name.lower()[:20]}")
        fields[name.lower()] = bare if quoted is None else unquote(quoted)
    return fields


def _needed(fields: Mapping[str, str], name: str) -> str:
    if name not in fields:
        raise ParseError(f"digest authentication without {name}")
    return fields[name]


def _text(fields: Iterable[tuple[str, str]]) -> str:
    return "Digest " + ", ".join(f"{name}={value}" for name, value in fields)
