"""Vosk in a child process: see `asr.vosk`."""

import json
import os
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import vosk

from offhook.pipeline.asr.courtesies import COURTESIES, HESITATIONS, OPENINGS
from offhook.pipeline.asr.digit_words import digit_words, repeats
from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, RecognisedWord, Transcript
from offhook.pipeline.asr.jsgf import UnsupportedGrammarError, WordGraph, parse_jsgf, surrounded
from offhook.pipeline.asr.sentences import covering_phrases, sentence_of, unknown_words, without_unknown
from offhook.pipeline.asr.vosk import UNKNOWN
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.language import covers
from offhook.pipeline.understanding.value_grammars import example_words, value_words
from offhook.pipeline.understanding.words import base_of

LOADING = "loading a grammar"
COMPLETE = "Is it complete? Type: offhook models list"
MAX_GRAMMARS = 64
MAX_LISTED_WORDS = 20
QUIET_LOG = -1
"""Warnings and errors."""


class Grammar:
    """A question's grammar: `phrases` for Vosk, and `sentences`, among them those with courtesies around them."""

    def __init__(self, sentences: WordGraph, phrases: list[str]) -> None:
        self.sentences = sentences
        # Vosk reads no escapes in its JSON.
        self.phrases = json.dumps(phrases, ensure_ascii=False)


class Vosk:
    """A BlockingRecogniser. `rate_hz` is the model's; `language` that of its grammars' courtesies and digits."""

    def __init__(self, model: str, rate_hz: int, language: str = "en") -> None:
        self.rate_hz = rate_hz
        self._language = language
        vosk.SetLogLevel(QUIET_LOG)
        self._model = _loaded(model, rate_hz)
        self._grammars: OrderedDict[str, Grammar] = OrderedDict()

    def open(self, request: AsrRequest) -> "Turn":
        """Begin a turn. Raises StreamFailure for a grammar that cannot be used."""
        if request.grammar is None:
            return Turn(vosk.KaldiRecognizer(self._model, self.rate_hz), None)
        grammar = self._grammar(request.grammar, request.language or self._language)
        return Turn(vosk.KaldiRecognizer(self._model, self.rate_hz, grammar.phrases), grammar)

    def _grammar(self, jsgf: str, language: str) -> Grammar:
        key = f"{language} {jsgf}"
        if key not in self._grammars:
            self._grammars[key] = self._made(jsgf, language)
            if len(self._grammars) > MAX_GRAMMARS:
                self._grammars.popitem(last=False)
        self._grammars.move_to_end(key)
        return self._grammars[key]

    def _made(self, jsgf: str, language: str) -> Grammar:
        try:
            graph = parse_jsgf(jsgf)
        except UnsupportedGrammarError as error:
            raise StreamFailure(LOADING, str(error)) from error
        # Questions for digits and values have all words for them, which a small model may lack; other words are the
        # user's.
        digits = {word for words in digit_words(language) for word in words} | set(repeats(language))
        listed = digits | value_words(base_of(language))
        if "<example>" in jsgf:
            listed |= example_words(base_of(language))
        if lacking := unknown_words(graph, self._knows, listed):
            shown = ", ".join(lacking[:MAX_LISTED_WORDS])
            raise StreamFailure(LOADING, f"the model does not know: {shown}", "Use other words.")
        graph = without_unknown(graph, self._knows)
        phrases = covering_phrases(graph)
        if not phrases:
            raise StreamFailure(LOADING, "the model knows none of its sentences", "Use other words.")
        unknown = [UNKNOWN] if self._knows(UNKNOWN) else []
        if not covers("en", language):
            return Grammar(graph, [*phrases, *unknown])
        around = [phrase for phrase in (*HESITATIONS, *OPENINGS, *COURTESIES) if self._knows_all(phrase)]
        sentences = without_unknown(surrounded(graph, (HESITATIONS, OPENINGS), (COURTESIES,)), self._knows)
        return Grammar(sentences, [*phrases, *around, *unknown])

    def _knows(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0

    def _knows_all(self, phrase: str) -> bool:
        return all(map(self._knows, phrase.split()))


class Turn:
    """A BlockingTurn, and an EndpointingTurn. Vosk ends a segment at each pause; a turn may have several."""

    def __init__(self, recogniser: Any, grammar: Grammar | None) -> None:
        self.endpoint: EndpointReport | None = None
        self._recogniser = recogniser
        self._grammar = grammar
        self._words: list[RecognisedWord] = []
        self._partial = ""
        recogniser.SetWords(True)

    def feed(self, pcm: bytes) -> str | None:
        """The words so far if they have changed."""
        spoken = ""
        if self._recogniser.AcceptWaveform(pcm):
            self._end_segment(self._recogniser.Result())
            if self._words:
                self.endpoint = "over"
        else:
            spoken = json.loads(self._recogniser.PartialResult())["partial"]
            if spoken and self.endpoint == "over":
                self.endpoint = "resumed"
        partial = " ".join(_known([*(word.text for word in self._words), *spoken.split()]))
        if partial == self._partial:
            return None
        self._partial = partial
        return partial

    def finish(self) -> Transcript:
        """The transcript; with a grammar, only a sentence of it has a confidence above 0."""
        self._end_segment(self._recogniser.FinalResult())
        said = [word.text for word in self._words]
        words = [word for word in self._words if word.text != UNKNOWN]
        if self._grammar is None:
            scores = [word.confidence or 0.0 for word in words]
            return _transcript(words, sum(scores) / len(scores) if scores else None)
        kept = sentence_of(self._grammar.sentences, said) if said else None
        if not kept:
            return _transcript(words, 0.0 if words else None)
        words = [self._words[at] for at in kept]
        return _transcript(words, min(word.confidence or 0.0 for word in words))

    def _end_segment(self, result: str) -> None:
        for word in json.loads(result).get("result", ()):
            self._words.append(RecognisedWord(word["word"], word["start"], word["end"], min(1.0, word["conf"])))


def _transcript(words: list[RecognisedWord], confidence: float | None) -> Transcript:
    return Transcript(" ".join(word.text for word in words), confidence, tuple(words))


def _known(words: list[str]) -> list[str]:
    return [word for word in words if word != UNKNOWN]


def _loaded(path: str, rate_hz: int) -> Any:
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_into(log):
                model = vosk.Model(path)
                # What is wrong with a graph or the features shows only when they are used.
                tried = vosk.KaldiRecognizer(model, rate_hz)
                tried.AcceptWaveform(bytes(2 * rate_hz))
                tried.FinalResult()
        except Exception as error:  # the binding raises nothing more specific
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()
            why = next((line for line in reversed(lines) if line.startswith("ERROR")), str(error))
            raise StreamFailure(f"loading {path}", why, COMPLETE) from error
    if model.vosk_model_find_word("<eps>") < 0:
        raise StreamFailure(f"loading {path}", "it knows no words: graph/words.txt is empty", COMPLETE)
    return model


@contextmanager
def _stderr_into(file: Any) -> Iterator[None]:
    """The library writes what is wrong to the descriptor."""
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
