"""A call over SIP: signalling by our own user agent, media by `MediaLoop`."""

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from offhook.qa.caller.media import MediaLoop
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.own_host import own_host
from offhook.qa.script.script import CallSettings
from offhook.sip.commands import AnswerReinvite, Bye, Cancel, Invite, Reinvite, RejectReinvite, SendKey
from offhook.sip.errors import LocalError, ParseError, RemoteError
from offhook.sip.events import (
    CallAnswered,
    CallEnded,
    CallProgress,
    CallRejected,
    EndCause,
    Event,
    KeyRefused,
    ReinviteAnswered,
    ReinviteConfirmed,
    ReinviteReceived,
    ReinviteRejected,
)
from offhook.sip.message.uri import Uri
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.net.tls import Tls, TlsFiles
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpCapabilities, SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortPair, PortPool, PortsExhaustedError
from offhook.usererror import UserError

LOW_PORT, HIGH_PORT = 20_000, 29_999
BYE_S = 2.0
MAX_MESSAGES, MAX_MESSAGE_BYTES = 5_000, 8 * 1024 * 1024
"""Of a call, both ways: a far end that wants more is not talked to any longer."""
NOT_ACCEPTABLE = 488
UNUSABLE = "the session description cannot be used"
TODO = "sip:bot@127.0.0.1:5060"


@dataclass(slots=True)
class Signalling:
    """What became of the signalling; times in monotonic seconds, None: it did not come to that."""

    invited_s: float = 0.0
    ringing_s: float | None = None
    answered_s: float | None = None
    ended_s: float | None = None
    ended_by: str = ""
    """"bot", "caller" or "network"; empty: it goes on."""
    why: str = ""
    status: int | None = None
    """Of the response that refused the call."""
    transfer_to: str | None = None


class SipCall:
    """One call out. `dial` returns once it is answered, refused or given up; `on_end` is called when the far end ends
    it, `on_key_refused` with the reason when it does not take a key by INFO."""

    def __init__(
        self, settings: CallSettings, on_end: Callable[[], None], on_key_refused: Callable[[str], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._on_end = on_end
        self._on_key_refused = on_key_refused
        self._endpoint: Endpoint | None = None
        self._offers: OfferAnswer | None = None
        self._media: MediaLoop | None = None
        self._handle = ""
        self._called = ""
        self._final = asyncio.Event()
        self._bye_answered = asyncio.Event()
        self.call_id = ""
        self.signalling = Signalling()
        self.messages: list[SipMessage] = []
        self._noted_bytes = 0

    @property
    def is_up(self) -> bool:
        """Whether it is answered, and not over."""
        return self.signalling.answered_s is not None and not self.signalling.ended_by

    async def dial(self, target: str, authorities: Path | None, make_media: Callable[[PortPair], MediaLoop]) -> None:
        """Place the call. Raises UserError where that is impossible; a refusal is in `signalling`."""
        uri = _uri(target, self._settings.transport)
        host = _own_host(uri)
        tls = _tls(authorities) if self._settings.transport == "tls" else None
        try:
            self._endpoint = endpoint = await Endpoint.open(
                host, 0, self._on_event, tcp=self._settings.transport == "tcp", tls=tls
            )
            targets = await endpoint.find(str(uri))
            pair = _ports(host).acquire(time.monotonic())
        except (OSError, LocalError, PortsExhaustedError) as error:
            self.close()
            raise UserError(f"{target} cannot be called", str(error), TODO) from error
        self._called = str(targets[0])
        endpoint.message_listeners.append(self._note)
        self._media = make_media(pair)
        self._offers = OfferAnswer(LocalMedia(host, pair.port, secrets.randbits(31), 1), self._capabilities())
        self._invite(endpoint, self._offers, uri, targets)
        try:
            await asyncio.wait_for(self._final.wait(), self._settings.ring_s)
        except (TimeoutError, asyncio.CancelledError) as error:
            stopped = isinstance(error, asyncio.CancelledError)
            why = "the run was stopped" if stopped else f"it was not answered within {self._settings.ring_s:g} s"
            self._over("caller", why)
            self._do(Cancel(self._handle))
            if stopped:
                raise

    def _invite(self, endpoint: Endpoint, offers: OfferAnswer, uri: Uri, targets: tuple[Target, ...]) -> None:
        self._handle = self.call_id = secrets.token_hex(12)
        self.signalling.invited_s = time.monotonic()
        invite = Invite(
            str(uri),
            offers.offer(),
            from_uri=f"sip:{self._settings.caller}@{endpoint.address}",
            destination=targets[0],
            headers=self._settings.headers,
            transport=Transport(self._settings.transport.upper()),
            call_id=self.call_id,
            call=self._handle,
        )
        try:
            endpoint.do(invite)
        except LocalError as error:
            raise UserError(f"{uri} cannot be called", str(error), TODO) from error

    def hold(self, on: bool) -> None:
        """Put the call on hold, or take it back."""
        if self._offers is not None and not self._offers.waits_for_answer:
            self._do(Reinvite(self._handle, self._offers.offer("sendonly" if on else "sendrecv")))

    def press(self, key: str) -> None:
        """Press a key by INFO."""
        self._do(SendKey(self._handle, key))

    def hang_up(self) -> None:
        """End an answered call. Idempotent."""
        if self.is_up:
            self._over("caller", "the script hung up")
            self._do(Bye(self._handle))

    async def drained(self) -> None:
        """Wait for the answer to our BYE or CANCEL."""
        if self.signalling.ended_by == "caller":
            answer = self._bye_answered if self.signalling.answered_s is not None else self._final
            with suppress(TimeoutError):
                await asyncio.wait_for(answer.wait(), BYE_S)

    def close(self) -> None:
        """Free everything. Idempotent."""
        if self._media is not None:
            self._media.close()
        if self._endpoint is not None:
            self._endpoint.close()

    def _capabilities(self) -> AudioCapabilities:
        policy = SrtpPolicy.REQUIRED if self._settings.srtp else SrtpPolicy.OFF
        codecs = tuple(dict.fromkeys((self._settings.codec, "PCMU", "PCMA")))
        return AudioCapabilities(codecs=codecs, comfort_noise=False, srtp=SrtpCapabilities(policy))

    def _do(
        self, command: Reinvite | Bye | Cancel | AnswerReinvite | RejectReinvite | AcceptRefer | NotifyRefer | SendKey
    ) -> None:
        if self._endpoint is not None:
            with suppress(LocalError):  # the far end has just hung up
                self._endpoint.do(command)

    def _note(self, data: bytes, flow: Flow, received: bool) -> None:
        if self.call_id.encode() not in data:
            return
        self._noted_bytes += len(data)
        if len(self.messages) < MAX_MESSAGES and self._noted_bytes <= MAX_MESSAGE_BYTES:
            self.messages.append(SipMessage(time.monotonic(), received, data, flow))
        elif not self.signalling.ended_by:
            asyncio.get_running_loop().call_soon(self._give_up, f"it has too many messages: {len(self.messages)}")
        if received and data.startswith(b"SIP/2.0 ") and b" BYE\r\n" in data:
            self._bye_answered.set()

    def _over(self, by: str, why: str) -> None:
        if not self.signalling.ended_by:
            self.signalling.ended_s, self.signalling.ended_by = time.monotonic(), by
            self.signalling.why = why if self._is_heard else self._unheard(why)

    @property
    def _is_heard(self) -> bool:
        return any(each.received for each in self.messages)

    def _unheard(self, why: str) -> str:
        """Not one message came: nobody has refused the call, and there is nobody."""
        todo = "look at the address, the port and `transport`, whether the bot runs, and over TLS at --ca"
        nobody = "nobody listens there, or something in between keeps it away"
        return f"nothing came back at all from {self._called} ({why}): {nobody}; {todo}"

    # ---- what the far end does

    def _on_event(self, event: Event) -> None:
        match event:
            case CallProgress(sdp=sdp):
                if self.signalling.ringing_s is None:
                    self.signalling.ringing_s = time.monotonic()
                self._accept(sdp)
            case CallAnswered(sdp=sdp):
                self.signalling.answered_s = time.monotonic()
                self._accept(sdp)
                self._final.set()
            case CallRejected(status=status, reason=reason):
                self.signalling.status = status if self._is_heard else None  # else a time-out stands for 408
                self._ended("bot", f"{status} {reason}")
            case CallEnded(cause=cause):
                self._ended("bot" if cause is EndCause.REMOTE_BYE else "network", str(cause))
            case ReferReceived(target=target):
                self.signalling.transfer_to = target.uri
                self._do(AcceptRefer(self._handle))
                self._do(NotifyRefer(self._handle, 200))
            case KeyRefused(status=status, reason=reason):
                self._on_key_refused(f"its answer to the INFO is {status} {reason}")
            case _:
                self._on_description(event)

    def _on_description(self, event: Event) -> None:
        match event:
            case ReinviteReceived(sdp=sdp):
                self._answer(sdp)
            case ReinviteAnswered(sdp=sdp) | ReinviteConfirmed(sdp=sdp):
                self._accept(sdp)
            case ReinviteRejected() if self._offers is not None:
                self._offers.withdraw()
            case _:
                pass

    def _ended(self, by: str, why: str) -> None:
        was_over = bool(self.signalling.ended_by)
        self._over(by, why)
        self._final.set()
        if not was_over:
            self._on_end()

    def _accept(self, sdp: bytes | None) -> None:
        if sdp is None or self._offers is None or self._media is None or not self._offers.waits_for_answer:
            return
        try:
            self._media.agree(self._offers.accept(sdp))
        except (RemoteError, MediaError) as error:
            self._give_up(f"{UNUSABLE}: {error}")

    def _give_up(self, why: str) -> None:
        """It cannot go on."""
        if self.signalling.ended_by:
            return
        answered = self.signalling.answered_s is not None
        self._ended("network", why)
        self._do(Bye(self._handle) if answered else Cancel(self._handle))

    def _answer(self, sdp: bytes | None) -> None:
        if self._offers is None or self._media is None:
            return
        try:
            answer = self._offers.offer() if sdp is None else self._offers.answer(sdp)
            if sdp is not None and self._offers.agreed is not None:
                self._media.agree(self._offers.agreed)
        except RemoteError as error:
            self._do(RejectReinvite(self._handle, error.status))
        except (LocalError, MediaError) as error:
            self._do(RejectReinvite(self._handle, NOT_ACCEPTABLE))
            self._give_up(f"{UNUSABLE}: {error}")
        else:
            self._do(AnswerReinvite(self._handle, answer))


@cache
def _ports(host: str) -> PortPool:
    """One pool for all calls: what the far end still sends after one must not be heard in the next."""
    return PortPool(LOW_PORT, HIGH_PORT, host)


def _uri(target: str, transport: str) -> Uri:
    """The URI of a target: `sip:USER@HOST:PORT`, or HOST:PORT. Raises UserError."""
    text = target if target.startswith(("sip:", "sips:")) else f"sip:bot@{target}"
    if transport != "udp" and "transport=" not in text:
        text += f";transport={transport}"
    try:
        return Uri.parse(text)
    except ParseError as error:
        raise UserError(f"{target} cannot be called", str(error), TODO) from error


def _own_host(uri: Uri) -> str:
    """This machine's address on the way there. Raises UserError."""
    try:
        return own_host(uri.host, uri.port or 5060)
    except OSError as error:
        raise UserError(f"{uri} cannot be called", f"{uri.host}: {error.strerror or error}", TODO) from error


def _tls(authorities: Path | None) -> Tls:
    try:
        return Tls(TlsFiles(authorities=authorities))
    except OSError as error:
        raise UserError("TLS cannot be used", str(error), "--ca FILE: who signs the far end's certificate") from error
