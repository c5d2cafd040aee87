"""A Whisper model in CTranslate2's format: audio to text, with the guards against what it invents.

Only child processes import this. The encoder is run on a window shorter than the 30 s of the models' training: of
telephone speech 15 s cost one word in 119, and a third of the time; 8 s is too short, phrases are then repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ctranslate2
import numpy as np
import tokenizers
from numpy.typing import NDArray

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.asr.log_mel import FRAMES_PER_S, RATE_HZ, log_mel
from offhook.pipeline.asr.phrase_readings import has_phrase, readings
from offhook.pipeline.asr.repeats import loop_in, max_tokens
from offhook.pipeline.asr.speech_evidence import (
    MIN_PROBABILITY,
    Evidence,
    evidence,
    halved,
    plain,
    sound,
    speech_probability,
    spoken,
    voice_in,
)
from offhook.pipeline.asr.whisper_turn import QUIET, STEP_SAMPLES, Recognised, levels
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.language import primary
from offhook.pipeline.understanding.words import base_of
from offhook.pipeline.vad.silero import FRAME_SAMPLES, SileroVad

FULL_WINDOW_S = 30.0
TIME_STEP_S = 0.02
"""Of the cross-attention: two frames of the spectrogram."""

CONFIDENCE_SLOPE, CONFIDENCE_OFFSET = 2.38, 2.31
"""A logistic function of the mean log probability, fitted to the share of right words by `bench/speech_guard.py`."""

MAX_LESS_PROBABLE = 3.5
"""Difference of log probabilities, see `_reading`. Over lines with and without noise, phrases that had been said
and were not recognised were 0.3 to 14 less probable than what was, phrases that had not been said 4.2 and more."""

EXPECTED = 0.2
"""What is left of the doubt about a text if it has one of the phrases that are expected: of 119 such answers over lines
with noise, babble and loss all were right, those with a confidence of 0.1 to 0.5, too."""

_WORD_START = ("Ġ", " ")


@dataclass(frozen=True, slots=True)
class Decoding:
    """The model's output: token ids, their text, the mean log probability of a token, and that of no speech at all."""

    ids: list[int]
    text: str
    mean_log_prob: float
    no_speech: float


class WhisperModel:
    """A loaded model. `language`: a code such as "de", used where `recognise` is given none. Raises StreamFailure."""

    def __init__(
        self,
        folder: Path,
        *,
        window_s: float = 15.0,
        language: str = "en",
        threads: int = 1,
        word_times: bool = True,
    ) -> None:
        self.window_s = window_s
        self._language = language
        self._word_times = word_times
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=1
            )
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises plain Exceptions, ctranslate2 RuntimeError and ValueError
            why = str(error).partition("\n")[0]
            raise StreamFailure("loading the model", why, f"Fetch the model in {folder} again.") from error
        self._detector = SileroVad().stream()
        self._latest: tuple[tuple[bytes, int], ctranslate2.StorageView] | None = None
        self._bands = int(getattr(self._model, "n_mels", 80))
        self._start = self._id("<|startoftranscript|>")
        self._no_timestamps = self._id("<|notimestamps|>")

    def recognise(
        self,
        samples: NDArray[np.int16],
        language: str | None = None,
        *,
        final: bool = True,
        phrases: Sequence[str] = (),
    ) -> Recognised:
        """What was said in 16-bit samples at 16 kHz, at most a window of them. If not `final`, faster: without times of
        words, and a loop is only cut. `phrases` are expected: one of them takes the place of what sounds like it, and
        the text without it is the alternative."""
        found, decoding, encoded = self.examine(samples, language, final=final)
        if found is None or decoding is None or speech_probability(found) < MIN_PROBABILITY:
            return Recognised()
        certain = confidence(decoding.mean_log_prob)
        others: tuple[str, ...] = ()
        if final and phrases:
            base = base_of(language or self._language)
            fits = has_phrase(decoding.text, phrases, base)
            if not fits and (reading := self._reading(encoded, decoding, samples, language, phrases)) is not None:
                fits, others, decoding = True, (decoding.text,), reading
            certain = round(1.0 - (1.0 - certain) * EXPECTED, 3) if fits else certain
        timed = self._timed(encoded, decoding, samples, language) if final and self._word_times else ()
        return Recognised(decoding.text, certain, timed, float(np.exp(found.log_active)), others)

    def language_of(self, samples: NDArray[np.int16], languages: Sequence[str]) -> str:
        """Which of these languages is most probably spoken in the samples; the first, with a model of English alone."""
        if not self._model.is_multilingual:
            return languages[0]
        (found,) = self._model.detect_language(self._encoded(samples, self.window_s))
        probable = dict(found)
        return max(languages, key=lambda each: probable.get(f"<|{primary(each)}|>", 0.0))

    def examine(
        self, samples: NDArray[np.int16], language: str | None = None, *, final: bool = True
    ) -> tuple[Evidence | None, Decoding | None, ctranslate2.StorageView | None]:
        """What the model makes of it, believable or not, and the evidence; None if it makes nothing of it."""
        heard = sound(samples)
        if heard.active_s <= 0.0:
            return None, None, None
        decoding, encoded = self._decode(samples, language, self.window_s, heard.active_s)
        loop = loop_in(plain(decoding.text).split(), heard.active_s)
        if loop is not None and final and self.window_s < FULL_WINDOW_S:
            decoding, encoded = self._decode(samples, language, FULL_WINDOW_S, heard.active_s)
            loop = loop_in(plain(decoding.text).split(), heard.active_s)
        if loop is not None:
            decoding = self._without(decoding, *loop)
        if not decoding.text:
            return None, None, None
        voice = self._voice(samples)
        found = evidence(heard, decoding.text, len(decoding.ids), decoding.no_speech, decoding.mean_log_prob, voice)
        return found, decoding, encoded

    def _voice(self, samples: NDArray[np.int16]) -> float:
        narrow = halved(samples)
        self._detector.reset()
        ends = range(FRAME_SAMPLES, len(narrow) + 1, FRAME_SAMPLES)
        return voice_in([self._detector.infer(narrow[end - FRAME_SAMPLES : end].tobytes()) for end in ends])

    def _decode(
        self, samples: NDArray[np.int16], language: str | None, window_s: float, speech_s: float
    ) -> tuple[Decoding, ctranslate2.StorageView]:
        encoded = self._encoded(samples, window_s)
        prompt = [*self._start_sequence(language), self._no_timestamps]
        limit = max_tokens(speech_s)
        (result,) = self._model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=2 * limit,  # it generates half of that at most
            return_scores=True,
            return_no_speech_prob=True,
        )
        ids = list(result.sequences_ids[0])
        text = spoken(self._tokenizer.decode(ids))
        return Decoding(ids, text, float(result.scores[0]), float(result.no_speech_prob)), encoded

    def _encoded(self, samples: NDArray[np.int16], window_s: float) -> ctranslate2.StorageView:
        """The encoder's output; of the latest samples it is kept, since it takes most of the time."""
        frames = round(max(window_s, min(FULL_WINDOW_S, len(samples) / RATE_HZ)) * FRAMES_PER_S) // 2 * 2
        key = (samples.tobytes(), frames)
        if self._latest is None or self._latest[0] != key:
            spectrogram = log_mel(samples.astype(np.float32) / 32_768.0, frames, self._bands)
            self._latest = key, self._model.encode(ctranslate2.StorageView.from_array(spectrogram[None]))
        return self._latest[1]

    def _without(self, decoding: Decoding, begin: int, end: int) -> Decoding:
        words = [word for word in decoding.text.split() if plain(word)]
        text = " ".join(words[:begin] + words[end:])
        ids = self._tokenizer.encode(f" {text}", add_special_tokens=False).ids
        return Decoding(ids, text, decoding.mean_log_prob - 1.0, decoding.no_speech)

    def _timed(
        self,
        encoded: ctranslate2.StorageView,
        decoding: Decoding,
        samples: NDArray[np.int16],
        language: str | None,
    ) -> tuple[RecognisedWord, ...]:
        frames = len(samples) * FRAMES_PER_S // RATE_HZ
        ids = [each for each in decoding.ids if each < self._start]
        try:
            (aligned,) = self._model.align(encoded, self._start_sequence(language), [ids], frames)
        except RuntimeError:  # the model's config names no alignment heads: words without times are of no use
            return ()
        starts: dict[int, float] = {}
        for token, step in aligned.alignments:
            starts.setdefault(int(token), step * TIME_STEP_S)
        begin_s, end_s = _ends_of_speech(samples)
        pieces = [self._tokenizer.id_to_token(each) or "" for each in ids]
        begins = [at for at, piece in enumerate(pieces) if at == 0 or piece.startswith(_WORD_START)]
        words = []
        for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True):
            text = self._tokenizer.decode(ids[begin:end]).strip()
            if not text:
                continue
            probability = float(np.prod(aligned.text_token_probs[begin:end]))
            # The attention gives quiet at the ends to the first and the last word.
            start, stop = (min(max(starts.get(at, end_s), begin_s), end_s) for at in (begin, end))
            words.append(RecognisedWord(text, round(start, 2), round(stop, 2), round(probability, 3)))
        return tuple(words)

    def _reading(
        self,
        encoded: ctranslate2.StorageView,
        decoding: Decoding,
        samples: NDArray[np.int16],
        language: str | None,
        phrases: Sequence[str],
    ) -> Decoding | None:
        """The most probable reading with one of the phrases, if it is almost as probable as the text."""
        found = [
            self._tokenizer.encode(f" {text}", add_special_tokens=False).ids
            for text in readings(decoding.text, phrases)
        ]
        scored = [(self._log_prob(encoded, ids, samples, language), ids) for ids in found]
        least = self._log_prob(encoded, decoding.ids, samples, language) - MAX_LESS_PROBABLE if scored else 0.0
        best, ids = max(scored, default=(-np.inf, []))
        if not best >= least > -np.inf:
            return None
        return replace(decoding, ids=ids, text=spoken(self._tokenizer.decode(ids)))

    def _log_prob(
        self, encoded: ctranslate2.StorageView, ids: Sequence[int], samples: NDArray[np.int16], language: str | None
    ) -> float:
        """The log probability of tokens; that the text ends there is not part of it."""
        ids = [each for each in ids if each < self._start]
        frames = len(samples) * FRAMES_PER_S // RATE_HZ
        try:
            (aligned,) = self._model.align(encoded, self._start_sequence(language), [ids], frames)
        except RuntimeError:  # see _timed
            return -np.inf
        return float(np.log(np.maximum(aligned.text_token_probs, 1e-12)).sum())

    def _start_sequence(self, language: str | None) -> list[int]:
        if not self._model.is_multilingual:
            return [self._start]
        return [self._start, self._id(f"<|{primary(language or self._language)}|>"), self._id("<|transcribe|>")]

    def _id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise StreamFailure("recognising", f"the model does not know {token}", "Use another language or model.")
        return int(found)


def _ends_of_speech(samples: NDArray[np.int16]) -> tuple[float, float]:
    """Where what is not quiet begins and ends, in seconds."""
    found = levels(samples)
    loud = np.flatnonzero(found > QUIET * found.max(initial=0.0))
    step_s = STEP_SAMPLES / RATE_HZ
    return (int(loud[0]) * step_s, (int(loud[-1]) + 1) * step_s) if len(loud) else (0.0, len(samples) / RATE_HZ)


def confidence(mean_log_prob: float) -> float:
    """The share of words that are right, from 0 to 1, by the mean log probability of a token."""
    return round(float(1.0 / (1.0 + np.exp(-(CONFIDENCE_SLOPE * mean_log_prob + CONFIDENCE_OFFSET)))), 3)
