"""The supervisor's side of one worker's records: writes them, and closes those that a dead worker left open."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from time import monotonic

from offhook.process.messages import Begin, Complete, Finish, Lines, Notify, Timeline, Written
from offhook.records import CallClock, CallRecord, Disposition, EndedBy, Journal

Reply = Callable[[Written], None]
"""Sends a reply to the worker, or does nothing when it is gone; called on the loop's thread."""


class JournalProxy:
    """Writes a worker's records into `journal`. Used on the event loop's thread."""

    def __init__(self, journal: Journal, reply: Reply) -> None:
        self._journal = journal
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, tuple[CallRecord, float]] = {}
        """With when they were begun, or answered."""
        self._not_answered: set[str] = set()

    def take(self, message: Begin | Lines | Timeline | Finish | Notify | Complete) -> None:
        """Write a message's records."""
        match message:
            case Begin(number, record):
                self._open[record.uniqueid] = record, self._begun(record)
                self._answer(number, self._journal.begin(record))
            case Lines(lines):
                for uniqueid, line in lines:
                    self._journal.turn(uniqueid, line)
            case Timeline(uniqueid, events):
                self._journal.timeline(uniqueid, events)
            case Finish(number, record):
                self._open.pop(record.uniqueid, None)
                self._not_answered.discard(record.uniqueid)
                self._answer(number, self._journal.finish(record))
            case Notify(number, event):
                self._answer(number, self._journal.notify(event))
            case Complete(number, event_id, data):
                self._answer(number, self._journal.complete(event_id, data))

    def not_answered(self, uniqueid: str) -> None:
        """The call goes to another worker, or is refused: an answer that is written down here has not been sent."""
        self._not_answered.add(uniqueid)

    def crashed(self) -> list[CallRecord]:
        """The worker is gone: close and return the records that it left open."""
        lost = self._not_answered
        left = [(_unanswered(each) if each.uniqueid in lost else each, at) for each, at in self._open.values()]
        closed = [_crashed(record, began) for record, began in left]
        self._open.clear()
        for record in closed:
            self._journal.finish(record)
        return closed

    def _begun(self, record: CallRecord) -> float:
        known, began = self._open.get(record.uniqueid, (None, 0.0))
        return began if known is not None and known.answer == record.answer else monotonic()

    def _answer(self, number: int, future: "Future[bool]") -> None:
        def done(result: "Future[bool]") -> None:  # on the writer's thread
            self._loop.call_soon_threadsafe(self._reply, Written(number, result.result()))

        future.add_done_callback(done)


def _unanswered(record: CallRecord) -> CallRecord:
    return replace(record, answer=None, disposition=Disposition.FAILED)


def _crashed(record: CallRecord, begun_now: float) -> CallRecord:
    """The record of a call that was never ended: begun when it was answered, or placed."""
    answered = CallClock.of(record.answer or record.start, begun_now)
    rang_s = (answered.start_wall - CallClock.of(record.start, 0.0).start_wall).total_seconds()
    ended = record.ended(
        CallClock.of(record.start, begun_now - rang_s),
        monotonic(),
        answered_now=begun_now if record.answer is not None else None,
        ended_by=EndedBy.CRASH,
        end_reason=str(EndedBy.CRASH),
    )
    # The last half second may not be on disk yet.
    return replace(ended, recording_truncated=record.recording is not None)
