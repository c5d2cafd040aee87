"""The rules of RFC 3261 §25.1 that several headers share. Everything here takes linear time."""

import re

from offhook.sip.errors import ParseError
from offhook.sip.message.limits import MAX_DIGITS

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"

QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\r\n])*+"'
"""A quoted-string: any byte may be in it, control characters only after a backslash."""

LWS = r"[ \t]*+"

_TOKEN = re.compile(TOKEN)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')
_LIST_PART = re.compile(rf"{QUOTED}|<[^>]*+>|[^,\"<]++|,")


def is_token(text: str) -> bool:
    """Whether the text is a token."""
    return _TOKEN.fullmatch(text) is not None


def unquote(quoted: str) -> str:
    """The text of a quoted-string, which is passed with its quotes."""
    inner = quoted[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """The text as a quoted-string."""
    return f'"{_TO_ESCAPE.sub(lambda match: chr(92) + match.group(), text)}"'


def number(text: str, what: str, maximum: int) -> int:
    """Decimal digits as an int of at most `maximum`. Raises ParseError.

    The digits are counted first: converting 60,000 digits to an int takes quadratic time.
    """
    if not (text.isascii() and text.isdigit()):
        raise ParseError(f"{what} is not a number")
    if len(text) > MAX_DIGITS or (value := int(text)) > maximum:
        raise ParseError(f"{what} is too large")
    return value


def split_list(text: str, what: str, limit: int) -> list[str]:
    """The values between commas that are neither in quotes nor in angle brackets. Raises ParseError.

    Empty elements are skipped: no grammar allows them, but real devices send `Supported: ,outbound`.
    """
    values: list[str] = []
    while text:
        value, text = split_first(text, what)
        if value:
            values.append(value)
        if len(values) > limit:
            raise ParseError(f"{what} has too many values")
    return values


def split_first(text: str, what: str) -> tuple[str, str]:
    """The first value of a list that is not empty, and the text behind its comma. Raises ParseError."""
    start = position = 0
    while position < len(text):
        match = _LIST_PART.match(text, position)
        if match is None:
            raise ParseError(f"{what} has an unterminated quote or bracket")
        if match.group() == ",":
            if value := text[start:position].strip(" \t"):
                return value, text[match.end() :]
            start = match.end()
        position = match.end()
    return text[start:].strip(" \t"), ""
