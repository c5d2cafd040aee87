"""Cartesia's realtime API: speech to text (Ink, with `finalize` or with turns), and text to speech (Sonic, with
contexts).

    async with CartesiaServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key}

Paths: /stt/websocket, /stt/turns/websocket and /tts/websocket. The key is in the header `X-API-Key` or a bearer token;
a wrong one is refused at the upgrade. The API's version is the header `Cartesia-Version` or `cartesia_version` in the
query.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from offhook.testing.vendors.cartesia_turns import CODECS, TurnsSession, fail
from offhook.testing.vendors.script import TimedWord, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send
from offhook.testing.vendors.speaking import SpeakingContext
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

SPEECH_TO_TEXT = "/stt/websocket"
SPEECH_TO_TURNS = "/stt/turns/websocket"
TEXT_TO_SPEECH = "/tts/websocket"
MODELS = ("ink-2", "ink-whisper")
MAX_KEYTERMS, MAX_KEYTERM_CHARS = 100, 1_200
IDLE_S = 180.0
IDLE_TTS_S = 300.0
CONTEXT_KEPT_S = 1.0
"""A context is forgotten so long after its last audio."""

WORDS_A_FINAL = 4
"""So many words of a turn are final before the turn is."""

_SAME = ("model_id", "voice", "output_format", "language", "add_timestamps")


class CartesiaServer(VendorServer):
    """Understands `texts` (see Script), and speaks as `tone_speech` does."""

    paths = (SPEECH_TO_TEXT, SPEECH_TO_TURNS, TEXT_TO_SPEECH)

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By either header."""
        headers = request.headers
        return self.api_key in (headers.get("X-API-Key"), (headers.get("Authorization") or "").removeprefix("Bearer "))

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve one of the three APIs."""
        assert connection.request is not None
        if not (log.option("cartesia_version") or connection.request.headers.get("Cartesia-Version")):
            await fail(connection, None, "version_required", "The API version is missing.")
        elif log.path == SPEECH_TO_TEXT:
            await _Transcription(self, connection, log).run()
        elif log.path == SPEECH_TO_TURNS:
            await TurnsSession(self, connection, log).run()
        else:
            await _Synthesis(self, connection, log).run()


class _Transcription:
    """One stream of Ink."""

    def __init__(self, server: CartesiaServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._request_id = f"request-{id(self):x}"
        self._partials = 0
        self._final_words = 0

    async def run(self) -> None:
        """Serve until it is closed."""
        log = self._log
        model, encoding, language = log.option("model"), log.option("encoding"), log.option("language", "en")
        if model not in MODELS or (model == "ink-2" and language != "en"):
            await fail(self._connection, None, "model_not_found", f"{model} does not transcribe {language!r}.")
            return
        if encoding not in CODECS or not log.option("sample_rate").isdigit():
            await fail(self._connection, None, "invalid_encoding", "encoding or sample_rate is invalid.")
            return
        keyterms = log.query.get("keyterm", [])
        if len(keyterms) > MAX_KEYTERMS or sum(map(len, keyterms)) > MAX_KEYTERM_CHARS:
            await fail(self._connection, None, "invalid_keyterms", "There are too many keyterms.")
            return
        self._rate_hz, self._decode = int(log.option("sample_rate")), CODECS[encoding][0]
        self._turn = Turn(self._server.script, self._rate_hz)
        while True:
            data = await self._server.receive(self._connection, log, IDLE_S)
            if data is None:
                await self._connection.close(1000, "idle")
                return
            if isinstance(data, bytes):
                log.audio += data
                if (text := self._turn.push(self._decode(data))) is not None:
                    await self._partial(text.split())
                continue
            log.messages.append({"command": data})
            if data == "finalize":
                await self._finalize()
                await self._send({"type": "flush_done"})
            elif data in ("close", "done"):
                await self._finalize()
                await self._send({"type": "done"})
                await self._connection.close(1000)
                return
            else:
                await fail(self._connection, None, "invalid_command", f"Unknown command {data[:40]!r}.")
                return

    async def _partial(self, words: list[str]) -> None:
        """Words so far: every fourth makes the four final."""
        self._partials += 1
        new, follows = words[self._final_words :], self._final_words > 0
        is_final = len(new) == WORDS_A_FINAL
        new = new if is_final else [*self._server.shown(new, self._partials)]
        timed = self._turn.shown_words()[self._final_words :] if is_final else ()
        await self._transcript(new, follows=follows, is_final=is_final, timed=timed)
        self._final_words += len(new) if is_final else 0

    async def _finalize(self) -> None:
        if self._server.fault == "no-final":
            return
        await self._server.late()
        turn, self._turn = self._turn, self._turn.following()
        rest, follows = turn.finish()[self._final_words :], self._final_words > 0
        self._final_words = 0
        await self._transcript([word.text for word in rest], follows=follows, is_final=True, timed=rest)

    async def _transcript(
        self, words: list[str], *, follows: bool, is_final: bool, timed: Iterable[TimedWord] = ()
    ) -> None:
        # The text is a difference: what follows other words of the turn begins with a space.
        text = " " * bool(words and follows) + " ".join(words)
        times = [{"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)} for word in timed]
        about: Message = {"is_final": is_final, "duration": round(self._turn.seconds, 3), "language": "en"}
        await self._send({"type": "transcript", "text": text, **about, "words": times})

    async def _send(self, message: Message) -> None:
        if message["type"] == "flush_done" and self._server.fault == "no-final":
            return
        await send(self._connection, {**message, "request_id": self._request_id})


class _Context:
    """A context of Sonic: its settings, which may not change, and its speech."""

    def __init__(self, speech: SpeakingContext, settings: Mapping[str, Any]) -> None:
        self.speech = speech
        self.settings = settings
        self.flushes = 0
        self.said = 0
        self.last_audio_at = monotonic()
        self.ended = False

    @property
    def is_forgotten(self) -> bool:
        """Whether it has been silent for too long."""
        return self.said == self.speech.spoken and monotonic() - self.last_audio_at > CONTEXT_KEPT_S


class _Synthesis:
    """One connection to a voice."""

    def __init__(self, server: CartesiaServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._contexts: dict[str, _Context] = {}

    async def run(self) -> None:
        """Serve until it is closed."""
        while True:
            data = await self._server.receive(self._connection, self._log, IDLE_TTS_S)
            if data is None:
                await self._connection.close(1000, "idle")
                return
            message = parsed(data)
            context_id = message.get("context_id") if message is not None else None
            if message is None or not isinstance(context_id, str):
                await fail(self._connection, None, "invalid_request", "The message has no context_id.")
                return
            self._log.messages.append(message)
            if message.get("cancel"):
                await self._cancel(context_id)
            else:
                await self._generate(context_id, message)

    async def _generate(self, context_id: str, message: Message) -> None:
        if why := _wrong(message):
            await fail(self._connection, context_id, "invalid_request", why)
            return
        settings = {key: message.get(key) for key in _SAME}
        context = self._contexts.get(context_id)
        if context is None or context.ended or context.is_forgotten:
            context = self._contexts[context_id] = self._open(context_id, settings)
        elif context.settings != settings:
            await fail(self._connection, context_id, "invalid_request", "Only the transcript of a context may change.")
            return
        if message["transcript"]:
            context.said += len(message["transcript"])
            context.speech.say(message["transcript"])
        if message.get("flush"):
            self._flush(context_id, context)
        if not message.get("continue"):
            self._end(context_id, context)

    def _open(self, context_id: str, settings: Mapping[str, Any]) -> _Context:
        output = settings["output_format"]
        rate_hz, encode = output["sample_rate"], CODECS[output["encoding"]][1]

        async def emit(text: str, start: int) -> None:
            context.last_audio_at = monotonic()
            shown = self._shown(context_id)
            about: Message = {"type": "chunk", "done": False, "status_code": 206, "step_time": 1.0, "context_id": shown}
            await send(self._connection, {**about, "data": b64encode(encode(speak(text, rate_hz))).decode("ascii")})
            if settings.get("add_timestamps"):
                times = _word_times(text, start)
                await send(self._connection, {**about, "type": "timestamps", "word_timestamps": times})

        speech = SpeakingContext(self._server, emit, self._server.realtime_factor, whole_words=True)
        context = _Context(speech, settings)
        return context

    def _flush(self, context_id: str, context: _Context) -> None:
        context.flushes += 1
        flush_id = context.flushes

        async def flushed() -> None:
            done: Message = {"type": "flush_done", "done": False, "flush_done": True, "flush_id": flush_id}
            await send(self._connection, {**done, "status_code": 206, "context_id": self._shown(context_id)})

        context.speech.then(flushed)

    def _end(self, context_id: str, context: _Context) -> None:
        context.ended = True

        async def done() -> None:
            if self._server.fault != "no-final":
                message: Message = {"type": "done", "done": True, "status_code": 206}
                await send(self._connection, {**message, "context_id": self._shown(context_id)})
            self._contexts.pop(context_id, None)

        context.speech.then(done)
        context.speech.end()

    async def _cancel(self, context_id: str) -> None:
        context = self._contexts.pop(context_id, None)
        if context is None:
            self._server.violations.append(f"{context_id} was cancelled, and is over")
            return
        context.speech.cancel()

    def _shown(self, context_id: str) -> str:
        return "another" if self._server.fault == "wrong-context" else context_id


def _wrong(message: Message) -> str:
    """What is wrong with a request for speech."""
    output = message.get("output_format")
    if not isinstance(output, dict) or output.get("container") != "raw" or output.get("encoding") not in CODECS:
        return "output_format is invalid."
    if not isinstance(message.get("voice"), dict) or not message["voice"].get("id"):
        return "voice is invalid."
    if not str(message.get("model_id", "")).startswith("sonic"):
        return "model_id is invalid."
    if not isinstance(message.get("transcript"), str):
        return "transcript is missing."
    if not message["transcript"] and not message.get("flush") and message.get("continue"):
        return "transcript is empty."
    return ""


def _word_times(text: str, start: int) -> dict[str, list[Any]]:
    """Words of a chunk, in seconds from the context's start."""
    words, starts, ends, at = [], [], [], 0
    for word in text.split():
        at = text.index(word, at)
        words.append(word)
        starts.append((start + at) * MS_PER_CHARACTER / 1000)
        at += len(word)
        ends.append((start + at) * MS_PER_CHARACTER / 1000)
    return {"words": words, "start": starts, "end": ends}
