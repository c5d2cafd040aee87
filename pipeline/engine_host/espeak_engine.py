"""Runs espeak-ng in a child process, by ctypes. It is GPL-3: no other process may import this module."""

import ctypes
from collections.abc import Mapping
from typing import Any

import espeakng_loader
import numpy as np

from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken, texts_of
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.tts._decimate import Samples

# espeak-ng's speak_lib.h, 1.52.
_SYNCHRONOUS = 2  # the callback runs within espeak_Synth; the other modes wait 20 ms for a thread
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_EVENT_LIST_END = 0
_EVENT_WORD = 1
_PARAMETER_RATE = 1


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
        self._usual_wpm = self._set_wpm = rate_wpm
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

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """See ClauseVoice."""
        wpm = round(self._usual_wpm * speed)
        if wpm != self._set_wpm:
            self._library.espeak_SetParameter(_PARAMETER_RATE, wpm, 0)
            self._set_wpm = wpm
        samples, words = self.synthesize(text, voice)
        return Spoken(samples, self.rate_hz, words)

    def choose(self, voice: str) -> None:
        """Speak with this voice. Raises StreamFailure if there is none of that name."""
        # Takes less than a millisecond, and keeps the rate of speech.
        if voice != self._voice:
            self._voice = ""  # unless the new one is found, it is unknown which one is set
            if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
                why = f"espeak-ng has none called {voice!r}"
                raise StreamFailure("choosing a voice", why, "`offhook voices` lists those that are here.")
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


class HostedEspeak(ClauseHost):
    """`HostedEngine` over espeak-ng. Options: `voice`, `rate_wpm`, and other `voices` that must exist."""

    def __init__(self, options: Mapping[str, object], emit: Emit) -> None:
        espeak = Espeak(str(options.get("voice", "en-us")), int(str(options.get("rate_wpm", 165))))
        for voice in texts_of(options, "voices"):
            espeak.choose(voice)
        super().__init__(espeak, emit)
