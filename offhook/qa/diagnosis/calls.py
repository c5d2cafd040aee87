"""The calls of a capture: their SIP messages, when they came, and what they say about media. Pure.

A call is a Call-ID with an INVITE, or with requests of a dialog that is older than the capture. Where a capture has
several hops of a call (a proxy on this machine), times are those of the first one.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.ladder.kept import Bounds, KeptMessages
from offhook.ladder.message import MessageSummary, session_of, summary_of
from offhook.qa.capture.packets import Address
from offhook.qa.rtp.encodings import COMFORT_NOISE, EVENT, Encoding
from offhook.sip.errors import RemoteError
from offhook.sip.message.dtmf_relay import PLAIN, RELAY, DtmfRelay
from offhook.sip.net.address import Address as HostPort
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.sdp import audio as sdp_audio
from offhook.sip.sdp.model import Media, SessionDescription, stated_direction

MAX_CALLS = 10_000
"""Further ones are counted only."""
MAX_DESCRIPTIONS = 64
MAX_REPEATED = 100
MAX_HOPS = 16
MAX_METHODS = 32
MAX_RENEGOTIATED = 1_000
COPY_S = 0.02
"""A message that comes again so soon was captured twice: timer A and G begin at half a second (RFC 3261 §17)."""
Hop = frozenset[Address | str]

_BOUNDS = Bounds(first=40, latest=24, most_bytes=32_768)

_CALL_ID = re.compile(r"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]{0,1000}?)[ \t]{0,20}\r?$")
_CONTACT = re.compile(
    r"(?im)^(?:contact|m)[ \t]*:[^\r\n]{0,500}?sips?:(?:[^@>\s]{0,300}@)?(\[[0-9a-f:.]+\]|[^:;>\s,]{1,255})"
)
_CONTENT_TYPE = re.compile(r"(?im)^(?:content-type|c)[ \t]*:[ \t]*([^\s;]+)")
_TO_TAG = re.compile(r"(?im)^(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag=")
_OF_A_CALL = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO"})


@dataclass(slots=True)
class Description:
    """What one end said about its audio. `sender` is the address that the message came from, `address` where RTP is to
    go, `encodings` what may go there."""

    at_s: float
    sender: Address
    by_caller: bool
    address: Address
    encodings: Mapping[int, Encoding]
    direction: str
    is_encrypted: bool

    @property
    def names(self) -> frozenset[str]:
        """Of its encodings for speech."""
        return frozenset(each.name for each in self.encodings.values()) - {EVENT, COMFORT_NOISE}

    @property
    def has_events(self) -> bool:
        """Whether DTMF may be sent as events."""
        return any(each.name == EVENT for each in self.encodings.values())

    @property
    def receives(self) -> bool:
        """Whether audio is to be sent there."""
        held = self.address[0] in ("0.0.0.0", "::")
        return self.direction in ("sendrecv", "recvonly") and self.address[1] != 0 and not held


@dataclass(slots=True)
class Repeated:
    """A message that was sent again: `times` after the first."""

    label: str
    by: Address
    first_s: float
    times: int = 1
    last_s: float = 0.0


@dataclass(slots=True)
class Call:
    """One call. Times are Unix time, None for what did not happen within the capture."""

    call_id: str
    number: int
    began_s: float
    caller: Address
    callee: Address
    transport: str
    target: str
    kept: KeptMessages
    last_s: float = 0.0
    is_old: bool = False
    """It began before the capture."""
    invite_s: float | None = None
    first_response_s: float | None = None
    ringing_s: float | None = None
    answered_s: float | None = None
    acked_s: float | None = None
    ended_s: float | None = None
    end_answered: bool = False
    ended_by_caller: bool = False
    status: int = 0
    reason: str = ""
    """Of the final response to the INVITE."""
    is_cancelled: bool = False
    renegotiated_s: list[float] = field(default_factory=list)
    descriptions: list[Description] = field(default_factory=list)
    contacts: dict[tuple[Address, str], float] = field(default_factory=dict)
    repeated: dict[tuple[str, Address], Repeated] = field(default_factory=dict)
    keys: dict[bool, list[tuple[float, str]]] = field(default_factory=lambda: {True: [], False: []})
    """By INFO: of the caller (True), and of the callee."""
    hops: dict[Hop, Address] = field(default_factory=dict)
    """The upper end of each, on the caller's side."""
    _cseq: str = ""

    def of_side(self, *, caller: bool) -> list[Description]:
        """The descriptions of one side, in the order of time."""
        return [each for each in self.descriptions if each.by_caller is caller]

    @property
    def outcome(self) -> str:
        """In words."""
        if self.answered_s is not None:
            return "answered"
        if self.is_old:
            return "in progress when the capture began"
        if self.is_cancelled:
            return "cancelled"
        if self.status >= 300:
            return f"refused: {self.status} {self.reason}".rstrip()
        return "not answered within the capture"


class Calls:
    """SIP messages in, calls out. `others` counts messages that are of no call, by method."""

    def __init__(self) -> None:
        self.by_id: dict[str, Call] = {}
        self.left_out = 0
        self.others: Counter[str] = Counter()
        self.malformed = 0

    def take(
        self, at_s: float, data: bytes, source: Address, destination: Address, transport: Transport
    ) -> tuple[Call, Description | None] | None:
        """Take in a message: its call, and the description of audio in it."""
        text = data.decode("utf-8", "replace")
        found = _CALL_ID.search(text.partition("\r\n\r\n")[0])
        summary = summary_of(text)
        if found is None or not (summary.method or summary.status):
            self.malformed += 1
            return None
        call = self.by_id.get(found[1])
        if call is None:
            call = self._begin(found[1], at_s, summary, text, source, destination, transport)
            if call is None:
                return None
        from_caller = _is_from_caller(call, summary, text, source, destination)
        remote, local = (source, destination) if from_caller else (destination, source)
        flow = Flow(transport, HostPort(*local), HostPort(*remote))
        call.last_s = at_s
        if call.kept.add(at_s, data, flow, from_caller) is None and transport is Transport.UDP:
            _note_repeated(call, summary, source, at_s)
            return call, None
        # An ACK or BYE may go past a proxy, on another hop than the INVITE.
        if summary.method != "INVITE" or _hop_of(source, destination) == _hop_of(call.caller, call.callee):
            _take_times(call, summary, at_s, source, from_caller=from_caller)
        return call, _take_content(call, summary, text, at_s, source, from_caller=from_caller)

    def _begin(
        self,
        call_id: str,
        at_s: float,
        summary: MessageSummary,
        text: str,
        source: Address,
        destination: Address,
        transport: Transport,
    ) -> Call | None:
        if summary.method not in _OF_A_CALL or (summary.method == "INFO" and not _TO_TAG.search(text)):
            method = summary.method or "?"
            self.others[method if method in self.others or len(self.others) < MAX_METHODS else "others"] += 1
            return None
        if len(self.by_id) >= MAX_CALLS:
            self.left_out += 1
            return None
        is_old = bool(summary.status) or summary.method != "INVITE" or _TO_TAG.search(text) is not None
        # A response goes back to who asked.
        caller, callee = (destination, source) if summary.status else (source, destination)
        target = text.split(" ", 2)[1] if not summary.status else ""
        kept = KeptMessages(call_id, _BOUNDS)
        call = Call(call_id, len(self.by_id) + 1, at_s, caller, callee, str(transport), target, kept, is_old=is_old)
        self.by_id[call_id] = call
        return call


def _hop_of(source: Address, destination: Address) -> Hop:
    """The two ends of a hop. Over connections the ports change: hosts say enough where they differ."""
    if source[0] != destination[0]:
        return frozenset((source[0], destination[0]))
    return frozenset((source, destination))


def _is_from_caller(call: Call, summary: MessageSummary, text: str, source: Address, destination: Address) -> bool:
    """Whether a message goes from the caller's side to the callee's."""
    hop = _hop_of(source, destination)
    upper = call.hops.get(hop)
    if upper is None:
        is_new = summary.method == "INVITE" and not summary.status and _TO_TAG.search(text) is None
        lower_ends = {end for ends, top in call.hops.items() for end in ends if end != _end(top, ends)}
        upper_ends = {_end(top, ends) for ends, top in call.hops.items()}
        # A request on a hop that is new comes from the caller's side, unless it is one in the dialog of the callee.
        from_below = not is_new and _end(source, hop) in lower_ends - upper_ends
        upper = destination if summary.status or from_below else source
        if len(call.hops) < MAX_HOPS:
            call.hops[hop] = upper
    return _end(source, hop) == _end(upper, hop)


def _end(address: Address, hop: Hop) -> Address | str:
    """How a hop names an address."""
    return address if address in hop else address[0]


def _note_repeated(call: Call, summary: MessageSummary, source: Address, at_s: float) -> None:
    key = (f"{summary.label} {summary.cseq}", source)
    known = call.repeated.get(key)
    if known is not None:
        if at_s - known.last_s > COPY_S:
            known.times += 1
            known.last_s = at_s
        return
    if len(call.repeated) >= MAX_REPEATED:
        return
    first_s = next((each.at_s for each in call.kept if each.again and each.last_s == at_s), at_s)
    if at_s - first_s > COPY_S:
        label = f"{summary.status} ({summary.method})" if summary.status else summary.method
        call.repeated[key] = Repeated(label, source, first_s, 1, at_s)


def _take_times(call: Call, summary: MessageSummary, at_s: float, source: Address, *, from_caller: bool) -> None:
    method, status = summary.method, summary.status
    if method == "INVITE" and not status:
        if call.answered_s is not None or call.is_old:
            _note_renegotiated(call, at_s)
        elif call.invite_s is None or (source == call.caller and summary.cseq != call._cseq):
            # The first one, or one with the password that was asked for.
            call.invite_s, call._cseq = at_s, summary.cseq
            call.first_response_s = call.ringing_s = None
            call.status, call.reason = 0, ""
    elif method == "INVITE" and summary.cseq == call._cseq and not from_caller:
        _take_response(call, summary, at_s)
    elif method == "ACK" and call.answered_s is not None and call.acked_s is None and from_caller:
        call.acked_s = at_s
    elif method == "CANCEL" and not status:
        call.is_cancelled = True
    elif method == "UPDATE" and not status:
        _note_renegotiated(call, at_s)
    elif method == "BYE" and not status and call.ended_s is None:
        call.ended_s, call.ended_by_caller = at_s, from_caller
    elif method == "BYE" and status >= 200:
        call.end_answered = True


def _note_renegotiated(call: Call, at_s: float) -> None:
    if len(call.renegotiated_s) < MAX_RENEGOTIATED:
        call.renegotiated_s.append(at_s)


def _take_response(call: Call, summary: MessageSummary, at_s: float) -> None:
    if call.first_response_s is None:
        call.first_response_s = at_s
    if 180 <= summary.status < 200 and call.ringing_s is None:
        call.ringing_s = at_s
    elif 200 <= summary.status < 300 and call.answered_s is None:
        call.answered_s = at_s
    if summary.status >= 200 and call.answered_s in (None, at_s):
        call.status, call.reason = summary.status, summary.label.partition(" ")[2]


def _take_content(
    call: Call, summary: MessageSummary, text: str, at_s: float, source: Address, *, from_caller: bool
) -> Description | None:
    head, _, body = text.partition("\r\n\r\n")
    if summary.method in ("INVITE", "UPDATE") and (contact := _CONTACT.search(head)) and len(call.contacts) < 20:
        call.contacts.setdefault((source, contact[1].strip("[]")), at_s)
    if summary.method == "INFO" and not summary.status:
        _take_key(call, head, body, at_s, from_caller=from_caller)
    session = session_of(body) if body else None
    if session is None or len(call.descriptions) >= MAX_DESCRIPTIONS:
        return None
    audio = next((each for each in session.media if each.kind == "audio"), None)
    if audio is None:
        return None
    found = _described(session, audio, at_s, source, from_caller)
    call.descriptions.append(found)
    return found


def _take_key(call: Call, head: str, body: str, at_s: float, *, from_caller: bool) -> None:
    kind = _CONTENT_TYPE.search(head)
    if kind is None or kind[1].lower() not in (RELAY, PLAIN) or len(call.keys[from_caller]) >= 1_000:
        return
    try:
        key = DtmfRelay.parse(kind[1].lower(), body.encode())
    except RemoteError:
        return
    call.keys[from_caller].append((at_s, key.digit))


def _described(session: SessionDescription, audio: Media, at_s: float, sender: Address, by_caller: bool) -> Description:
    encodings = {each.payload_type: Encoding(each.name, each.clock_hz) for each in sdp_audio.formats(audio)}
    for number, each in sdp_audio.numbers(audio).items():
        if str(number) in audio.formats:
            encodings.setdefault(number, Encoding(each.name, each.clock_hz))
    direction = stated_direction(audio.attributes) or stated_direction(session.attributes) or "sendrecv"
    is_encrypted = "SAVP" in audio.protocol.upper() or bool(audio.values("crypto"))
    host = (audio.host or session.host or "").strip("[]")
    return Description(at_s, sender, by_caller, (host, audio.port), encodings, direction, is_encrypted)
