"""The Reason header field: why a BYE or CANCEL was sent (RFC 3326), or a call refused (RFC 6432); often with the cause
of the telephone network."""

from collections.abc import Iterable
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import is_token, quote, split_list
from offhook.sip.message.limits import MAX_LIST
from offhook.sip.message.message import Request, Response
from offhook.sip.message.params import Params

MAX_DIGITS = 3
"""Of a cause."""

MAX_TEXT = 200
"""Characters of a text that are kept: it stands in logs and records."""


@dataclass(frozen=True, slots=True)
class EndReason:
    """`protocol` is "Q.850", "SIP" …, `cause` its number, None without one."""

    protocol: str
    cause: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> "EndReason":
        """Read one value. Raises ParseError."""
        protocol, semicolon, rest = text.strip(" \t").partition(";")
        protocol = protocol.rstrip(" \t")
        if not is_token(protocol):
            raise ParseError("Reason has no protocol")
        params = Params.parse(semicolon + rest, "Reason")
        digits = params.get("cause") or ""
        cause = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None
        said = (params.get("text") or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return cls(protocol, cause, said[:MAX_TEXT])

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        # RFC 3326 §2: the text is always in quotes.
        return self.protocol + cause + (f";text={quote(self.text)}" if self.text else "")

    @property
    def words(self) -> str:
        """For people: "Q.850 16: Normal call clearing"."""
        number = "" if self.cause is None else f" {self.cause}"
        return f"{self.protocol}{number}" + (f": {self.text}" if self.text else "")


def fields(given: Iterable[EndReason]) -> tuple[tuple[str, str], ...]:
    """The header fields that say so: one, or none without a reason."""
    text = ", ".join(str(reason) for reason in given)
    return (("Reason", text),) if text else ()


def reasons(message: Request | Response) -> tuple[EndReason, ...]:
    """Those of a message; what cannot be parsed is left out: nothing depends on it."""
    found: list[EndReason] = []
    for field in message.headers.get_all("Reason"):
        try:
            found += [EndReason.parse(value) for value in split_list(field, "Reason", MAX_LIST)]
        except ParseError:
            continue
    return tuple(found[:MAX_LIST])
