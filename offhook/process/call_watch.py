"""What is kept of a bot's calls for those who look into one: its SIP messages, and its packets if it is captured."""

from collections.abc import Callable
from typing import Protocol

from offhook.calls.captures import CaptureCall, SipTap
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
        self.orders = CaptureOrders(config, now, self._prepare)
        self._sip_days = config.records.sip_days
        self._endpoint: Endpoint | None = None
        self._tap: SipTap | None = None
        self._signalling: SignallingLog | None = None

    def open(self, endpoint: Endpoint, store: RecordStore) -> SignallingLog:
        """Watch from now on."""
        self._endpoint = endpoint
        self._signalling = SignallingLog(endpoint, store, self._sip_days)
        if self.orders.may_come:
            self._prepare()
        return self._signalling

    def close(self) -> None:
        """Write what is left, because the process ends."""
        if self._signalling is not None:
            self._signalling.close()

    def incoming(self, event: IncomingCall, worker: Receiver) -> Taken:
        """A worker is about to get a call."""
        host = event.source.host
        if event.replaces:  # it takes a call's place, whose capture goes on
            return self._taken(event.call, event.call_id, event.replaces, host, None)
        captured = self._capture(event.call, event.call_id, worker, host, event.trunk)
        return self._taken(event.call, event.call_id, "", host, captured)

    def placed(self, place: PlaceCall, worker: Receiver) -> Taken:
        """A worker is about to get a call that it places."""
        invite = place.invite
        host = invite.destination.address.host if isinstance(invite.destination, Target) else ""
        if place.is_leg:  # of another call, of which its own side alone is captured
            return self._taken(place.call, invite.call_id, invite.part_of, host, None)
        captured = self._capture(place.call, invite.call_id, worker, host, place.trunk)
        return self._taken(place.call, invite.call_id, invite.part_of, host, captured)

    def removed(self, call: str) -> None:
        """The call is over, or moves to another worker."""
        self.orders.removed(call)
        if self._tap is not None:
            self._tap.end(call)
        if self._signalling is not None:
            self._signalling.traces.end(call)

    def _taken(self, call: str, call_id: str, part_of: str, host: str, captured: Taken | None) -> Taken:
        def taken() -> None:
            if self._signalling is not None:
                self._signalling.traces.begin(call, call_id, part_of, host)
            if captured is not None:
                captured()

        return taken

    def _capture(self, call: str, call_id: str, worker: Receiver, host: str, trunk: str) -> Taken | None:
        tap = self._tap
        if tap is None or not self.orders.wants(call_id, host, trunk):
            return None
        worker.send(CaptureCall(call))

        def taken() -> None:
            self.orders.begun(call, call_id)
            tap.begin(call, call_id, worker.send, host)

        return taken

    def _prepare(self) -> None:
        """There may be calls to capture from now on: a call's first messages come before the call."""
        if self._tap is None and self._endpoint is not None:
            self._tap = SipTap(self._endpoint)
