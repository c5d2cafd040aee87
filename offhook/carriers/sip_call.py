"""A SIP call in either direction: its media, and what both directions have in common."""

import asyncio
from collections.abc import Callable
from copy import copy
from functools import wraps
from time import monotonic
from typing import Concatenate, ParamSpec, TypeVar

from offhook.calls.captures import Capture
from offhook.calls.conversation import Conversation
from offhook.calls.parties import Parties
from offhook.calls.services import Services
from offhook.carriers.own_addresses import media_host, reaches
from offhook.carriers.rtp_settings import rtp_config
from offhook.carriers.sip_handover import Handover, Legs, Peer
from offhook.carriers.sip_keys import SipKeys
from offhook.carriers.sip_line import SipLine
from offhook.carriers.sip_resources import SipResources
from offhook.records import EndedBy
from offhook.sip.commands import AnswerReinvite, Bye, CommandFailed, RejectReinvite
from offhook.sip.errors import NotAcceptableError, RemoteError
from offhook.sip.events import EndCause, IncomingCall, RequestRefused
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import NegotiatedAudio
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortPair
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
C = TypeVar("C", bound="SipCall")


def ends_this_call_only(
    step: Callable[Concatenate[C, P], None],
) -> Callable[Concatenate[C, P], None]:
    """An exception in a step ends this call only: the caller gets a response, and the slot is freed."""

    @wraps(step)
    def guarded(call: C, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(call, *args, **kwargs)
        except Exception as error:
            call.log.exception("the call failed", step=step.__name__)
            call.failed(error)

    return guarded


class SipCall(Handover):
    """One call; its two directions are `InboundCall` and `OutboundCall`. `on_over(self)` is called once, when
    everything is released."""

    def __init__(  # all that the two directions know of a call
        self,
        services: Services,
        resources: SipResources,
        handle: str,
        parties: Parties,
        peer: Peer,
        on_over: Callable[["SipCall"], None],
        legs: Legs,
    ) -> None:
        # Nothing here may fail: only later failures get a response.
        super().__init__()
        self.handle = handle
        self._services = services
        self._resources = resources
        self._peer = peer
        self._trunk = parties.trunk
        self._signalling_host = peer.address.host
        self._legs = legs
        self._captured = handle
        self._codecs = AudioCapabilities()
        self._conversation = Conversation(
            services,
            parties,
            disconnect=self._disconnect,
            on_over=lambda: self._over(on_over),
            transfers=self,
            queues=self,
        )
        self.id = self._conversation.id
        self.log = self._conversation.log
        self.keys = SipKeys(handle, services.config, self._trunk, peer.headers, resources.do, self.log)
        self._media_host = ""
        self._pair: PortPair | None = None
        self._line: SipLine | None = None
        self._offers: OfferAnswer | None = None
        self._capture: Capture | None = None
        self._no_media: asyncio.TimerHandle | None = None
        self._refused_requests: set[tuple[str, int]] = set()

    # What a direction adds.

    def failed(self, error: Exception) -> None:
        """An internal error: the call is ended as its state allows."""
        raise NotImplementedError

    def command_failed(self, failed: CommandFailed) -> None:
        """The user agent could not execute a command of this call."""
        if not isinstance(failed.command, Bye):  # both ends may hang up at once
            self.log.info("a SIP command failed", command=type(failed.command).__name__, why=failed.why)
        if self._transfer is not None:
            self._transfer.command_failed(failed)

    def _disconnect(self) -> None:
        """End the call at the far end."""
        raise NotImplementedError

    # From the signalling.

    @ends_this_call_only
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
            self._refuse_reinvite(not_acceptable(error))
            return
        self._resources.do(AnswerReinvite(self.handle, answer))
        self._media_changed()

    @ends_this_call_only
    def reinvite_confirmed(self, sdp: bytes | None) -> None:
        """The ACK of a re-INVITE of the far end; or an UPDATE, which has none, is answered."""
        if self._settle(sdp):
            self._media_changed()

    @ends_this_call_only
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

    @ends_this_call_only
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

    def ended(self, cause: EndCause, reasons: tuple[EndReason, ...] = ()) -> None:
        """The SIP dialog has ended; `reasons` are those of the far end's BYE."""
        if self._move is not None and cause is EndCause.REMOTE_BYE:
            # Its REFER was accepted, and the call to the other one goes on (RFC 5589 §6).
            self._left = True
            self._conversation.suspend(True)
            return
        by, why = self._ending(cause)
        if (transferred := self._caller_gone()) is not None:
            by, why = EndedBy.BOT, transferred
        self._conversation.end(by, f"{why} ({words(reasons)})" if reasons else why)
        self._release()

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side."""
        self._conversation.hang_up(by, reason)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return self._conversation.dump()

    @ends_this_call_only
    def replaced_by(self, event: IncomingCall) -> None:
        """Another far end takes the place of the one that we have (RFC 3891)."""
        self._replaced_by(event)

    # Inside.

    def _refuse_reinvite(self, error: RemoteError) -> None:
        self.log.info("re-INVITE refused", status=error.status, why=error.reason)
        self._resources.do(RejectReinvite(self.handle, error.status, warning(error), phrase(error)))

    def _ending(self, cause: EndCause) -> tuple[EndedBy, str]:
        return ENDINGS[cause]

    def _far_end_left(self) -> None:
        self._conversation.end(*self._ending(EndCause.REMOTE_BYE))
        self._release()

    def _settle(self, sdp: bytes | None) -> bool:
        """Take the answer in an ACK, if our offer waits for one; False: the call is over, as there is no media."""
        offers = self._offers
        if offers is not None and offers.waits_for_answer:
            try:
                self._take_answer(offers, sdp)
            except (RemoteError, MediaError) as error:
                if offers.agreed is None:
                    self.hang_up(EndedBy.NETWORK, f"the answer in the ACK cannot be used: {error}")
                    return False
                # The far end is wrong, but the old session still works.
                self.log.warning("the session stays as it was", why=f"the answer in the ACK cannot be used: {error}")
        return True

    def _prepare_media(self) -> AudioCapabilities:
        """Our address for media, and what we can do on this call's trunk; begins the capture."""
        config = self._services.config
        self._media_host = media_host(config.sip, self._resources.address, self._peer.address)
        captures = self._resources.captures
        if captures is not None:
            self._capture = captures.begin(self.handle, self.id, self._media_host)
        if self._capture is not None:
            privacy = self._conversation.privacy
            privacy.listeners.append(self._capture.keep_private)
            if privacy.on:
                self._capture.keep_private(True)
        trunk = config.trunks.get(self._trunk)
        codecs = trunk.codecs if trunk is not None and trunk.codecs else config.rtp.codecs
        srtp = SrtpCapabilities(SrtpPolicy(config.rtp.srtp))
        ptime_ms = config.rtp.ptime_ms
        self._codecs = AudioCapabilities(codecs, dtmf=self.keys.by_event, ptime_ms=ptime_ms, srtp=srtp)
        return self._codecs

    def _take_ports(self) -> PortPair:
        """Raises PortsExhaustedError."""
        pair = self._pair = self._resources.ports.acquire(monotonic())
        if self._capture is not None:
            pair.tap(self._capture.media)
        return pair

    def _open_line(self, audio: NegotiatedAudio, *, early: bool = False) -> None:
        """`early`: until the call is answered, the caller's side may be silent."""
        self._line = self._make_line(audio)
        if early:
            self._conversation.attach_early(self._line)
        else:
            self._conversation.attach(self._line)

    def _make_line(self, audio: NegotiatedAudio) -> UdpLine:
        assert self._pair is not None, "there is no line without ports"
        self._check_media(audio)
        if audio.srtp is not None:
            self._log_readable_keys()
        rtp = self._services.config.rtp
        line = UdpLine(
            self._pair,
            self._rtp(audio),
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=self._resources.clock,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        self.keys.attach(line)
        return line

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

    def _log_readable_keys(self) -> None:
        """Media is encrypted, with keys from its session descriptions."""
        if not self._peer.transport.is_secure:
            why = f"SDP has them, and it came over {self._peer.transport}"
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
        self._limit_no_media()

    def _limit_no_media(self) -> None:
        """End the call where no media has come by then, and none is expected."""
        if self._no_media is None and not _has_sent(self._line):
            loop = asyncio.get_running_loop()
            self._no_media = loop.call_later(NO_MEDIA_LIMIT_S, self._watch_media)

    def _watch_media(self) -> None:
        self._no_media = None
        if self._line is not None and not self._line.awaits_media and not _has_sent(self._line):
            self.hang_up(EndedBy.NETWORK, f"no media for {NO_MEDIA_LIMIT_S:g} s")

    def _log_missing_keys(self) -> None:
        if self._line is not None and self._offers is not None and self._offers.agreed is not None:
            self.keys.log_missing_events(self._offers.agreed, self._line)

    def _over(self, on_over: Callable[["SipCall"], None]) -> None:
        if self._no_media is not None:
            self._no_media.cancel()
            self._no_media = None
        self.keys.close()
        self._transfer = self._queue = self._take = None  # they have us
        if self._resources.captures is not None:
            self._resources.captures.end(self._captured)
        on_over(self)

    def _release(self) -> None:
        """Release the ports of a call that never had a line; otherwise the line owns them."""
        if self._line is None and self._pair is not None:
            self._pair.release(monotonic(), rests=self._conversation.answered)


def words(reasons: tuple[EndReason, ...]) -> str:
    return "; ".join(reason.words for reason in reasons)


def _has_sent(line: SipLine | None) -> bool:
    """Whether the far end ever sent RTP or an RTCP report."""
    if line is None:
        return False
    stats = line.stats()
    return stats.last_received_at is not None or stats.remote_lost is not None


def not_acceptable(error: RemoteError | MediaError) -> RemoteError:
    """What an offer or an answer is refused with."""
    if isinstance(error, RemoteError):
        return error
    return NotAcceptableError(f"the line does not support the offer: {error}")


def warning(error: RemoteError) -> tuple[tuple[str, str], ...]:
    """RFC 3261 §13.3.1.3: a 488 says why."""
    if not isinstance(error, NotAcceptableError):
        return ()
    text = error.reason.replace("\\", "").replace('"', "'")
    return (("Warning", f'{error.warn_code} offhook "{text}"'),)


def phrase(error: RemoteError) -> str | None:
    """An unreadable body is named in the reason phrase, like a malformed header."""
    return None if isinstance(error, NotAcceptableError) else error.reason
