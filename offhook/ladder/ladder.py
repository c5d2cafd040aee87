"""Ladders: who sent what to whom, in the order of time, of one call with all its legs. Pure.

`ladder_of` takes traces (`KeptMessages.to_dict`) as they were kept, and what the record says about the media.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from offhook.ladder.message import MessageSummary, SdpSummary, summary_of
from offhook.observe.log import escape_control

US = "offhook"
MAX_PEERS = 6
"""Columns besides our own; further peers share the last one."""
OTHERS = "others"
MAX_TEXT_CHARS = 8_192

Trace = Mapping[str, Any]


@dataclass(slots=True)
class Step:
    """An arrow from one column to another. `at_ms` counts from the first message, `last_ms` is when it was sent for the
    last time, `again` how often it was repeated. `leg` numbers the Call-IDs. `state` is what the leg has become."""

    at_ms: float
    source: int
    target: int
    label: str
    cseq: str
    sdp: str
    state: str
    transport: str
    again: int
    last_ms: float
    leg: int
    text: str = field(repr=False)
    kind: str = "message"


@dataclass(slots=True)
class MediaBar:
    """Media between two columns from `at_ms` on; `to_ms` None: it goes on. `label` is kind and codec, `addresses` the
    peer's and ours, `figures` are the record's, in words."""

    at_ms: float
    source: int
    target: int
    label: str
    addresses: str
    leg: int
    to_ms: float | None = None
    figures: str = ""
    kind: str = "media"


@dataclass(slots=True)
class Ladder:
    """A ladder: `columns` are the peers' addresses, and "offhook". `rows` are in the order of time. `omitted` counts
    messages that were not kept, `legs` has the Call-ID of each leg. `started` is UTC, ISO 8601."""

    columns: list[str]
    legs: list[str]
    started: str
    rows: list[Step | MediaBar]
    omitted: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class _Columns:
    """The columns, in the order in which they are met: the caller, we, then the others."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.us = US

    def of(self, peer: str) -> int:
        if peer not in self.names:
            if len(self.names) >= MAX_PEERS + (self.us in self.names):
                peer = OTHERS
            if peer not in self.names:
                self.names.append(peer)
        return self.names.index(peer)


def ladder_of(
    traces: Sequence[Trace], records: Mapping[str, Mapping[str, Any]] | None = None, *, us: str = US
) -> Ladder:
    """The ladder of a call. `records` has, by Call-ID, `rtp` (the record's statistics), `keys` (how many keys the
    caller pressed) and `ended_s` (Unix time of the call's end, None while it goes on). `us` is the name of the column
    of our own side; empty: the traces are others', and each `local` address has a column."""
    traces = sorted((each for each in traces if each["messages"]), key=lambda each: float(each["messages"][0]["at_s"]))
    if not traces:
        return Ladder([], [], "", [])
    columns, began = _Columns(), float(traces[0]["messages"][0]["at_s"])
    first = traces[0]["messages"][0]
    columns.us = us
    own = _own(first, us)
    for name in (_peer(first), own) if first["received"] else (own, _peer(first)):
        columns.of(name)
    rows: list[Step | MediaBar] = []
    for number, trace in enumerate(traces):
        rows += _leg(number, trace, began, columns, (records or {}).get(trace["call_id"]))
    rows.sort(key=lambda row: row.at_ms)
    return Ladder(
        [escape_control(name) for name in columns.names],
        [escape_control(str(each["call_id"])) for each in traces],
        datetime.fromtimestamp(began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        rows,
        sum(int(each.get("omitted", 0)) for each in traces),
    )


def step_of(message: Mapping[str, Any], began: float = 0.0, leg: int = 0) -> Step:
    """A single message as an arrow between column 0, the peer, and column 1, ours."""
    columns = _Columns()
    columns.of(_peer(message))
    columns.of(US)
    return _step(message, summary_of(message["text"]), began, columns, leg)


def _leg(
    number: int, trace: Trace, began: float, columns: _Columns, record: Mapping[str, Any] | None
) -> list[Step | MediaBar]:
    ended_s = record.get("ended_s") if record is not None else None
    media = _Media(number, record, None if ended_s is None else _ms(ended_s, began))
    rows: list[Step | MediaBar] = []
    for message in trace["messages"]:
        summary = summary_of(message["text"])
        step = _step(message, summary, began, columns, number)
        step.state = media.take(summary, message, step) or step.state
        rows.append(step)
    return [*rows, *media.closed()]


def _step(message: Mapping[str, Any], summary: MessageSummary, began: float, columns: _Columns, leg: int) -> Step:
    peer, us = columns.of(_peer(message)), columns.of(_own(message, columns.us))
    received = bool(message["received"])
    return Step(
        at_ms=_ms(message["at_s"], began),
        source=peer if received else us,
        target=us if received else peer,
        label=summary.label,
        cseq=summary.cseq,
        sdp=summary.sdp.text if summary.sdp is not None else "",
        state=summary.state,
        transport=str(message["transport"]),
        again=int(message["again"]),
        last_ms=_ms(message["last_s"], began),
        leg=leg,
        text="\n".join(escape_control(line) for line in message["text"][:MAX_TEXT_CHARS].splitlines()),
    )


class _Media:
    """Follows a leg's offers and answers (RFC 3264): a bar for each time during which both sides had described one."""

    def __init__(self, leg: int, record: Mapping[str, Any] | None, ended_ms: float | None) -> None:
        self._leg = leg
        self._record = record
        self._ended_ms = ended_ms
        self._mine: SdpSummary | None = None
        self._theirs: SdpSummary | None = None
        self._bars: list[MediaBar] = []
        self._shown: tuple[str, str, str] | None = None
        self._offered_by: bool | None = None
        self._established = False

    def take(self, summary: MessageSummary, message: Mapping[str, Any], step: Step) -> str:
        """Take in a message; the leg's state, where only the past tells."""
        state = ""
        if summary.method == "INVITE" and not summary.status:
            state = "renegotiating" if self._established else "calling"
        if summary.sdp is not None:
            state = self._described(summary, bool(message["received"]), step) or state
        if summary.method == "INVITE" and 200 <= summary.status < 300:
            self._established = True
        if summary.method == "ACK" and self._established:
            state = state or "confirmed"
        if summary.method == "BYE" or (summary.method == "INVITE" and summary.status >= 300 and not self._established):
            self._end(step.at_ms)
        return state

    def _described(self, summary: MessageSummary, received: bool, step: Step) -> str:
        assert summary.sdp is not None, "checked by the caller"
        if received:
            self._theirs = summary.sdp
        else:
            self._mine = summary.sdp
        offers = not summary.status and summary.method in ("INVITE", "UPDATE")
        if offers or self._offered_by is None:
            # Without an offer before it, that of a 2xx is one, or the same answer once more.
            self._offered_by = received
        elif self._offered_by is not received:
            self._offered_by = None
            self._agree(step, summary.sdp.codecs[:1])
        if self._established and received and summary.sdp.direction in ("sendonly", "inactive"):
            return "held"
        return ""

    def _agree(self, step: Step, codec: tuple[str, ...]) -> None:
        mine, theirs = self._mine, self._theirs
        if mine is None or theirs is None:
            return
        agreed = ("".join(codec), theirs.address, mine.address)
        if agreed == self._shown:
            return
        self._end(step.at_ms)
        self._shown = agreed
        kind = "SRTP" if mine.is_encrypted else "RTP"
        addresses = f"{theirs.address} ⇄ {mine.address}"
        self._bars.append(MediaBar(step.at_ms, step.source, step.target, f"{kind} {agreed[0]}", addresses, self._leg))

    def _end(self, at_ms: float) -> None:
        self._shown = None
        if self._bars and self._bars[-1].to_ms is None:
            self._bars[-1].to_ms = at_ms

    def closed(self) -> list[MediaBar]:
        """The bars; the figures of the whole leg stand at the last one. A call may be over without a BYE."""
        if self._ended_ms is not None:
            self._end(max(self._ended_ms, self._bars[-1].at_ms) if self._bars else 0.0)
        if self._bars and self._record is not None:
            self._bars[-1].figures = figures_of(self._record)
        return self._bars


def figures_of(record: Mapping[str, Any]) -> str:
    """What the record says about a call's media: "450 in, 452 out, 0 lost, jitter 0.4 ms, MOS 4.3, 2 keys"."""
    rtp = record.get("rtp") or {}
    words = []
    for name, what in (("packets_received", "in"), ("packets_sent", "out"), ("lost", "lost")):
        if name in rtp:
            words.append(f"{rtp[name]:.0f} {what}")
    if (jitter := rtp.get("jitter_ms")) is not None:
        words.append(f"jitter {jitter:.1f} ms")
    if (mos := rtp.get("mos")) is not None:
        words.append(f"MOS {mos:.1f}")
    if keys := record.get("keys"):
        words.append(f"{keys} key{'s' if keys > 1 else ''}")
    return ", ".join(words)


def _peer(message: Mapping[str, Any], side: str = "peer") -> str:
    """A peer's column. Over a connection its port says nothing: each connection has another."""
    peer, transport = str(message[side]), str(message["transport"])
    return peer if transport == "UDP" else f"{peer.rpartition(':')[0]}/{transport}"


def _own(message: Mapping[str, Any], us: str) -> str:
    """The column of our own side."""
    return us or _peer(message, "local")


def _ms(at_s: float, began: float) -> float:
    return round((float(at_s) - began) * 1_000, 1)
