"""OpenAI's audio API: realtime transcription on a WebSocket; transcription and speech by HTTP.

    async with OpenAiServer(["check my balance"]) as server:
        engine_options = {"base_url": server.http_url, "realtime_url": server.url, "api_key": server.api_key}

Paths: /v1/realtime?intent=transcription at `url`; /v1/audio/transcriptions and /v1/audio/speech at `http_url`. The key
is a bearer token; a wrong one is refused after the upgrade of a WebSocket, by close code 3000.
"""

import asyncio
import io
import wave
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, json_response
from offhook.testing.vendors.http_vendor import HttpVendorServer, too_many
from offhook.testing.vendors.script import Transcribe, Turn
from offhook.testing.vendors.server import Message, SessionLog, parsed, send
from offhook.testing.vendors.tone_speech import speak

REALTIME = "/v1/realtime"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
SPEECH = "/v1/audio/speech"
SPEECH_HZ = 24_000
MIN_COMMIT_MS = 100
MAX_SESSION_S = 3_600.0
LIVE_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Models that transcribe while audio comes in; the others do so after the commit."""

KEYWORD_MODELS = ("gpt-transcribe", "gpt-live-transcribe")

_FORMATS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "audio/pcmu": (8_000, PCMU.decode),
    "audio/pcma": (8_000, PCMA.decode),
    "audio/pcm": (24_000, bytes),
}


class OpenAiServer(HttpVendorServer):
    """`requests` has the fields of HTTP requests."""

    paths = (REALTIME,)
    http_path = "/v1"

    def __init__(self, texts: Iterable[str] | Transcribe = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.requests: list[Message] = []

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """The key is checked after the upgrade."""
        return True

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a transcription session."""
        assert connection.request is not None
        if connection.request.headers.get("Authorization") != f"Bearer {self.api_key}":
            error = {"type": "invalid_request_error", "code": "invalid_api_key"}
            error["message"] = "Incorrect API key provided."
            await send(connection, {"type": "error", "event_id": "event_0", "error": error})
            await connection.close(3000, "invalid_request_error.invalid_api_key")
            return
        await _Transcription(self, connection, log).run()

    # By HTTP.

    def denied(self, request: HttpRequest) -> HttpResponse | None:
        """See HttpVendorServer."""
        if request.headers.get("authorization") == f"Bearer {self.api_key}":
            return None
        return json_response(401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}})

    def busy(self) -> HttpResponse:
        """See HttpVendorServer."""
        return too_many({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}})

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Speak or transcribe."""
        if (request.method, request.path) == ("POST", SPEECH):
            return self._speech(request)
        if (request.method, request.path) == ("POST", TRANSCRIPTIONS):
            return await self._transcription(request)
        return json_response(404, {"error": {"message": f"Invalid URL ({request.method} {request.path})"}})

    def _speech(self, request: HttpRequest) -> HttpResponse:
        fields = parsed(request.body) or {}
        self.requests.append(fields)
        missing = [name for name in ("model", "input", "voice") if not fields.get(name)]
        if missing or fields.get("response_format") != "pcm":
            why = f"Missing required parameter: {missing[0]!r}." if missing else "This server has only pcm."
            return json_response(400, {"error": {"message": why, "type": "invalid_request_error"}})
        return self.speech(speak(str(fields["input"]), SPEECH_HZ), 2 * SPEECH_HZ, "audio/pcm")

    async def _transcription(self, request: HttpRequest) -> HttpResponse:
        fields = _form(request)
        self.requests.append({name: value.decode() for name, value in fields.items() if name != "file"})
        if "file" not in fields or "model" not in fields:
            return json_response(400, {"error": {"message": "file and model are required."}})
        try:
            with wave.open(io.BytesIO(fields["file"])) as audio:
                pcm, rate_hz = audio.readframes(audio.getnframes()), audio.getframerate()
        except (wave.Error, EOFError) as error:
            return json_response(400, {"error": {"message": f"Audio file might be corrupted or unsupported: {error}"}})
        if self.fault == "no-final":
            await asyncio.Event().wait()
        await self.late()
        turn = Turn(self.script, rate_hz)
        turn.push(pcm)
        words = turn.finish()
        answer: dict[str, Any] = {"text": " ".join(word.text for word in words)}
        if fields.get("response_format") == b"verbose_json":
            answer |= {"language": "english", "duration": turn.seconds}
            answer["words"] = [{"word": word.text, "start": word.start_s, "end": word.end_s} for word in words]
        response = json_response(200, answer)
        response.breaks = self.fault == "dies"
        return response


class _Transcription:
    """One session that transcribes, with manual commits."""

    def __init__(self, server: OpenAiServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._events = 0
        self._items = 0
        self._configured = False
        self._model = ""
        self._shown = 0
        self._set_format("audio/pcm")

    async def run(self) -> None:
        """Serve until it is closed."""
        await self._send("session.created", session={"type": "transcription", "id": f"sess_{id(self):x}"})
        while True:
            data = await self._server.receive(self._connection, self._log, MAX_SESSION_S)
            if data is None:
                await self._error("session_expired", "Your session hit the maximum duration of 60 minutes.")
                await self._connection.close(1001, "session_expired")
                return
            message = parsed(data)
            if message is None:
                await self._error("invalid_json", "The message is not a JSON object.")
                continue
            self._log.messages.append({key: value for key, value in message.items() if key != "audio"})
            await self._take(str(message.get("type")), message)

    async def _take(self, kind: str, message: Message) -> None:
        if kind == "session.update":
            await self._configure(message.get("session", {}))
        elif kind == "input_audio_buffer.append":
            await self._append(str(message.get("audio", "")))
        elif kind == "input_audio_buffer.commit":
            await self._commit()
        elif kind == "input_audio_buffer.clear":
            self._turn = Turn(self._server.script, self._rate_hz)
            await self._send("input_audio_buffer.cleared")
        else:
            await self._error("invalid_value", f"Invalid value: {kind!r}.")

    async def _configure(self, session: Message) -> None:
        taken = session.get("audio", {}).get("input", {})
        format_ = taken.get("format", {}).get("type", "audio/pcm")
        model = taken.get("transcription", {}).get("model")
        if session.get("type") != "transcription" or format_ not in _FORMATS or not model:
            await self._error("invalid_value", "session.type, audio.input.format or the model is invalid.")
            return
        if "keywords" in taken["transcription"] and model not in KEYWORD_MODELS:
            await self._error("invalid_value", f"The model {model} takes no keywords.")
            return
        if taken.get("turn_detection") is not None:
            self._server.violations.append("this server does not detect turns")
        self._configured, self._model = True, model
        self._set_format(format_)
        await self._send("session.updated", session=session)

    def _set_format(self, name: str) -> None:
        self._rate_hz, self._decode = _FORMATS[name]
        self._turn = Turn(self._server.script, self._rate_hz)

    async def _append(self, audio: str) -> None:
        try:
            data = b64decode(audio, validate=True)
        except ValueError:
            await self._error("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.")
            return
        if not self._configured:
            self._server.violations.append("audio came before the session was configured")
        self._log.audio += data
        text = self._turn.push(self._decode(data))
        if text is not None and self._model in LIVE_MODELS:
            await self._deltas(text.split(), f"item_{self._items}")

    async def _commit(self) -> None:
        length_ms = 1000 * self._turn.seconds
        if length_ms < MIN_COMMIT_MS:
            has = f"Expected at least {MIN_COMMIT_MS}ms of audio, but buffer only has {length_ms:.2f}ms of audio."
            why = f"Error committing input audio buffer: buffer too small. {has}"
            await self._error("input_audio_buffer_commit_empty", why)
            return
        turn, self._turn = self._turn, Turn(self._server.script, self._rate_hz)
        item = f"item_{self._items}"
        before = f"item_{self._items - 1}" if self._items else None
        self._items += 1
        await self._send("input_audio_buffer.committed", item_id=item, previous_item_id=before)
        words = [word.text for word in turn.finish()]
        if self._server.fault == "wrong-context":
            item = "item_another"
        await self._deltas(words, item)
        self._shown = 0
        if self._server.fault == "no-final":
            return
        await self._server.late()
        usage = {"type": "duration", "seconds": round(turn.seconds)}
        about: Message = {"item_id": item, "content_index": 0, "transcript": " ".join(words), "usage": usage}
        await self._send("conversation.item.input_audio_transcription.completed", **about)

    async def _deltas(self, words: list[str], item: str) -> None:
        for at in range(self._shown, len(words)):
            delta = (" " if at else "") + words[at]
            about: Message = {"item_id": item, "content_index": 0, "delta": delta}
            await self._send("conversation.item.input_audio_transcription.delta", **about)
        self._shown = len(words)

    async def _error(self, code: str, why: str) -> None:
        await self._send("error", error={"type": "invalid_request_error", "code": code, "message": why, "param": None})

    async def _send(self, kind: str, **fields: object) -> None:
        self._events += 1
        await send(self._connection, {"type": kind, "event_id": f"event_{self._events}", **fields})


def _form(request: HttpRequest) -> dict[str, bytes]:
    """The fields of a multipart form (RFC 7578)."""
    boundary = request.headers.get("content-type", "").partition("boundary=")[2].strip('"').encode()
    fields: dict[str, bytes] = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = head.decode("latin-1").partition('name="')[2].partition('"')[0]
        fields[name] = value.removesuffix(b"\r\n")
    return fields
