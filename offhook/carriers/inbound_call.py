"""One inbound SIP call: from the INVITE to its answer, and what ends it before."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

from offhook.calls.early_media import EarlyMedia
from offhook.calls.parties import Parties
from offhook.calls.services import Services
from offhook.carriers.end_reasons import end_reasons
from offhook.carriers.sip_call import (
    SERVER_ERROR,
    SipCall,
    ends_this_call_only,
    not_acceptable,
    phrase,
    warning,
    words,
)
from offhook.carriers.sip_handover import Legs, Peer
from offhook.carriers.sip_resources import SipResources
from offhook.observe.refusals import NO_CAPACITY, Reason, Refusal
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.sip.commands import Answer, Bye, CommandFailed, Reject, Ring
from offhook.sip.errors import NotAcceptableError, RemoteError
from offhook.sip.events import EndCause, IncomingCall
from offhook.sip.message.reason import EndReason
from offhook.sip.sdp.crypto import SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortsExhaustedError

SESSION_PROGRESS = 183

REACHED_S = 2.0
"""How long early media waits for a sign that it is received, where nothing is known of the caller's side."""


class InboundCall(SipCall):
    """One call that came in."""

    def __init__(
        self,
        services: Services,
        resources: SipResources,
        event: IncomingCall,
        on_over: Callable[[SipCall], None],
        legs: Legs,
    ) -> None:
        self._event = event
        self._reached = asyncio.Event()
        # The Request-URI is the number dialled; To is what it was before routing or diversion.
        parties = Parties(
            event.from_uri,
            event.request_uri,
            event.call_id,
            event.headers,
            transport=event.transport.lower(),
            identities=event.identities,
            trunk=event.trunk,
            uniqueid=event.uniqueid or None,
        )
        super().__init__(
            services,
            resources,
            event.call,
            parties,
            Peer(event.source, event.transport, event.headers, event.request_uri),
            on_over,
            legs,
        )

    # From the signalling.

    @ends_this_call_only
    def accept(self) -> None:
        """Negotiate and answer, or refuse with the fitting status."""
        offer, capabilities = self._event.sdp, self._prepare_media()
        host = self._media_host
        try:
            self._check_keys(capabilities.srtp.policy)
            if offer is not None:
                # Before ports are taken: offers that are refused must not exhaust the pool.
                ours = LocalMedia(host, self._resources.ports.low, 1, 1)
                self._check_media(answer_offer(offer, ours, capabilities)[1])
            pair = self._take_ports()
            self._offers = OfferAnswer(LocalMedia(host, pair.port, secrets.randbits(31), 1), capabilities)
            sdp = self._offers.offer() if offer is None else self._offers.answer(offer)
            early = self._conversation.speaks_early and self._takes_early_media(offer is not None)
            if self._offers.agreed is not None:
                self._open_line(self._offers.agreed, early=early)
        except (PortsExhaustedError, OSError) as error:
            self.log.error("no media ports", error=str(error))
            self._refuse(NO_CAPACITY, Refusal(Reason.PORTS, str(error)))
        except (RemoteError, MediaError) as error:
            self._refuse_offer(not_acceptable(error))
        else:
            self._conversation.spawn(self._speak_early(sdp) if early else self._answer(sdp))

    async def _answer(self, sdp: bytes) -> None:
        try:
            await self._ring()
            if not await self._conversation.prepare():
                return
            if self._line is not None:
                # Not only from the ACK on: the caller's first packets may overtake it.
                self._line.start(confirmed=False)
        except Exception as error:
            self.log.exception("the call failed", step="answer")
            self.failed(error)
            return
        self._conversation.answered = True
        self._resources.do(Answer(self.handle, sdp))

    async def _ring(self) -> None:
        if delay_ms := self._services.config.calls.answer_delay_ms:
            self._resources.do(Ring(self.handle))
            await asyncio.sleep(delay_ms / 1000)
        if self._capture is not None:
            self._capture.keep()

    async def _speak_early(self, sdp: bytes) -> None:
        """Begin the dialog in early media: it answers the call, or refuses it."""
        try:
            await self._ring()
            if not await self._conversation.prepare(EarlyMedia(lambda: self._answer_early(sdp))) or self._line is None:
                return
            # Who has written somebody else's address into the INVITE must not have them sent seconds of RTP: else it
            # begins with the PRACK, or with the caller's own media.
            sure = self._event.proven  # a trunk is known by its address alone, which over UDP anybody can write
            stop = self._line.add_listener(audio=lambda pcm, at_tick, at_s: self._heard())
            self._line.start(confirmed=sure)
            self._resources.do(Ring(self.handle, SESSION_PROGRESS, sdp))
            self._log_missing_keys()
            if not sure:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._reached.wait(), REACHED_S)
            stop()
            self._conversation.begin()
            self._media_changed()
        except Exception as error:
            self.log.exception("the call failed", step="early media")
            self.failed(error)

    def _heard(self) -> None:
        """The line has audio of the caller's."""
        self._reached.set()

    def _answer_early(self, sdp: bytes) -> None:
        self._conversation.early_answered()
        self._resources.do(Answer(self.handle, sdp))

    def _takes_early_media(self, has_offer: bool) -> bool:
        if not has_offer:
            # RFC 3262 §5: our offer would have to be in the 183, and the answer in its PRACK.
            self.log.info("no early media", why="the INVITE has no offer", todo="the call is answered at once")
        return has_offer

    @ends_this_call_only
    def early_media_confirmed(self) -> None:
        """The PRACK has arrived: the far end is where it says that it is."""
        self._reached.set()
        if self._line is not None:
            self._line.start()

    @ends_this_call_only
    def confirmed(self, sdp: bytes | None) -> None:
        """The ACK has arrived; `sdp` is the far end's answer if the offer was ours."""
        if not self._settle(sdp):
            return
        early = self._conversation.early
        if early is not None and self._line is not None and not self._conversation.over:
            self._conversation.watch_media(self._line)
            self._line.start()
            early.confirm()
        if not self._conversation.begun and self._line is not None:
            self._line.start()
            self._log_missing_keys()
            try:
                self._conversation.begin()
            except EngineError as error:
                self.log.error("no conversation", error=str(error))
                self.hang_up(EndedBy.BOT, f"an engine failed: {error}")
        self._media_changed()

    def cancelled(self, reasons: tuple[EndReason, ...] = ()) -> None:
        """The caller gave up before the answer."""
        if reasons:
            self.log.info("the caller said why", reason=words(reasons))
        self._caller_gone()
        # With the user agent in another process our answer may have crossed the CANCEL.
        self._conversation.answered = False
        self._conversation.cancelled()
        self._release()

    def command_failed(self, failed: CommandFailed) -> None:
        """The user agent could not execute a command of this call."""
        super().command_failed(failed)
        if isinstance(failed.command, Answer):
            # A call that could not be answered is over, and no other event says so.
            self._caller_gone()
            self._conversation.answered = False
            self._conversation.end(EndedBy.NETWORK, f"it could not be answered: {failed.why}")
            self._release()

    def failed(self, error: Exception) -> None:
        """An internal error: 500 before the answer, BYE after it."""
        why = f"an error of the bot: {type(error).__name__}"
        if self._conversation.answered or self._conversation.over:
            self.hang_up(EndedBy.BOT, why)
        elif self._conversation.early is not None:
            self._conversation.early.refuse_with(SERVER_ERROR)
            self.hang_up(EndedBy.BOT, why)
        else:
            self._refuse(SERVER_ERROR, Refusal(Reason.FAILED, why))

    # Inside.

    def _ending(self, cause: EndCause) -> tuple[EndedBy, str]:
        if cause is EndCause.TIMEOUT and not self._conversation.answered:
            return EndedBy.NETWORK, "early media was not acknowledged, or the call not answered in time"
        return super()._ending(cause)

    def _check_keys(self, policy: SrtpPolicy) -> None:
        """Refuse a call whose keys others could read, where encryption is required. Raises NotAcceptableError."""
        if policy is SrtpPolicy.REQUIRED and not self._event.transport.is_secure:
            raise NotAcceptableError(f"keys for media can be read over {self._event.transport}: call over TLS")

    def _disconnect(self) -> None:
        self._caller_gone()
        # The BYE's CallEnded may arrive before this returns.
        reasons = end_reasons(*self._conversation.why)
        by, early = self._conversation.why[0], self._conversation.early
        status = NO_CAPACITY if early is None or by is not EndedBy.BOT else early.status
        answered = self._conversation.answered
        self._resources.do(Bye(self.handle, reasons) if answered else Reject(self.handle, status))
        self._release()

    def _refuse_offer(self, error: RemoteError) -> None:
        self._refuse(error.status, Refusal(Reason.OFFER, error.reason), error)

    def _refuse(self, status: int, refusal: Refusal, error: RemoteError | None = None) -> None:
        command = Reject(self.handle, status)
        if error is not None:
            command = Reject(self.handle, status, warning(error), phrase(error))
        self._resources.do(command)
        self._release()
        self._conversation.refused(status, refusal)
