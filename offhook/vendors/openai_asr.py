"""OpenAI's recognisers: `[asr] engine = "openai"`.

With `api = "realtime"` a turn is a transcription session on a WebSocket, opened before it and ended by a commit; G.711
is taken as it is. Most models begin when the turn is over, so that partials are words of the final as they come. With
`api = "transcriptions"` the turn is a file that is sent at its end, which many other servers understand too.
"""

import asyncio
import io
import json
import wave
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, OnPartial, Transcript
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.pipeline.language import primary
from offhook.vendors.connection import Message, fields_of
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.http import HttpClient
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions, keyterms_of
from offhook.vendors.limits import Limits
from offhook.vendors.openai import VENDOR, OpenAiOptions, target
from offhook.vendors.packing import Packing
from offhook.vendors.probe import probe
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, silence
from offhook.vendors.target import Target

MIN_COMMIT_S = 0.1
READY_S = 3.0
UNUSED_S = 600.0
FILE_HZ = 16_000

REST_S = 1.0
"""For an answer that has begun to come to its end."""

MAX_ANSWER_BYTES = 1_000_000

_FORMATS = {"PCMU": {"type": "audio/pcmu"}, "PCMA": {"type": "audio/pcma"}}
_TRANSCRIPTION = "conversation.item.input_audio_transcription."


class OpenAiAsrOptions(RecogniserOptions, OpenAiOptions, KeytermOptions):
    """See docs/engines.md. `final_ms` is long: OpenAI begins with a turn at its end."""

    api: Literal["realtime", "transcriptions"] = "realtime"
    realtime_url: str = "wss://api.openai.com"
    model: str = "gpt-4o-mini-transcribe"
    prompt: str | None = None
    noise_reduction: Literal["near_field", "far_field"] | None = None
    turns: Literal["ours"] = "ours"
    encoding: Literal["line", "PCMU", "PCMA"] = "line"
    final_ms: Annotated[int, Field(ge=50, le=10_000)] = 1_500


def guidance(options: OpenAiAsrOptions, keyterms: tuple[str, ...]) -> dict[str, object]:
    """How the model is told what to expect: as keywords, in its prompt, or not at all."""
    found: dict[str, object] = {} if options.prompt is None else {"prompt": options.prompt}
    if not keyterms:
        return found
    if options.model.startswith(("gpt-transcribe", "gpt-live-transcribe")):
        return {**found, "keywords": list(keyterms)}
    if options.model.startswith(("whisper", "gpt-4o")) and "diarize" not in options.model:
        words = ", ".join(keyterms)  # whisper takes a list of keywords, the others a text
        expected = words if options.model.startswith("whisper") else f"Expect: {words}."
        return {"prompt": f"{options.prompt} {expected}" if options.prompt else expected}
    return found


class OpenAiTurn(RecogniserTurn):
    """A turn, and a session with one item."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._item: str | None = None
        self._text = ""
        self._sent_s = 0.0

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn."""
        self._sent_s += len(audio) / self.form.bytes_per_s
        return json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(audio).decode("ascii")})

    def force(self) -> Message:
        """Commit, with silence behind the audio if there is too little of it."""
        missing_s = 1.1 * MIN_COMMIT_S - self._sent_s
        if missing_s > 0:
            self.connection.send(self.pack(silence(self.form, missing_s)))
        return '{"type":"input_audio_buffer.commit"}'

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        fields = fields_of(message)
        kind = str(fields.get("type") or "")
        if kind == "input_audio_buffer.committed":
            self._item = str(fields.get("item_id"))
            self.finals.interim("")
        elif kind == "error":
            self.connection.fail(_error(self.target, fields.get("error")))
        elif kind.startswith(_TRANSCRIPTION) and self._item in (None, fields.get("item_id")):
            self._result(kind.removeprefix(_TRANSCRIPTION), fields)

    def _result(self, kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "delta":
            self._text += str(fields.get("delta") or "")
            self.finals.interim(self._text.strip())
        elif kind == "completed":
            self.finals.segment(Transcript(str(fields.get("transcript") or "").strip()))
            self.finals.complete()
        elif kind == "failed":
            self.connection.fail(_error(self.target, fields.get("error")))


class OpenAiAsr(VendorAsr[OpenAiAsrOptions]):
    """By the realtime API. Made by `make`."""

    turn_type = OpenAiTurn
    packing = Packing(20, 1_000)
    encodings = ("PCMU", "PCMA")
    reuses = False
    word_times = False
    confidence = False

    def __init__(self, options: OpenAiAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        super().__init__(options, context, limits or Limits(unused_s=UNUSED_S), None, None)

    def for_line(self, encoding: str, rate_hz: int) -> "OpenAiAsr":
        """See VendorAsr. PCM would have to have 24 kHz: what is not A-law becomes mu-law."""
        return super().for_line(encoding if encoding == "PCMA" else "PCMU", 8_000)

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key, which OpenAI tells in a message."""
        where = self._target(None)

        def judge(message: Message) -> EngineError | bool:
            fields = fields_of(message)
            if fields.get("type") == "error":
                return _error(where, fields.get("error"))
            return fields.get("type") == "session.updated"

        unreached = await probe(where, self.pool.limits, judge, READY_S)
        await self.pool.start(where, unreached=unreached)

    def target(self, language: str) -> Target:
        """See VendorAsr. A session begins with its configuration."""
        keyterms = keyterms_of(self.options, (), self.keyterm_limits)
        url = f"{self.options.realtime_url.rstrip('/')}/v1/realtime?intent=transcription"
        found = target("asr", self.name, self.options, url, (self._update(language, keyterms),))
        return replace(found, keyterms=keyterms)

    def preferring(self, language: str, keyterms: tuple[str, ...]) -> str:
        """See VendorAsr."""
        return self._update(language, keyterms)

    def _update(self, language: str, keyterms: tuple[str, ...]) -> str:
        options = self.options
        transcription: dict[str, object] = {"model": options.model, "language": primary(language)}
        transcription |= guidance(options, keyterms)
        taken: dict[str, object] = {"format": _FORMATS[self.form.encoding], "transcription": transcription}
        taken["turn_detection"] = None
        if options.noise_reduction is not None:
            taken["noise_reduction"] = {"type": options.noise_reduction}
        session = {"type": "transcription", "audio": {"input": taken}}
        return json.dumps({"type": "session.update", "session": session})


class OpenAiFileAsr:
    """`AsrEngine` by requests with a file. Made by `make`."""

    capabilities = AsrCapabilities(FILE_HZ, grammar=False, free_speech=True, partials=False, forces="grammar")

    def __init__(self, options: OpenAiAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        self.name = context.name
        self.options = options
        self.audio_s = 0.0
        self.unreached: EngineError | None = None
        """Why OpenAI could not be reached at the start."""
        self._language = options.language or context.language
        self._client = HttpClient(limits or Limits())
        self._target = target("asr", self.name, options, f"{options.base_url.rstrip('/')}/audio/transcriptions")

    async def start(self) -> None:
        """Send a moment of silence, so that a wrong key is found. Raises VendorRefusedError."""
        try:
            await self.transcribe(bytes(FILE_HZ), self._language)
        except VendorRefusedError:
            raise
        except EngineError as error:
            self.unreached = error  # an outage is no reason not to start

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self._client.close()

    def open(self, request: AsrRequest, on_partial: OnPartial) -> "_FileTurn":
        """Begin a turn."""
        keyterms = keyterms_of(self.options, request.phrases, KeytermLimits())
        return _FileTurn(self, request.language or self._language, keyterms)

    async def transcribe(self, pcm: bytes, language: str, keyterms: tuple[str, ...] = ()) -> Transcript:
        """The text of PCM at 16 kHz. Raises EngineError, EngineTimeout."""
        options = self.options
        self.audio_s += len(pcm) / 2 / FILE_HZ
        fields = {"model": options.model, "language": primary(language), "response_format": "json"}
        if "prompt" in (guided := guidance(options, keyterms)):
            fields["prompt"] = str(guided["prompt"])
        body, content_type = _form(fields, _wav(pcm))
        answer = bytearray()
        pieces = self._client.post(self._target, body, content_type, options.final_ms / 1000)
        try:
            async with asyncio.timeout(options.final_ms / 1000 + REST_S):
                async for piece in pieces:
                    answer += piece
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise EngineError(self.name, f"asking {VENDOR}", "the answer is too long")
        except TimeoutError:
            raise EngineTimeout(self.name, f"asking {VENDOR}", "the answer did not come to its end") from None
        finally:
            await pieces.aclose()
        text = fields_of(answer.decode("utf-8", "replace")).get("text")
        if not isinstance(text, str):
            raise EngineError(self.name, f"asking {VENDOR}", "the answer has no text")
        return Transcript(text.strip())


class _FileTurn:
    """A turn, whose audio is collected."""

    def __init__(self, engine: OpenAiFileAsr, language: str, keyterms: tuple[str, ...]) -> None:
        self._engine = engine
        self._language = language
        self._keyterms = keyterms
        self._pcm = bytearray()

    def feed(self, pcm: bytes) -> None:
        """See AsrStream."""
        self._pcm += pcm

    async def finish(self) -> Transcript:
        """See AsrStream."""
        return await self._engine.transcribe(bytes(self._pcm), self._language, self._keyterms)

    def cancel(self) -> None:
        """See AsrStream."""
        self._pcm.clear()


def make(options: Mapping[str, Any], context: EngineContext) -> OpenAiAsr | OpenAiFileAsr:
    """The factory of `asr.engine = "openai"`."""
    own = read_options(OpenAiAsrOptions, options, context)
    return OpenAiAsr(own, context) if own.api == "realtime" else OpenAiFileAsr(own, context)


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(FILE_HZ)
        audio.writeframes(pcm)
    return file.getvalue()


def _form(fields: Mapping[str, str], wav: bytes) -> tuple[bytes, str]:
    """A multipart form (RFC 7578) with the file, and its content type."""
    boundary = "offhook-7f6b1a0d2c"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="turn.wav"\r\n'
    parts += [f"{head}Content-Type: audio/wav\r\n\r\n".encode(), wav, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _error(where: Target, error: object) -> EngineError:
    fields = error if isinstance(error, dict) else {}
    code, what = fields.get("code"), f"talking to {VENDOR}"
    why = f"{str(fields.get('message') or 'it did not say why')[:200]} ({code})"
    if code == "invalid_api_key":
        return VendorRefusedError(where.name, what, f"{VENDOR} refused the key: {why}", where.hint)
    if fields.get("type") == "invalid_request_error" and code != "session_expired":
        return VendorRefusedError(where.name, what, why, f"Look at the options below [{where.kind}.{where.name}].")
    return EngineError(where.name, what, why)
