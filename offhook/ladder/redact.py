"""SIP messages without their secrets, of the same length: what is taken out becomes asterisks. Pure.

Taken out are the proof of a password (RFC 3261 §22, RFC 8760: with it and the nonce a password can be guessed offline),
credentials of any other scheme, a password in a URI (§19.1.1), the keys of encrypted media (RFC 4568, RFC 3830 and the
obsolete k= line of RFC 4566 §5.12), passwords of ICE (RFC 8839 §5.4), digits that are sent as INFO, and what is called
a token, a password or the like: header fields, parameters, and header fields in a URI (§19.1.1).

A message has to be cut after it is redacted: half a secret is not recognised (`LOOK_AHEAD_BYTES`).
"""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

LOOK_AHEAD_BYTES = 1_024
"""By no more than this the end of a secret, by which it is recognised, is behind its beginning; a password in a URI may
be longer, and is then not recognised where the message is cut."""

_BEGIN = rb"(?im)(?:^|(?<=\r))"
"""Of a line; a bare CR ends none, but some senders think so."""
_FIELD = rb"(?:[^\r\n]|\r?\n[ \t])*"
_CREDENTIALS = re.compile(_BEGIN + rb"(?:proxy-)?authorization[ \t]*:(" + _FIELD + rb")")
_PROOFS = re.compile(_BEGIN + rb"(?:proxy-)?authentication-info[ \t]*:(" + _FIELD + rb")")
_ANY_FIELD = re.compile(_BEGIN + rb"([\w.!%*+`'~-]{1,64})[ \t]*:(" + _FIELD + rb")")
_ANY_PARAMETER = re.compile(rb"[?&;]([\w.!%*+`'~-]{1,64})=(\"[^\"\r\n]{0,1024}+\"?|[^\s&;<>\",]{1,1024}+)")
_SECRET_NAME = re.compile(
    rb"(?i)token|secret|passw|passphrase|passcode|credential|cookie|(?:api|access)-?key"
    rb"|(?<![a-z])(?:auth|authorization|authentication|pin|pwd|key)(?![a-z])"
)
"""Of what applications send each other along."""
_STANDARD = frozenset({b"authorization", b"proxy-authorization", b"authentication-info", b"proxy-authentication-info"})
"""Fields of which a part is shown."""
# Lengths have a bound, so that a message of nothing but beginnings takes no time.
_PARAMETER = re.compile(rb'(?<![A-Za-z0-9_-])([A-Za-z0-9_-]{1,64})[ \t]*=[ \t]*("(?:[^"\\]|\\.){0,1024}+"|[^\s,"]+)')
_SHOWN = frozenset(
    {b"username", b"realm", b"nonce", b"nextnonce", b"uri", b"algorithm", b"opaque", b"qop", b"nc", b"stale"}
)
"""Parameters of credentials that prove nothing."""
_PROVING = frozenset({b"response", b"cnonce", b"rspauth"})
_DIGEST = re.compile(rb"\s*digest\s", re.IGNORECASE)

_BEFORE_AT = re.compile(rb'(?<![^\s@<>"])[^\s@<>"]++(?=@)')
"""Looked at from its beginning only: it may have any length, and takes linear time."""
_URI_PASSWORD = re.compile(rb"(?is)(?:\bsips?:[^:]*?(?::|%3a)|://(?:[^:]*:)?)(.+)")
_ESCAPED_PASSWORD = re.compile(rb"(?i)\bsips?%3a[^\s%<>\"]{0,256}%3a([^\s%<>\"]{1,256}+)%40")
"""In a header field of a URI (RFC 3261 §19.1.1)."""
_MEDIA_KEYS = re.compile(rb"(?i)inline:\s*([^|;\s]+)")
_KEY_MANAGEMENT = re.compile(_BEGIN + rb"(?:a=key-mgmt:|a=ice-pwd:|k=)([^\r\n]*)")
_STARS = bytes(byte if byte in b"\r\n" else ord("*") for byte in range(256))
"""Line breaks stay: the message keeps its lines."""
_STARS_BETWEEN = bytes(byte if byte in b"\r\n\t ," else ord("*") for byte in range(256))
_IS_INFO = re.compile(rb"INFO[ \t]", re.IGNORECASE)
_SIGNAL = re.compile(rb"(?im)^signal[ \t]*=[ \t]*([^\r\n]*)")
_HEAD_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
"""Lenient: some senders end lines with LF alone."""
_SOLID = re.compile(rb"(\S+)")


def redacted(data: bytes, *, digits: bool = False) -> bytes:
    """The message with asterisks for every secret; with `digits` those of an INFO stay. A message without any is
    returned as it is."""
    low = data.lower()
    if b"auth" in low:
        data = _masked(data, _CREDENTIALS, _credentials)
        data = _masked(data, _PROOFS, _proofs)
    if _SECRET_NAME.search(low) or b"%" in low:
        data = _ANY_FIELD.sub(_application_field, data)
        data = _ANY_PARAMETER.sub(_application_parameter, data)
    if b"@" in data:
        data = _BEFORE_AT.sub(lambda user: _masked(user[0], _URI_PASSWORD, _all), data)
    if b"%40" in data:
        data = _masked(data, _ESCAPED_PASSWORD, _all)
    if b"inline:" in low:
        data = _masked(data, _MEDIA_KEYS, _all)
    if b"key-mgmt" in low or b"k=" in low or b"ice-pwd" in low:
        data = _masked(data, _KEY_MANAGEMENT, _all)
    return data if digits or not _IS_INFO.match(data.lstrip()) else _without_digits(data)


def redacted_text(text: str, *, digits: bool = False) -> str:
    """The same of a message, or of a part of one, as text."""
    return redacted(text.encode("utf-8", "replace"), digits=digits).decode("utf-8", "replace")


def _without_digits(info: bytes) -> bytes:
    """An INFO without the key that its body has (application/dtmf-relay, application/dtmf, and what others invent)."""
    end = _HEAD_END.search(info, len(info) - len(info.lstrip()))
    if end is None:
        return info
    body = info[end.end() :]
    pattern = _SIGNAL if _SIGNAL.search(body) else _SOLID
    return info[: end.end()] + _masked(body, pattern, _all)


def _masked(data: bytes, pattern: re.Pattern[bytes], hide: Callable[[bytes], bytes]) -> bytes:
    def hidden(match: re.Match[bytes]) -> bytes:
        start, end = match.span(1)
        whole = match.group()
        return whole[: start - match.start()] + hide(match[1]) + whole[end - match.start() :]

    return pattern.sub(hidden, data)


def _application_field(match: re.Match[bytes]) -> bytes:
    if match[1].lower() in _STANDARD or not _SECRET_NAME.search(match[1]):
        return match.group()
    return _hide_value(match)


def _application_parameter(match: re.Match[bytes]) -> bytes:
    return _hide_value(match) if _SECRET_NAME.search(unquote_to_bytes(match[1])) else match.group()


def _hide_value(match: re.Match[bytes]) -> bytes:
    return match.group()[: match.start(2) - match.start()] + _all(match[2])


def _all(secret: bytes) -> bytes:
    return secret.translate(_STARS)


def _credentials(field: bytes) -> bytes:
    digest = _DIGEST.match(field)
    return _all(field) if digest is None else digest.group() + _proofs(field[digest.end() :])


def _proofs(parameters: bytes) -> bytes:
    """All but what is known to prove nothing: an unknown parameter may be the secret itself."""
    shown = bytearray(parameters.translate(_STARS_BETWEEN))
    for match in _PARAMETER.finditer(parameters):
        if (name := match[1].lower()) in _SHOWN or name in _PROVING:
            kept = match.end() if name in _SHOWN else match.start(2)
            shown[match.start() : kept] = parameters[match.start() : kept]
    return bytes(shown)
