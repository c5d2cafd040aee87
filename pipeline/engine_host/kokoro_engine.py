"""Runs Kokoro in a child process, by kokoro-onnx, whose phonemes come from espeak-ng (GPL-3)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro

from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import StreamFailure

_ESPEAK_NAMES = {"fr": "fr-fr", "zh": "cmn"}
"""Where kokoro-onnx calls a language otherwise."""


class KokoroVoices:
    """ClauseVoice over Kokoro's model; `languages` has the language of each voice."""

    def __init__(self, voice: str, model: str, styles: str, languages: Mapping[str, str]) -> None:
        self._default = voice
        self._languages = languages
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._kokoro = Kokoro.from_session(session, styles)

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """See ClauseVoice."""
        name = voice or self._default
        if name not in self._languages:
            raise StreamFailure("choosing a voice", f"kokoro has none called {name!r}")
        language = self._languages[name]
        samples, rate_hz = self._kokoro.create(text, name, speed, _ESPEAK_NAMES.get(language, language))
        return Spoken(np.asarray(samples, np.float32), int(rate_hz))


class HostedKokoro(ClauseHost):
    """`HostedEngine` over Kokoro. Options: `voice`, the files `model` and `styles`, and the voices' `languages`."""

    def __init__(self, options: Mapping[str, Any], emit: Emit) -> None:
        files = str(options["model"]), str(options["styles"])
        super().__init__(KokoroVoices(str(options["voice"]), *files, dict(options["languages"])), emit)
