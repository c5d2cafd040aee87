"""Passes on what happens in a call: to its records, the live view, the log and the listeners.

Where nobody keeps words, the live view, of which the timeline is made, gets none; the debug log has none in any case.
What is kept with another call alone has none in the records either.
"""

from structlog.typing import FilteringBoundLogger

from offhook.agents.keyed import Keyed
from offhook.calls.call_log import CallLog
from offhook.calls.services import Services
from offhook.calls.without_words import without_words
from offhook.flight.event_log import EventLog
from offhook.observe.debug_log import session_event
from offhook.observe.live_feed import CallWatch
from offhook.pipeline.trace import CallerAnswered, SessionEvent


class CallEvents:
    """Of one call. `event_log` and `watch` are there from the dialog's beginning."""

    def __init__(self, services: Services, call_log: CallLog, log: FilteringBoundLogger) -> None:
        self.event_log: EventLog | None = None
        self.watch: CallWatch | None = None
        self.said_elsewhere = False
        """Whether what is said is kept with another call."""
        self._services = services
        self._call_log = call_log
        self.log = log
        self._keyed = Keyed()
        self._keeps_words = services.config.records.transcripts

    def report(self, event: SessionEvent) -> None:
        """Pass an event on, without the keys that the caller has pressed."""
        if isinstance(event, CallerAnswered):
            self._keyed.remember(event.answer)
        event = self._keyed.masked_event(event)  # the bot may read them back
        wordless = without_words(event) if self.said_elsewhere or not self._keeps_words else event
        self._call_log.on_event(wordless if self.said_elsewhere and wordless is not None else event)
        if self.event_log is not None:
            self.event_log.on_event(event)
        if self.watch is not None and wordless is not None:
            self.watch.on_event(wordless)
        if self._services.config.log.level == "debug":
            what, figures = session_event(event)
            self.log.debug(what, **figures)
        for listener in self._services.listeners:
            try:
                listener(self._call_log.uniqueid, event)
            except Exception:
                # A listener must not be able to break the call.
                self.log.exception("a listener failed")

    def end(self, by: str, reason: str) -> None:
        """The call is over: the timeline is complete, and so is the event log."""
        if self.watch is not None:
            self._services.store.timeline(self._call_log.uniqueid, self.watch.end(by, reason))
        if self.event_log is not None:
            self.event_log.close()
