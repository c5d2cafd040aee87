"""One SIP call that came in: its signalling and its media ports, from INVITE to the end."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from offhook.calls.captures import Captures
from offhook.calls.conversation import Conversation, Parties, Services
from offhook.carriers.rtp_settings import rtp_config
from offhook.observe.refusals import NO_CAPACITY, Reason, Refusal
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.sip.commands import Answer, AnswerReinvite, Bye, Command, CommandFailed, Reject, RejectReinvite, Ring
from offhook.sip.errors import RemoteError
from offhook.sip.events import EndCause, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, NegotiatedAudio, accept_answer, answer_offer, make_offer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool, PortsExhaustedError
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp.config import RtpConfig

ENDINGS = {
    EndCause.REMOTE_BYE: (EndedBy.CALLER, "caller hung up"),
    EndCause.LOCAL_BYE: (EndedBy.BOT, "bot hung up"),
    EndCause.ACK_TIMEOUT: (EndedBy.NETWORK, "the answer was never acknowledged"),
    EndCause.TIMEOUT: (EndedBy.NETWORK, "the far end no longer answers"),
    EndCause.TRANSPORT: (EndedBy.NETWORK, "the far end cannot be reached"),
}


@dataclass(frozen=True, slots=True)
class SipResources:
    """What the SIP calls of one process share, besides what all calls share.

    `do` brings a command to the user agent, in this process or another one; it raises nothing: `CommandFailed` comes
    back as an event. `address` is where the user agent's socket is bound.
    """

    do: Callable[[Command], None]
    address: Address
    ports: PortPool
    clock: MediaClock
    captures: Captures | None = None


class InboundCall:
    """The life of one call. `on_over(self)` is called once, when nothing of it is left."""

    def __init__(
        self, services: Services, trunk: SipResources, event: IncomingCall, on_over: Callable[["InboundCall"], None]
    ) -> None:
        self.handle = event.call
        self._services = services
        self._trunk = trunk
        self._event = event
        self._conversation = Conversation(
            services,
            Parties(event.from_uri, event.request_uri, event.call_id, event.headers),
            goodbye=self._goodbye,
            on_over=lambda: self._over(on_over),
        )
        self.id = self._conversation.id
        self._log = self._conversation.log
        self._pair: PortPair | None = None
        self._line: UdpLine | None = None
        self._codecs = AudioCapabilities(services.config.rtp.codecs, ptime_ms=services.config.rtp.ptime_ms)
        self._media = LocalMedia(_local_host(services, trunk, event), 0, secrets.randbits(31), 1)
        self._offer: bytes | None = None  # ours, waiting for the answer in an ACK
        captures = trunk.captures
        self._capture = captures.begin(self.handle, self.id, self._media.host) if captures is not None else None

    # From the signalling.

    def accept(self) -> None:
        """Negotiate and answer, or refuse with the status that says why."""
        try:
            pair = self._pair = self._trunk.ports.acquire(monotonic())
        except (PortsExhaustedError, OSError) as error:
            self._log.error("no media ports", error=str(error))
            self._refuse(NO_CAPACITY, Refusal(Reason.PORTS, str(error)))
            return
        if self._capture is not None:
            pair.tap(self._capture.media)
        self._media = LocalMedia(self._media.host, pair.port, self._media.session_id, 1)
        try:
            if self._event.sdp is None:
                sdp = self._offer = make_offer(self._media, self._codecs)
            else:
                sdp, audio = answer_offer(self._event.sdp, self._media, self._codecs)
                self._open_line(audio)
        except RemoteError as error:
            self._refuse(error.status, Refusal(Reason.OFFER, str(error)))
            return
        except MediaError as error:
            self._refuse(488, Refusal(Reason.OFFER, f"the offer asks for what the line cannot do: {error}"))
            return
        self._conversation.spawn(self._answer(sdp))

    async def _answer(self, sdp: bytes) -> None:
        if delay_ms := self._services.config.calls.answer_delay_ms:
            self._trunk.do(Ring(self.handle))
            await asyncio.sleep(delay_ms / 1000)
        if self._capture is not None:
            self._capture.keep()
        if not await self._conversation.prepare():
            return
        self._conversation.answered = True
        if self._line is not None:
            # From now on, not from the ACK: the caller's first packets may overtake it.
            self._line.start()
        self._trunk.do(Answer(self.handle, sdp))

    def confirmed(self, sdp: bytes | None) -> None:
        """The ACK is there; `sdp` is the far end's answer where the offer was ours."""
        try:
            if self._offer is not None:
                offer, self._offer = self._offer, None
                audio = accept_answer(offer, sdp or b"", self._codecs)
                if self._line is None:
                    self._open_line(audio)
                else:
                    self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)
        except (RemoteError, MediaError) as error:
            self.hang_up(EndedBy.NETWORK, f"the answer in the ACK cannot be used: {error}")
            return
        if not self._conversation.begun and self._line is not None:
            self._line.start()
            try:
                self._conversation.begin()
            except EngineError as error:
                self._log.error("no conversation", error=str(error))
                self.hang_up(EndedBy.BOT, f"an engine failed: {error}")

    def reinvited(self, sdp: bytes | None) -> None:
        """A re-INVITE: another address, another codec, hold; without SDP it asks for our offer."""
        media = self._media
        self._media = media = LocalMedia(media.host, media.port, media.session_id, media.version + 1)
        try:
            if sdp is None:
                answer = self._offer = make_offer(media, self._codecs)
            else:
                answer, audio = answer_offer(sdp, media, self._codecs)
                self._offer = None  # of an earlier re-INVITE that came to nothing
                if self._line is not None:
                    self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)
        except (RemoteError, MediaError) as error:
            # RFC 3261 §14.2: the session goes on as it was.
            status = error.status if isinstance(error, RemoteError) else 488
            self._trunk.do(RejectReinvite(self.handle, status))
            return
        self._trunk.do(AnswerReinvite(self.handle, answer))

    def cancelled(self) -> None:
        """The caller gave up before the answer."""
        # Where the dialogs are another process's, our answer may have crossed this.
        self._conversation.answered = False
        self._conversation.cancelled()
        self._release()

    def ended(self, cause: EndCause) -> None:
        """The dialog is gone."""
        self._conversation.end(*ENDINGS[cause])
        self._release()

    def command_failed(self, failed: CommandFailed) -> None:
        """The user agent has not executed a command of this call."""
        self._log.info("a SIP command failed", command=type(failed.command).__name__, why=failed.why)
        if isinstance(failed.command, Answer):
            # A call that was never answered has nothing to go on with, should no other event say so.
            self._conversation.answered = False
            self._conversation.end(EndedBy.NETWORK, f"it could not be answered: {failed.why}")
            self._release()

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side."""
        self._conversation.hang_up(by, reason)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return self._conversation.dump()

    # Inside.

    def _open_line(self, audio: NegotiatedAudio) -> None:
        assert self._pair is not None, "the ports come before the line"
        rtp = self._services.config.rtp
        self._line = UdpLine(
            self._pair,
            self._rtp(audio),
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=self._trunk.clock,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        self._conversation.attach(self._line)

    def _rtp(self, audio: NegotiatedAudio) -> RtpConfig:
        return rtp_config(audio, self._event.source.host)

    def _goodbye(self) -> None:
        # The BYE's own CallEnded may come back before this returns.
        self._trunk.do(Bye(self.handle) if self._conversation.answered else Reject(self.handle, NO_CAPACITY))
        self._release()

    def _refuse(self, status: int, refusal: Refusal) -> None:
        self._trunk.do(Reject(self.handle, status))
        self._release()
        self._conversation.refused(status, refusal)

    def _over(self, on_over: Callable[["InboundCall"], None]) -> None:
        if self._trunk.captures is not None:
            self._trunk.captures.end(self.handle)
        on_over(self)

    def _release(self) -> None:
        """The ports of a call that never had a line; else they are the line's."""
        if self._line is None and self._pair is not None:
            self._pair.release(monotonic())


def _local_host(services: Services, trunk: SipResources, event: IncomingCall) -> str:
    """The address to put in SDP: the advertised one, the bound one, or the one that reaches the caller."""
    sip = services.config.sip
    if sip.advertised_host:
        return sip.advertised_host
    bound = trunk.address.host
    if bound not in ("0.0.0.0", "::"):
        return bound
    family = socket.AF_INET6 if ":" in event.source.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((event.source.host, event.source.port))  # sends nothing: asks the routing table
            return str(probe.getsockname()[0])
    except OSError:
        return bound  # there is no way to the caller, whatever the SDP says
