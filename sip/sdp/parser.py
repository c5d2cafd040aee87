"""Bytes to a session description (RFC 8866 §5, §9)."""

import re
from itertools import islice

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.limits import MAX_ATTRIBUTES, MAX_FORMATS, MAX_LINE, MAX_MEDIA, MAX_SDP
from offhook.sip.sdp.model import DIRECTIONS, NO_ORIGIN, Attribute, Media, Origin, SessionDescription

_TOKEN = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+"
_LINE = re.compile(r"([a-z])=([^\x00-\x08\x0a-\x1f\x7f]*)")
# A user name with spaces violates the grammar; it is not used, so it is accepted.
_ORIGIN = re.compile(r"(\S(?:.*\S)?) ([0-9]+) ([0-9]+) IN IP[46] (\S+)")
_CONNECTION = re.compile(r"IN +(IP[46]) +([A-Za-z0-9.:_\-]+)(?:/[0-9]+){0,2}", re.IGNORECASE)
_TIME = re.compile(r"[0-9]+ [0-9]+")
_MEDIA = re.compile(rf"({_TOKEN}) +([0-9]{{1,6}})(?:/([0-9]{{1,6}}))? +({_TOKEN}(?:/{_TOKEN})*)((?: +\S+)*)")

_STRUCTURE = ("c=", "m=")
"""The lines that must not be left out."""

KEPT = frozenset({*DIRECTIONS, "rtpmap", "fmtp", "ptime", "maxptime", "rtcp", "rtcp-mux", "crypto"})
"""The attributes that audio needs. A browser's offer has hundreds of others (candidates, feedback, extensions)."""


def parse(data: bytes) -> SessionDescription:
    """Read a description. Raises RemoteError 400.

    Lines may end in LF alone (RFC 8866 §5 asks for that), and o=, t= and s= may be malformed or missing, as some
    senders omit them. Lines may come in any order; v= comes first. Attributes that are not in `KEPT` are left out, and
    so is a malformed line that nothing depends on. The address of a malformed c= line is empty.
    """
    if len(data) > MAX_SDP:
        raise _error("is too large")
    # Empty lines are common, and harmless.
    lines = [line.removesuffix("\r") for line in data.decode("utf-8", "surrogateescape").split("\n") if line.strip()]
    if not lines or lines[0].rstrip() != "v=0":
        raise _error("does not begin with v=0")
    groups: list[list[tuple[str, str]]] = [[]]
    for line in lines[1:]:
        match = _LINE.fullmatch(line) if len(line) <= MAX_LINE else None
        if match is None:
            if line.lstrip().startswith(_STRUCTURE):
                raise _error("has a malformed line")
            continue
        if match.group(1) == "m":
            groups.append([])
        groups[-1].append((match.group(1), match.group(2)))
    if len(groups) > MAX_MEDIA + 1:
        raise _error("has too many m-lines")
    return _session(groups[0], tuple(_media(group) for group in groups[1:]))


def _session(lines: list[tuple[str, str]], media: tuple[Media, ...]) -> SessionDescription:
    single = {kind: value for kind, value in reversed(lines) if kind != "a"}
    origin = _ORIGIN.fullmatch(single.get("o", ""))
    time = single.get("t", "")
    return SessionDescription(
        # Nothing depends on it: whether a description has changed is seen from its contents.
        origin=NO_ORIGIN if origin is None else Origin(*origin.groups()),
        name=single.get("s", "-"),
        host=_host(single.get("c")),
        # It is echoed in the answer (RFC 3264 §6), and nothing else depends on it.
        time=time if _TIME.fullmatch(time) else "0 0",
        attributes=_attributes(lines),
        media=media,
    )


def _media(lines: list[tuple[str, str]]) -> Media:
    match = _MEDIA.fullmatch(lines[0][1].rstrip(" "))
    if match is None:
        raise _error("has a malformed m-line")
    kind, port, count, protocol, formats = match.groups()
    return Media(
        kind=kind,
        port=int(port),
        protocol=protocol,
        formats=tuple(dict.fromkeys(formats.split()))[:MAX_FORMATS],
        port_count=int(count or 1),
        # With several c= lines, which only multicast has, the first counts.
        host=_host(next((value for letter, value in lines if letter == "c"), None)),
        attributes=_attributes(lines),
    )


def _host(connection: str | None) -> str | None:
    if connection is None:
        return None
    match = _CONNECTION.fullmatch(connection.rstrip(" "))
    return "" if match is None else match.group(2)


def _attributes(lines: list[tuple[str, str]]) -> tuple[Attribute, ...]:
    # Their values are checked where they are used.
    parts = (value.rstrip(" ").partition(":") for letter, value in lines if letter == "a")
    found = (Attribute(name, value if colon else None) for name, colon, value in parts if name in KEPT)
    return tuple(islice(found, MAX_ATTRIBUTES))


def _error(what: str) -> RemoteError:
    return RemoteError(400, f"SDP {what}")
