"""Runs Connect with Stream: Twilio's media streams as Twilio speaks them, with a program that answers.

Source: Twilio's "Media Streams - WebSocket Messages". The audio is mu-law at 8 kHz, both ways.
"""

import asyncio
import base64
import binascii
import json
from collections import deque
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from offhook.api.call_audio import GivenUtterance
from offhook.http_request import HttpRequestError, allowed_addresses, tls_context
from offhook.pipeline.events import Interruption
from offhook.pipeline.rates import NARROW_HZ, TICK_HZ
from offhook.telephony.codec import PCMU
from offhook.telephony.codec.convert import rate_converter
from offhook.telephony.media_streams.limits import MARK_CHARS, MESSAGE_OCTETS
from offhook.telephony.media_streams.signature import sign
from offhook.twiml.addresses import shown
from offhook.twiml.connect import Stream
from offhook.twiml.errors import STREAM_FAILED, TwimlError
from offhook.twiml.parameters import call_sid, sid
from offhook.twiml.running import Next, Result, RunningCall

CONNECT_S = 10.0
MAX_WAITING = 500
"""Messages to the program that it has not taken, 10 s of audio; beyond that the oldest are dropped."""

MAX_AHEAD_S = 300.0
"""Of the program's audio that has not been played; more is dropped."""

MAX_MARKS = 1_000
_LOOK_S = 0.02
_FAILURES = (OSError, ConnectionClosed, InvalidHandshake, HttpRequestError)


async def stream(running: RunningCall, verb: Stream) -> Result:
    """Until the program closes the stream; then the action, if there is one. Raises CallEnded."""
    call = running.call
    call.forget_unasked()
    try:
        await call.until_ended(_connected(running, verb))
    except TwimlError as error:
        running.report(f"error {error.code}", error.why)
    call.forget_unasked()
    return None if verb.action is None else Next(verb.action, verb.method)


async def _connected(running: RunningCall, verb: Stream) -> None:
    """Raises TwimlError."""
    application = running.application
    url = running.client.resolve(verb.url, running.url, ("ws", "wss"))
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    headers = {"X-Twilio-Signature": sign(application.token, url)} if application.token else {}
    tls: dict[str, Any] = {"ssl": tls_context(), "server_hostname": parts.hostname} if secure else {}
    try:
        async with asyncio.timeout(CONNECT_S):
            private = application.allow_private
            addresses = await allowed_addresses(parts.hostname or "", port, allow_private=private)
            socket = await connect(
                url,
                additional_headers=headers,
                max_size=MESSAGE_OCTETS,
                host=addresses[0],  # which was checked: no proxy of the environment, that looks the name up again
                port=port,
                proxy=None,
                **tls,
            )
        async with socket:
            await _Talk(running, verb, socket).run()
    except _FAILURES as error:
        raise TwimlError(STREAM_FAILED, f"{shown(url)}: {error or type(error).__name__}") from error
    except (ValueError, InvalidURI) as error:  # whose texts may have addresses with passwords
        why = "it is no address, or leads to another server"
        raise TwimlError(STREAM_FAILED, f"{shown(url)}: {why}") from error


class _Talk:
    """Passes audio, keys and marks between a call and a program."""

    def __init__(self, running: RunningCall, verb: Stream, socket: ClientConnection) -> None:
        self._audio = running.call.audio
        self._call_sid = call_sid(running.call.id)
        self._stream_sid = sid("MZ", f"{running.call.id} {verb.url}")
        self._account_sid = running.client.account_sid
        self._verb = verb
        self._socket = socket
        self._narrow = rate_converter(self._audio.line_rate_hz, NARROW_HZ)
        self._wide = rate_converter(NARROW_HZ, self._audio.line_rate_hz)
        self._utterance: GivenUtterance | None = None
        self._fed_s = 0.0
        self._marks: deque[tuple[float, str]] = deque(maxlen=MAX_MARKS)
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING)
        self._more = asyncio.Event()
        self._number = self._chunk = self._sent_ms = 0

    async def run(self) -> None:
        """Until the program closes the connection."""
        stop_audio, stop_keys = self._audio.listen(self._on_audio), self._audio.listen_keys(self._on_key)
        sending = asyncio.ensure_future(self._send_all())
        marking = asyncio.ensure_future(self._watch_marks())
        try:
            async for message in self._socket:
                self._take(message)
        finally:
            stop_audio()
            stop_keys()
            self._clear()
            for task in (sending, marking):
                task.cancel()
            await asyncio.gather(sending, marking, return_exceptions=True)
            with suppress(ConnectionClosed):
                await self._send(
                    {"event": "stop", "stop": {"accountSid": self._account_sid, "callSid": self._call_sid}}
                )

    # To the program.

    async def _send_all(self) -> None:
        await self._socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        details = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": NARROW_HZ, "channels": 1},
            "customParameters": dict(self._verb.parameters),
        }
        await self._send({"event": "start", "start": details})
        while True:
            while self._waiting:
                await self._send(self._waiting.popleft())
            self._more.clear()
            await self._more.wait()

    async def _send(self, message: dict[str, Any]) -> None:
        self._number += 1
        numbered = {**message, "sequenceNumber": str(self._number), "streamSid": self._stream_sid}
        await self._socket.send(json.dumps(numbered))

    def _put(self, message: dict[str, Any]) -> None:
        self._waiting.append(message)
        self._more.set()

    def _on_audio(self, pcm: bytes) -> None:
        payload = PCMU.encode(self._narrow(pcm))
        self._chunk += 1
        at_ms, self._sent_ms = self._sent_ms, self._sent_ms + 1_000 * len(payload) // NARROW_HZ
        media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(at_ms)}
        self._put({"event": "media", "media": {**media, "payload": base64.b64encode(payload).decode("ascii")}})

    def _on_key(self, key: str) -> None:
        self._put({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}})

    # From the program. What cannot be read is ignored, as by Twilio.

    def _take(self, message: str | bytes) -> None:
        try:
            found = json.loads(message)
            match found["event"]:
                case "media":
                    self._play(base64.b64decode(found["media"]["payload"], validate=True))
                case "mark":
                    self._marks.append((self._fed_s, str(found["mark"]["name"])[:MARK_CHARS]))
                case "clear":
                    self._clear()
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            return

    def _play(self, payload: bytes) -> None:
        audio = self._audio
        if self._utterance is None or self._utterance.over:
            # The program decides what interrupts it, by `clear`.
            self._utterance = audio.start_saying("stream", Interruption(by="nobody", waits=False))
            self._fed_s = 0.0
        if self._fed_s - self._utterance.played.played_s > MAX_AHEAD_S:
            return
        encoded = payload if audio.encoding == "PCMU" else audio.encode(self._wide(PCMU.decode(payload)))
        self._utterance.append_audio(encoded)
        self._fed_s += len(encoded) / audio.bytes_per_tick / TICK_HZ

    def _clear(self) -> None:
        if self._utterance is not None:
            self._utterance.cancel()
            self._utterance = None
        while self._marks:
            self._reached(self._marks.popleft()[1])

    async def _watch_marks(self) -> None:
        """Send each mark back when what came before it has been played."""
        while True:
            await asyncio.sleep(_LOOK_S)
            played_s = float("inf") if self._utterance is None else self._utterance.played.played_s + _LOOK_S
            while self._marks and self._marks[0][0] <= played_s:
                self._reached(self._marks.popleft()[1])

    def _reached(self, name: str) -> None:
        self._put({"event": "mark", "mark": {"name": name}})
