"""Refer-To: the URI to call, and with which headers (RFC 3515 §2.1, RFC 3261 §19.1.1)."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from offhook.sip.errors import ParseError
from offhook.sip.message.address import NameAddr
from offhook.sip.message.identities import printable
from offhook.sip.message.limits import MAX_LIST
from offhook.sip.message.uri import Uri

_UNRESERVED = "-_.!~*'()"
"""RFC 3261 §25.1, mark: what needs no escape in a URI's header besides letters and digits."""


@dataclass(frozen=True, slots=True)
class ReferTo:
    """The URI to call, without headers, and the headers that the INVITE to it should have, such as Replaces."""

    uri: str
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "ReferTo":
        """Read the header's value; `method` other than INVITE is refused. Raises ParseError."""
        if "?" in text and "<" not in text:
            # RFC 3261 §20.10 wants such a URI in angle brackets; Asterisk's Transfer() writes what its dialplan has.
            text = f"<{text.strip()}>"
        uri = NameAddr.parse(text).uri
        if (uri.params.get("method") or "INVITE").upper() != "INVITE":
            raise ParseError("Refer-To asks for something else than a call")
        pairs = [each for each in (uri.headers or "").split("&") if each]
        if len(pairs) > MAX_LIST:
            raise ParseError("Refer-To has too many headers")
        headers = []
        for pair in pairs:
            name, _, value = pair.partition("=")
            headers.append((unquote(name), printable(unquote(value, errors="surrogateescape"))))
        return cls(printable(str(uri._replace(headers=None))), tuple(headers))

    def get(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def __str__(self) -> str:
        """The header's value. Raises ParseError for a URI that cannot have headers, and has some."""
        uri = Uri.parse(self.uri)
        if not self.headers:
            return f"<{uri}>"
        if uri.opaque is not None:
            raise ParseError(f"a {uri.scheme} URI cannot have headers")
        text = "&".join(f"{quote(name, _UNRESERVED)}={quote(value, _UNRESERVED)}" for name, value in self.headers)
        return f"<{uri._replace(headers=text)}>"
