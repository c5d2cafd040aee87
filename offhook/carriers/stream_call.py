"""One call over a media stream, from its WebSocket to its record."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping

import structlog

from offhook.calls.conversation import Conversation
from offhook.calls.parties import Parties
from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.calls.transfers import Transferring
from offhook.carriers.twilio_control import TwilioControl
from offhook.observe.refusals import Reason, Refusal
from offhook.pipeline.errors import EngineError
from offhook.records import EndedBy
from offhook.telephony.media_streams.call_status import is_final
from offhook.telephony.media_streams.dialects import DIALECTS, TWILIO
from offhook.telephony.media_streams.stream import Started
from offhook.telephony.net.stream_clock import StreamClock
from offhook.telephony.net.stream_line import StreamLine
from offhook.transfer.outcome import OnlyReferError, TransferError, TransferFailure, Transferred
from offhook.transfer.request import TransferRequest
from offhook.usererror import UserError
from offhook.web.websocket import WebSocket

TRANSPORT = "ws"
POLICY_VIOLATION = 1008

RESUME_S = 30.0
"""How long a call waits for a new stream after losing its own."""

# Stream parameters in which a far end may name caller and called.
CALLER_NAMES = ("from", "From", "caller")
CALLED_NAMES = ("to", "To", "called")


Claim = Callable[[str, str], Awaitable[bool]]
"""(handle, the carrier's name for the call): whether the call gets that name."""


class StreamCarrier:
    """Calls over media streams: a `Carrier`. `on_closing(handle)` is called for a call that is about to end and must
    not be resumed. `claim` asks the call directory for a call's name."""

    name = "streams"

    def __init__(
        self,
        services: Services,
        calls: Calls,
        on_closing: Callable[[str], None] | None = None,
        claim: Claim | None = None,
    ) -> None:
        self.services = services
        self.calls = calls
        self.on_closing = on_closing
        self.claim = claim
        self.clock = StreamClock()
        self.twilio = TwilioControl(services.config.twilio)
        self.by_sid: dict[str, StreamCall] = {}
        """The started calls, by the carriers' names."""

    async def start(self) -> None:
        """Nothing to open: sockets arrive one by one, already authenticated."""

    async def stop(self) -> None:
        """Nothing to free: every socket closed with its call."""

    def refusal(self) -> Refusal | None:
        """Never: a stream needs no limited resource."""
        return None

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {"calls": len(self.by_sid)}

    def on_status(self, call_sid: str, status: str) -> None:
        """Handle a call status that the carrier reports, in Twilio's words."""
        if is_final(status) and (call := self.by_sid.get(call_sid)) is not None:
            call.given_up()

    def on_stream(self, handle: str, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> None:
        """Take over a connected socket whose upgrade request, `initial`, was read and checked.

        `meta` has what the checks found: `call_sid`, the only call it may be for, `caller` and `called`. Whatever is
        missing is taken from the stream. `dialect` defaults to Twilio's. `resumable`: a lost connection may be
        replaced; `resumes`: this one is such a replacement. `direction` and `answered_by` belong to a call that we
        placed.
        """
        call = StreamCall(handle, self, meta)
        self.calls.add(call)
        call.open(sock, initial)


class StreamCall:
    """One call. It counts as soon as it has a socket; engines and records come with `start`."""

    def __init__(self, handle: str, streams: StreamCarrier, meta: Mapping[str, str]) -> None:
        self.handle = handle
        self._streams = streams
        self._calls = streams.calls
        self._meta = meta
        self._dialect = DIALECTS[meta.get("dialect", TWILIO.name)]
        self._closing = self._transferred = False
        self._given_away = False  # another call object has taken over the socket
        self._waiting: asyncio.TimerHandle | None = None  # the wait for another stream
        self._log = structlog.get_logger("offhook.call").bind(stream=handle)
        self._sid: str | None = None
        self._line: StreamLine | None = None
        self._conversation: Conversation | None = None
        self._opening: asyncio.Task[None] | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._over = False

    def open(self, sock: socket.socket, initial: bytes) -> None:
        """Attach the socket to the event loop."""
        self._opening = asyncio.get_running_loop().create_task(self._open(sock, initial))

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side: the carrier goes on with whatever follows the stream."""
        if self._conversation is not None:
            self._conversation.hang_up(by, reason)
        else:
            self._end()

    @property
    def goes_on(self) -> bool:
        """Whether it can continue with another stream."""
        return self._conversation is not None and "resumable" in self._meta and not self._closing

    def given_up(self) -> None:
        """The carrier reports the end of the call: no other stream will come."""
        if self._waiting is not None and self._conversation is not None:
            self._close_in()
            self._conversation.end(EndedBy.CALLER, "caller hung up")

    def take_over(self, line: StreamLine, started: Started, *, resumes: bool) -> bool:
        """Continue with the stream of `line`. False if there is one already, or no conversation to continue.

        `resumes`: its ticket was issued for that. The call's name is no secret, and not enough.
        """
        if not resumes or not self.goes_on or self._line is None:
            return False
        if self._waiting is None:
            # The carrier noticed the lost connection before we did.
            self._line.break_off("another stream has taken its place")
        return self._resume(line, started)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        if self._conversation is not None:
            return self._conversation.dump()
        return {"id": None, "answered": False, "session": None, "line": None}

    async def _open(self, sock: socket.socket, initial: bytes) -> None:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: WebSocket(initial, self._on_open, self._end), sock
            )
        except OSError as error:
            self._log.info("the socket was lost", error=str(error))
            sock.close()
            self._end()
            return
        if self._over and not self._given_away:
            transport.abort()

    def _on_open(self, websocket: WebSocket) -> StreamLine:
        rtp = self._streams.services.config.rtp
        self._line = StreamLine(
            websocket,
            on_started=self._on_started,
            on_ended=self._on_ended,
            on_suspended=self._on_suspended if "resumable" in self._meta else None,
            clock=self._streams.clock,
            dialect=self._dialect,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        return self._line

    def _on_started(self, started: Started) -> None:
        expected = self._meta.get("call_sid")
        if expected and expected != started.call_sid:
            self._refuse("the stream is for another call")
            return
        assert self._line is not None, "the line calls this after its start"
        before = self._streams.by_sid.get(started.call_sid)
        if before is not None:
            if before.take_over(self._line, started, resumes="resumes" in self._meta):
                self._given_away = True
                self._end()
            else:
                self._refuse("the call has a stream already")
            return
        if "resumes" in self._meta:
            self._refuse("the call is over")
            return
        self._sid = started.call_sid
        self._streams.by_sid[started.call_sid] = self
        if expected or self._streams.claim is None:
            self._begin(self._line, started)
        else:
            claim = self._claim(self._streams.claim, self._line, started)
            self._claiming = asyncio.get_running_loop().create_task(claim)

    async def _claim(self, claim: Claim, line: StreamLine, started: Started) -> None:
        """The name is unauthenticated, and may belong to a call in another process."""
        granted = await claim(self.handle, started.call_sid)
        if self._over:
            return
        if granted:
            self._begin(line, started)
        else:
            self._refuse("the call has a stream already")

    def _begin(self, line: StreamLine, started: Started) -> None:
        parameters = dict(started.parameters)
        parties = Parties(
            caller=self._meta.get("caller") or _first(parameters, CALLER_NAMES),
            called=self._meta.get("called") or _first(parameters, CALLED_NAMES),
            call_id=started.call_sid,
            headers=(*started.parameters, *self._answered_by()),
            transport=TRANSPORT,
            direction="outbound" if self._meta.get("direction") == "outbound" else "inbound",
        )
        conversation = self._conversation = Conversation(
            self._streams.services,
            parties,
            disconnect=self._disconnect,
            on_over=self._end,
            transfers=self,
        )
        conversation.attach(line)
        conversation.spawn(self._answer(conversation, line))

    async def _answer(self, conversation: Conversation, line: StreamLine) -> None:
        if not await conversation.prepare():
            return
        conversation.answered = True
        line.start()
        try:
            conversation.begin()
        except EngineError as error:
            conversation.log.error("no conversation", error=str(error))
            conversation.hang_up(EndedBy.BOT, f"an engine failed: {error}")

    def _on_ended(self, reason: str | None) -> None:
        """`reason`: the far end's error; None: it ended the stream properly."""
        if self._conversation is None:
            if reason is not None:
                self._log.info("the stream ended before its call began", reason=reason)
            self._end()
            return
        self._close_in()
        if reason is None:
            self._conversation.end(EndedBy.CALLER, "caller hung up")
        else:
            self._conversation.end(EndedBy.NETWORK, f"the stream was lost: {reason}")

    def _refuse(self, reason: str) -> None:
        self._log.warning("refused", reason=str(Reason.STREAM), why=reason)
        self._streams.services.metrics.call_refused("inbound", TRANSPORT, "rejected")
        self._streams.services.metrics.refusal(Reason.STREAM)
        if self._line is not None:
            self._line.close(POLICY_VIOLATION, reason)
        self._end()

    def _on_suspended(self, reason: str) -> None:
        assert self._conversation is not None, "only an open stream can be suspended"
        self._conversation.log.warning("the stream was lost: waiting for another one", reason=reason)
        self._waiting = asyncio.get_running_loop().call_later(RESUME_S, self._give_up, reason)

    def _give_up(self, reason: str) -> None:
        if self._conversation is not None:
            self._close_in()
            why = f"the stream was lost: {reason}, and none replaced it within {RESUME_S:g} s"
            self._conversation.end(EndedBy.NETWORK, why)

    def _resume(self, line: StreamLine, started: Started) -> bool:
        assert self._line is not None and self._conversation is not None, "only a suspended call is resumed"
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._line.take_over(line, started.stream_sid)
        self._conversation.log.info("the call goes on with another stream")
        return True

    def _answered_by(self) -> tuple[tuple[str, str], ...]:
        found = self._meta.get("answered_by")
        return (("AnsweredBy", found),) if found else ()

    def transfer(self, request: TransferRequest) -> Transferring:
        """See CallTransfers: the carrier connects the caller, and the bot is out."""
        if self._dialect is not TWILIO or self._sid is None:
            raise TransferError(
                TransferFailure.NOT_POSSIBLE,
                "this call cannot be transferred",
                f"it came over {self._dialect.name}, and of the carriers with streams only Twilio transfers calls",
                "await call.hangup(), and let the carrier's own settings continue the call",
            )
        if request.mode in ("bridge", "attended"):
            raise OnlyReferError(
                TransferFailure.NOT_POSSIBLE,
                f"a call over Twilio cannot be transferred with mode {request.mode!r}",
                "Twilio connects the caller itself, and the bot has no second leg there",
                f'await call.transfer({request.target!r}, mode="refer"), or have the call come over SIP',
            )
        if request.also:
            raise OnlyReferError(
                TransferFailure.NOT_POSSIBLE,
                "a call over Twilio cannot be transferred to several at once",
                "Twilio connects the caller to one number",
                "await call.transfer(…) for one after the other, or have the call come over SIP",
            )
        number = self._streams.services.config.transfer.targets.get(request.target, request.target)
        transferring = self._streams.twilio.transfer(self._sid, number.removeprefix("tel:"))

        async def transfer() -> Transferred:
            conversation = self._conversation
            assert conversation is not None, "only a call that has begun is transferred"
            # Twilio may end the stream before it confirms the transfer.
            self._transferred = True
            conversation.leaving(f"transferred to {request.target}")
            try:
                await transferring()
            except UserError:
                self._transferred = False
                conversation.leaving(None)
                raise
            self._close_in()
            return Transferred(request.target, "refer")

        return transfer

    def _close_in(self) -> None:
        """Report that the call is about to end, before the carrier can notice."""
        if not self._closing:
            self._closing = True
            if self._streams.on_closing is not None:
                self._streams.on_closing(self.handle)

    def _disconnect(self) -> None:
        self._close_in()
        by_rest = self._streams.services.config.twilio.hang_up_by_rest and self._dialect is TWILIO
        if by_rest and self._sid is not None and not self._transferred:
            self._streams.twilio.hang_up(self._sid)
        if self._line is not None:
            self._line.close()

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._line is not None:
            self._line.close()
        if self._sid is not None:
            del self._streams.by_sid[self._sid]
        self._calls.over(self)


def _first(parameters: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((parameters[name] for name in names if parameters.get(name)), "")
