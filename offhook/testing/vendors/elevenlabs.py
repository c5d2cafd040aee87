"""ElevenLabs' realtime API: speech to text (Scribe), and text to speech with one context or several.

    async with ElevenLabsServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key}

Paths: /v1/speech-to-text/realtime, /v1/text-to-speech/{voice}/stream-input and …/multi-stream-input. The key is in the
header `xi-api-key`; a wrong one is refused by a message after the upgrade, and close code 1008.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.script import TimedWord, Turn
from offhook.testing.vendors.server import Message, SessionLog, VendorServer, parsed, send
from offhook.testing.vendors.speaking import SpeakingContext
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, characters, speak

SPEECH_TO_TEXT = "/v1/speech-to-text/realtime"
TEXT_TO_SPEECH = "/v1/text-to-speech/"
MAX_CONTEXTS = 5
MIN_COMMIT_S = 0.3
MAX_KEYTERMS, MAX_KEYTERM_CHARS = 50, 20
INACTIVITY_S = 20.0
CHUNK_LENGTH_SCHEDULE = (120, 160, 250, 290)


class ElevenLabsServer(VendorServer):
    """Understands `texts` (see Script), and speaks as `tone_speech` does."""

    paths = (SPEECH_TO_TEXT, TEXT_TO_SPEECH)

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """The key is checked after the upgrade."""
        return True

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve one of the three APIs."""
        has_key = connection.request is not None and connection.request.headers.get("xi-api-key") == self.api_key
        if log.path == SPEECH_TO_TEXT:
            await _Transcription(self, connection, log).run(has_key)
        else:
            await _Synthesis(self, connection, log, several=log.path.endswith("/multi-stream-input")).run(has_key)


class _Transcription:
    """One stream of Scribe; its detector commits after silence, if it is asked to."""

    def __init__(self, server: ElevenLabsServer, connection: ServerConnection, log: SessionLog) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._format = log.option("audio_format", "pcm_16000")
        self._rate_hz = int(self._format.rpartition("_")[2])
        self._with_times = log.option("include_timestamps") == "true"
        self._silence_s = float(log.option("vad_silence_threshold_secs", "1.5"))
        self._detects = log.option("commit_strategy", "manual") == "vad"
        self._turn = Turn(server.script, self._rate_hz)
        self._partials = 0

    async def run(self, has_key: bool) -> None:
        """Serve until it is closed."""
        if not has_key:
            await self._fail("auth_error", "You must be authenticated to use this endpoint.")
            return
        if not self._log.option("model_id").startswith("scribe_"):
            await self._fail("invalid_request", "model_id is not a realtime model")
            return
        keyterms = self._log.query.get("keyterms", [])
        if len(keyterms) > MAX_KEYTERMS or any(len(term) > MAX_KEYTERM_CHARS for term in keyterms):
            await self._fail("invalid_request", "keyterms are too many or too long")
            return
        await send(self._connection, self._started())
        while True:
            data = await self._server.receive(self._connection, self._log, None)
            if data is None:
                await self._connection.close(1000, "inactivity")
                return
            if not await self._take(parsed(data)):
                return

    def _started(self) -> Message:
        config = {
            "sample_rate": self._rate_hz,
            "audio_format": self._format,
            "model_id": self._log.option("model_id"),
            "commit_strategy": self._log.option("commit_strategy", "manual"),
            "include_timestamps": self._with_times,
        }
        return {"message_type": "session_started", "session_id": f"session-{id(self):x}", "config": config}

    async def _take(self, message: Message | None) -> bool:
        if message is None or message.get("message_type") != "input_audio_chunk":
            await self._fail("input_error", "the message is not an input_audio_chunk")
            return False
        self._log.messages.append({key: value for key, value in message.items() if key != "audio_base_64"})
        if message.get("previous_text") and self._log.audio:
            await self._fail("input_error", "previous_text is allowed with the first chunk only")
            return False
        try:
            audio = b64decode(message.get("audio_base_64", ""), validate=True)
        except ValueError:
            await self._fail("input_error", "audio_base_64 is not Base64")
            return False
        if message.get("sample_rate", self._rate_hz) != self._rate_hz:
            await self._fail("input_error", "sample_rate is not that of audio_format")
            return False
        self._log.audio += audio
        text = self._turn.push(PCMU.decode(audio) if self._format == "ulaw_8000" else audio)
        if text is not None:
            await self._partial(text)
        if message.get("commit") or (self._detects and self._turn.silence_s >= self._silence_s):
            await self._commit()
        return True

    async def _partial(self, text: str) -> None:
        self._partials += 1
        text = " ".join(self._server.shown(text.split(), self._partials))
        await send(self._connection, {"message_type": "partial_transcript", "text": text})

    async def _commit(self) -> None:
        if self._turn.seconds < MIN_COMMIT_S:
            why = f"there are {self._turn.seconds:.2f}s of uncommitted audio, and a commit needs {MIN_COMMIT_S}s"
            await send(self._connection, {"message_type": "commit_throttled", "error": why})
            return
        turn, self._turn = self._turn, self._turn.following()
        if self._server.fault == "no-final":
            return
        words = turn.finish()
        text = " ".join(word.text for word in words)
        await self._server.late()
        await send(self._connection, {"message_type": "committed_transcript", "text": text})
        if self._with_times:
            timed: Message = {"message_type": "committed_transcript_with_timestamps", "text": text}
            language = self._log.option("language_code", "en")
            await send(self._connection, {**timed, "language_code": language, "words": _timed(words)})

    async def _fail(self, kind: str, why: str) -> None:
        await send(self._connection, {"message_type": kind, "error": why})
        await self._connection.close(1008, why)


def _timed(words: list[TimedWord]) -> list[Message]:
    """Words and the spaces between them, as Scribe gives them."""
    found: list[Message] = []
    for word in words:
        if found:
            space = {"text": " ", "start": found[-1]["end"], "end": round(word.start_s, 3), "type": "spacing"}
            found.append({**space, "logprob": 0.0})
        times = {"start": round(word.start_s, 3), "end": round(word.end_s, 3)}
        found.append({"text": word.text, **times, "type": "word", "logprob": -0.05})
    return found


class _Context:
    """What ElevenLabs calls a context: its text, buffered until there is enough, and its speech."""

    def __init__(self, speech: SpeakingContext, schedule: tuple[int, ...]) -> None:
        self.speech = speech
        self.buffer = ""
        self._schedule = schedule
        self._generations = 0

    def add(self, text: str, *, now: bool) -> None:
        """Buffer text; speak what there is, if there is enough of it, or `now`."""
        # The first text is " ", which only opens the context.
        self.buffer += text if self.buffer or text.strip() else ""
        enough = self._schedule[min(self._generations, len(self._schedule) - 1)]
        if self.buffer and (now or len(self.buffer) >= enough):
            self._generations += 1
            self.speech.say(self.buffer)
            self.buffer = ""


class _Synthesis:
    """One connection to a voice, with several contexts or the one that has no name."""

    def __init__(
        self, server: ElevenLabsServer, connection: ServerConnection, log: SessionLog, *, several: bool
    ) -> None:
        self._server = server
        self._connection = connection
        self._log = log
        self._several = several
        self._contexts: dict[str, _Context] = {}
        self._format = log.option("output_format", "mp3_44100_128")
        self._auto = log.option("auto_mode") == "true"
        self._idle_s = min(float(log.option("inactivity_timeout", str(INACTIVITY_S))), 180.0)

    async def run(self, has_key: bool) -> None:
        """Serve until it is closed."""
        if not has_key:
            await self._fail("invalid_api_key", "Invalid API key")
            return
        if self._format.partition("_")[0] not in ("ulaw", "alaw", "pcm"):
            await self._fail("invalid_output_format", f"this server has no {self._format}")
            return
        while True:
            data = await self._server.receive(self._connection, self._log, self._idle_s)
            if data is None:
                why = f"Have not received a new text input within the timeout of {self._idle_s} seconds."
                await self._fail("input_timeout_exceeded", why)
                return
            message = parsed(data)
            if message is None:
                await self._fail("invalid_message", "the message is not a JSON object")
                return
            self._log.messages.append(message)
            if not await (self._take_several(message) if self._several else self._take_single(message)):
                return

    async def _take_single(self, message: Message) -> bool:
        context = self._contexts.get("")
        text = message.get("text")
        if not isinstance(text, str):
            await self._fail("invalid_message", "text is missing")
            return False
        if context is None:
            if text != " ":
                self._server.violations.append("the first text is not a single space")
            context = self._open("", message)
        if text:
            self._say(context, message, text)
            return True
        context.add("", now=True)

        async def end() -> None:
            await send(self._connection, {"audio": None, "isFinal": True, "normalizedAlignment": None})
            await self._connection.close(1000)

        context.speech.then(end)
        return True

    async def _take_several(self, message: Message) -> bool:
        if message.get("close_socket"):
            await self._connection.close(1000)
            return False
        name, text = message.get("context_id", message.get("contextId")), message.get("text")
        if name is None and text == "":
            return True  # keeps the connection alive
        name = name or "default"
        context = self._contexts.get(name)
        if message.get("close_context"):
            if context is not None:
                await self._end(name, context)
            return True
        if context is None:
            if len(self._contexts) >= MAX_CONTEXTS:
                await self._fail(
                    "max_active_conversations",
                    f"Maximum simultaneous contexts per WebSocket connection exceeded ({MAX_CONTEXTS}). "
                    "Please close an existing context before opening a new one.",
                )
                return False
            context = self._contexts[name] = self._open(name, message)
        elif "voice_settings" in message:
            await self._fail("policy_violation", "voice_settings can only be set when the context is created")
            return False
        self._say(context, message, text or "")
        return True

    def _say(self, context: _Context, message: Message, text: str) -> None:
        if text and not text.endswith(" "):
            self._server.violations.append(f"the text {text!r} does not end with a space")
        flush = bool(message.get("flush") or message.get("try_trigger_generation"))
        context.add(text, now=flush or self._auto)

    def _open(self, name: str, message: Message) -> _Context:
        async def emit(text: str, _start: int) -> None:
            await send(self._connection, self._audio(name, text))

        schedule = message.get("generation_config", {}).get("chunk_length_schedule", CHUNK_LENGTH_SCHEDULE)
        context = _Context(SpeakingContext(self._server, emit, self._server.realtime_factor), tuple(schedule))
        self._contexts[name] = context
        return context

    async def _end(self, name: str, context: _Context) -> None:
        """Speak what is buffered, then the context is over; what is said already is not taken back."""

        async def end() -> None:
            self._contexts.pop(name, None)
            await send(self._connection, {"isFinal": True, "contextId": self._shown(name)})

        context.add("", now=True)
        if self._server.fault == "audio-after-cancel":
            await end()
        elif self._server.fault != "no-final":
            context.speech.then(end)
        context.speech.end()

    def _audio(self, name: str, text: str) -> Message:
        law, _, rate = self._format.partition("_")
        pcm = speak(text, int(rate))
        encoded = {"ulaw": PCMU.encode, "alaw": PCMA.encode}.get(law, bytes)(pcm)
        spoken = characters(text)
        alignment: dict[str, list[Any]] = {
            "chars": [each.text for each in spoken],
            "charStartTimesMs": [each.start_ms for each in spoken],  # from the start of this message's audio
            "charDurationsMs": [MS_PER_CHARACTER for _ in spoken],
        }
        message: Message = {"audio": b64encode(encoded).decode("ascii"), "alignment": alignment}
        message["normalizedAlignment"] = alignment
        return {**message, "contextId": self._shown(name)} if self._several else {**message, "isFinal": None}

    def _shown(self, name: str) -> str:
        return "another" if self._server.fault == "wrong-context" else name

    async def _fail(self, error: str, why: str) -> None:
        await send(self._connection, {"message": why, "error": error, "code": 1008})
        await self._connection.close(1008, why[:120])
