"""Runs Kokoro in a child process, by kokoro-onnx, whose phonemes come from espeak-ng (GPL-3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from kokoro_onnx import Kokoro

from offhook.pipeline.engine_host._onnx_session import session_of
from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.tts._phonemes import words_at

_ESPEAK_NAMES = {"fr": "fr-fr", "zh": "cmn"}
"""Where kokoro-onnx calls a language otherwise."""

_MARKS = frozenset(';:,.!?—…"()“”')
"""In the model's phonemes, beside sounds."""


class KokoroVoices:
    """ClauseVoice over Kokoro's model; `languages` has the language of each voice."""

    def __init__(self, voice: str, model: str, styles: str, languages: Mapping[str, str]) -> None:
        self._default = voice
        self._languages = languages
        self._kokoro = Kokoro.from_session(session_of(model), styles)

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """See ClauseVoice."""
        name = voice or self._default
        if name not in self._languages:
            raise StreamFailure("choosing a voice", f"kokoro has none called {name!r}")
        language = self._languages[name]
        spoken_as = _ESPEAK_NAMES.get(language, language)
        samples, rate_hz, timings = self._kokoro.create_timed(text, name, speed, spoken_as)
        groups = _groups(timings, rate_hz)
        phonemize = self._kokoro.tokenizer.phonemize
        words = words_at(text, groups, lambda word: len(phonemize(word, spoken_as))) if timings else None
        return Spoken(np.asarray(samples, np.float32), int(rate_hz), words)


def _groups(timings: Sequence[Any], rate_hz: int) -> list[tuple[int, int]]:
    """(first sample, phonemes) of each group between spaces: what is spoken as one word, or as several joined."""
    groups: list[tuple[int, int]] = []
    after_gap = True
    for each in timings:
        if each.phoneme.isspace():
            after_gap = True
        elif each.phoneme not in _MARKS:
            if after_gap:
                groups.append((round(each.start * rate_hz), 0))
            groups[-1] = (groups[-1][0], groups[-1][1] + 1)
            after_gap = False
    return groups


class HostedKokoro(ClauseHost):
    """`HostedEngine` over Kokoro. Options: `voice`, the files `model` and `styles`, and the voices' `languages`."""

    def __init__(self, options: Mapping[str, Any], emit: Emit) -> None:
        files = str(options["model"]), str(options["styles"])
        super().__init__(KokoroVoices(str(options["voice"]), *files, dict(options["languages"])), emit)
