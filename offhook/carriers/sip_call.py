"""One inbound SIP call: its signalling and media ports, from INVITE to the end."""

import asyncio
import secrets
from collections.abc import Callable
from copy import copy
from functools import wraps
from time import monotonic
from typing import Concatenate, ParamSpec

from offhook.calls.captures import Capture
from offhook.calls.conversation import Conversation, Parties, Services
from offhook.carriers.own_addresses import media_host, reaches
from offhook.carriers.rtp_settings import rtp_config
from offhook.carriers.sip_handover import Handover, Legs
from offhook.carriers.sip_keys import SipKeys
from offhook.carriers.sip_resources import SipResources
from offhook.observe.refusals import NO_CAPACITY, Reason, Refusal
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.sip.commands import Answer, AnswerReinvite, Bye, CommandFailed, Reject, RejectReinvite, Ring
from offhook.sip.errors import NotAcceptableError, RemoteError
from offhook.sip.events import EndCause, IncomingCall, RequestRefused
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia, NegotiatedAudio, answer_offer
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortPair, PortsExhaustedError
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp.config import RtpConfig

SERVER_ERROR = 500

NO_MEDIA_LIMIT_S = 60.0
"""The longest call without any media: the far end has sent none, and is not expected to."""

MAX_REFUSALS_LOGGED = 8
"""Kinds of refused requests that are logged in one call."""

ENDINGS = {
    EndCause.REMOTE_BYE: (EndedBy.CALLER, "caller hung up"),
    EndCause.LOCAL_BYE: (EndedBy.BOT, "bot hung up"),
    EndCause.ACK_TIMEOUT: (EndedBy.NETWORK, "the answer was never acknowledged"),
    EndCause.TIMEOUT: (EndedBy.NETWORK, "the far end no longer answers"),
    EndCause.NOT_REFRESHED: (EndedBy.NETWORK, "the session was not refreshed"),
    EndCause.TRANSPORT: (EndedBy.NETWORK, "the far end cannot be reached"),
}


P = ParamSpec("P")


def _ends_this_call_only(
    step: Callable[Concatenate["InboundCall", P], None],
) -> Callable[Concatenate["InboundCall", P], None]:
    """An exception in a step ends this call only: the caller gets a response, and the slot is freed."""

    @wraps(step)
    def guarded(call: "InboundCall", /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(call, *args, **kwargs)
        except Exception as error:
            call.log.exception("the call failed", step=step.__name__)
            call.failed(error)

    return guarded


class InboundCall(Handover):
    """One call. `on_over(self)` is called once, when everything is released."""

    def __init__(
        self,
        services: Services,
        resources: SipResources,
        event: IncomingCall,
        on_over: Callable[["InboundCall"], None],
        legs: Legs,
    ) -> None:
        # Nothing here may fail: only later failures get a response.
        super().__init__()
        self.handle = event.call
        self._services = services
        self._resources = resources
        self._event = event
        self._signalling_host = event.source.host
        self._legs = legs
        self._captured = event.call
        self._codecs = AudioCapabilities()
        self._conversation = Conversation(
            services,
            # The Request-URI is the number dialled; To is what it was before routing or diversion.
            Parties(
                event.from_uri,
                event.request_uri,
                event.call_id,
                event.headers,
                transport=event.transport.lower(),
                identities=event.identities,
                trunk=event.trunk,
            ),
            disconnect=self._disconnect,
            on_over=lambda: self._over(on_over),
            transfers=self,
        )
        self.id = self._conversation.id
        self.log = self._conversation.log
        self.keys = SipKeys(self.handle, services.config, event.trunk, event.headers, resources.do, self.log)
        self._media_host = ""
        self._pair: PortPair | None = None
        self._line: UdpLine | None = None
        self._offers: OfferAnswer | None = None
        self._capture: Capture | None = None
        self._no_media: asyncio.TimerHandle | None = None
        self._refused_requests: set[tuple[str, int]] = set()

    # From the signalling.

    @_ends_this_call_only
    def accept(self) -> None:
        """Negotiate and answer, or refuse with the fitting status."""
        host, offer = (
            media_host(self._services.config.sip, self._resources.address, self._event.source),
            self._event.sdp,
        )
        self._media_host = host
        rtp = self._services.config.rtp
        srtp = SrtpCapabilities(SrtpPolicy(rtp.srtp))
        codecs = self._codecs = AudioCapabilities(rtp.codecs, dtmf=self.keys.by_event, ptime_ms=rtp.ptime_ms, srtp=srtp)
        captures = self._resources.captures
        self._capture = captures.begin(self.handle, self.id, host) if captures is not None else None
        try:
            self._check_keys(srtp.policy)
            if offer is not None:
                # Before ports are taken: offers that are refused must not exhaust the pool.
                self._check_media(answer_offer(offer, LocalMedia(host, self._resources.ports.low, 1, 1), codecs)[1])
            pair = self._pair = self._resources.ports.acquire(monotonic())
            if self._capture is not None:
                pair.tap(self._capture.media)
            self._offers = OfferAnswer(LocalMedia(host, pair.port, secrets.randbits(31), 1), codecs)
            sdp = self._offers.offer() if offer is None else self._offers.answer(offer)
            if self._offers.agreed is not None:
                self._open_line(self._offers.agreed)
        except (PortsExhaustedError, OSError) as error:
            self.log.error("no media ports", error=str(error))
            self._refuse(NO_CAPACITY, Refusal(Reason.PORTS, str(error)))
        except (RemoteError, MediaError) as error:
            refused = _not_acceptable(error)
            self._refuse(refused.status, Refusal(Reason.OFFER, refused.reason), refused)
        else:
            self._conversation.spawn(self._answer(sdp))

    async def _answer(self, sdp: bytes) -> None:
        try:
            if delay_ms := self._services.config.calls.answer_delay_ms:
                self._resources.do(Ring(self.handle))
                await asyncio.sleep(delay_ms / 1000)
            if self._capture is not None:
                self._capture.keep()
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

    @_ends_this_call_only
    def confirmed(self, sdp: bytes | None) -> None:
        """The ACK has arrived; `sdp` is the far end's answer if the offer was ours."""
        offers = self._offers
        if offers is not None and offers.waits_for_answer:
            try:
                self._take_answer(offers, sdp)
            except (RemoteError, MediaError) as error:
                if offers.agreed is None:
                    self.hang_up(EndedBy.NETWORK, f"the answer in the ACK cannot be used: {error}")
                    return
                # The far end is wrong, but the old session still works.
                self.log.warning("the session stays as it was", why=f"the answer in the ACK cannot be used: {error}")
        if not self._conversation.begun and self._line is not None:
            self._line.start()
            if self._offers is not None and self._offers.agreed is not None:
                self.keys.log_missing_events(self._offers.agreed, self._line)
            try:
                self._conversation.begin()
            except EngineError as error:
                self.log.error("no conversation", error=str(error))
                self.hang_up(EndedBy.BOT, f"an engine failed: {error}")
        self._media_changed()

    @_ends_this_call_only
    def reinvited(self, sdp: bytes | None) -> None:
        """A re-INVITE: new address, new codec, hold; without SDP it asks for our offer."""
        assert self._offers is not None, "an INVITE has been answered"
        before = copy(self._offers)
        try:
            if sdp is None:
                answer = self._offers.offer()
            else:
                answer = self._offers.answer(sdp)
                self._change_line()
        except (RemoteError, MediaError) as error:
            # RFC 3261 §14.2: the session stays as it was.
            self._offers = before
            refused = _not_acceptable(error)
            self.log.info("re-INVITE refused", status=refused.status, why=refused.reason)
            self._resources.do(RejectReinvite(self.handle, refused.status, _warning(refused), _phrase(refused)))
            return
        self._resources.do(AnswerReinvite(self.handle, answer))
        self._media_changed()

    @_ends_this_call_only
    def refreshed(self, sdp: bytes | None) -> None:
        """The far end answered what the user agent offered to refresh the session: our description as it stands."""
        offers = self._offers
        if offers is None or sdp is None:
            return
        try:
            offers.offer_again()
            self._take_answer(offers, sdp)
        except (RemoteError, MediaError) as error:
            self.log.warning("the session stays as it was", why=f"the answer to a refresh cannot be used: {error}")
            return
        self._media_changed()

    @_ends_this_call_only
    def moved(self, source: Address) -> None:
        """The far end's requests now come from another host, and so may its media."""
        self.log.info("the far end has moved", host=source.host, before=self._signalling_host)
        self._signalling_host = source.host
        self._change_line()

    def request_refused(self, event: RequestRefused) -> None:
        """The user agent refused a request in the call: each kind is logged once."""
        kind = event.method, event.status
        if kind not in self._refused_requests and len(self._refused_requests) < MAX_REFUSALS_LOGGED:
            self._refused_requests.add(kind)
            self.log.warning("a request was refused", method=event.method, status=event.status, why=event.reason)

    def cancelled(self, reasons: tuple[EndReason, ...] = ()) -> None:
        """The caller gave up before the answer."""
        if reasons:
            self.log.info("the caller said why", reason=_words(reasons))
        # With the user agent in another process our answer may have crossed the CANCEL.
        self._conversation.answered = False
        self._conversation.cancelled()
        self._release()

    def ended(self, cause: EndCause, reasons: tuple[EndReason, ...] = ()) -> None:
        """The SIP dialog has ended; `reasons` are those of the far end's BYE."""
        if self._move is not None and cause is EndCause.REMOTE_BYE:
            # Its REFER was accepted, and the call to the other one goes on (RFC 5589 §6).
            self._left = True
            self._conversation.suspend(True)
            return
        by, why = ENDINGS[cause]
        if (transferred := self._caller_gone()) is not None:
            by, why = EndedBy.BOT, transferred
        self._conversation.end(by, f"{why} ({_words(reasons)})" if reasons else why)
        self._release()

    def command_failed(self, failed: CommandFailed) -> None:
        """The user agent could not execute a command of this call."""
        self.log.info("a SIP command failed", command=type(failed.command).__name__, why=failed.why)
        if self._transfer is not None:
            self._transfer.command_failed(failed)
        if isinstance(failed.command, Answer):
            # A call that could not be answered is over, and no other event says so.
            self._conversation.answered = False
            self._conversation.end(EndedBy.NETWORK, f"it could not be answered: {failed.why}")
            self._release()

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side."""
        self._conversation.hang_up(by, reason)

    def failed(self, error: Exception) -> None:
        """An internal error: 500 before the answer, BYE after it."""
        why = f"an error of the bot: {type(error).__name__}"
        if self._conversation.answered or self._conversation.over:
            self.hang_up(EndedBy.BOT, why)
        else:
            self._refuse(SERVER_ERROR, Refusal(Reason.FAILED, why))

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return self._conversation.dump()

    @_ends_this_call_only
    def replaced_by(self, event: IncomingCall) -> None:
        """Another far end takes the place of the one that we have (RFC 3891)."""
        self._replaced_by(event)

    # Inside.

    def _far_end_left(self) -> None:
        self._conversation.end(*ENDINGS[EndCause.REMOTE_BYE])
        self._release()

    def _open_line(self, audio: NegotiatedAudio) -> None:
        assert self._pair is not None, "there is no line without ports"
        self._check_media(audio)
        self._log_readable_keys(audio)
        rtp = self._services.config.rtp
        self._line = UdpLine(
            self._pair,
            self._rtp(audio),
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=self._resources.clock,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        self.keys.attach(self._line)
        self._conversation.attach(self._line)

    def _change_line(self) -> None:
        """Apply newly negotiated media, or the far end's new host."""
        audio = self._offers.agreed if self._offers is not None else None
        if audio is None or self._pair is None:
            return
        if self._line is None:
            self._open_line(audio)
        else:
            self._check_media(audio)
            self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)

    def _take_answer(self, offers: OfferAnswer, sdp: bytes | None) -> None:
        before = copy(offers)
        before.withdraw()
        try:
            if sdp is None:
                raise RemoteError(400, "there is none")
            offers.accept(sdp)
            if offers.agreed != before.agreed:
                self._change_line()
        except (RemoteError, MediaError):
            self._offers = before
            raise

    def _check_keys(self, policy: SrtpPolicy) -> None:
        """Refuse a call whose keys others could read, where encryption is required. Raises NotAcceptableError."""
        if policy is SrtpPolicy.REQUIRED and not self._event.transport.is_secure:
            raise NotAcceptableError(f"keys for media can be read over {self._event.transport}: call over TLS")

    def _log_readable_keys(self, audio: NegotiatedAudio) -> None:
        if audio.srtp is not None and not self._event.transport.is_secure:
            why = f"SDP has them, and it came over {self._event.transport}"
            self.log.warning("the keys for encrypted media can be read", why=why, type="tls_certificate below [sip]")

    def _check_media(self, audio: NegotiatedAudio) -> None:
        """Refuse media addresses that are the bot's own ports, RTP of any worker or SIP: packets would loop. Raises
        NotAcceptableError."""
        addresses = ((audio.remote_host, audio.remote_port), (audio.remote_rtcp_host, audio.remote_rtcp_port))
        resources = self._resources
        if any(
            (port == resources.address.port or resources.ports.gave(port))
            and (host == self._media_host or reaches(host, resources.address.host))
            for host, port in addresses
        ):
            raise NotAcceptableError("the address of audio is the bot's own")

    def _rtp(self, audio: NegotiatedAudio) -> RtpConfig:
        return rtp_config(audio, self._signalling_host, stray_dtmf=self.keys.by_event)

    def _media_changed(self) -> None:
        """Pause the conversation while the far end holds the call, and limit a call without any media."""
        audio = self._offers.agreed if self._offers is not None else None
        if audio is None or self._conversation.over:
            return
        # RFC 3264 §8.4: the holding side sends music or nothing, and receives nothing.
        self._conversation.hold(audio.direction in ("recvonly", "inactive"))
        if self._no_media is None and not _has_sent(self._line):
            loop = asyncio.get_running_loop()
            self._no_media = loop.call_later(NO_MEDIA_LIMIT_S, self._watch_media)

    def _watch_media(self) -> None:
        self._no_media = None
        if self._line is not None and not self._line.awaits_media and not _has_sent(self._line):
            self.hang_up(EndedBy.NETWORK, f"no media for {NO_MEDIA_LIMIT_S:g} s")

    def _disconnect(self) -> None:
        self._caller_gone()
        # The BYE's CallEnded may arrive before this returns.
        self._resources.do(Bye(self.handle) if self._conversation.answered else Reject(self.handle, NO_CAPACITY))
        self._release()

    def _refuse(self, status: int, refusal: Refusal, error: RemoteError | None = None) -> None:
        command = Reject(self.handle, status)
        if error is not None:
            command = Reject(self.handle, status, _warning(error), _phrase(error))
        self._resources.do(command)
        self._release()
        self._conversation.refused(status, refusal)

    def _over(self, on_over: Callable[["InboundCall"], None]) -> None:
        if self._no_media is not None:
            self._no_media.cancel()
            self._no_media = None
        self.keys.close()
        if self._resources.captures is not None:
            self._resources.captures.end(self._captured)
        on_over(self)

    def _release(self) -> None:
        """Release the ports of a call that never had a line; otherwise the line owns them."""
        if self._line is None and self._pair is not None:
            self._pair.release(monotonic(), rests=self._conversation.answered)


def _words(reasons: tuple[EndReason, ...]) -> str:
    return "; ".join(reason.words for reason in reasons)


def _has_sent(line: UdpLine | None) -> bool:
    """Whether the far end ever sent RTP or an RTCP report."""
    if line is None:
        return False
    stats = line.stats()
    return stats.last_received_at is not None or stats.remote_lost is not None


def _not_acceptable(error: RemoteError | MediaError) -> RemoteError:
    if isinstance(error, RemoteError):
        return error
    return NotAcceptableError(f"the line does not support the offer: {error}")


def _warning(error: RemoteError) -> tuple[tuple[str, str], ...]:
    """RFC 3261 §13.3.1.3: a 488 says why."""
    if not isinstance(error, NotAcceptableError):
        return ()
    text = error.reason.replace("\\", "").replace('"', "'")
    return (("Warning", f'{error.warn_code} offhook "{text}"'),)


def _phrase(error: RemoteError) -> str | None:
    """An unreadable body is named in the reason phrase, like a malformed header."""
    return None if isinstance(error, NotAcceptableError) else error.reason
