"""Name and address: the values of From, To, Contact, Route and Record-Route (RFC 3261 §20.10, §25.1)."""

import re
from typing import NamedTuple

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import LWS, QUOTED, TOKEN, quote, unquote
from offhook.sip.message.params import NO_PARAMS, Params
from offhook.sip.message.uri import Uri, parse_uri

# By the grammar an unquoted name has tokens only, but phones send accents, "(555) 123-4567" and "user@host" that way. A
# comma stays an error: it separates the values of a list (RFC 4475 §3.1.2.15).
_BRACKETED = re.compile(rf"{LWS}(?:({QUOTED}){LWS}|([^\x00-\x08\x0a-\x1f\x7f\"<>,]*+))<([^<>]*+)>(.*)", re.DOTALL)


class NameAddr(NamedTuple):
    """A URI, with an optional display name and header parameters.

    `display_name` is without quotes and escapes, and empty when there is none.
    """

    display_name: str
    uri: Uri
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Read one value. Without angle brackets all parameters are the header's (§20.10). Raises ParseError."""
        match = _BRACKETED.fullmatch(text)
        if match is not None:
            quoted, bare, uri, params = match.groups()
            name = unquote(quoted) if quoted is not None else bare.strip(" \t")
            return cls(name, parse_uri(uri), Params.parse(params, "address") if params else NO_PARAMS)
        spec, semicolon, params = text.partition(";")
        spec = spec.strip(" \t")
        if "," in spec or "?" in spec:
            # §20.10: such a URI must stand in angle brackets.
            raise ParseError("address needs angle brackets")
        return cls("", parse_uri(spec), Params.parse(semicolon + params, "address"))

    @classmethod
    def parse_route(cls, text: str) -> "NameAddr":
        """Read a value of Route or Record-Route. Raises ParseError.

        Brackets are mandatory (§20.30, §20.34); without them the parameters are the URI's: as header parameters, `lr`
        would be lost and the proxy taken for a strict router.
        """
        return cls.parse(text if "<" in text else f"<{text.strip()}>")

    @property
    def tag(self) -> str | None:
        """The tag; None without one, or with an empty one."""
        return self.params.get("tag") or None

    def with_tag(self, tag: str) -> "NameAddr":
        """A copy with that tag."""
        return NameAddr(self.display_name, self.uri, self.params.with_("tag", tag))

    def __str__(self) -> str:
        name = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{self.params}"


_TAG = re.compile(rf";{LWS}tag{LWS}={LWS}({TOKEN})", re.IGNORECASE)


def tag_of(text: str) -> str | None:
    """The tag of a From or To that may be malformed otherwise: the tag alone identifies the dialog."""
    try:
        return NameAddr.parse(text).tag
    except ParseError:
        # Not inside the URI or the display name, which may contain anything.
        match = _TAG.search(text, text.rfind(">") + 1)
        return None if match is None else match.group(1)
