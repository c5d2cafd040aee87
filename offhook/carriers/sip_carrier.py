"""Calls over SIP and RTP: dispatches the user agent's events, and gives new calls their ports."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any, get_args

from offhook.api.queueing import CallBackDialog
from offhook.calls.link import close_end
from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.carriers.call_watcher import CallWatcher
from offhook.carriers.inbound_call import InboundCall
from offhook.carriers.outbound_call import OutboundCall
from offhook.carriers.place_call import HangUp, LegRefused, PlaceCall
from offhook.carriers.sip_call import SipCall
from offhook.carriers.sip_leg import AgentLeg
from offhook.carriers.sip_move import SipMove
from offhook.carriers.sip_resources import SipResources
from offhook.observe.refusals import Reason, Refusal
from offhook.queues.messages import Linked, ToCall
from offhook.records import EndedBy
from offhook.sip.commands import CommandFailed, Reject
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallProgress,
    CallRejected,
    EarlyMediaConfirmed,
    IncomingCall,
    KeyReceived,
    KeyRefused,
    PeerMoved,
    ReinviteAnswered,
    ReinviteConfirmed,
    ReinviteReceived,
    RequestRefused,
)
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferReceived, ReferRefused

_HANDLERS: Mapping[type, Callable[[SipCall, Any], None]] = {
    PeerMoved: lambda call, event: call.moved(event.source),
    ReinviteReceived: lambda call, event: call.reinvited(event.sdp),
    ReinviteAnswered: lambda call, event: call.refreshed(event.sdp),
    ReinviteConfirmed: lambda call, event: call.reinvite_confirmed(event.sdp),
    RequestRefused: lambda call, event: call.request_refused(event),
    KeyReceived: lambda call, event: call.keys.on_event(event),
    KeyRefused: lambda call, event: call.keys.on_event(event),
    ReferAccepted: lambda call, event: call.refer_event(event),
    ReferRefused: lambda call, event: call.refer_event(event),
    ReferProgress: lambda call, event: call.refer_event(event),
    ReferReceived: lambda call, event: call.referred(event),
    CallEnded: lambda call, event: call.ended(event.cause, event.reasons),
    CommandFailed: lambda call, event: call.command_failed(event),
    HangUp: lambda call, event: call.hang_up(EndedBy.OPERATOR, event.reason),
    **dict.fromkeys(get_args(ToCall), lambda call, event: call.queue_event(event)),
}
"""What a call does with each event of the user agent; the others say nothing new to it."""

_INBOUND: Mapping[type, Callable[[Any, Any], None]] = {
    CallConfirmed: lambda call, event: call.confirmed(event.sdp),
    CallCancelled: lambda call, event: call.cancelled(event.reasons),
    EarlyMediaConfirmed: lambda call, event: call.early_media_confirmed(),
}

_OUTBOUND: Mapping[type, Callable[[Any, Any], None]] = {
    CallProgress: lambda call, event: call.progress(event),
    CallAnswered: lambda call, event: call.answered(event.sdp, event.allow),
    CallRejected: lambda call, event: call.rejected(event),
}


class SipCarrier:
    """A `Carrier`. The user agent may run in another process: its events go to `on_event`, commands to
    `resources.do`."""

    name = "sip"
    inbound = InboundCall
    outbound = OutboundCall

    def __init__(self, services: Services, calls: Calls, resources: SipResources) -> None:
        self._services = services
        self._calls = calls
        self._resources = resources
        self._mine: dict[str, SipCall] = {}
        self._agents: dict[str, AgentLeg | SipMove] = {}

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

    def on_event(self, event: CallEvent | CommandFailed | PlaceCall | LegRefused | HangUp | ToCall) -> None:
        """Handle an event of the user agent: a new call, or news of one that is here; or place a call."""
        if (leg := self._agents.get(event.call)) is not None:
            if not isinstance(event, HangUp | ToCall):
                leg.on_event(event)
            _close(event)
            return
        if isinstance(event, IncomingCall) and event.replaces:
            self._replaced(event)
            return
        if isinstance(event, IncomingCall):
            inbound = self.inbound(self._services, self._resources, event, self._over, self)
            self._add(inbound)
            inbound.accept()
            return
        if isinstance(event, PlaceCall):
            if not event.is_leg:  # of one that was given up meanwhile
                self.place(event, self._services_for(event))
            return
        call = self._mine.get(event.call)
        if call is None:
            _close(event)
            return  # already ended here
        for handlers in (_HANDLERS, _INBOUND if isinstance(call, InboundCall) else _OUTBOUND):
            if (handle := handlers.get(type(event))) is not None:
                handle(call, event)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "calls": len(self._mine),
            "ports": self._resources.ports.dump(),
            "clock": self._resources.clock.dump(),
        }

    def _services_for(self, place: PlaceCall) -> Services:
        """A call-back has a dialog of its own."""
        if place.call_back is None:
            return self._services
        return replace(self._services, dialog=CallBackDialog(place.call_back))

    def _add(self, call: SipCall) -> None:
        self._mine[call.handle] = call
        self._calls.add(call)

    def _replaced(self, event: IncomingCall) -> None:
        call = self._mine.get(event.replaces)
        if call is None:
            self.refused(event.call, 481)
        else:
            call.replaced_by(event)

    def refused(self, handle: str, status: int) -> None:
        """A call that wanted the place of another one does not get it."""
        self._resources.do(Reject(handle, status))
        if self._resources.captures is not None:
            self._resources.captures.end(handle)
        self._calls.ended(handle)

    def moved(self, handle: str, before: str) -> None:
        """A call has this dialog now, and no longer `before`."""
        self._agents.pop(handle, None)
        if (call := self._mine.pop(before, None)) is not None:
            self._mine[handle] = call
            self._calls.moved(call, before)

    def place(self, place: PlaceCall, services: Services, watcher: CallWatcher | None = None) -> OutboundCall:
        """Begin a call out; it takes the place of the leg that wanted it."""
        call = self.outbound(services, self._resources, place, self._over, self, watcher)
        self._agents.pop(call.handle, None)
        self._add(call)
        call.place()
        return call

    def add(self, leg: AgentLeg | SipMove) -> None:
        """A leg that belongs to a call: its events go to it."""
        self._agents[leg.handle] = leg
        self._calls.add(leg)

    def over(self, leg: AgentLeg | SipMove) -> None:
        """It is over."""
        self._agents.pop(leg.handle, None)
        self._calls.over(leg)

    def _over(self, call: SipCall) -> None:
        self._mine.pop(call.handle, None)
        self._calls.over(call)


def _close(event: object) -> None:
    """What comes with an event that nobody wants."""
    if isinstance(event, Linked):
        close_end(event.fd)
