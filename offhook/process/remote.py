"""A worker's proxies for the supervisor's call directory, admission, live feed and records."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from offhook.observe.live_events import LiveEvent
from offhook.observe.refusals import Refusal
from offhook.process.channel import MessageTooLongError
from offhook.process.messages import (
    Admit,
    Admitted,
    Begin,
    Claim,
    Claimed,
    Complete,
    Finish,
    Happened,
    Lines,
    Notify,
    Timeline,
    Written,
)
from offhook.records import CallRecord, TranscriptLine
from offhook.records.cdr import MAX_TEXT_CHARS
from offhook.records.outbox import OutboxEvent
from offhook.records.timeline import Events

Send = Callable[[object], None]
"""Sends a message, or does nothing when the supervisor is gone."""


class RemoteNames:
    """The names of calls over streams, unique over all workers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[str, asyncio.Future[bool]] = {}

    async def claim(self, call: str, call_sid: str) -> bool:
        """Claim the name for this call; False if another call has it."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        self._send(Claim(call, call_sid))
        return await answer

    def claimed(self, answer: Claimed) -> None:
        """Handle the supervisor's reply."""
        waiting = self._waiting.pop(answer.call, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.granted)


class RemoteAdmission:
    """Asks the supervisor to admit a call that did not come through it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[str, asyncio.Future[Refusal | None]] = {}

    async def admit(self, call: str) -> Refusal | None:
        """Why the call is refused; None: it is admitted, and counts."""
        answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        self._send(Admit(call))
        return await answer

    def admitted(self, answer: Admitted) -> None:
        """Handle the supervisor's reply."""
        waiting = self._waiting.pop(answer.call, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.refusal)


def publish(send: Send, uniqueid: str, event: LiveEvent) -> None:
    """Publish a live event to the supervisor; of a long call that is reported late, only the end fits."""
    while True:
        try:
            send(Happened(uniqueid, event))
            return
        except MessageTooLongError:
            so_far = event.get("so_far", ())
            if not so_far:
                return
            event = event | {"so_far": so_far[len(so_far) // 2 + 1 :]}


MAX_GATHERED = 64
"""Transcript lines that wait to be sent together."""


def _as_kept(line: TranscriptLine) -> TranscriptLine:
    """The line with its texts cut to what is stored."""
    most = MAX_TEXT_CHARS
    return replace(
        line,
        text=line.text[:most],
        heard=None if line.heard is None else line.heard[:most],
        unheard=None if line.unheard is None else line.unheard[:most],
    )


class RemoteJournal:
    """`Journal` over messages. Transcript lines wait for `flush`, or for a message that must follow them: sent singly,
    each would wake the supervisor.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[bool]] = {}
        self._lines: list[tuple[str, TranscriptLine]] = []

    def begin(self, record: CallRecord) -> "Future[bool]":
        """Write a row; true once it would survive our crash, false when the supervisor could not write it."""
        number, future = self._expect()
        self._send(Begin(number, record))
        return future

    def turn(self, uniqueid: str, line: TranscriptLine) -> None:
        """Add a line to a call's transcript."""
        self._lines.append((uniqueid, _as_kept(line)))
        if len(self._lines) >= MAX_GATHERED:
            self.flush()

    def timeline(self, uniqueid: str, events: Events) -> None:
        """Store a call's events; of a long call only the end."""
        self.flush()
        while events:
            try:
                self._send(Timeline(uniqueid, events))
                return
            except MessageTooLongError:
                events = events[len(events) // 2 + 1 :]

    def finish(self, record: CallRecord) -> "Future[bool]":
        """Write the final record of a call."""
        self.flush()
        number, future = self._expect()
        self._send(Finish(number, record))
        return future

    def notify(self, event: OutboxEvent) -> "Future[bool]":
        """Put an event into the outbox."""
        number, future = self._expect()
        self._send(Notify(number, event))
        return future

    def complete(self, event_id: str, data: Mapping[str, Any]) -> "Future[bool]":
        """Add to the data of an event that is held for it."""
        number, future = self._expect()
        self._send(Complete(number, event_id, data))
        return future

    def flush(self) -> None:
        """Send the waiting lines: call it a few times a second, and at the end."""
        lines, self._lines = tuple(self._lines), []
        if not lines:
            return
        try:
            self._send(Lines(lines))
        except MessageTooLongError:
            # One alone always fits.
            for line in lines:
                self._send(Lines((line,)))

    def written(self, answer: Written) -> None:
        """Handle the supervisor's reply."""
        future = self._waiting.pop(answer.number, None)
        # A waiter with a time limit may have cancelled it.
        if future is not None and future.set_running_or_notify_cancel():
            future.set_result(answer.ok)

    def _expect(self) -> tuple[int, "Future[bool]"]:
        number = next(self._numbers)
        future: Future[bool] = Future()
        self._waiting[number] = future
        return number, future
