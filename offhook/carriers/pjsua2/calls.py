"""Calls over PJSIP, in either direction: those of SIP, but for their media, which PJSIP negotiates and carries."""

from dataclasses import dataclass

from offhook.calls.outcome import ANSWERED, OutcomeReason, SipOutcome
from offhook.carriers.inbound_call import InboundCall
from offhook.carriers.outbound_call import OutboundCall
from offhook.carriers.pjsua2.user_agent import PjsuaUserAgent
from offhook.carriers.sip_call import SipCall, ends_this_call_only
from offhook.carriers.sip_carrier import SipCarrier
from offhook.carriers.sip_resources import SipResources
from offhook.observe.refusals import NO_CAPACITY, Reason, Refusal
from offhook.records import EndedBy
from offhook.sip.events import CallProgress, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.sdp.offer_answer import OfferAnswer


@dataclass(frozen=True, slots=True)
class PjsuaResources(SipResources):
    """With the user agent of this process, for the calls' lines."""

    user_agent: PjsuaUserAgent | None = None


def _user_agent(resources: SipResources) -> PjsuaUserAgent:
    assert isinstance(resources, PjsuaResources) and resources.user_agent is not None
    return resources.user_agent


class _Media(SipCall):
    """What both directions do in place of negotiating."""

    def _take_line(self) -> None:
        """Raises OSError."""
        line = self._user_agent.line(self.handle)
        line.on_hold, line.on_encrypted = self._held, self._log_readable_keys
        self._line = line
        self.keys.attach(line)

    @property
    def _has_media(self) -> bool:
        return self._line is not None

    def _new_offers(self) -> None:
        """PJSIP negotiates."""

    def _take_moved(self, handle: str, offers: OfferAnswer | None) -> None:
        self._user_agent.hand_over(self.handle, handle)

    def _take_replacing(self, event: IncomingCall) -> bytes:
        self._user_agent.hand_over(self.handle, event.call)
        return b""

    @property
    def _user_agent(self) -> PjsuaUserAgent:
        return _user_agent(self._resources)

    def moved(self, source: Address) -> None:
        """PJSIP follows by itself."""

    def _media_changed(self) -> None:
        """The line says when the far end holds the call."""
        if not self._conversation.over:
            self._limit_no_media()

    def _held(self, held: bool) -> None:
        self._conversation.hold(held)
        if self._conversation.answered and not self._conversation.over:
            self._limit_no_media()

    def _release(self) -> None:
        """A line that no conversation has closes with the call."""
        super()._release()
        if self._line is not None and self._conversation.line is None:
            self._line.close()


class PjsuaInbound(_Media, InboundCall):
    """A call that came in."""

    @ends_this_call_only
    def accept(self) -> None:
        """Answer; PJSIP does so with its own description, or refuses the offer."""
        try:
            self._take_line()
        except OSError as error:
            self.log.error("no media", error=str(error))
            self._refuse(NO_CAPACITY, Refusal(Reason.PORTS, str(error)))
            return
        assert self._line is not None, "it was just made"
        if self._conversation.speaks_early and self._takes_early_media(self._event.sdp is not None):
            self._conversation.attach_early(self._line)
            self._conversation.spawn(self._speak_early(b""))
        else:
            self._conversation.attach(self._line)
            self._conversation.spawn(self._answer(b""))

    def _heard(self) -> None:
        # PJSIP's clock gives silence where nothing has come.
        if self._line is not None and self._line.stats().packets_received:
            super()._heard()


class PjsuaOutbound(_Media, OutboundCall):
    """A call that goes out."""

    @ends_this_call_only
    def place(self) -> None:
        """Call; PJSIP makes the offer."""
        try:
            self._take_line()
        except OSError as error:
            self.log.error("the call cannot be placed", error=str(error))
            self._over_unanswered(SipOutcome(OutcomeReason.FAILED, text=str(error)), EndedBy.BOT)
            return
        self._begin_ringing()

    @ends_this_call_only
    def progress(self, event: CallProgress) -> None:
        """It rings, or there is early media."""
        self._report_progress(event.status)
        if event.sdp is None or self._connected or self._conversation.over or self._line is None:
            return
        self._show_line()
        self._line.start(confirmed=False)
        if self._watcher is not None:
            self._watcher.call_has_early_media()

    @ends_this_call_only
    def answered(self, sdp: bytes | None, allow: frozenset[str]) -> None:
        """The first 2xx came, and PJSIP has taken its answer."""
        if self._conversation.over:
            return
        self.keys.allow(allow)
        self._stop_ringing()
        self._connected = self._conversation.answered = True
        self._conversation.outcome = ANSWERED
        self._show_line()
        self._conversation.spawn(self._begin())

    def _show_line(self) -> None:
        if self._conversation.line is None and self._line is not None:
            self._conversation.attach_early(self._line)
            for listener in self._services.line_listeners:
                listener(self.id, self._line)


class PjsuaCarrier(SipCarrier):
    """A `Carrier`: calls over PJSIP."""

    name = "pjsua2"
    inbound = PjsuaInbound
    outbound = PjsuaOutbound

    async def start(self) -> None:
        """Open PJSIP. Raises UserError."""
        self._agent.start()

    async def stop(self) -> None:
        """Close it, once the far ends have answered, or a moment has passed."""
        await super().stop()
        await self._agent.drain()
        self._agent.stop()

    def refusal(self) -> Refusal | None:
        """Refuses calls when PJSIP has no more room for them."""
        if self._agent.free > 0:
            return None
        return Refusal(Reason.PORTS, f"PJSIP takes {self._agent.max_calls} calls at once, and has them")

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {**super().dump(), "pjsip": self._agent.dump()}

    @property
    def _agent(self) -> PjsuaUserAgent:
        return _user_agent(self._resources)
