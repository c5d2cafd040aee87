"""Session descriptions that PJSIP must not use: it takes each address as it is, and ends its process where one cannot
be used; a name it would look up, and all calls would wait for that. What is longer than its arrays it writes behind
them. It also takes what nobody has asked for, offers that cross others, and early answers without audio, and ends its
process over what comes of that. The rules are those of our own SIP, but for what PJSIP has no room for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum
from ipaddress import ip_address
from string import digits

import structlog

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.codecs import AudioCapabilities, common_formats, voice
from offhook.sip.sdp.crypto import transport_problem
from offhook.sip.sdp.parser import parse

NOT_IN_A_CALL, NOT_ACCEPTABLE_HERE, REQUEST_PENDING = 481, 488, 491
IGNORED = -1
REQUEST = "Request msg "
OFFERING = ("INVITE", "UPDATE")
"""What they have is never an answer (RFC 6337 §2)."""
EARLY = "Response msg 1"
"""A provisional response."""
BROADCAST = "255.255.255.255"
DTLS = " UDP/TLS/"
"""Of RFC 5764. With `rtp.srtp` PJSIP refuses it in a way that ends its process."""

MAX_UFRAG = 119
"""Octets of an ice-ufrag: PJSIP has 128 for it, a colon and its own eight. RFC 8839 §5.4 allows 256."""
MAX_KEYS = 64
"""a=crypto lines of one m-line: PJSIP has room for so many tags. Our own SIP looks at 32."""

log = structlog.get_logger("offhook.pjsip")


class Exchange(IntEnum):
    """Where offer and answer stand in the dialog of a request, by `telephony/native/exchange.h`."""

    UNKNOWN = 0
    IDLE = 1
    OFFERED = 2  # our offer waits
    BUSY = 3  # the call is being set up, or an exchange has stuck
    OVER = 4
    ASKED = 5  # the offer of their INVITE waits: PJSIP refuses another itself (RFC 3311 §5.2)
    LEFT = 6  # our offer waits, and their ACK has no answer


def judge(
    host: str, audio: AudioCapabilities, *, ice: bool, on_refused: Callable[[int], None]
) -> Callable[[bytes, bytes | None, int], int]:
    """For messages to us at `host`: from PJSIP's summary of one, its description as PJSIP has understood it (None: too
    long; empty: not valid) and the `Exchange`, to the status to refuse it with, IGNORED, or 0. `audio`: what we offer;
    `ice`: whether candidates are used. Statuses of requests are reported to `on_refused`."""
    version = 6 if ":" in host else 4

    def verdict(message: bytes, text: bytes | None, stands: int) -> int:
        what = message.decode("utf-8", "replace").partition(" (")[0]
        if stands == Exchange.LEFT:
            # PJSIP would stop its ICE, and end its process over the second offer from then on.
            return NOT_ACCEPTABLE_HERE if ice else 0
        status, why = out_of_turn(what, Exchange(stands))
        if not status and (why := problem(text, version, ice=ice)):
            status = NOT_ACCEPTABLE_HERE
        if not status and _method(what) in OFFERING and (why := mismatch(text or b"", audio)):
            status = NOT_ACCEPTABLE_HERE
        if not status and what.startswith(EARLY) and (why := unused(text or b"", audio)):
            status = IGNORED
        if status:
            log.warning("a session description was refused", of=what, why=why)
        if status > 0 and _method(what) not in ("", "ACK"):
            on_refused(status)
        return status

    return verdict


def out_of_turn(what: str, stands: Exchange) -> tuple[int, str]:
    """The status for a request ("Request msg INVITE/cseq=1") whose description comes at the wrong time, and why; or 0.

    RFC 3261 §14.2 and RFC 6337 §2: no offer before the last one is answered, and the answer of a 200 is confirmed by
    the ACK.
    """
    method = _method(what)
    if stands is Exchange.UNKNOWN or method not in ("INVITE", "UPDATE", "PRACK", "ACK"):
        return 0, ""
    if method in ("PRACK", "ACK"):
        # An answer to our offer, or nothing that we have to do with. An ACK cannot be refused.
        asked = stands is Exchange.OFFERED
        return (0, "") if asked else (IGNORED if method == "ACK" else NOT_ACCEPTABLE_HERE, "nobody has asked for it")
    if stands is Exchange.OVER:
        return NOT_IN_A_CALL, "its call is over"
    if stands in (Exchange.IDLE, Exchange.ASKED):
        return 0, ""
    return REQUEST_PENDING, "the last offer is not answered yet"


def unused(text: bytes, audio: AudioCapabilities) -> str:
    """Why an answer leaves no audio; "" if it does.

    PJSIP ends a call over one that comes early, and its process over the answer that crosses that: another phone's, or
    that of the 2xx, which alone counts where the early one was not reliable (RFC 6337 §3.1.1).
    """
    try:
        lines = parse(text).media
    except RemoteError as error:
        return error.reason
    if not lines or lines[0].kind != "audio" or not lines[0].port:
        return "it has no audio"
    if not voice(common_formats(lines[0], audio)):
        return "it has none of our codecs"
    return transport_problem(lines[0], audio.srtp) or ""


def mismatch(text: bytes, audio: AudioCapabilities) -> str:
    """Why no audio of an offer fits `rtp.srtp`; "" if one does, or if PJSIP refuses the offer itself.

    PJSIP would answer 406. It takes profiles with feedback for those without (RFC 4585, RFC 5124).
    """
    try:
        lines = [each for each in parse(text).media if each.kind == "audio" and each.port]
    except RemoteError:
        return ""
    plain = (replace(each, protocol=each.protocol.upper().removesuffix("F")) for each in lines)
    problems = [transport_problem(each, audio.srtp) or "" for each in plain]
    return problems[0] if problems and all(problems) else ""


def _method(what: str) -> str:
    """Of a request; "": it is a response."""
    return what.removeprefix(REQUEST).partition("/")[0] if what.startswith(REQUEST) else ""


def problem(text: bytes | None, version: int, *, ice: bool = False) -> str:
    """Why a description cannot be used, where we have addresses of that IP version; "" if it can."""
    if not text:
        return "it is too long" if text is None else "it is not valid"
    return next(_problems(text.decode("latin-1"), version, ice), "")  # a character for an octet


def _problems(text: str, version: int, ice: bool) -> Iterator[str]:
    keys = 0
    for line in text.replace("\r", "\n").split("\n"):
        kind, _, value = line.partition("=")
        name, _, rest = value.partition(":")
        name = name.lower() if kind == "a" else ""
        if kind == "c":
            yield from _of_address(_fields(value), version)
        elif kind == "m":
            keys = 0
            if DTLS in value.upper():
                yield "its keys come by DTLS"
            yield from _of_formats(_fields(value)[3:])
        elif name == "rtcp" and len(fields := _fields(rest.replace("\t", " "))) > 1:
            yield from _of_address(fields[1:], version)  # RFC 3605 §2.1: after the port
        elif name == "crypto" and (keys := keys + 1) > MAX_KEYS:
            yield f"it has more than {MAX_KEYS} keys for one stream"
        elif name == "ice-ufrag" and ice and len(rest) > MAX_UFRAG:
            yield f"its ice-ufrag has more than {MAX_UFRAG} octets"
        elif name == "candidate" and ice:
            yield from _of_candidate(_fields(rest))


def _of_formats(formats: list[str]) -> Iterator[str]:
    """Payload types (RFC 8866 §5.14): PJSIP writes another number over one, figure by figure."""
    types = [each for each in formats if each[0] in digits]
    if not all(set(each) <= {*digits} and each == (each.lstrip("0") or "0") for each in types):
        yield "it has a payload type that is no number"


def _fields(value: str) -> list[str]:
    """As PJSIP tells them apart: other white space is part of one."""
    return [each for each in value.split(" ") if each]


def _of_address(fields: list[str], version: int) -> Iterator[str]:
    """RFC 8866 §5.7: network, IP version, address."""
    if len(fields) != 3 or fields[:2] != ["IN", f"IP{version}"]:
        yield f"it has an address that is not of IPv{version}"
    elif not _is_number(fields[2], version):
        yield f"it has an address that is no number of IPv{version}"
    elif ip_address(fields[2]).is_multicast or fields[2] == BROADCAST:
        yield "it has an address of many hosts"


def _of_candidate(fields: list[str]) -> Iterator[str]:
    """RFC 8839 §5.1: the address is the fifth."""
    if len(fields) < 6 or not (_is_number(fields[4], 4) or _is_number(fields[4], 6)):
        yield "it has a candidate without a numeric address"


def _is_number(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version and "%" not in text
    except ValueError:
        return False
