"""The voices of Google's test server: a stream of texts, or one text as a whole, and the list of voices."""

import asyncio
import wave
from collections.abc import Callable
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

from google.cloud.texttospeech_v1 import types
from google.cloud.texttospeech_v1beta1 import types as beta
from google.protobuf.json_format import MessageToDict

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.grpc_server import Call
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

CHUNK_CHARACTERS = 5
IDLE_S = 5.0
MAX_INPUT_BYTES = 5_000

IDLE = (
    "Stream aborted due to long duration elapsed without input sent. Input must be sent continuously, at least every "
    "5s seconds."
)
NOT_STREAMED = "Currently, only Chirp 3: HD voices are supported for streaming synthesis."

LOCALES = ("de-DE", "en-GB", "en-US", "es-ES", "fr-FR")
NAMES = ("Chirp3-HD-Kore", "Chirp3-HD-Puck", "Wavenet-A")
VOICES = {f"{locale}-{name}": locale for locale in LOCALES for name in NAMES}
VOICES |= {"en-US-Neural2-C": "en-US", "en-US-Studio-O": "en-US"}

Encoding = types.AudioEncoding
_ENCODERS: dict[int, Callable[[bytes], bytes]] = {
    Encoding.LINEAR16: bytes,
    Encoding.PCM: bytes,
    Encoding.MULAW: PCMU.encode,
    Encoding.ALAW: PCMA.encode,
}
_WAV_FORMATS = {Encoding.LINEAR16: 1, Encoding.MULAW: 7, Encoding.ALAW: 6}


async def stream(call: Call, realtime_factor: float) -> None:
    """StreamingSynthesize: each text is spoken when it comes; the call ends after the last one."""
    first = await call.read(IDLE_S, IDLE)
    if first is None or first.WhichOneof("streaming_request") != "streaming_config":
        await call.refuse("The first message must have a streaming_config.")
    call.log.messages.append(MessageToDict(first))
    config = first.streaming_config
    audio = config.streaming_audio_config
    await _check_voice(call, config.voice)
    if "-Chirp3-HD-" not in config.voice.name and not config.voice.model_name:
        await call.refuse(NOT_STREAMED)
    if audio.audio_encoding not in (Encoding.PCM, Encoding.MULAW, Encoding.ALAW):
        await call.refuse("Unsupported audio encoding.")
    encode, rate_hz = _ENCODERS[audio.audio_encoding], audio.sample_rate_hertz or 24_000
    spoken = 0
    while (message := await call.read(IDLE_S, IDLE)) is not None:
        call.log.messages.append(MessageToDict(message))
        text = message.input.text
        if not 0 < len(text.encode()) <= MAX_INPUT_BYTES:
            await call.refuse("Input is empty, or longer than the limit of 5000 bytes.")
        for at in range(0, len(text), CHUNK_CHARACTERS):
            if not spoken:
                await call.server.late()
            chunk = text[at : at + CHUNK_CHARACTERS]
            await call.write(types.StreamingSynthesizeResponse.pb()(audio_content=encode(speak(chunk, rate_hz))))
            spoken += len(chunk)
            if realtime_factor:
                await asyncio.sleep(len(chunk) * MS_PER_CHARACTER / 1000 / realtime_factor)


async def whole(call: Call) -> None:
    """SynthesizeSpeech of version 1, which tells nothing about marks."""
    await _whole(call, types.SynthesizeSpeechResponse.pb()())


async def marked(call: Call) -> None:
    """SynthesizeSpeech of version 1beta1."""
    await _whole(call, beta.SynthesizeSpeechResponse.pb()())


async def listed(call: Call) -> None:
    """ListVoices."""
    request = await call.read(IDLE_S, IDLE)
    response = types.ListVoicesResponse.pb()()
    for name, locale in VOICES.items():
        if locale.startswith(request.language_code):
            response.voices.add(name=name, language_codes=[locale], natural_sample_rate_hertz=24_000)
    await call.write(response)


async def _whole(call: Call, response: Any) -> None:
    request = await call.read(IDLE_S, IDLE)
    call.log.messages.append(MessageToDict(request))
    await _check_voice(call, request.voice)
    config = request.audio_config
    if config.audio_encoding not in _ENCODERS:
        await call.refuse("Invalid audio encoding.")
    size = len(request.input.text.encode()) + len(request.input.ssml.encode())
    if not 0 < size <= MAX_INPUT_BYTES:
        await call.refuse("Either `input.text` or `input.ssml` is longer than the limit of 5000 bytes, or empty.")
    try:
        text, marks = _read(request.input.ssml) if request.input.ssml else (request.input.text, {})
    except ElementTree.ParseError:
        await call.refuse("Invalid SSML. Newer voices like Neural2 require valid SSML.")
    await call.server.late()
    rate_hz = config.sample_rate_hertz or 24_000
    audio = _ENCODERS[config.audio_encoding](speak(text, rate_hz))
    response.audio_content = _file(audio, config.audio_encoding, rate_hz)
    if getattr(request, "enable_time_pointing", ()):
        for name, at in marks.items():
            response.timepoints.add(mark_name=name, time_seconds=at * MS_PER_CHARACTER / 1000)
    await call.write(response)


async def _check_voice(call: Call, voice: Any) -> None:
    if voice.model_name:
        return
    if voice.name not in VOICES:
        await call.refuse(f"Voice '{voice.name}' does not exist. Is it misspelled?")
    if VOICES[voice.name].lower() != voice.language_code.lower():
        await call.refuse(
            f"Requested language code '{voice.language_code}' doesn't match the voice '{voice.name}''s language code."
        )


def _read(ssml: str) -> tuple[str, dict[str, int]]:
    """The text, and the characters before each mark. Raises ParseError."""
    root = ElementTree.fromstring(ssml)
    text, marks = root.text or "", {}
    for element in root:
        marks[element.get("name", "")] = len(text)
        text += element.tail or ""
    return text, marks


def _file(audio: bytes, encoding: int, rate_hz: int) -> bytes:
    """With the header of a WAV file, but for PCM."""
    if encoding not in _WAV_FORMATS:
        return audio
    file = BytesIO()
    width = 2 if encoding == Encoding.LINEAR16 else 1
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(width)
        wav.setframerate(rate_hz)
        wav.writeframes(audio)
    header = bytearray(file.getvalue())
    header[20:22] = _WAV_FORMATS[Encoding(encoding)].to_bytes(2, "little")
    return bytes(header)
