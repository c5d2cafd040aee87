"""Runs Piper in a child process. piper-tts is GPL-3: no other process may import this module."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from piper import PiperConfig, PiperVoice, SynthesisConfig

from offhook.pipeline.engine_host._onnx_graph import with_output
from offhook.pipeline.engine_host._onnx_session import session_of
from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.tts._decimate import Samples
from offhook.pipeline.tts._phonemes import placed, words_at

LEVEL = 0.7
"""Of full scale: Piper brings each sentence to it, and what follows limits peaks."""


class Piper:
    """ClauseVoice over Piper's models, which load when first used."""

    def __init__(self, voice: str, models: Mapping[str, Mapping[str, Any]]) -> None:
        self._default = voice
        self._models = models
        self._loaded: dict[str, PiperVoice] = {}

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """See ClauseVoice."""
        name = voice or self._default
        if name not in self._models:
            raise StreamFailure("choosing a voice", f"piper was given none called {name!r}")
        described, piper = self._models[name], self._load(name)
        config = SynthesisConfig(
            speaker_id=described["speaker"], length_scale=piper.config.length_scale / speed, volume=LEVEL
        )
        exact = bool(described["lengths"])
        pieces: list[Samples] = [np.zeros(0, np.float32)]
        groups: list[tuple[int, int]] = []
        done = 0
        for chunk in piper.synthesize(text, config, include_alignments=exact):
            lengths = chunk.phoneme_alignments or ()
            found = placed([each.phoneme for each in lengths], [int(each.num_samples) for each in lengths], _is_gap)
            groups += [(done + at, size) for at, size in found]
            pieces.append(chunk.audio_float_array)
            done += len(chunk.audio_float_array)
        words = words_at(text, groups, lambda word: sum(map(len, piper.phonemize(word)))) if exact else None
        return Spoken(np.concatenate(pieces), piper.config.sample_rate, words)

    def _load(self, name: str) -> PiperVoice:
        described = self._models[name]
        path = Path(str(described["model"]))
        key = str(path)  # speakers share a model
        if key not in self._loaded:
            model = path.read_bytes()
            session = session_of(with_output(model, described["lengths"]) if described["lengths"] else model)
            config = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
            self._loaded[key] = PiperVoice(session=session, config=PiperConfig.from_dict(config))
        return self._loaded[key]


class HostedPiper(ClauseHost):
    """`HostedEngine` over Piper. Options: `voice`, and the `models` of all voices: file, tensor of lengths, speaker."""

    def __init__(self, options: Mapping[str, Any], emit: Emit) -> None:
        super().__init__(Piper(str(options["voice"]), dict(options["models"])), emit)


def _is_gap(phoneme: str) -> bool:
    return phoneme in (" ", "^", "$")
