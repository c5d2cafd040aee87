"""What a user agent counts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the start. The tables are keyed by names from here, or by status, so they stay small."""

    received: int = 0
    sent: int = 0
    keepalives: int = 0
    parse_errors: int = 0
    dropped: int = 0
    retransmissions_received: int = 0
    dropped_by_reason: Counter[str] = field(default_factory=Counter)
    responses_by_status: Counter[int] = field(default_factory=Counter)
    """Final responses sent."""
    ignored_headers: Counter[str] = field(default_factory=Counter)
    """Optional headers that could not be parsed, by name."""
    ignored_lines: int = 0
    """Header lines of requests that were left out: malformed, or optional and beyond a limit."""
    rejected_by_status: Counter[int] = field(default_factory=Counter)
    """Requests refused by the user agent itself, before its owner saw them."""

    def drop(self, reason: str) -> None:
        """Count a message that is not answered."""
        self.dropped += 1
        self.dropped_by_reason[reason] += 1

    def dump(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        return {
            "received": self.received,
            "sent": self.sent,
            "keepalives": self.keepalives,
            "parse_errors": self.parse_errors,
            "retransmissions_received": self.retransmissions_received,
            "dropped": self.dropped,
            "dropped_by_reason": dict(self.dropped_by_reason),
            "responses_by_status": {str(status): n for status, n in self.responses_by_status.items()},
            "ignored_headers": dict(self.ignored_headers),
            "ignored_lines": self.ignored_lines,
            "rejected_by_status": {str(status): n for status, n in self.rejected_by_status.items()},
        }
