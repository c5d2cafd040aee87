"""What the vendors' sessions have in common: one connection, and the conversation that is told of it."""

from collections.abc import Iterable

from offhook.pipeline.errors import EngineError
from offhook.realtime.link import Receiver
from offhook.vendors.connection import Connection
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

LIMITS = Limits(max_message_bytes=16_000_000)


class VendorSession:
    """Opens a connection to `target`, and begins with the messages of `hello`. Subclasses have `on_message`, and what
    is missing of a Link."""

    handle = ""

    def __init__(self, target: Target, receiver: Receiver, hello: Iterable[str]) -> None:
        self.replying = False
        self.stalls = False
        self._receiver: Receiver | None = receiver
        self._target = target
        self._connection = Connection(target, LIMITS)
        self._connection.receiver = self
        for message in hello:
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
