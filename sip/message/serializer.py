"""Messages to bytes (RFC 3261 §7)."""

from offhook.sip.errors import LocalError
from offhook.sip.message.headers import Headers


def serialize(start_line: str, headers: Headers, body: bytes) -> bytes:
    """The bytes of a message. Content-Length is computed from the body, whatever the headers say.

    Raises LocalError when a text has surrogates that are not escaped bytes.
    """
    lines = (start_line, *headers.lines(), f"Content-Length: {len(body)}\r\n\r\n")
    try:
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body
    except UnicodeEncodeError as error:
        raise LocalError(f"the message has text that cannot be encoded: {error.reason}") from error
