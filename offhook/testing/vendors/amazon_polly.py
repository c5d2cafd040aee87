"""Amazon Polly's side: SynthesizeSpeech, with audio or speech marks."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, json_response
from offhook.testing.vendors.server import VendorServer, parsed
from offhook.testing.vendors.sigv4 import SignatureError, check
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

PATH = "/v1/speech"
MAX_CHARACTERS = 3_000
CHUNK_MS = 300
ENGINES = ("standard", "neural", "long-form", "generative")

_RATES = {"pcm": (8_000, 16_000), "mulaw": (8_000,), "alaw": (8_000,)}
_TYPES = {"pcm": "audio/pcm", "mulaw": "audio/mulaw", "alaw": "audio/alaw"}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {"pcm": bytes, "mulaw": PCMU.encode, "alaw": PCMA.encode}
_WORD = re.compile(r"[^\W_](?:[\w.,'$-]*\w)?|\$[\d.]*\d")


class Polly:
    """Answers requests, whose fields are in `requests`. `keys` returns the secret keys by access key id."""

    def __init__(self, server: VendorServer, keys: Callable[[], Mapping[str, str]]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._server = server
        self._keys = keys

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """An HTTP request."""
        fault = self._server.fault
        if fault == "mute":
            await asyncio.Event().wait()
        if fault == "busy":
            return _refusal(400, "ThrottlingException", "Rate exceeded")
        try:
            now = datetime.now(UTC)
            check(request.method, request.path, request.headers, request.body, self._keys(), "polly", now)
        except SignatureError as error:
            return _refusal(403, error.code, str(error))
        if (request.method, request.path) != ("POST", PATH):
            return _refusal(404, "UnknownOperationException", "")
        fields = parsed(request.body) or {}
        self.requests.append(fields)
        if wrong := _wrong(fields):
            return _refusal(400, *wrong)
        text = str(fields["Text"])
        if fields["OutputFormat"] == "json":
            return HttpResponse(content_type="application/x-json-stream", body=_marks(text))
        return HttpResponse(
            content_type=_TYPES[fields["OutputFormat"]],
            body=self._audio(text, str(fields["OutputFormat"]), _rate_hz(fields)),
            headers={"x-amzn-RequestCharacters": str(len(text))},
            breaks=fault == "dies",
        )

    async def _audio(self, text: str, form: str, rate_hz: int) -> AsyncIterator[bytes]:
        await self._server.late()
        audio = _ENCODERS[form](speak(text, rate_hz))
        if self._server.fault == "dies":
            audio = audio[: len(audio) // 2]
        size = CHUNK_MS * rate_hz // 1000 * (2 if form == "pcm" else 1)
        for at in range(0, len(audio), size):
            yield audio[at : at + size]
            if self._server.realtime_factor:
                await asyncio.sleep(CHUNK_MS / 1000 / self._server.realtime_factor)


def _wrong(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """Amazon's code and words for what is wrong with a request."""
    form, engine, marks = fields.get("OutputFormat"), fields.get("Engine", "standard"), fields.get("SpeechMarkTypes")
    missing = [name for name in ("OutputFormat", "Text", "VoiceId") if not fields.get(name)]
    if missing:
        return "ValidationException", f"Value null at '{missing[0]}' must not be null"
    if engine not in ENGINES:
        return "ValidationException", f"Value '{engine}' at 'engine' is not one of {', '.join(ENGINES)}"
    if not re.fullmatch("[A-Z][a-z]+", str(fields["VoiceId"])):
        return "ValidationException", f"Value '{fields['VoiceId']}' at 'voiceId' is not a voice"
    if len(str(fields["Text"])) > MAX_CHARACTERS:
        return "TextLengthExceededException", "Maximum text length has been exceeded"
    if form == "json":
        if engine == "generative":
            return "EngineNotSupportedException", "This engine does not have speech marks."
        return None if marks else ("MarksNotSupportedForFormatException", "json needs SpeechMarkTypes.")
    if marks:
        return "MarksNotSupportedForFormatException", f"Speech marks are not supported for the format {form}."
    if form not in _RATES:
        return "ValidationException", f"This server has {', '.join(_RATES)} and json, not {form}."
    if _rate_hz(fields) not in _RATES[form]:
        return "InvalidSampleRateException", f"{form} has no sample rate of {fields.get('SampleRate')}."
    return None


def _rate_hz(fields: Mapping[str, Any]) -> int:
    rate = str(fields.get("SampleRate") or (16_000 if fields.get("OutputFormat") == "pcm" else 8_000))
    return int(rate) if rate.isdigit() else 0


def _marks(text: str) -> bytes:
    """A line for each word; its place is in bytes of UTF-8."""
    lines = []
    for match in _WORD.finditer(text):
        start, end = (len(text[:at].encode()) for at in match.span())
        mark = {"time": match.start() * MS_PER_CHARACTER, "type": "word", "start": start, "end": end}
        lines.append(json.dumps({**mark, "value": match.group()}))
    return "\n".join(lines).encode()


def _refusal(status: int, code: str, why: str) -> HttpResponse:
    response = json_response(status, {"message": why})
    response.headers["x-amzn-ErrorType"] = code
    return response
