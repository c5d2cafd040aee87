"""One call that came in over a media stream: from its WebSocket to its record."""

import asyncio
import socket
from collections.abc import Mapping

import structlog

from offhook.calls import Calls
from offhook.conversation import Conversation, Parties
from offhook.records import EndedBy
from offhook.web.twilio_socket import WebSocket
from pipeline.errors import EngineError
from telephony.net.stream_line import StreamLine
from telephony.twilio.stream import Started

TRANSPORT = "ws"
POLICY_VIOLATION = 1008

# Names under which a far end may say who calls whom, as parameters of its stream.
CALLER_NAMES = ("from", "From", "caller")
CALLED_NAMES = ("to", "To", "called")


class Streams:
    """The calls of one process that come over media streams."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._sids: set[str] = set()

    def on_stream(self, handle: str, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> None:
        """A connected socket whose upgrade request, `initial`, was read and checked; it is ours from now on.

        `meta` is what the checks found out: `call_sid`, the only call it may be for, `caller` and `called`. Each may be
        missing: then the far end is asked.
        """
        call = StreamCall(handle, self._calls, self._sids, meta)
        self._calls.add(call)
        call.open(sock, initial)


class StreamCall:
    """The life of one call. It counts from the socket on; engines and records come with `start`."""

    def __init__(self, handle: str, calls: Calls, sids: set[str], meta: Mapping[str, str]) -> None:
        self.handle = handle
        self._calls = calls
        self._sids = sids
        self._meta = meta
        self._log = structlog.get_logger("offhook.call").bind(stream=handle)
        self._sid: str | None = None
        self._line: StreamLine | None = None
        self._conversation: Conversation | None = None
        self._opening: asyncio.Task[None] | None = None
        self._over = False

    def open(self, sock: socket.socket, initial: bytes) -> None:
        """Let the event loop have the socket."""
        self._opening = asyncio.get_running_loop().create_task(self._open(sock, initial))

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side: who routed it here goes on with whatever comes after the stream."""
        if self._conversation is not None:
            self._conversation.hang_up(by, reason)
        else:
            self._end()

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
        if self._over:
            transport.abort()

    def _on_open(self, websocket: WebSocket) -> StreamLine:
        rtp = self._calls.services.config.rtp
        self._line = StreamLine(
            websocket,
            on_started=self._on_started,
            on_ended=self._on_ended,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        return self._line

    def _on_started(self, started: Started) -> None:
        expected = self._meta.get("call_sid")
        if expected and expected != started.call_sid:
            self._refuse("the stream is for another call")
            return
        if started.call_sid in self._sids:
            self._refuse("the call has a stream already")
            return
        self._sid = started.call_sid
        self._sids.add(started.call_sid)
        parameters = dict(started.parameters)
        parties = Parties(
            caller=self._meta.get("caller") or _first(parameters, CALLER_NAMES),
            called=self._meta.get("called") or _first(parameters, CALLED_NAMES),
            call_id=started.call_sid,
            headers=started.parameters,
            transport=TRANSPORT,
        )
        conversation = self._conversation = Conversation(
            self._calls.services, parties, goodbye=self._goodbye, on_over=self._end
        )
        assert self._line is not None, "it is the line that has told"
        conversation.attach(self._line)
        conversation.spawn(self._answer(conversation, self._line))

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
        """`reason`: what is wrong with the far end; None where it has just stopped."""
        if self._conversation is None:
            if reason is not None:
                self._log.info("no call came of it", reason=reason)
            self._end()
        elif reason is None:
            self._conversation.end(EndedBy.CALLER, "caller hung up")
        else:
            self._conversation.end(EndedBy.NETWORK, f"the stream was lost: {reason}")

    def _refuse(self, reason: str) -> None:
        self._log.warning("refused", reason=reason)
        self._calls.services.metrics.call_refused("inbound", TRANSPORT, "rejected")
        if self._line is not None:
            self._line.close(POLICY_VIOLATION, reason)
        self._end()

    def _goodbye(self) -> None:
        if self._line is not None:
            self._line.close()

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        if self._line is not None:
            self._line.close()
        if self._sid is not None:
            self._sids.discard(self._sid)
        self._calls.over(self)


def _first(parameters: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((parameters[name] for name in names if parameters.get(name)), "")
