"""Twilio's side of a media stream, to test any bot that speaks it.

    python -m offhook.testing.carrier ws://127.0.0.1:8080/twilio/media --say hello.wav --press 1     (see --help)

`PlayoutBuffer` does what Twilio does with the bot's audio: it plays chunks one after the other in real time, returns
each `mark` when the audio before it has been played, and on `clear` drops what has not been played and returns all
marks. `Carrier` is a call: it has the methods of `sip_caller.Caller`, so one script runs over SIP and streams.
"""

import asyncio
import json
import secrets
import sys
import urllib.request
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self, TypeVar
from urllib.parse import urlencode
from xml.etree import ElementTree

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from offhook.telephony.codec import PCMU
from offhook.telephony.media_streams.signature import sign
from offhook.testing.sip_caller import CallFailedError, SpeechMeter

T = TypeVar("T")

RATE_HZ = 8_000
FRAME_SAMPLES = 160
FRAME_S = FRAME_SAMPLES / RATE_HZ
CONNECT_S = 10.0
HUNG_UP = "the bot hung up before the caller was done"


class PlayoutBuffer:
    """The bot's audio until it is played to the caller. Pure: `now` is in seconds, of any clock."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, bytes]] = deque()  # (when it starts to play, payload)
        self._marks: deque[tuple[float, str]] = deque()
        self._ends_at = float("-inf")
        self._fresh = True
        self.gaps_s: list[float] = []
        """How long it ran empty, each time the bot went on within `gap_limit_s` and without `clear`."""
        self.gap_limit_s = 0.4

    def media(self, payload: bytes, now: float) -> None:
        """A chunk arrives."""
        gap_s = now - self._ends_at
        if gap_s > 0:
            if not self._fresh and gap_s <= self.gap_limit_s:
                self.gaps_s.append(gap_s)
            self._ends_at = now
        self._fresh = False
        self._pieces.append((self._ends_at, payload))
        self._ends_at += len(payload) / RATE_HZ

    def mark(self, name: str, now: float) -> None:
        """A mark arrives: it is returned after what is buffered now."""
        self._marks.append((max(now, self._ends_at), name))

    def clear(self, now: float) -> list[str]:
        """Drop what has not been played; returns all pending marks."""
        self._pieces.clear()
        self._ends_at = min(self._ends_at, now)
        self._fresh = True
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def play_until(self, now: float) -> tuple[bytes, list[str]]:
        """The audio played since the last call of this, and the marks that were reached."""
        played = b""
        while self._pieces and self._pieces[0][0] < now:
            starts_at, payload = self._pieces.popleft()
            samples = round((now - starts_at) * RATE_HZ)
            played += payload[:samples]
            if samples < len(payload):
                self._pieces.appendleft((starts_at + samples / RATE_HZ, payload[samples:]))
                break
        names = []
        while self._marks and self._marks[0][0] <= now:
            names.append(self._marks.popleft()[1])
        return played, names


@dataclass(slots=True)
class CarrierLog:
    """What the bot sent, and what was played of it."""

    media: int = 0
    marks: int = 0
    clears: int = 0
    played: bytearray = field(default_factory=bytearray)
    closed: tuple[int, str] | None = None
    """The close code and reason of the bot's side."""


class Carrier:
    """One call over a media stream, from Twilio's side."""

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
        self._said = asyncio.Event()
        self._played_ticks = 0
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
    ) -> Self:
        """Connect to a bot's stream and start it. With `auth_token` the request is signed, over `signed_url` where that
        differs from `url`. Raises CallFailedError."""
        signed = {} if auth_token is None else {"X-Twilio-Signature": sign(auth_token, signed_url or url)}
        try:
            socket = await connect(
                url,
                additional_headers={**signed, **(headers or {})},
                compression=None,
                ping_interval=None,
                open_timeout=CONNECT_S,
                max_size=None,
                proxy=None,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise CallFailedError(str(error)) from error
        call = cls(socket, call_sid or f"CA{secrets.token_hex(16)}", f"MZ{secrets.token_hex(16)}")
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
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._pace())]

    # For scripts.

    async def listen(self) -> None:
        """Wait until the bot has spoken."""
        self.run = await self._or_over(self.speech_meter.silent(self.run))

    async def listen_for(self, seconds: float) -> None:
        """Wait until the bot has been speaking for so long."""
        self.run = await self._or_over(self.speech_meter.speaking(seconds, self.run))

    async def say(self, pcm: bytes) -> None:
        """Say a recording; returns when its last sample has been sent. CallFailedError when the bot hangs up first."""
        payload = PCMU.encode(pcm)
        self._said.clear()
        self._to_say.extend(payload[at : at + FRAME_SAMPLES] for at in range(0, len(payload), FRAME_SAMPLES))
        await self._or_over(self._said.wait())

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
        """Any message."""
        await self._socket.send(text)

    def understand(self, data: str | bytes) -> dict[str, Any]:
        """Parse a message of the bot."""
        found: dict[str, Any] = json.loads(data)
        return found

    # Inside.

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                while self.stalled.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(FRAME_S)
                await self._take(self.understand(text), monotonic())
        code, reason = self._socket.close_code, self._socket.close_reason
        self.log.closed = (code or 1006, reason or "")
        self.over.set()

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
        began = monotonic()
        with suppress(ConnectionClosed):
            while not self.over.is_set():
                await asyncio.sleep(max(0.0, began + (self._chunk + 1) * FRAME_S - monotonic()))
                if self.stalled.is_set():
                    continue
                await self._play(monotonic())
                frame = self._to_say.popleft() if self._to_say else b""
                await self._speak(frame.ljust(FRAME_SAMPLES, b"\xff"))
                if not self._to_say:
                    self._said.set()

    async def _speak(self, payload: bytes) -> None:
        self._chunk += 1
        await self.send(
            "media",
            track="inbound",
            chunk=str(self._chunk),
            timestamp=str(20 * self._chunk),
            payload=b64encode(payload).decode("ascii"),
        )

    async def _play(self, now: float) -> None:
        played, names = self.buffer.play_until(now)
        if played:
            self.log.played += played
            self.speech_meter.on_audio(PCMU.decode(played), self._played_ticks, now)
            self._played_ticks += len(played)
        for name in names:
            await self.send("mark", name=name)

    async def _or_over(self, wait: Coroutine[Any, Any, T]) -> T:
        """The result of `wait`, unless the bot hangs up first: then CallFailedError."""
        waiting = asyncio.ensure_future(wait)
        over = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait((waiting, over), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise CallFailedError(HUNG_UP)
            return waiting.result()
        finally:
            over.cancel()
            waiting.cancel()


def ask_webhook(url: str, fields: Mapping[str, str], *, auth_token: str | None, signed_url: str | None = None) -> str:
    """Ask the webhook for a call, as Twilio does, and return the stream's URL from its answer.

    `signed_url` is the URL that the signature covers, where it differs from `url`. Blocks. Raises CallFailedError when
    the answer connects to no stream, OSError when there is no answer.
    """
    stream = ask_twiml(url, fields, auth_token=auth_token, signed_url=signed_url).find("Connect/Stream")
    if stream is None:
        raise CallFailedError("the webhook's answer connects to no stream")
    return stream.get("url", "")


def ask_twiml(
    url: str, fields: Mapping[str, str], *, auth_token: str | None, signed_url: str | None = None
) -> ElementTree.Element:
    """The same, for any answer: returns the `<Response>`. Raises CallFailedError if it is not TwiML."""
    signature = "" if auth_token is None else sign(auth_token, signed_url or url, {k: [v] for k, v in fields.items()})
    request = urllib.request.Request(url, urlencode(fields).encode(), {"X-Twilio-Signature": signature})
    with urllib.request.urlopen(request, timeout=CONNECT_S) as answer:
        try:
            return ElementTree.fromstring(answer.read())
        except ElementTree.ParseError as error:
            raise CallFailedError(f"the webhook's answer is not TwiML: {error}") from error


if __name__ == "__main__":
    from offhook.testing.carrier_command import main

    sys.exit(main())
