"""One call that the bot places over SIP: its offer, ringing and early media, the answer, or what comes instead.

The user agent's side tries other servers and numbers by itself (`call_attempts`): here a call has one outcome. Early
media of a 183 (or 180) opens the line, so that ringing tones and announcements arrive: listeners on the line hear
them, and nothing is sent. The dialog begins with the answer, and only a 2xx is one.
"""

import asyncio
import secrets
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

from offhook.calls.outcome import ANSWERED, OutcomeReason, SipOutcome, outcome_of, unreachable
from offhook.calls.parties import Parties
from offhook.calls.services import Services
from offhook.carriers.call_watcher import CallWatcher
from offhook.carriers.end_reasons import end_reasons
from offhook.carriers.place_call import PlaceCall
from offhook.carriers.sip_call import SipCall, ends_this_call_only
from offhook.carriers.sip_handover import Legs, Peer
from offhook.carriers.sip_resources import SipResources
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.sip.commands import Bye, Cancel, CommandFailed, Invite, RejectReinvite
from offhook.sip.errors import NotAcceptableError, RemoteError
from offhook.sip.events import CallProgress, CallRejected, EndCause
from offhook.sip.message.headers import Headers
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from offhook.sip.refer.commands import RejectRefer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.sdp.crypto import SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia, NegotiatedAudio
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortsExhaustedError

NOT_ACCEPTABLE = 488

FORWARDED = 181
"""The call goes elsewhere: what rang before does so no longer."""

RINGING = frozenset({180, 183})
"""Gateways to telephone networks say the second where the ringing tone is the network's own."""

CANCELLED = SipOutcome(OutcomeReason.CANCELLED)


class OutboundCall(SipCall):
    """One call that goes out. What becomes of it is reported to `watcher`."""

    def __init__(
        self,
        services: Services,
        resources: SipResources,
        place: PlaceCall,
        on_over: Callable[[SipCall], None],
        legs: Legs,
        watcher: CallWatcher | None = None,
    ) -> None:
        invite = place.invite
        self._place = place
        self._watcher = watcher
        self._connected = False
        self._invited: OfferAnswer | None = None
        """The INVITE's offer, for whichever phone answers; `_offers` has what the latest one with early media did."""
        self._ringing: asyncio.TimerHandle | None = None
        transport = invite.transport or Transport.UDP
        parties = Parties(
            place.caller,
            place.called,
            invite.call_id,
            invite.headers,
            transport=transport.lower(),
            direction="outbound",
            trunk=place.trunk,
            uniqueid=invite.call,
            variables=place.variables,
            route=place.route,
            part_of=place.part_of,
        )
        super().__init__(
            services,
            resources,
            invite.call,
            parties,
            Peer(_address(invite), transport, Headers(), place.caller),
            on_over,
            legs,
        )
        self._conversation.outcome = CANCELLED

    # From the signalling.

    @ends_this_call_only
    def place(self) -> None:
        """Offer our media, and call."""
        try:
            capabilities = self._prepare_media()
            if capabilities.srtp.policy is SrtpPolicy.REQUIRED and not self._peer.transport.is_secure:
                raise NotAcceptableError(f"keys for media can be read over {self._peer.transport}: call over TLS")
            pair = self._take_ports()
            offers = OfferAnswer(LocalMedia(self._media_host, pair.port, secrets.randbits(31), 1), capabilities)
            sdp = offers.offer()
            self._offers = self._invited = offers
        except (PortsExhaustedError, OSError, RemoteError, MediaError) as error:
            self.log.error("the call cannot be placed", error=str(error))
            self._over_unanswered(SipOutcome(OutcomeReason.FAILED, text=str(error)), EndedBy.BOT)
            return
        if self._capture is not None:
            self._capture.keep()
        self._begin_ringing(sdp)

    @ends_this_call_only
    def progress(self, event: CallProgress) -> None:
        """It rings, or there is early media; of several phones, that of the latest."""
        if event.status == FORWARDED:
            self._offers = self._invited
        self._report_progress(event.status)
        if event.sdp is None or self._connected or self._conversation.over:
            return
        assert self._invited is not None, "there is no progress without an offer"
        offers = deepcopy(self._invited)  # the answer itself may be another one, from another phone
        try:
            self._use(offers.accept(event.sdp))
        except (RemoteError, MediaError) as error:
            self.log.info("no early media", why=str(error))
            return
        self._offers = offers
        if self._line is not None:
            self._line.start(confirmed=False)
        if self._watcher is not None:
            self._watcher.call_has_early_media()

    @ends_this_call_only
    def answered(self, sdp: bytes | None, allow: frozenset[str]) -> None:
        """The first 2xx came, and has been acknowledged. `allow`: the methods that its sender takes."""
        if self._conversation.over:
            return
        self.keys.allow(allow)
        assert self._offers is not None and self._invited is not None, "there is no answer without an offer"
        self._stop_ringing()
        self._connected = self._conversation.answered = True
        self._conversation.outcome = ANSWERED
        try:
            # RFC 3261 §13.2.1: the 2xx has the answer. Gateways that gave it with a 183 leave it out, and so do those
            # that have changed it by an UPDATE since.
            if sdp is not None:
                self._offers = self._invited
                self._use(self._invited.accept(sdp))
            elif self._offers.waits_for_answer:
                raise NotAcceptableError("there is none")
        except (RemoteError, MediaError) as error:
            self._conversation.answered = False
            why = f"the answer's SDP cannot be used: {error}"
            self._conversation.outcome = SipOutcome(OutcomeReason.NOT_ACCEPTABLE, 200, text=why)
            self.hang_up(EndedBy.NETWORK, why)
            return
        self._conversation.spawn(self._begin())

    def reinvited(self, sdp: bytes | None) -> None:
        """As for every call; before it is answered an UPDATE, from the phone whose early media is heard."""
        if self._offers is self._invited and not self._connected:
            # What it changes could not be used.
            self._resources.do(RejectReinvite(self.handle, NOT_ACCEPTABLE))
        else:
            super().reinvited(sdp)

    async def _begin(self) -> None:
        try:
            if not await self._conversation.prepare() or self._line is None:
                return
            self._conversation.watch_media(self._line)
            self._line.start()
            self._log_missing_keys()
            self._conversation.begin()
            self._media_changed()
            if self._watcher is not None and not self._conversation.over:
                self._watcher.call_answered()
        except EngineError as error:
            self.log.error("no conversation", error=str(error))
            self.hang_up(EndedBy.BOT, f"an engine failed: {error}")
        except Exception as error:
            self.log.exception("the call failed", step="answered")
            self.failed(error)

    def rejected(self, event: CallRejected) -> None:
        """The final response was no answer, and there is nowhere else to try."""
        outcome = outcome_of(event)
        by = EndedBy.NETWORK if outcome.reason is OutcomeReason.CONGESTED else EndedBy.CALLER
        self._over_unanswered(outcome, by)

    def referred(self, event: ReferReceived) -> None:
        """The far end wants us to go on with somebody else; not from the one that a caller is transferred to."""
        if self._watcher is None:
            super().referred(event)
        else:
            self._resources.do(RejectRefer(self.handle, 403))

    def ended(self, cause: EndCause, reasons: tuple[EndReason, ...] = ()) -> None:
        """The dialog has ended; or there is none, since nothing was ever answered."""
        if not self._connected:
            self._over_unanswered(unreachable(cause), EndedBy.NETWORK)
            return
        super().ended(cause, reasons)
        if self._conversation.over:
            self._report_over()

    def command_failed(self, failed: CommandFailed) -> None:
        """The user agent could not execute a command of this call."""
        super().command_failed(failed)
        if isinstance(failed.command, Invite):
            self._over_unanswered(SipOutcome(OutcomeReason.FAILED, text=failed.why), EndedBy.BOT)

    def rang_out(self) -> None:
        """Nobody answers, and nobody waits any longer."""
        if self._conversation.over:
            return
        if not self._connected:
            self._conversation.outcome = SipOutcome(OutcomeReason.NO_ANSWER)
            self.hang_up(EndedBy.BOT, "nobody answered in time")
        else:
            self.hang_up(EndedBy.BOT, "the call is no longer wanted")

    def failed(self, error: Exception) -> None:
        """An internal error."""
        self._conversation.outcome = SipOutcome(OutcomeReason.FAILED)
        self.hang_up(EndedBy.BOT, f"an error of the bot: {type(error).__name__}")

    # Inside.

    def _use(self, audio: NegotiatedAudio) -> None:
        """Open the line, or change what it is."""
        if self._line is None:
            line = self._line = self._make_line(audio)
            self._conversation.attach_early(line)
            for listener in self._services.line_listeners:
                listener(self.id, line)
        else:
            self._check_media(audio)
            self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)

    def _begin_ringing(self, sdp: bytes = b"") -> None:
        self._ringing = asyncio.get_running_loop().call_later(self._place.ring_s, self._rang_for_long)
        self.log.info("calling", dst=self._place.called)
        self._conversation.placed()
        self._resources.do(replace(self._place.invite, sdp=sdp))

    def _rang_for_long(self) -> None:
        self._conversation.outcome = SipOutcome(OutcomeReason.NO_ANSWER)
        self.hang_up(EndedBy.BOT, f"not answered within {self._place.ring_s:g} s")

    def _over_unanswered(self, outcome: SipOutcome, by: EndedBy) -> None:
        if self._conversation.over:
            return
        self._conversation.outcome = outcome
        self._conversation.end(by, outcome.text)
        self._release()
        self._report_over()

    def _report_progress(self, status: int) -> None:
        if status != FORWARDED:
            self._conversation.rang()
        if self._watcher is None or self._connected:
            return
        if status == FORWARDED:
            self._watcher.call_forwarded()
        elif status in RINGING:
            self._watcher.call_rings()

    def _report_over(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.call_over(self._conversation.outcome or CANCELLED, answered=self._conversation.answered)

    def _stop_ringing(self) -> None:
        if self._ringing is not None:
            self._ringing.cancel()
            self._ringing = None

    def _ending(self, cause: EndCause) -> tuple[EndedBy, str]:
        by, why = super()._ending(cause)
        return by, "the called party hung up" if cause is EndCause.REMOTE_BYE else why

    def _disconnect(self) -> None:
        self._caller_gone()
        outcome = self._conversation.outcome
        reasons = end_reasons(
            *self._conversation.why, answered=self._connected, outcome=None if outcome is None else outcome.reason
        )
        self._resources.do(Bye(self.handle, reasons) if self._connected else Cancel(self.handle, reasons))
        self._release()
        self._report_over()

    def _release(self) -> None:
        self._stop_ringing()
        super()._release()


def _address(invite: Invite) -> Address:
    match invite.destination:
        case Target(address=address) | (Address() as address):
            return address
    return Address("127.0.0.1", 0)
