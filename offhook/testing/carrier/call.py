"""One call over a media stream, from the carrier's side, with Twilio's messages."""

import asyncio
import json
import secrets
from array import array
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from offhook.telephony.codec import PCMU
from offhook.telephony.listeners import AudioHandler
from offhook.telephony.media_streams.signature import sign
from offhook.testing.carrier.playout import RATE_HZ, PlayoutBuffer
from offhook.testing.sip_caller import HUNG_UP, CallFailedError, SpeechMeter, unless_over

FRAME_SAMPLES = 160
FRAME_S = FRAME_SAMPLES / RATE_HZ
CONNECT_S = 10.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
UNREADABLE = 1008
"""The code where the bot has sent what a carrier cannot use (RFC 6455 §7.4.1, policy)."""
MAX_REASON_CHARS = 200


@dataclass(slots=True)
class CarrierLog:
    """What the bot sent, and what was played of it."""

    media: int = 0
    marks: int = 0
    clears: int = 0
    played: bytearray = field(default_factory=bytearray)
    closed: tuple[int, str] | None = None
    """The close code and reason of the bot's side; or ours, where it has sent what cannot be used."""


class Carrier:
    """One call from the carrier's side. It has the methods of `sip_caller.Caller`: one script runs over both."""

    def __init__(self, socket: ClientConnection, call_sid: str, stream_sid: str) -> None:
        self._socket = socket
        self.call_sid = call_sid
        self.stream_sid = stream_sid
        self.buffer = PlayoutBuffer()
        self.log = CarrierLog()
        self.speech_meter = SpeechMeter()
        self.run = 0  # the last talk spurt of the bot that `listen` has seen
        self.over = asyncio.Event()
        self.stalled = asyncio.Event()
        """While this is set nothing is read or sent."""
        self._sequence = 0
        self._chunk = 0
        self._to_say: deque[bytes] = deque()
        self._source: Callable[[float], bytes] | None = None
        self._said = asyncio.Event()
        self._listeners: list[AudioHandler] = [self.speech_meter.on_audio]
        self._began_at = self._due_at = self._played_at = 0.0
        self.late_ms = array("d")
        """How late each frame of the caller's left."""
        self._heard_ticks = 0  # where the audio that was played last ends, from the start of the stream
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def dial(
        cls,
        url: str,
        *,
        call_sid: str | None = None,
        parameters: Mapping[str, str] | None = None,
        auth_token: str | None = None,
        signed_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        source: Callable[[float], bytes] | None = None,
    ) -> Self:
        """Connect to a bot's stream and start it. With `auth_token` the request is signed, over `signed_url` where that
        differs from `url`. With `source` the caller's audio is what that returns for each frame: 20 ms of mu-law, sent
        at the time it is given (monotonic seconds). Raises CallFailedError."""
        signed = {} if auth_token is None else {"X-Twilio-Signature": sign(auth_token, signed_url or url)}
        try:
            socket = await connect(
                url,
                additional_headers={**signed, **(headers or {})},
                compression=None,
                ping_interval=None,
                open_timeout=CONNECT_S,
                max_size=MAX_MESSAGE_BYTES,
                proxy=None,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise CallFailedError(str(error)) from error
        call = cls(socket, call_sid or f"CA{secrets.token_hex(16)}", f"MZ{secrets.token_hex(16)}")
        call._source = source
        await call.begin(parameters or {})
        return call

    async def begin(self, parameters: Mapping[str, str]) -> None:
        """Send `connected` and `start`, and from then on the caller's audio."""
        await self.send_raw(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await self.send(
            "start",
            accountSid="AC" + "0" * 32,
            streamSid=self.stream_sid,
            callSid=self.call_sid,
            tracks=["inbound"],
            mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ, "channels": 1},
            customParameters=dict(parameters),
        )
        self._began_at = monotonic()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._pace())]

    # For scripts.

    async def listen(self) -> None:
        """Wait until the bot has spoken."""
        self.run = await unless_over(self.speech_meter.silent(self.run), self.over)

    async def listen_for(self, seconds: float) -> None:
        """Wait until the bot has been speaking for so long."""
        self.run = await unless_over(self.speech_meter.speaking(seconds, self.run), self.over)

    async def say(self, pcm: bytes) -> None:
        """Say a recording; returns when its last sample has been sent. CallFailedError when the bot hangs up first."""
        payload = PCMU.encode(pcm)
        self.speech_meter.interrupt()
        self._said.clear()
        self._to_say.extend(payload[at : at + FRAME_SAMPLES] for at in range(0, len(payload), FRAME_SAMPLES))
        await unless_over(self._said.wait(), self.over)

    def add_listener(self, on_audio: AudioHandler) -> None:
        """Call `on_audio` with what is played to the caller from now on."""
        self._listeners.append(on_audio)

    async def press(self, digits: str) -> None:
        """Press keys. CallFailedError when the bot has hung up."""
        try:
            for digit in digits:
                await self.send("dtmf", track="inbound_track", digit=digit)
        except ConnectionClosed as error:
            raise CallFailedError(HUNG_UP) from error

    async def hang_up(self) -> None:
        """The caller hangs up: `stop`, then the connection is closed. Idempotent."""
        if not self.over.is_set():
            with suppress(ConnectionClosed):
                await self.send("stop", accountSid="AC" + "0" * 32, callSid=self.call_sid)
        await self.close()

    async def close(self) -> None:
        """Close the connection without a `stop`."""
        self.over.set()
        for task in self._tasks:
            task.cancel()
        await self._socket.close()

    def drop(self) -> None:
        """Lose the connection without a close frame: the bot gets a TCP reset."""
        self.over.set()
        for task in self._tasks:
            task.cancel()
        self._socket.transport.abort()

    async def closed_by_bot(self, within_s: float) -> tuple[int, str]:
        """Wait until the bot closes; returns the code and the reason. TimeoutError."""
        await asyncio.wait_for(self.over.wait(), within_s)
        return self.log.closed or (1006, "")

    # For fault tests.

    async def send(self, event: str, **body: object) -> None:
        """A message, with the next sequence number."""
        self._sequence += 1
        number = str(self._sequence)
        await self.send_raw(
            json.dumps({"event": event, "sequenceNumber": number, event: body, "streamSid": self.stream_sid})
        )

    async def send_raw(self, text: str | bytes) -> None:
        await self._socket.send(text)

    def understand(self, data: str | bytes) -> dict[str, Any]:
        """Parse a message of the bot."""
        found: dict[str, Any] = json.loads(data)
        return found

    # Inside.

    async def _read(self) -> None:
        why = ""
        with suppress(ConnectionClosed):
            async for text in self._socket:
                while self.stalled.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(FRAME_S)
                try:
                    await self._take(self.understand(text), self._arrived_at())
                except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                    why = f"the bot has sent what cannot be used: {error!r}"[:MAX_REASON_CHARS]
                    self._socket.transport.abort()
                    break
        code, reason = (UNREADABLE, why) if why else (self._socket.close_code, self._socket.close_reason)
        self.log.closed = (code or 1006, reason or "")
        self.over.set()

    def _arrived_at(self) -> float:
        """When a message arrived that is read now. If this process has stood still, it may have come while it did, and
        the bot is given the benefit of the doubt."""
        return min(monotonic(), max(self._due_at, self._played_at))

    async def _take(self, message: dict[str, Any], now: float) -> None:
        event = message["event"]
        if event == "media":
            self.log.media += 1
            self.buffer.media(b64decode(message["media"]["payload"], validate=True), now)
        elif event == "mark":
            self.log.marks += 1
            self.buffer.mark(message["mark"]["name"], now)
        elif event == "clear":
            self.log.clears += 1
            await self._play(now)
            for name in self.buffer.clear(now):
                await self.send("mark", name=name)
        else:
            raise ValueError(f"a bot sends media, mark and clear, not {event!r}")

    async def _pace(self) -> None:
        """A frame every 20 ms of absolute time, both ways."""
        with suppress(ConnectionClosed):
            while not self.over.is_set():
                self._due_at = self._began_at + (self._chunk + 1) * FRAME_S
                await asyncio.sleep(max(0.0, self._due_at - monotonic()))
                if self.stalled.is_set():
                    continue
                self.late_ms.append(max(0.0, 1_000 * (monotonic() - self._due_at)))
                await self._play(monotonic())
                await self._speak(self._next_frame())
                if not self._to_say:
                    self._said.set()

    def _next_frame(self) -> bytes:
        if self._source is not None:
            return self._source(monotonic())
        return (self._to_say.popleft() if self._to_say else b"").ljust(FRAME_SAMPLES, b"\xff")

    async def _speak(self, payload: bytes) -> None:
        self._chunk += 1
        await self.send(
            "media",
            track="inbound",
            chunk=str(self._chunk),
            timestamp=str(20 * self._chunk),
            payload=b64encode(payload).decode("ascii"),
        )

    def _hear(self, played: bytes, now: float) -> None:
        at_tick = round((now - self._began_at) * RATE_HZ) - len(played)
        if at_tick - self._heard_ticks < FRAME_SAMPLES:
            at_tick = self._heard_ticks  # it went on, or ran dry since the frame before
        self._heard_ticks = at_tick + len(played)
        pcm = PCMU.decode(played)
        for on_audio in self._listeners:
            on_audio(pcm, at_tick, now)

    async def _play(self, now: float) -> None:
        self._played_at = now
        played, names = self.buffer.play_until(now)
        if played:
            self.log.played += played
            self._hear(played, now)
        for name in names:
            await self.send("mark", name=name)
