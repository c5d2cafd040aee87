"""What the vendors' sessions have in common: one connection, and the conversation that is told of it."""

from offhook.pipeline.errors import EngineError
from offhook.realtime.link import Receiver
from offhook.vendors.connection import Connection
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

LIMITS = Limits(max_message_bytes=16_000_000)

MAX_CALLER_TEXT_CHARS = 10_000
"""Of what a vendor says that the caller has said in one turn; more is nonsense, and is not kept."""


class VendorSession:
    """Opens a connection to `target`. Subclasses have `on_message`, and what is missing of a Link; when they are
    complete, they `_begin`."""

    handle = ""

    def __init__(self, target: Target, receiver: Receiver) -> None:
        self.replying = False
        self.stalls = False
        self._receiver: Receiver | None = receiver
        self._target = target
        self._connection = Connection(target, LIMITS)

    def _begin(self, *messages: str) -> None:
        """Listen, and send what a session begins with; too much of that loses it at once."""
        self._connection.receiver = self
        for message in messages:
            self._connection.send(message)

    @property
    def age_s(self) -> float:
        """See Link."""
        return self._connection.age_s

    def close(self) -> None:
        """See Link."""
        self._receiver = None
        self._connection.close()

    # From the connection.

    def on_message(self, message: str | bytes) -> None:
        """See vendors.connection."""
        raise NotImplementedError

    def on_lost(self, error: EngineError) -> None:
        """See vendors.connection."""
        receiver, self._receiver = self._receiver, None
        self.replying = False
        if receiver is not None:
            receiver.on_lost(error)
