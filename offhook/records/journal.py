"""The journal that calls write to while they go on."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from offhook.records.cdr import CallRecord, TranscriptLine
from offhook.records.outbox import OutboxEvent
from offhook.records.timeline import Events


class Journal(Protocol):
    """What a call needs of the records: `RecordStore`, or a proxy for one in another process. No method blocks."""

    def begin(self, record: CallRecord) -> "Future[bool]":
        """Write a row, or what has become known of it since; true once it would survive a crash."""

    def turn(self, uniqueid: str, line: TranscriptLine) -> None:
        """Add a line to a call's transcript."""

    def timeline(self, uniqueid: str, events: Events) -> None:
        """Store the timeline of a call that has ended."""

    def finish(self, record: CallRecord) -> "Future[bool]":
        """Write the final record of a call; true once it is written."""

    def notify(self, event: OutboxEvent) -> "Future[bool]":
        """Put an event into the outbox; true once it would survive a crash."""

    def complete(self, event_id: str, data: Mapping[str, Any]) -> "Future[bool]":
        """Add to the data of an event that is held for it."""
