"""How a call out came out: one word, from the SIP status and the cause of the telephone network. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from offhook.records import Disposition
from offhook.sip.events import CallRejected, EndCause


class OutcomeReason(StrEnum):
    """What became of a call out."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"  # it rang, and nobody came
    UNAVAILABLE = "unavailable"  # the phone is off, or not registered
    DECLINED = "declined"  # the one who was called does not want it
    NOT_FOUND = "not_found"  # there is no such number
    MOVED = "moved"  # redirected to where the settings do not allow calls
    NOT_ALLOWED = "not_allowed"  # the trunk refuses us: password, caller id, the number
    NOT_ACCEPTABLE = "not_acceptable"  # no common codec, or encryption that one side does not have
    CONGESTED = "congested"  # the trunk or the network is full
    UNREACHABLE = "unreachable"  # no answer from the trunk at all
    CANCELLED = "cancelled"  # the bot gave it up
    FAILED = "failed"


_BY_STATUS = {
    **dict.fromkeys((486, 600), OutcomeReason.BUSY),
    **dict.fromkeys((408, 487), OutcomeReason.NO_ANSWER),
    **dict.fromkeys((480, 430), OutcomeReason.UNAVAILABLE),
    **dict.fromkeys((603, 607, 608), OutcomeReason.DECLINED),
    **dict.fromkeys((404, 410, 484, 485, 604), OutcomeReason.NOT_FOUND),
    **dict.fromkeys((401, 402, 403, 407, 433, 436, 437, 438), OutcomeReason.NOT_ALLOWED),
    **dict.fromkeys((415, 420, 421, 422, 488, 493, 494, 606), OutcomeReason.NOT_ACCEPTABLE),
    **dict.fromkeys((500, 502, 503, 504), OutcomeReason.CONGESTED),
}

_BY_CAUSE = {
    1: OutcomeReason.NOT_FOUND,
    3: OutcomeReason.NOT_FOUND,
    17: OutcomeReason.BUSY,
    18: OutcomeReason.NO_ANSWER,
    19: OutcomeReason.NO_ANSWER,
    20: OutcomeReason.UNAVAILABLE,
    21: OutcomeReason.DECLINED,
    22: OutcomeReason.NOT_FOUND,
    27: OutcomeReason.UNAVAILABLE,
    28: OutcomeReason.NOT_FOUND,
    34: OutcomeReason.CONGESTED,
    38: OutcomeReason.CONGESTED,
    41: OutcomeReason.CONGESTED,
    42: OutcomeReason.CONGESTED,
}
"""Q.850, as far as it says more than a status: RFC 3398 §7.2.4.1."""

_VAGUE = frozenset({480, 487, 500, 502, 503, 504})
"""Statuses that gateways use for nearly everything; there the cause counts."""

_DISPOSITIONS = {
    OutcomeReason.ANSWERED: Disposition.ANSWERED,
    OutcomeReason.BUSY: Disposition.BUSY,
    OutcomeReason.DECLINED: Disposition.NO_ANSWER,
    OutcomeReason.NO_ANSWER: Disposition.NO_ANSWER,
    OutcomeReason.UNAVAILABLE: Disposition.NO_ANSWER,
    OutcomeReason.CANCELLED: Disposition.NO_ANSWER,
}


@dataclass(frozen=True, slots=True)
class SipOutcome:
    """`status` is SIP's, None where no final response came; `q850` the network's cause; `text` for people."""

    reason: OutcomeReason
    status: int | None = None
    q850: int | None = None
    text: str = ""

    @property
    def disposition(self) -> Disposition:
        """The record's."""
        return _DISPOSITIONS.get(self.reason, Disposition.FAILED)


ANSWERED = SipOutcome(OutcomeReason.ANSWERED, 200)


def outcome_of(event: CallRejected) -> SipOutcome:
    """The outcome of a call that was refused."""
    reason = OutcomeReason.MOVED if event.status < 400 else _BY_STATUS.get(event.status, OutcomeReason.FAILED)
    if event.status in _VAGUE and event.q850 is not None:
        reason = _BY_CAUSE.get(event.q850, reason)
    cause = f", Q.850 cause {event.q850}" if event.q850 is not None else ""
    return SipOutcome(reason, event.status, event.q850, f"{event.status} {event.reason}{cause}")


def unreachable(cause: EndCause) -> SipOutcome:
    """The outcome of a call to which there was no final response."""
    why = "nothing can be sent there" if cause is EndCause.TRANSPORT else "there was no answer in time"
    return SipOutcome(OutcomeReason.UNREACHABLE, text=why)
