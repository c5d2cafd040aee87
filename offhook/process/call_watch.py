"""What is kept of a bot's calls for those who look into one: its SIP messages, and its packets if it is captured."""

from collections.abc import Callable
from typing import Protocol

from offhook.calls.captures import CaptureCall, DatagramReport
from offhook.carriers.place_call import PlaceCall
from offhook.process.capture_orders import CaptureOrders
from offhook.process.signalling_log import SignallingLog
from offhook.records import RecordStore
from offhook.settings.config import Config
from offhook.sip.events import IncomingCall
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target

Taken = Callable[[], None]
"""To be called once the worker has the call: it knows that the call is captured before it gets the call, and gets the
messages afterwards."""


class Receiver(Protocol):
    """A worker."""

    def send(self, message: object) -> None:
        """Send a message."""


class CallWatch:
    """`open` it with the SIP socket and the records: nothing is watched before. `now` is monotonic seconds."""

    def __init__(self, config: Config, now: Callable[[], float]) -> None:
        self.orders = CaptureOrders(config, now)
        self._sip_days = config.records.sip_days
        self._signalling: SignallingLog | None = None

    def open(self, endpoint: Endpoint, store: RecordStore) -> SignallingLog:
        """Watch from now on."""
        self._signalling = SignallingLog(endpoint, store, self._sip_days)
        return self._signalling

    def close(self) -> None:
        """Write what is left, because the process ends."""
        if self._signalling is not None:
            self._signalling.close()

    def incoming(self, event: IncomingCall, worker: Receiver) -> Taken:
        """A worker is about to get a call."""
        return self._begins(event.call, event.call_id, event.replaces, event.source.host, event.trunk, worker)

    def placed(self, place: PlaceCall, worker: Receiver) -> Taken:
        """A worker is about to get a call that it places."""
        invite = place.invite
        host = invite.destination.address.host if isinstance(invite.destination, Target) else ""
        return self._begins(place.call, invite.call_id, invite.part_of, host, place.trunk, worker)

    def removed(self, call: str) -> None:
        """The call is over, or moves to another worker."""
        self.orders.removed(call)
        if self._signalling is not None:
            self._signalling.traces.end(call)

    def _begins(  # each is one property of a new call
        self, call: str, call_id: str, part_of: str, host: str, trunk: str, worker: Receiver
    ) -> Taken:
        """`part_of` is the call to which it is a leg, or whose place it takes; empty for a call of its own."""
        log = self._signalling
        if log is None:
            return lambda: None
        if part_of:
            captured = self.orders.wants_leg(call_id, part_of, trunk, captured=log.traces.is_captured(part_of))
        else:
            captured = self.orders.wants(call_id, host, trunk)
        if captured:
            worker.send(CaptureCall(call))

        def taken() -> None:
            if captured:
                self.orders.begun(call, call_id)
            report = DatagramReport(call, worker.send) if captured else None
            log.traces.begin(call, call_id, part_of, host, report)

        return taken
