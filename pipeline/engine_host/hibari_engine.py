"""Runs hibari-tts in a child process.

Its network gives spectra; the lengths of the phonemes, from which the words' places follow, are computed inside it, and
come out once the model names them as an output. The model's file is left as it is: a few bytes are added in memory.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from hibari import dsp
from hibari.g2p import G2P
from hibari.g2p.normalize import normalize
from hibari.g2p.oov import OOV

from offhook.pipeline.engine_host._onnx_graph import with_output
from offhook.pipeline.engine_host._onnx_session import session_of
from offhook.pipeline.engine_host._packed import PackedDict, made_elsewhere
from offhook.pipeline.engine_host.clause_host import ClauseHost, Spoken, texts_of
from offhook.pipeline.engine_host.main import Emit
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.tts._decimate import Samples
from offhook.pipeline.tts._phonemes import placed, starts_in

LENGTHS = "/Clip_output_0"
"""The tensor with the length of each phoneme, in steps of the network."""

MAX_PHONEMES = 400
"""In one run of the network, which was trained on sentences."""

GAIN = 2.0
"""hibari speaks softly for a telephone; peaks are limited afterwards."""

Part = tuple[list[str], list[int | None]]
"""Phonemes that are spoken in one run, with " " between words, and where in the clause each of these begins; None for a
mark that stands alone."""


class Hibari:
    """ClauseVoice over the voices whose `models` are here; `exact` are those with LENGTHS. They load on use."""

    def __init__(self, voice: str, models: Mapping[str, str], british: list[str], exact: list[str]) -> None:
        self._default = voice
        self._models = models
        self._british = frozenset(british)
        self._exact = frozenset(exact)
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._g2ps: dict[bool, G2P] = {}
        vocabulary = files("hibari").joinpath("assets", "vocab.json").read_text("utf-8")
        self._ids: dict[str, int] = json.loads(vocabulary)
        self._noise = np.random.default_rng()

    def speak(self, text: str, voice: str, speed: float) -> Spoken:
        """See ClauseVoice."""
        voice = voice or self._default
        session = self._session(voice)
        pieces: list[Samples] = [np.zeros(0, np.float32)]
        words: list[tuple[int, int]] = []
        done = 0
        for phonemes, starts in self._parts(text, british=voice in self._british):
            samples, lengths = self._run(session, phonemes, speed)
            if lengths is not None:
                groups = placed(phonemes, lengths[1:-1], str.isspace)
                first = done + lengths[0]
                words += [
                    (start, first + at) for start, (at, _) in zip(starts, groups, strict=True) if start is not None
                ]
            pieces.append(samples)
            done += len(samples)
        exact = voice in self._exact
        return Spoken(GAIN * np.concatenate(pieces), dsp.SR, words if exact else None)

    def _run(
        self, session: onnxruntime.InferenceSession, phonemes: list[str], speed: float
    ) -> tuple[Samples, list[int] | None]:
        """The audio, and the lengths in samples of the pause before, of each phoneme, and of the pause after."""
        ids = np.asarray([[0, *(self._ids[each] for each in phonemes), 0]], np.int64)
        outputs = session.run(None, {"ids": ids, "speed": np.asarray([speed], np.float32)})
        spectra = [each[0] for each in outputs[:6]]
        samples: Samples = dsp.synth(*spectra, self._noise)
        if len(outputs) == 6:
            return samples, None
        steps = np.rint(outputs[6].reshape(-1)).astype(int)
        total = int(steps.sum())
        if len(steps) != ids.shape[1] or total <= 0 or len(samples) % total:
            raise StreamFailure("placing words", f"{len(steps)} lengths for {ids.shape[1]} phonemes")
        return samples, [int(each) * (len(samples) // total) for each in steps]

    def _parts(self, text: str, *, british: bool) -> list[Part]:
        """The clause as phonemes, in one part unless it is too long for the network."""
        if british not in self._g2ps:
            self._g2ps[british] = _g2p(british=british)
        g2p = self._g2ps[british]
        written = normalize(text)
        spoken = [""]  # for each word as it is written
        for token in g2p.phonemize_tokens(g2p.tokenize(written)):
            spoken[-1] += token.phonemes or ""
            if token.whitespace:
                spoken.append("")
        parts: list[Part] = [([], [])]
        for start, word in zip(starts_in(text, written), spoken, strict=False):
            # A number is several words to the ear, and one in the text.
            for each in word.split():
                known = [phoneme for phoneme in each if phoneme in self._ids]
                if not known:
                    continue
                if parts[-1][0] and len(parts[-1][0]) + len(known) >= MAX_PHONEMES:
                    parts.append(([], []))
                phonemes, starts = parts[-1]
                phonemes += [" ", *known] if phonemes else known
                starts.append(start if any(map(str.isalpha, known)) else None)
        return [part for part in parts if part[0]]

    def _session(self, voice: str) -> onnxruntime.InferenceSession:
        if voice not in self._sessions:
            if voice not in self._models:
                raise StreamFailure("choosing a voice", f"hibari has none called {voice!r} here")
            model = Path(self._models[voice]).read_bytes()
            self._sessions[voice] = session_of(with_output(model, LENGTHS) if voice in self._exact else model)
        return self._sessions[voice]


def _g2p(*, british: bool) -> G2P:
    """hibari's reading of English, with its dictionaries packed: they are two thirds of the memory otherwise."""

    def packed() -> G2P:
        g2p = G2P(british=british)
        lexicon, tagger = g2p.lexicon, g2p.tagger
        lexicon.golds.d, lexicon.silvers.d = PackedDict(lexicon.golds.d), PackedDict(lexicon.silvers.d)
        tagger.weights, tagger.tagdict = PackedDict(tagger.weights), PackedDict(tagger.tagdict)
        tagger.vocab = PackedDict(dict.fromkeys(tagger.vocab, ""))
        return g2p

    g2p = made_elsewhere(packed)
    network = files("hibari").joinpath("assets", "oov_gb.onnx" if british else "oov.onnx")
    # For words that are in no dictionary; loaded now, for the first one would wait for it.
    g2p._oov = OOV(str(network), session_of(network.read_bytes()))
    g2p.oov("offhook")
    return g2p


class HostedHibari(ClauseHost):
    """`HostedEngine` over hibari-tts. Options: `voice`, the `models` of all voices that are here, which of them are
    `british`, and which have `exact` places of words."""

    def __init__(self, options: Mapping[str, Any], emit: Emit) -> None:
        models = {str(name): str(path) for name, path in dict(options.get("models", {})).items()}
        hibari = Hibari(str(options["voice"]), models, texts_of(options, "british"), texts_of(options, "exact"))
        super().__init__(hibari, emit)
