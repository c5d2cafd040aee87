"""StreamingRecognize of Google's test server: a call with audio, and one of the script's texts for each segment of it.

A segment ends with a pause, or with the call. Partial results come in two parts, the second one less stable.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import grpc
from google.cloud.speech_v2.types import (
    ExplicitDecodingConfig,
    StreamingRecognitionConfig,
    StreamingRecognizeResponse,
)
from google.protobuf.json_format import MessageToDict

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.grpc_server import Call
from offhook.testing.vendors.script import Script, TimedWord, Turn

MAX_STREAM_S = 300.0
IDLE_S = 10.0
MAX_AUDIO_BYTES = 25_600
MAX_CONFIG_BYTES = 25_600
MAX_PHRASES, MAX_PHRASE_CHARS = 1_200, 100

STEP_MS = 20
"""Audio is looked at in pieces of this length, whatever came in a message."""

ACTIVITY_END_S = 0.5
SEGMENT_END_S = 0.6
"""Pauses after which the voice activity ends, and a result is final."""

LIMIT = "Max duration of 5 minutes reached for stream."
IDLE = "Stream timed out after receiving no more client requests."

Response = StreamingRecognizeResponse.pb()
Event = StreamingRecognizeResponse.SpeechEventType
Encoding = ExplicitDecodingConfig.AudioEncoding

_DECODERS: dict[Any, Callable[[bytes], bytes]] = {
    Encoding.LINEAR16: bytes,
    Encoding.MULAW: PCMU.decode,
    Encoding.ALAW: PCMA.decode,
}
_RECOGNISER = re.compile(r"projects/[^/]+/locations/[^/]+/recognizers/[^/]+")


class Recognition:
    """One call."""

    def __init__(self, script: Script, max_stream_s: float, call: Call) -> None:
        self._script = script
        self._max_stream_s = max_stream_s
        self._call = call
        self._config: Any = StreamingRecognitionConfig.pb()()
        self._is_active = False
        self._partials = 0
        self._rate_hz = 8_000
        self._turn: Turn

    async def run(self) -> None:
        """Serve until it is over."""
        call = self._call
        first = await call.read(IDLE_S, IDLE)
        wrong = _wrong(first)
        if wrong:
            await call.refuse(wrong)
        call.log.messages.append(MessageToDict(first))
        self._config = first.streaming_config
        decoding = self._config.config.explicit_decoding_config
        decode, self._rate_hz = _DECODERS[decoding.encoding], decoding.sample_rate_hertz
        self._turn = Turn(self._script, self._rate_hz)
        while (message := await call.read(IDLE_S, IDLE)) is not None:
            if message.WhichOneof("streaming_request") != "audio":
                await call.refuse("Invalid audio: only the first message may have a streaming_config.")
            if len(message.audio) > MAX_AUDIO_BYTES:
                received = f"Received audio of {len(message.audio)} bytes instead."
                await call.refuse(f"Audio chunk can be of a maximum of {MAX_AUDIO_BYTES} bytes. {received}")
            call.log.audio += message.audio
            pcm, step = decode(message.audio), 2 * self._rate_hz * STEP_MS // 1000
            for at in range(0, len(pcm), step):
                await self._heard(self._turn.push(pcm[at : at + step]))
            if self._turn.end_s > self._max_stream_s:
                await call.abort(grpc.StatusCode.ABORTED, LIMIT)
        await call.server.late()
        if call.server.fault == "no-final":
            await asyncio.Event().wait()
        await self._final()

    async def _heard(self, text: str | None) -> None:
        turn = self._turn
        if turn.heard_speech and turn.silence_s == 0 and not self._is_active:
            self._is_active = True
            await self._event(Event.SPEECH_ACTIVITY_BEGIN)
        if text is not None and self._config.streaming_features.interim_results:
            await self._partial(turn.shown_words())
        if self._is_active and turn.silence_s >= ACTIVITY_END_S:
            self._is_active = False
            await self._event(Event.SPEECH_ACTIVITY_END)
        if turn.silence_s >= SEGMENT_END_S and self._call.server.fault != "no-final":
            await self._final()

    async def _event(self, event: Any) -> None:
        if self._config.streaming_features.enable_voice_activity_events:
            response = Response(speech_event_type=int(event))
            _set(response.speech_event_offset, self._turn.end_s)
            await self._call.write(response)

    async def _partial(self, words: list[TimedWord]) -> None:
        self._partials += 1
        texts = [word.text for word in self._call.server.shown(words, self._partials)]
        response = Response()
        stable = " ".join(texts[:-1])
        for text, stability in ((stable, 0.9), (" ".join(texts)[len(stable) :], 0.01)):
            if text:
                result = response.results.add(stability=stability, language_code=self._language)
                result.alternatives.add(transcript=text)
                _set(result.result_end_offset, self._turn.end_s)
        await self._call.write(response)

    async def _final(self) -> None:
        """The segment is over. Without speech in it there is no result."""
        turn, self._turn = self._turn, Turn(self._script, self._rate_hz, self._turn.end_s)
        if not turn.heard_speech:
            return
        words = turn.finish()
        response = Response()
        result = response.results.add(is_final=True, language_code=self._language)
        _set(result.result_end_offset, turn.end_s)
        text = " ".join(word.text for word in words)
        best = result.alternatives.add(transcript=text, confidence=0.97)
        features = self._config.config.features
        for word in words if features.enable_word_time_offsets else ():
            info = best.words.add(word=word.text, confidence=0.97 if features.enable_word_confidence else 0.0)
            _set(info.start_offset, word.start_s)
            _set(info.end_offset, word.end_s)
        if features.max_alternatives > 1:
            result.alternatives.add(transcript=text.upper())
        await self._call.write(response)

    @property
    def _language(self) -> str:
        return str(self._config.config.language_codes[0])


def _wrong(first: Any) -> str:
    """What Google would refuse in the first message."""
    if first is None or first.WhichOneof("streaming_request") != "streaming_config":
        return "Invalid request: the first message must have a streaming_config."
    if first.ByteSize() > MAX_CONFIG_BYTES:
        return "Invalid request: the message is too large."
    if not _RECOGNISER.fullmatch(first.recognizer):
        return f"Invalid resource name: {first.recognizer!r}."
    config = first.streaming_config.config
    decoding = config.explicit_decoding_config
    if decoding.encoding not in _DECODERS or not 8_000 <= decoding.sample_rate_hertz <= 48_000:
        return "Invalid recognition 'config': bad encoding or sample rate hertz."
    if not config.model or not config.language_codes:
        return "Invalid recognition 'config': model and language_codes are needed."
    if "-" not in config.language_codes[0]:
        return f'The language "{config.language_codes[0]}" is not supported by the model "{config.model}".'
    for phrase_set in config.adaptation.phrase_sets:
        found = phrase_set.inline_phrase_set
        if len(found.phrases) > MAX_PHRASES or not 0 <= found.boost <= 20:
            return "Invalid adaptation: too many phrases, or the boost is not from 0 to 20."
        if any(not 0 < len(phrase.value) <= MAX_PHRASE_CHARS for phrase in found.phrases):
            return f"Invalid adaptation: a phrase has 1 to {MAX_PHRASE_CHARS} characters."
    return ""


def _set(duration: Any, seconds: float) -> None:
    duration.seconds, duration.nanos = int(seconds), round(seconds % 1 * 1e9) % 1_000_000_000
