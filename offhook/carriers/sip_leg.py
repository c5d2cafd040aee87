"""The leg of an agent: a call of the bot's own, to the person that a caller is transferred to.

It is a call like any other once it is answered, with its record, its recording and its conversation; only its dialog is
the transfer's. Until then it is an INVITE and a pair of ports.
"""

import asyncio
import secrets
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from time import monotonic
from typing import Protocol

import structlog

from offhook.api.call import Call
from offhook.api.call_ended import CallEnded
from offhook.calls.conversation import Conversation, Parties, Services
from offhook.carriers.rtp_settings import rtp_config
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.sip.commands import AnswerReinvite, Bye, Cancel, Command, CommandFailed, Invite, RejectReinvite
from offhook.sip.errors import RemoteError
from offhook.sip.events import (
    CallAnswered,
    CallEvent,
    CallProgress,
    CallRejected,
    EndCause,
    PeerMoved,
    ReinviteConfirmed,
    ReinviteReceived,
)
from offhook.sip.events import (
    CallEnded as SipCallEnded,
)
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import numeric
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.sip.tokens import random_token
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool, PortsExhaustedError
from offhook.telephony.net.udp_line import UdpLine
from offhook.transfer.request import Brief

_ENDINGS = {
    EndCause.REMOTE_BYE: (EndedBy.CALLER, "the agent hung up"),
    EndCause.LOCAL_BYE: (EndedBy.BOT, "bot hung up"),
    EndCause.ACK_TIMEOUT: (EndedBy.NETWORK, "the answer was never acknowledged"),
    EndCause.TIMEOUT: (EndedBy.NETWORK, "the far end no longer answers"),
    EndCause.TRANSPORT: (EndedBy.NETWORK, "the far end cannot be reached"),
}


class LegOwner(Protocol):
    """The transfer. After `agent_failed` or `agent_gone` nothing more is reported."""

    def agent_answered(self) -> None:
        """They have answered, and the leg has its line."""

    def agent_failed(self, status: int, why: str) -> None:
        """They were not reached; `status` 0: there was no response."""

    def agent_gone(self) -> None:
        """The leg is over."""

    def agent_decided(self, agrees: bool, why: str) -> None:
        """How a briefing ended."""


class AgentLeg:
    """`do` executes commands of the user agent. `on_over(self)` is called once, when everything is released."""

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        services: Services,
        do: Callable[[Command], None],
        ports: PortPool,
        clock: MediaClock,
        owner: LegOwner,
        on_over: Callable[["AgentLeg"], None],
        *,
        media_host: str,
        trunk: str,
        caller: str,
    ) -> None:
        self.handle = random_token()
        self._services = services
        self._do = do
        self._ports = ports
        self._clock = clock
        self._owner: LegOwner | None = owner
        self._on_over = on_over
        self._media_host = media_host
        self._trunk = trunk
        self._caller = caller
        self._host = ""
        self._pair: PortPair | None = None
        self._offers: OfferAnswer | None = None
        self._line: UdpLine | None = None
        self._released = asyncio.Event()
        self._briefing: asyncio.Future[Brief] = asyncio.get_running_loop().create_future()
        self._target = ""
        self.conversation: Conversation | None = None
        self.log = structlog.get_logger("offhook.call").bind(leg=self.handle)

    # --- for the transfer

    def invite(self, target: str, headers: tuple[tuple[str, str], ...], from_uri: str | None) -> None:
        """Call them. What fails is reported, later."""
        rtp = self._services.config.rtp
        self._target = target
        uri = Uri.parse(target)
        # Keys in SDP can be read over anything but TLS.
        is_secure = uri.scheme == "sips" or (uri.params.get("transport") or "").lower() == "tls"
        policy = SrtpPolicy(rtp.srtp) if is_secure else SrtpPolicy.OFF
        if rtp.srtp == "required" and not is_secure:
            why = f"`rtp.srtp` requires encryption, and {target} is not called over TLS"
            asyncio.get_running_loop().call_soon(self._failed, 0, why)
            return
        try:
            self._pair = self._ports.acquire(monotonic())
        except (PortsExhaustedError, OSError) as error:
            asyncio.get_running_loop().call_soon(self._failed, 0, f"no media ports: {error}")
            return
        number = numeric(uri.host)
        self._host = str(number) if number is not None else ""
        codecs = AudioCapabilities(rtp.codecs, ptime_ms=rtp.ptime_ms, srtp=SrtpCapabilities(policy))
        self._offers = OfferAnswer(LocalMedia(self._media_host, self._pair.port, secrets.randbits(31), 1), codecs)
        self.log.info("calling the agent", target=target)
        self._do(Invite(target, self._offers.offer(), from_uri=from_uri, headers=headers, call=self.handle))

    def brief(self, brief: Brief) -> None:
        """Have the agent asked; `LegOwner.agent_decided` has what they say."""
        if not self._briefing.done():
            self._briefing.set_result(brief)

    def release(self) -> None:
        """End it, whatever it is doing; nothing is reported any more."""
        self._owner = None
        self.hang_up(EndedBy.BOT, "the transfer is over")

    # --- as a call of the process

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""
        if self.conversation is not None:
            self.conversation.hang_up(by, reason)
        elif self._pair is not None:
            self._do(Cancel(self.handle))
            self._failed(0, reason)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        if self.conversation is not None:
            return self.conversation.dump()
        return {"handle": self.handle, "called": self._target, "state": "calling"}

    # --- from the signalling

    def on_event(self, event: CallEvent | CommandFailed) -> None:
        """An event of the leg's dialog."""
        match event:
            case CallProgress():
                pass
            case CallAnswered(sdp=sdp):
                self._answered(sdp)
            case CallRejected(status=status, reason=reason):
                self._failed(status, reason)
            case SipCallEnded(cause=cause) if self.conversation is None:
                self._failed(0, _ENDINGS[cause][1])
            case SipCallEnded(cause=cause) if self.conversation is not None:
                self.conversation.end(*_ENDINGS[cause])
                self._gone()  # before its records are closed: the caller waits
            case ReinviteReceived(sdp=sdp):
                self._reinvited(sdp)
            case ReinviteConfirmed(sdp=bytes(sdp)):
                self._accept(sdp)
            case PeerMoved(source=source):
                self._host = source.host
                self._apply()
            case CommandFailed(command=Invite(), why=why):
                self._failed(0, why)

    def _answered(self, sdp: bytes | None) -> None:
        if self._pair is None or self._offers is None:
            self._do(Bye(self.handle))
            return
        try:
            if sdp is None:
                raise RemoteError(400, "the answer has no session description")
            self._offers.accept(sdp)
            self._open_line()
        except (RemoteError, MediaError) as error:
            self._do(Bye(self.handle))
            self._failed(488, f"their answer cannot be used: {error}")
            return
        assert self._line is not None, "it has just been opened"
        parties = Parties(self._caller, self._target, self.handle, direction="outbound", trunk=self._trunk)
        self.conversation = Conversation(
            replace(self._services, dialog=self._talk),
            parties,
            disconnect=lambda: self._do(Bye(self.handle)),
            on_over=self._over,
        )
        self.conversation.answered = True
        self.conversation.attach(self._line)
        self.conversation.spawn(self._begin(self.conversation, self._line))

    async def _begin(self, conversation: Conversation, line: UdpLine) -> None:
        if not await conversation.prepare():
            return
        line.start()
        try:
            conversation.begin()
        except EngineError as error:
            conversation.hang_up(EndedBy.BOT, f"an engine failed: {error}")
            return
        if self._owner is not None:
            self._owner.agent_answered()

    async def _talk(self, call: Call) -> None:
        """The leg's dialog: the briefing, if there is one; then it waits for its end."""
        brief = await self._briefing
        agrees, why = False, "they declined"
        try:
            agrees = await brief(call)
        except CallEnded:
            raise
        except Exception as error:
            # It is user code.
            self.log.exception("the briefing failed")
            why = f"the briefing failed: {type(error).__name__}"
        if self._owner is not None:
            self._owner.agent_decided(agrees, why)
        await self._released.wait()

    # --- media

    def _open_line(self) -> None:
        audio = self._offers.agreed if self._offers is not None else None
        assert audio is not None and self._pair is not None, "an answer was accepted"
        rtp = self._services.config.rtp
        self._line = UdpLine(
            self._pair,
            rtp_config(audio, self._host or audio.remote_host),
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=self._clock,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )

    def _reinvited(self, sdp: bytes | None) -> None:
        assert self._offers is not None, "the leg is answered"
        before = copy(self._offers)
        try:
            answer = self._offers.offer() if sdp is None else self._offers.answer(sdp)
            self._apply()
        except (RemoteError, MediaError) as error:
            # RFC 3261 §14.2: the session stays as it was.
            self._offers = before
            self.log.info("re-INVITE refused", why=str(error))
            self._do(RejectReinvite(self.handle, error.status if isinstance(error, RemoteError) else 488))
            return
        self._do(AnswerReinvite(self.handle, answer))

    def _accept(self, sdp: bytes) -> None:
        if self._offers is None or not self._offers.waits_for_answer:
            return
        try:
            self._offers.accept(sdp)
            self._apply()
        except (RemoteError, MediaError) as error:
            self.log.warning("the session stays as it was", why=str(error))

    def _apply(self) -> None:
        audio = self._offers.agreed if self._offers is not None else None
        if audio is not None and self._line is not None:
            self._line.reconfigure(
                rtp_config(audio, self._host or audio.remote_host), audio.codec, audio.receive_payload_types
            )

    # --- the end

    def _failed(self, status: int, why: str) -> None:
        """The leg ends without ever having been a call."""
        if self._line is not None:
            self._line.close()
        elif self._pair is not None:
            self._pair.release(monotonic(), rests=False)
        self._pair = self._line = None
        owner, self._owner = self._owner, None
        self._finish()
        if owner is not None:
            self.log.info("the agent was not reached", status=status, why=why)
            owner.agent_failed(status, why)

    def _gone(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.agent_gone()

    def _over(self) -> None:
        self._gone()
        self._finish()

    def _finish(self) -> None:
        self._released.set()
        on_over, self._on_over = self._on_over, lambda leg: None
        on_over(self)
