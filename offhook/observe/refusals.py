"""Why calls are refused: one word for the metrics, a sentence with figures for the log."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

import offhook.sip.uas_checks as sip
from offhook.observe.metrics import Metrics
from offhook.sip.events import CallRefused
from offhook.sip.invite_guard import UNAUTHORIZED
from offhook.sip.settings import UaSettings

LOOP_DETECTED = 482
BUSY = 486
NO_CAPACITY = 503

RETRY_AFTER_S = UaSettings().retry_after_s
"""As over SIP, so over HTTP."""

LOGGED_EVERY_S = 5.0
"""Many calls may be refused in a second: the log must not slow that down."""


class Reason(StrEnum):
    """The label of `offhook_calls_refused_total`."""

    STARTING = "starting"
    DRAINING = "draining"
    MAX_CALLS = "max_calls"  # as many as the user allows, or as leave room for calls out
    TRUNK = "trunk"  # as many as its trunk may have
    PASSWORD = "password"  # the caller's is wrong, or their name
    PORTS = "ports"
    RESOURCES = "resources"  # descriptors, memory
    SHARE = "share"  # its source has what one source may have while others call
    SETUPS = "setups"  # too many within a second
    CPU = "cpu"
    LISTENING = "listening"  # the detector is behind
    EVENT_LOOP = "event_loop"
    LATE_PACKETS = "late_packets"
    SIGNALLING = "signalling"  # the user agent has as many transactions or unanswered calls as it may
    WORKER = "worker"  # none is ready, or the chosen one is gone
    REQUEST = (
        "request"  # an INVITE that the user agent refused by itself: malformed, or requiring something unsupported
    )
    OFFER = "offer"  # no common codec
    STREAM = "stream"  # for a call that has a stream already, is over, or is another one
    FAILED = "failed"  # an internal error before the answer


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is refused."""

    reason: Reason
    why: str
    answered: int | None = None
    """The SIP status already sent, if any."""

    @classmethod
    def of(cls, event: CallRefused) -> "Refusal":
        """From a refusal of the user agent itself."""
        why = f"{event.status} {event.reason} to {event.source}, Call-ID {event.call_id[:100]!r}"
        return cls(Reason.PASSWORD if event.status == UNAUTHORIZED else Reason.REQUEST, why, event.status)

    @property
    def status(self) -> int:
        """486 at the configured maximum of calls, 503 without capacity."""
        if self.answered is not None:
            return self.answered
        return BUSY if self.reason in (Reason.MAX_CALLS, Reason.TRUNK) else NO_CAPACITY

    @property
    def answer(self) -> sip.Refusal:
        """Over SIP."""
        return sip.Refusal(self.status)


def retry_after_s() -> int:
    """For an HTTP response: random, so that clients refused together do not all retry at once."""
    return random.randint(*RETRY_AFTER_S)


def _later(seconds: float, callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, callback)


class RefusalLog:
    """Counts and logs refusals: each new reason at once, then a summary every few seconds."""

    def __init__(self, metrics: Metrics, later: Callable[[float, Callable[[], None]], None] = _later) -> None:
        self._metrics = metrics
        self._later = later
        self._counts: Counter[Reason] = Counter()
        self._totals: Counter[Reason] = Counter()
        self._log = structlog.get_logger("offhook.refusals")

    def refused(self, refusal: Refusal, transport: str) -> None:
        """Count and log a refused call."""
        if refusal.status != LOOP_DETECTED:
            # A merged request is a copy of a call already counted (RFC 3261 §8.2.2.2).
            self._metrics.call_refused("inbound", transport, "busy" if refusal.status == BUSY else "rejected")
        self._metrics.refusal(refusal.reason)
        if not self._counts:
            self._later(LOGGED_EVERY_S, self._sum_up)
        if refusal.reason not in self._counts:
            self._log.warning(
                "call refused", transport=transport, status=refusal.status, reason=str(refusal.reason), why=refusal.why
            )
        self._counts[refusal.reason] += 1
        self._totals[refusal.reason] += 1

    def totals(self) -> dict[str, int]:
        """Since the start, by reason."""
        return {str(reason): count for reason, count in self._totals.items()}

    def _sum_up(self) -> None:
        counts, self._counts = self._counts, Counter()
        if counts.total() > 1:
            by_reason = {str(reason): count for reason, count in counts.items()}
            self._log.warning("calls refused", total=counts.total(), seconds=LOGGED_EVERY_S, **by_reason)
