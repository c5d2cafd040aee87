"""What a call needs of its line, whatever the carrier."""

from typing import Any, ClassVar, Protocol

from offhook.telephony.line import MediaLine


class LineStats(Protocol):
    """A dataclass. Its numbers go into the record, and those that the call log knows into the metrics."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def last_received_at(self) -> float | None:
        """Monotonic seconds; None: nothing received yet."""


class CallLine(MediaLine, Protocol):
    """A line with statistics."""

    @property
    def awaits_media(self) -> bool:
        """Whether the far end is expected to send: not while it holds the call."""

    def stats(self) -> LineStats:
        """What was received and sent so far; works after `close`, too."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
