"""Rewrites addresses in SIP and SDP for a relay. Pure, and on raw bytes, since a relay has to pass on anything.

It takes no part in the dialog: addresses are replaced by their counterparts, everything else stays as it was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]

_NOWHERE = ("0.0.0.0", "::")
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^((?:content-length|l)[ \t]*:[ \t]*)\d+", re.IGNORECASE | re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN (IP4|IP6) (\S+)$")
_MEDIA = re.compile(r"^m=(\S+) (\d+)(.*)$")
_RTCP = re.compile(r"^a=rtcp:(\d+)(?: IN (?:IP4|IP6) (\S+))?$")


@dataclass(frozen=True, slots=True)
class MediaTarget:
    """Where an SDP wants the media of its m-line number `index`. A stream with port 0 is not one of these."""

    index: int
    rtp: Address
    rtcp: Address


def call_id(message: bytes) -> str | None:
    """The Call-ID of a SIP message (RFC 3261 §20.8), None when it has none."""
    found = _CALL_ID.search(message.partition(b"\r\n\r\n")[0])
    return found[1].decode("utf-8", "replace") if found else None


def method(message: bytes) -> str:
    """A request's method; "" for a response or anything else."""
    word = message[:32].split(b" ", 1)[0]
    return word.decode() if word.isalpha() and word.isascii() else ""


def replace_addresses(message: bytes, replacements: Mapping[Address, Address]) -> bytes:
    """Replace each left of `replacements` by its right, wherever start line or headers have `host:port`."""
    head, separator, body = message.partition(b"\r\n\r\n")
    texts = {f"{host}:{port}".encode(): f"{to[0]}:{to[1]}".encode() for (host, port), to in replacements.items()}
    # One pass: a replacement must not be replaced again.
    pattern = rb"(?<![\w.])(?:" + b"|".join(map(re.escape, texts)) + rb")(?!\d)"
    return re.sub(pattern, lambda found: texts[found[0]], head) + separator + body


def session_description(message: bytes) -> bytes:
    """The SDP in a message's body; empty without one."""
    body = message.partition(b"\r\n\r\n")[2]
    return body if body.startswith(b"v=0") else b""


def with_body(message: bytes, body: bytes) -> bytes:
    """The message with another body and the Content-Length that fits (RFC 3261 §20.14)."""
    head, separator, _ = message.partition(b"\r\n\r\n")
    return _LENGTH.sub(rb"\g<1>%d" % len(body), head) + separator + body


def media_streams(sdp: bytes) -> list[MediaTarget]:
    """The streams of a description, by RFC 8866 §5.7 and §5.14, RTCP by RFC 3605."""
    session_host = ""
    streams: list[MediaTarget] = []
    index, host, port, rtcp = -1, "", 0, None

    def finish() -> None:
        if index >= 0 and port:
            rtcp_port, rtcp_host = rtcp or (port + 1, None)
            streams.append(MediaTarget(index, (host, port), (rtcp_host or host, rtcp_port)))

    for line in _lines(sdp):
        if found := _MEDIA.match(line):
            finish()
            index, host, port, rtcp = index + 1, session_host, int(found[2]), None
        elif found := _CONNECTION.match(line):
            host = found[2].partition("/")[0]
            if index < 0:
                session_host = host
        elif found := _RTCP.match(line):
            rtcp = int(found[1]), found[2]
    finish()
    return streams


def with_media_at(sdp: bytes, host: str, ports: Mapping[int, int]) -> bytes:
    """The description with the streams in `ports` (by index) at `host`: RTP at the port, RTCP at the next one."""
    lines = []
    index, old_port = -1, 0
    for line in _lines(sdp):
        new = line
        if found := _MEDIA.match(line):
            index, old_port = index + 1, int(found[2])
            if index in ports:
                new = f"m={found[1]} {ports[index]}{found[3]}"
        elif (found := _CONNECTION.match(line)) and found[2] not in _NOWHERE:
            new = f"c=IN {'IP6' if ':' in host else 'IP4'} {host}"
        elif (found := _RTCP.match(line)) and index in ports:
            # On RTP's own port it is multiplexed (RFC 5761 §5.1.1).
            new = f"a=rtcp:{ports[index] + (int(found[1]) != old_port)}"
        lines.append(new)
    return "\r\n".join([*lines, ""]).encode("utf-8", "surrogateescape")


def _lines(sdp: bytes) -> list[str]:
    return sdp.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n").split("\n")
