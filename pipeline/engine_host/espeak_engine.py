"""Runs espeak-ng in a child process, by ctypes. It is GPL-3: no other process may import this module."""

import ctypes
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import espeakng_loader
import numpy as np

from offhook.pipeline.clauses import Clause, clauses
from offhook.pipeline.engine_host.protocol import AUDIO_PIECE, Kind, ProtocolError, StreamFailure, decode_json
from offhook.pipeline.tts._decimate import OUTPUT_HZ, Samples, decimate
from offhook.pipeline.tts._words import WordSpan, align

# espeak-ng's speak_lib.h, 1.52.
_SYNCHRONOUS = 2  # the callback runs within espeak_Synth; the other modes wait 20 ms for a thread
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_EVENT_LIST_END = 0
_EVENT_WORD = 1
_PARAMETER_RATE = 1

LIMIT = 0.85
"""Of full scale: gains stay below it, and the codec does not clip."""

AUDIBLE = 0.006
"""Of full scale (44 dB down): anything below is silence around speech."""

LEAD_SAMPLES = 40
"""5 ms kept before the first sound. Counts are at 8 kHz; at 16 kHz they double."""

TAIL_SAMPLES = 480
"""60 ms kept after the last sound."""

PAUSE_SAMPLES = 2_400
"""300 ms from one sentence to the next."""

SOFT_PAUSE_SAMPLES = 800
"""100 ms within a sentence that was divided."""

Emit = Callable[[Kind, int, bytes], None]


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library, initialised: text to samples. `voice` is used where `synthesize` names none."""

    def __init__(self, voice: str, rate_wpm: int) -> None:
        self._pcm = bytearray()
        self._words: list[tuple[int, int]] = []
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT))
        if self.rate_hz <= 0:
            raise StreamFailure("starting espeak-ng", "it could not read its data")
        self._default = voice
        self._voice = ""
        self.choose(voice)
        self._library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
        self._callback = _Callback(self._take)  # kept here, as the library keeps only the pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def synthesize(self, text: str, voice: str = "") -> tuple[Samples, list[tuple[int, int]]]:
        """The samples of `text`, -1 to 1 at `rate_hz`, and (character, sample) of each of espeak's words."""
        self.choose(voice or self._default)
        self._pcm.clear()
        self._words.clear()
        data = text.replace("\0", " ").encode(errors="replace")
        size = ctypes.c_size_t(len(data) + 1)
        error = self._library.espeak_Synth(data, size, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None)
        if error != 0:
            raise StreamFailure("speaking", f"espeak-ng answered {error}")
        samples = np.frombuffer(bytes(self._pcm), np.int16).astype(np.float32) / 32_768.0
        return samples, list(self._words)

    def choose(self, voice: str) -> None:
        """Speak with this voice. Raises StreamFailure if there is none of that name."""
        # Takes less than a millisecond, and keeps the rate of speech.
        if voice != self._voice:
            self._voice = ""  # unless the new one is found, it is unknown which one is set
            if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
                why = f"espeak-ng has none called {voice!r}"
                raise StreamFailure("choosing a voice", why, "Try en-us or en-gb-x-rp.")
            self._voice = voice

    def _take(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._pcm += ctypes.string_at(wave, count * 2)
        index = 0
        while events[index].type != _EVENT_LIST_END:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.sample))
            index += 1
        return 0


@dataclass(slots=True)
class _Stream:
    left: list[Clause]  # not yet spoken
    rate_hz: int
    voice: str
    said_samples: int = 0


class HostedEspeak:
    """`HostedEngine` over espeak-ng. Options: `voice`, `rate_wpm`, and other `voices` that must exist.

    One step speaks one clause.
    """

    def __init__(self, options: Mapping[str, object], emit: Emit) -> None:
        self._emit = emit
        self._streams: OrderedDict[int, _Stream] = OrderedDict()
        self._espeak = Espeak(str(options.get("voice", "en-us")), int(str(options.get("rate_wpm", 165))))
        others = options.get("voices")
        for voice in others if isinstance(others, list) else ():
            self._espeak.choose(str(voice))
        decimate(self._espeak.synthesize("ready")[0], self._espeak.rate_hz)  # triggers espeak's lazy loading

    def info(self) -> dict[str, object]:
        """The voice in use."""
        return {"engine": "espeak-ng", "rate_hz": OUTPUT_HZ}

    def open(self, stream: int, payload: bytes) -> None:
        """Begin a stream: {"text": str, "rate_hz": 8000 or 16000, "voice": str, "language": str}; it ends by itself.

        All but the text may be missing.
        """
        wanted = decode_json(payload)
        text, voice, language = (wanted.get(key, "") for key in ("text", "voice", "language"))
        rate_hz = wanted.get("rate_hz", OUTPUT_HZ)
        if "text" not in wanted or not all(isinstance(value, str) for value in (text, voice, language)):
            raise ProtocolError("the text, the voice or the language is not a string")
        if rate_hz not in (OUTPUT_HZ, 2 * OUTPUT_HZ):
            raise ProtocolError("the rate is neither 8000 nor 16000 Hz")
        self._streams[stream] = _Stream(clauses(text, language), rate_hz, voice)

    def data(self, stream: int, payload: bytes) -> None:
        """A voice takes no audio."""

    def end(self, stream: int) -> None:
        """Nothing to do: the text is already complete."""

    def drop(self, stream: int) -> None:
        """Drop the stream."""
        self._streams.pop(stream, None)

    def next_stream(self) -> int | None:
        """The stream that has waited longest."""
        return next(iter(self._streams), None)

    def step(self, stream: int) -> None:
        """Speak the stream's next clause."""
        self._streams.move_to_end(stream)
        state = self._streams[stream]
        if state.left:
            clause = state.left.pop(0)
            start, text = clause
            pause = SOFT_PAUSE_SAMPLES if clause.ends_softly else PAUSE_SAMPLES
            samples, words = self._espeak.synthesize(text, state.voice)
            rate_hz, scale = state.rate_hz, state.rate_hz // OUTPUT_HZ
            samples, spans = cut(
                decimate(samples, self._espeak.rate_hz, rate_hz),
                [(character, sample * rate_hz // self._espeak.rate_hz) for character, sample in words],
                text,
                lead=scale * LEAD_SAMPLES,
                tail=scale * (pause if state.left else TAIL_SAMPLES),
            )
            self._speak(stream, samples, [_shifted(span, start, state.said_samples) for span in spans])
            state.said_samples += len(samples)
        if not state.left:
            del self._streams[stream]
            self._emit(Kind.RESULT, stream, json.dumps({"samples": state.said_samples}).encode())

    def _speak(self, stream: int, samples: Samples, spans: list[WordSpan]) -> None:
        words = [(s.char_start, s.char_end, s.start_sample, s.end_sample) for s in spans]
        self._emit(Kind.NOTE, stream, json.dumps({"words": words}).encode())
        pcm = np.round(limited(samples) * 32_767.0).astype("<i2").tobytes()
        for at in range(0, len(pcm), AUDIO_PIECE):
            self._emit(Kind.DATA, stream, pcm[at : at + AUDIO_PIECE])


def limited(samples: Samples) -> Samples:
    """Limit the level to LIMIT; the upper half of the scale is compressed rather than clipped."""
    knee = LIMIT / 2.0
    over = np.maximum(np.abs(samples) - knee, 0.0)
    bent = knee + (LIMIT - knee) * np.tanh(over / (LIMIT - knee))
    result: Samples = np.where(over > 0.0, np.sign(samples) * bent, samples).astype(np.float32)
    return result


def cut(
    samples: Samples, words: list[tuple[int, int]], text: str, *, lead: int = LEAD_SAMPLES, tail: int
) -> tuple[Samples, list[WordSpan]]:
    """Speech from `lead` samples before its first sound, with `tail` samples of near silence after the last.

    Word positions are shifted accordingly, and each word ends with its last sound instead of the pause after it.
    """
    audible = np.flatnonzero(np.abs(samples) > AUDIBLE)
    if len(audible) == 0:
        return samples[:0], []
    first = max(0, int(audible[0]) - lead)
    audible -= first
    end = int(audible[-1]) + 1
    kept = samples[first : first + end + tail]
    kept = np.concatenate((kept, np.zeros(end + tail - len(kept), np.float32)))
    spans = []
    for span in align(text, [(character, max(0, sample - first)) for character, sample in words], end):
        sounds = int(audible[max(0, int(np.searchsorted(audible, span.end_sample)) - 1)]) + 1
        spans.append(replace(span, end_sample=min(span.end_sample, max(span.start_sample, sounds))))
    return kept, spans


def _shifted(span: WordSpan, characters: int, samples: int) -> WordSpan:
    return WordSpan(
        span.char_start + characters,
        span.char_end + characters,
        span.start_sample + samples,
        span.end_sample + samples,
    )
