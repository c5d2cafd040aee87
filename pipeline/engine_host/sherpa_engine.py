"""sherpa-onnx in a child process: see `asr.sherpa`."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sherpa_onnx

from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, RecognisedWord, Transcript
from offhook.pipeline.asr.sherpa import SherpaModel, SherpaOptions
from offhook.pipeline.engine_host.protocol import StreamFailure

TAIL_S = 0.5
"""Silence behind the audio: a network sees some frames ahead."""

TOKEN_S = 0.04
"""How long a token is taken to last if no other follows it: the model says only where it begins."""

WORD_MARK = "▁"
LONGEST_TURN_S = 3_600.0


class Sherpa:
    """A BlockingRecogniser: `model` and `settings` are the fields of a SherpaModel and of SherpaOptions."""

    def __init__(self, model: dict[str, Any], settings: dict[str, Any]) -> None:
        self._model = SherpaModel(**model)
        self._settings = SherpaOptions(**settings)
        self.rate_hz = self._model.rate_hz
        try:
            self._load()
        except (RuntimeError, ValueError, OSError) as error:
            folder = Path(self._model.tokens).parent
            why = str(error).partition("\n")[0]
            raise StreamFailure(f"loading {folder}", why, "Is it complete? Type: offhook models list") from error

    def _load(self) -> None:
        tokens = _tokens(self._model.tokens)
        if not tokens:
            raise ValueError("it has no tokens")
        self._upper = not any(character.islower() for token in tokens for character in token if token[:1] != "<")
        # A question's phrases are split into tokens like the texts that the model was trained on.
        self._prefers_phrases = self._model.kind == "transducer" and self._settings.decoding == "beam"
        self._scratch = tempfile.TemporaryDirectory(prefix="offhook-sherpa-")
        self._recogniser = self._made(tokens)
        # Some networks fit together only when they are loaded, and fail when they are used.
        Turn(self._recogniser, self._recogniser.create_stream(), self.rate_hz, ends_turns=False).finish()

    def open(self, request: AsrRequest) -> "Turn":
        """Begin a turn; `request.phrases` are preferred."""
        phrases = [self._in_tokens_case(phrase) for phrase in request.phrases] if self._prefers_phrases else []
        stream = self._recogniser.create_stream("/".join(phrases)) if phrases else self._recogniser.create_stream()
        return Turn(self._recogniser, stream, self.rate_hz, ends_turns=self._settings.ends_turns)

    def _in_tokens_case(self, phrase: str) -> str:
        # Slashes separate phrases, and a colon begins a score.
        plain = phrase.replace("/", " ").replace(":", " ")
        return plain.upper() if self._upper else plain.lower()

    def _made(self, tokens: Sequence[str]) -> Any:
        model, settings = self._model, self._settings
        common = {
            "tokens": model.tokens,
            "num_threads": 1,
            "sample_rate": model.rate_hz,
            "feature_dim": model.mels,
            "enable_endpoint_detection": settings.ends_turns,
            # Without words nothing is over: the conversation has its own time for a caller who says nothing.
            "rule1_min_trailing_silence": LONGEST_TURN_S,
            "rule2_min_trailing_silence": settings.silence_s,
            "rule3_min_utterance_length": LONGEST_TURN_S,
        }
        maker = sherpa_onnx.OnlineRecognizer
        if model.kind != "transducer":
            return getattr(maker, f"from_{model.kind}")(model=model.networks[0], **common)
        encoder, decoder, joiner = model.networks
        networks = {"encoder": encoder, "decoder": decoder, "joiner": joiner}
        if not self._prefers_phrases:
            return maker.from_transducer(**networks, **common)
        return maker.from_transducer(
            **networks,
            **common,
            decoding_method="modified_beam_search",
            hotwords_score=settings.phrase_score,
            modeling_unit="bpe",
            bpe_vocab=model.vocabulary or self._vocabulary(tokens),
        )

    def _vocabulary(self, tokens: Sequence[str]) -> str:
        """A file like sentencepiece's bpe.vocab. Merges are numbered in the order of the tokens, the first the best."""
        path = Path(self._scratch.name) / "bpe.vocab"
        path.write_text("".join(f"{token}\t{-at}\n" for at, token in enumerate(tokens)), encoding="utf-8")
        return str(path)


class Turn:
    """A BlockingTurn, and an EndpointingTurn."""

    def __init__(self, recogniser: Any, stream: Any, rate_hz: int, *, ends_turns: bool) -> None:
        self.endpoint: EndpointReport | None = None
        self._recogniser = recogniser
        self._stream = stream
        self._rate_hz = rate_hz
        self._ends_turns = ends_turns
        self._partial = ""

    def feed(self, pcm: bytes) -> str | None:
        """The words so far if they have changed."""
        self._accept(np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768)
        if self._ends_turns:
            over = self._recogniser.is_endpoint(self._stream)
            if over or self.endpoint is not None:
                self.endpoint = "over" if over else "resumed"
        text = _plain(self._recogniser.get_result(self._stream))
        if text == self._partial:
            return None
        self._partial = text
        return text

    def finish(self) -> Transcript:
        """The transcript."""
        self._accept(np.zeros(int(TAIL_S * self._rate_hz), np.float32))
        self._stream.input_finished()
        self._decode()
        result = self._recogniser.get_result_all(self._stream)
        return Transcript(_plain(result.text), words=_words(result.tokens, result.timestamps, result.ys_probs))

    def _accept(self, samples: Any) -> None:
        self._stream.accept_waveform(self._rate_hz, samples)
        self._decode()

    def _decode(self) -> None:
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)


def _words(tokens: Sequence[str], starts: Sequence[float], scores: Sequence[float]) -> tuple[RecognisedWord, ...]:
    """Tokens joined into words; a confidence is the mean probability of a word's tokens."""
    found: list[RecognisedWord] = []
    logs: list[list[float]] = []
    for at, (token, start) in enumerate(zip(tokens, starts, strict=False)):
        begins = token.startswith((WORD_MARK, " ")) or not found
        text = _plain(token.lstrip(WORD_MARK + " "))
        if begins:
            found.append(RecognisedWord(text, start, start + TOKEN_S))
            logs.append([])
        else:
            found[-1] = RecognisedWord(found[-1].text + text, found[-1].start_s, start + TOKEN_S)
        if at < len(scores):
            logs[-1].append(scores[at])
    return tuple(
        RecognisedWord(word.text, word.start_s, word.end_s, min(1.0, math.exp(sum(log) / len(log))) if log else None)
        for word, log in zip(found, logs, strict=True)
        if word.text
    )


def _plain(text: str) -> str:
    """Models without lower case write everything in capitals."""
    text = text.strip()
    return text.lower() if text.isupper() else text


def _tokens(path: str) -> list[str]:
    """The tokens in the order of their numbers."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    pairs = [line.rsplit(None, 1) for line in lines if line.strip()]
    return [pair[0] for pair in sorted((pair for pair in pairs if len(pair) == 2), key=lambda pair: int(pair[1]))]
