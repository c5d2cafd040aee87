"""A SIP URI that is called directly: what lists of the allowed are compared with is what is called. Pure."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from offhook.sip.errors import ParseError
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Transport

_UNRESERVED = "-_.!~*'()&=+$,/"
"""RFC 3261 §25.1, mark and user-unreserved: what needs no escape in a user besides letters and digits."""

_STRUCTURE = frozenset(';:?@<>"')
"""A server may read what follows one of these as something else than the user: a parameter with another number."""


@dataclass(frozen=True, slots=True)
class SipAddress:
    """`user` without escapes, empty where there is none; `host` in lower case, an IPv6 address in brackets; `transport`
    as in a URI, empty where it is left open. `str()` is the URI: of these alone, whatever else was given."""

    user: str
    host: str
    port: int | None = None
    transport: str = ""
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> "SipAddress":
        """Read a sip or sips URI. Raises ParseError, also for what would be called without having been judged: headers,
        a password, `maddr`, parameters of the user."""
        uri = Uri.parse(text)
        if not uri.host:
            raise ParseError("it is no sip URI")
        if uri.password is not None or uri.headers is not None or "maddr" in uri.params:
            raise ParseError("it must be sip:USER@HOST, perhaps with a port and a transport")
        user = unquote(uri.user or "")
        if not user.isprintable() or _STRUCTURE & set(user):
            raise ParseError("its user has characters that mean something else to others")
        transport = (uri.params.get("transport") or "").lower()
        if transport and transport.upper() not in Transport.__members__:
            raise ParseError("it asks for a transport that is not known")
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
