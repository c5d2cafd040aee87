"""What a ladder says about one SIP message: start line, CSeq, session description, and what it means for its dialog.

Messages are read leniently: a ladder is looked at when something is wrong. Pure.
"""

import re
from dataclasses import dataclass

from offhook.observe.log import escape_control
from offhook.sip.errors import RemoteError
from offhook.sip.sdp import parser as sdp_parser
from offhook.sip.sdp.model import Media, SessionDescription, stated_direction

MAX_LABEL_CHARS = 80

_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: ([^\r\n]*))?", re.IGNORECASE)
_REQUEST = re.compile(r"([A-Za-z]{1,32}) (\S+) SIP/", re.IGNORECASE)
_HEADER = r"(?im)^(?:{})[ \t]*:[ \t]*([^\r\n]*)"
_CSEQ = re.compile(_HEADER.format("cseq"))
_REFER_TO = re.compile(_HEADER.format("refer-to|r"))
_EXPIRES = re.compile(_HEADER.format("expires"))
_CONTACT_EXPIRES = re.compile(r"(?im)^(?:contact|m)[ \t]*:[^\r\n]*;[ \t]*expires=(\d+)")
_REASON = re.compile(_HEADER.format("reason"))
_FRAGMENT = re.compile(r"(?im)^SIP/2\.0 (\d\d\d[^\r\n]*)")
_SIGNAL = re.compile(r"(?im)^signal[ \t]*=")
_BODY_START = re.compile(r"(?m)^v=0[ \t]*\r?$")
_STATIC = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "13": "CN", "18": "G729"}


@dataclass(frozen=True, slots=True)
class SdpSummary:
    """The audio of a session description. `direction` is as stated, "sendrecv" without a statement."""

    codecs: tuple[str, ...]
    address: str
    direction: str
    protocol: str
    is_encrypted: bool
    has_events: bool

    @property
    def text(self) -> str:
        """In one line: "PCMU,PCMA+events 192.0.2.1:4000 SRTP sendonly"."""
        words = [",".join(self.codecs) + ("+events" if self.has_events else ""), self.address]
        words += ["SRTP"] if self.is_encrypted else []
        words += [] if self.direction == "sendrecv" else [self.direction]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """`method` is that of the CSeq for responses, too; `status` 0: it is a request. Texts have no control
    characters."""

    label: str
    method: str
    status: int
    cseq: str
    sdp: SdpSummary | None
    state: str
    """What the dialog has become by it; empty: the message does not say."""


def summary_of(text: str) -> MessageSummary:
    """Summarise a message."""
    head, _, body = text.lstrip("\r\n").partition("\r\n\r\n")
    first, cseq = head.partition("\r\n")[0], _first(_CSEQ, head)
    of_cseq = cseq.split()[-1].upper() if cseq.split() else ""
    sdp = sdp_of(body)
    if (response := _STATUS.match(first)) is not None:
        status = int(response[1])
        label = f"{status} {response[2] or ''}".strip()
        state = _state_of_response(of_cseq, status, head, sdp)
        return MessageSummary(_clean(label), _clean(of_cseq), status, _clean(cseq), sdp, _clean(state))
    request = _REQUEST.match(first)
    if request is None:
        return MessageSummary(_clean(first or "?"), "", 0, _clean(cseq), sdp, "")
    method, target = request[1].upper(), request[2]
    label, state = _of_request(method, target, head, body)
    return MessageSummary(_clean(label), method, 0, _clean(cseq), sdp, _clean(state))


def _of_request(method: str, target: str, head: str, body: str) -> tuple[str, str]:
    """Its label, and the state."""
    if method == "INVITE":
        return f"INVITE {_user(target)}", ""
    if method == "REFER":
        return f"REFER → {_first(_REFER_TO, head).strip('<>')}", "transferring"
    if method == "NOTIFY" and (fragment := _FRAGMENT.search(body)) is not None:
        return f"NOTIFY {fragment[1]}", f"transfer: {fragment[1]}"
    if method == "INFO" and (_SIGNAL.search(body) is not None or "dtmf" in head.lower()):
        return "INFO key", ""
    if method == "REGISTER":
        return "REGISTER", "unregistering" if _first(_EXPIRES, head).strip() == "0" else "registering"
    why = _first(_REASON, head) if method in ("BYE", "CANCEL") else ""
    states = {"CANCEL": "cancelling", "BYE": "ending"}
    return f"{method} ({why})" if why else method, states.get(method, "")


def _state_of_response(method: str, status: int, head: str, sdp: SdpSummary | None) -> str:
    if method == "INVITE":
        if status < 200:
            names = {100: "trying", 180: "ringing", 181: "forwarded", 182: "queued"}
            return "early media" if sdp is not None else names.get(status, "progress")
        return "answered" if status < 300 else _refused(status)
    if method == "REGISTER" and status >= 200:
        granted = _CONTACT_EXPIRES.search(head)
        expires = granted[1] if granted is not None else _first(_EXPIRES, head).strip()
        return (f"registered {expires} s" if expires != "0" else "unregistered") if status < 300 else _refused(status)
    if method == "BYE" and status >= 200:
        return "ended"
    return ""


def _refused(status: int) -> str:
    names = {401: "challenged", 407: "challenged", 486: "busy", 487: "cancelled", 603: "declined"}
    return names.get(status, "redirected" if status < 400 else f"refused {status}")


def sdp_of(body: str) -> SdpSummary | None:
    """The audio of the session description in a body, a part of a multipart one, too; None without one."""
    session = session_of(body)
    audio = next((each for each in session.media if each.kind == "audio"), None) if session is not None else None
    return None if session is None or audio is None else _audio(session, audio)


def session_of(body: str) -> SessionDescription | None:
    """The session description in a body, a part of a multipart one, too; None without one that can be read."""
    start = _BODY_START.search(body)
    if start is None:
        return None
    text = body[start.start() :].split("\r\n--", 1)[0]
    try:
        return sdp_parser.parse(text.encode())
    except RemoteError:
        return None


def _audio(session: SessionDescription, media: Media) -> SdpSummary:
    names = {}
    for value in media.values("rtpmap"):
        number, _, encoding = value.partition(" ")
        names[number] = encoding.strip().partition("/")[0]
    codecs = [names.get(each) or _STATIC.get(each, each) for each in media.formats]
    host = media.host or session.host or ""
    shown = f"[{host}]" if ":" in host else host
    return SdpSummary(
        codecs=tuple(_clean(each) for each in codecs if each.lower() not in ("telephone-event", "cn")),
        address=_clean(f"{shown}:{media.port}" if media.port else "no media"),
        direction=stated_direction(media.attributes) or stated_direction(session.attributes) or "sendrecv",
        protocol=_clean(media.protocol),
        is_encrypted="SAVP" in media.protocol.upper() or bool(media.values("crypto")),
        has_events=any(each.lower() == "telephone-event" for each in codecs),
    )


def _user(uri: str) -> str:
    """The user of a URI, or else its host: what tells one call from another."""
    bare = re.sub(r"(?i)^(sips?|tel):", "", uri).split(";")[0].split("?")[0]
    user, at, host = bare.rpartition("@")
    return user.partition(":")[0] if at else host


def _first(pattern: re.Pattern[str], head: str) -> str:
    found = pattern.search(head)
    return found[1].strip() if found is not None else ""


def _clean(text: str) -> str:
    return escape_control(text[:MAX_LABEL_CHARS])
