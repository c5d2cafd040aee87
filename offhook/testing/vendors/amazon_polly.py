"""Amazon Polly's side: SynthesizeSpeech, with audio or speech marks."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

PATH = "/v1/speech"
MAX_CHARACTERS = 3_000
ENGINES = ("standard", "neural", "long-form", "generative")

_RATES = {"pcm": (8_000, 16_000), "mulaw": (8_000,), "alaw": (8_000,)}
_TYPES = {"pcm": "audio/pcm", "mulaw": "audio/mulaw", "alaw": "audio/alaw"}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {"pcm": bytes, "mulaw": PCMU.encode, "alaw": PCMA.encode}
_WORD = re.compile(r"[^\W_](?:[\w.,'$-]*\w)?|\$[\d.]*\d")


class Audio(NamedTuple):
    """What a text is spoken as."""

    data: bytes
    bytes_per_s: int
    content_type: str


def audio_of(fields: Mapping[str, Any]) -> Audio:
    """The speech that a request asks for."""
    form, rate_hz = str(fields["OutputFormat"]), _rate_hz(fields)
    sample_bytes = 2 if form == "pcm" else 1
    return Audio(_ENCODERS[form](speak(str(fields["Text"]), rate_hz)), sample_bytes * rate_hz, _TYPES[form])


def wrong_request(fields: Mapping[str, Any]) -> tuple[str, str] | None:
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


def marks_of(text: str) -> bytes:
    """A line for each word; its place is in bytes of UTF-8."""
    lines = []
    for match in _WORD.finditer(text):
        start, end = (len(text[:at].encode()) for at in match.span())
        mark = {"time": match.start() * MS_PER_CHARACTER, "type": "word", "start": start, "end": end}
        lines.append(json.dumps({**mark, "value": match.group()}))
    return "\n".join(lines).encode()
