"""Calls over SIP and RTP: dispatches the user agent's events, and gives new calls their ports."""

from time import monotonic

from offhook.calls.conversation import Services
from offhook.calls.registry import Calls
from offhook.carriers.sip_call import InboundCall, SipResources
from offhook.observe.refusals import Reason, Refusal
from offhook.sip.commands import CommandFailed
from offhook.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallEvent,
    IncomingCall,
    PeerMoved,
    ReinviteConfirmed,
    ReinviteReceived,
    RequestRefused,
)


class SipCarrier:
    """A `Carrier`. The user agent may run in another process: its events go to `on_event`, commands to
    `resources.do`."""

    name = "sip"

    def __init__(self, services: Services, calls: Calls, resources: SipResources) -> None:
        self._services = services
        self._calls = calls
        self._resources = resources
        self._mine: dict[str, InboundCall] = {}

    async def start(self) -> None:
        """Nothing to open: the user agent owns the socket."""

    async def stop(self) -> None:
        """Free the media clock."""
        self._resources.clock.close()

    def refusal(self) -> Refusal | None:
        """Refuses calls when the RTP ports are used up."""
        if self._resources.ports.free(monotonic()) > 0:
            return None
        return Refusal(Reason.PORTS, "its RTP ports are used up")

    def on_event(self, event: CallEvent | CommandFailed) -> None:
        """Handle an event of the user agent: a new call, or news of one that is here."""
        if isinstance(event, IncomingCall):
            new = self._mine[event.call] = InboundCall(self._services, self._resources, event, self._over)
            self._calls.add(new)
            new.accept()
            return
        call = self._mine.get(event.call)
        if call is None:
            return  # already ended here
        match event:
            case CallConfirmed(sdp=sdp) | ReinviteConfirmed(sdp=sdp):
                call.confirmed(sdp)
            case CallCancelled():
                call.cancelled()
            case PeerMoved(source=source):
                call.moved(source)
            case ReinviteReceived(sdp=sdp):
                call.reinvited(sdp)
            case RequestRefused():
                call.request_refused(event)
            case CallEnded(cause=cause):
                call.ended(cause)
            case CommandFailed():
                call.command_failed(event)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "calls": len(self._mine),
            "ports": self._resources.ports.dump(),
            "clock": self._resources.clock.dump(),
        }

    def _over(self, call: InboundCall) -> None:
        self._mine.pop(call.handle, None)
        self._calls.over(call)
