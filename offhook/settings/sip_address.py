"""A SIP URI that is called directly: what lists of the allowed are compared with is what is called. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from offhook.sip.errors import ParseError
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Transport
from offhook.usererror import UserError

CALLABLE = "+15551234567, tel:+15551234567 or sip:USER@HOST"

_SCHEME = re.compile(r"(?i)sips?:")

_UNRESERVED = "-_.!~*'()&=+$,/"
"""RFC 3261 §25.1, mark and user-unreserved: what needs no escape in a user besides letters and digits."""

_STRUCTURE = frozenset(';:?@<>"')
"""A server may read what follows one of these as something else than the user: a parameter with another number."""


@dataclass(frozen=True, slots=True)
class SipAddress:
    """`user` without escapes, empty where there is none; `host` as in a URI, and in lower case where it was parsed;
    `transport` as in a URI, empty where it is left open. `str()` is the URI: of these alone, whatever else was
    given."""

    user: str
    host: str
    port: int | None = None
    transport: str = ""
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> "SipAddress":
        """Read a sip or sips URI. Raises UserError, also for what would be called without having been judged: headers,
        a password, `maddr`, parameters of the user."""
        try:
            uri = Uri.parse(text)
        except ParseError as error:
            raise not_callable(text, error.reason) from error
        if not uri.host:
            raise not_callable(text, "it is no sip URI")
        if uri.password is not None or uri.headers is not None or "maddr" in uri.params:
            raise not_callable(text, "it must be sip:USER@HOST, perhaps with a port and a transport")
        user = unquote(uri.user or "")
        if not user.isprintable() or _STRUCTURE & set(user):
            raise not_callable(text, "its user has characters that mean something else to others")
        transport = (uri.params.get("transport") or "").lower()
        if transport and transport.upper() not in Transport.__members__:
            raise not_callable(text, "it asks for a transport that is not known")
        return cls(user, uri.host.lower().rstrip("."), uri.port, transport, uri.scheme == "sips")

    @property
    def name(self) -> str:
        """What patterns are compared with: USER@HOST."""
        return f"{self.user}@{self.host}"

    def __str__(self) -> str:
        user = f"{quote(self.user, _UNRESERVED)}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        transport = f";transport={self.transport}" if self.transport else ""
        return f"{'sips' if self.secure else 'sip'}:{user}{self.host}{port}{transport}"


def is_sip(address: str) -> bool:
    """Whether it is a SIP URI, and no number or extension."""
    return _SCHEME.match(address) is not None


def not_callable(address: str, why: str, todo: str = CALLABLE) -> UserError:
    """The error for what nobody can call."""
    return UserError(f"{address[:60]!r} cannot be called", why, todo)
