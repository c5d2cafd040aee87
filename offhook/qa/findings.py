"""What was found wrong, in three parts: what, why, what to do. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from offhook.usererror import plain


class Severity(StrEnum):
    """A `FAULT` breaks a call, a `WARNING` makes it worse or will break others; a `NOTE` is no trouble."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


_FAULTS = (
    "one_way_audio",
    "no_ack",
    "wrong_codec",
    "dtmf_not_agreed",
    "dtmf_without_end",
    "dtmf_doubled",
    "dtmf_two_ways",
    "heavy_loss",
    "bad_quality",
)
_WARNINGS = (
    "no_media",
    "silence",
    "gaps",
    "private_address_in_sdp",
    "private_address_in_contact",
    "rtp_from_elsewhere",
    "loss",
    "loss_in_bursts",
    "loss_beyond",
    "poor_quality",
    "jitter",
    "clock_drift",
    "clipping",
    "too_loud",
    "too_quiet",
    "late_first_response",
    "late_ringing",
    "late_answer",
    "late_ack",
    "retransmissions",
    "refused",
    "bye_not_answered",
    "no_bye",
    "rtp_after_bye",
    "dtmf_timestamps",
    "dtmf_in_audio",
    "reordered",
    "duplicates",
    "damaged_file",
)
_NOTES = (
    "some_loss",
    "retransmission",
    "rtp_from_another_port",
    "one_direction",
    "encrypted_media",
    "encrypted_signalling",
    "no_rtp_captured",
    "not_understood",
    "cut_packets",
    "missing_from_connection",
    "copies",
    "left_out",
)
KINDS: dict[str, Severity] = {
    **dict.fromkeys(_FAULTS, Severity.FAULT),
    **dict.fromkeys(_WARNINGS, Severity.WARNING),
    **dict.fromkeys(_NOTES, Severity.NOTE),
}
"""All kinds of findings, the worst first. Their names stay: programs look for them."""
_RANK = {kind: number for number, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is trouble."""

    first_response_s: float = 0.5
    """RFC 3261 §17.1.1.2: timer A, at which the INVITE is sent again."""
    ringing_s: float = 5.0
    """Until the caller hears something, or gets an answer: who hears nothing for longer gives the call up."""
    answer_s: float = 20.0
    ack_s: float = 0.5
    """RFC 3261 §13.3.1.4: T1, at which the 2xx is sent again."""
    gap_ms: float = 55.0
    """Three packets of 20 ms, less what clocks differ by."""
    jitter_ms: float = 15.0
    """On average (RFC 3550 §6.4.1)."""
    loss_share: float = 0.01
    heavy_loss_share: float = 0.05
    burst_packets: int = 5
    drift_ppm: float = 100.0
    clipped_share: float = 0.01
    """Of the time in which somebody speaks."""
    loudest_dbov: float = -9.0
    quietest_dbov: float = -42.0
    mos: float = 3.6
    """Below: "some users dissatisfied" (G.107 Annex B, table B.1: R 70)."""
    bad_mos: float = 3.1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `call` is its number, `stream` that of a stream; 0: of the whole capture. `at_s` is
    Unix time, None: all the time."""

    kind: str
    what: str
    why: str
    todo: str
    call: int = 0
    stream: int = 0
    at_s: float | None = None

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return KINDS[self.kind]

    @property
    def is_trouble(self) -> bool:
        """Whether something is to be done."""
        return self.severity is not Severity.NOTE

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"severity": str(self.severity), **asdict(self)}

    def render(self) -> str:
        """Three lines for a terminal."""
        place = f"call {self.call}: " if self.call else ""
        head = f"{self.severity.upper():<8}{place}{plain(self.what)}  [{self.kind}]"
        return f"{head}\n  why:  {plain(self.why)}\n  do:   {plain(self.todo)}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """In the order in which they are to be looked at."""
    return sorted(findings, key=lambda each: (_RANK[each.kind], each.at_s or 0.0, each.call, each.stream))
