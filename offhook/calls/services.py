"""What the conversations of one process share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.api.agent import CallAgent
from offhook.api.call import Dialog
from offhook.calls.line import CallLine
from offhook.calls.switches import Switches
from offhook.encryption.keys import Key
from offhook.engines.engine_set import EngineSet
from offhook.flight.writer import EventLogWriter
from offhook.observe.live_feed import LiveFeed
from offhook.observe.metrics import Metrics
from offhook.pipeline.trace import SessionEvent
from offhook.records import Journal, RecordingWriter
from offhook.settings.config import Config

Listener = Callable[[str, SessionEvent], None]
"""(the call's id, what happened)."""

LineListener = Callable[[str, CallLine], None]
"""(the call's id, its line, on which listeners hear everything from now on)."""


@dataclass(slots=True)
class Services:
    """Of all calls, whatever carries them."""

    config: Config
    engines: EngineSet
    store: Journal
    metrics: Metrics
    recordings: RecordingWriter | None
    dialog: Dialog | CallAgent
    event_logs: EventLogWriter | None = None
    key: Key | None = None
    """Encrypts what is kept; None: it is kept in the clear."""
    listeners: list[Listener] = field(default_factory=list)
    feed: LiveFeed = field(default_factory=lambda: LiveFeed(lambda uniqueid, event: None))
    switches: Switches = field(default_factory=Switches)
    line_listeners: list[LineListener] = field(default_factory=list)
    """Called with the line of each call out when it opens: with early media, which is before the answer."""
