"""Where calls are written down while they go on."""

from concurrent.futures import Future
from typing import Protocol

from offhook.records.cdr import CallRecord, TranscriptLine
from offhook.records.timeline import Events


class Journal(Protocol):
    """What a call needs of the records: `RecordStore`, or the way to one in another process. No method waits."""

    def begin(self, record: CallRecord) -> "Future[bool]":
        """Leave a row that survives us; true once it does."""

    def turn(self, uniqueid: str, line: TranscriptLine) -> None:
        """One more line of a call's transcript."""

    def timeline(self, uniqueid: str, events: Events) -> None:
        """What happened in a call that has ended, moment by moment."""

    def finish(self, record: CallRecord) -> "Future[bool]":
        """The final state of a call; true once it is written."""
