"""Third-party engines: plain blocking classes, run in a child."""

import time
from collections.abc import Iterator

from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, RecognisedWord, Transcript
from offhook.pipeline.tts.engine import SpeechChunk, Word


class SoundCounter:
    """Recognises how many times the sound rose above a level."""

    rate_hz = 16_000

    def __init__(self, level: int = 1_000, busy_s: float = 0.0) -> None:
        if level <= 0:
            raise ValueError("the level is above 0")
        self.level = level
        self.busy_s = busy_s

    def open(self, request: AsrRequest) -> "CountedTurn":
        return CountedTurn(self, request.grammar)


class CountedTurn:
    def __init__(self, engine: SoundCounter, grammar: str | None) -> None:
        if grammar == "refused":
            raise ValueError("this grammar cannot be read")
        self.engine = engine
        self.sounds = 0
        self.is_loud = False

    def feed(self, pcm: bytes) -> str | None:
        until = time.monotonic() + self.engine.busy_s
        while time.monotonic() < until:
            pass  # computing, with the GIL
        loudest = max(abs(int.from_bytes(pcm[at : at + 2], "little", signed=True)) for at in range(0, len(pcm), 2))
        was_loud, self.is_loud = self.is_loud, loudest >= self.engine.level
        if self.is_loud and not was_loud:
            self.sounds += 1
            return str(self.sounds)
        return None

    def finish(self) -> Transcript:
        return Transcript(str(self.sounds), 0.5)


class Hummer:
    """Speaks any word as 50 ms of one value."""

    rate_hz = 8_000

    def synthesize(self, text: str) -> Iterator[SpeechChunk]:
        at = sample = 0
        for word in text.split():
            at = text.index(word, at)
            yield SpeechChunk(b"\x30\x40" * 400, (Word(word, at, at + len(word), sample, sample + 400),))
            at, sample = at + len(word), sample + 400


class Beeper:
    """Speaks a word as 50 ms of one value; cannot say "broken"."""

    rate_hz = 8_000

    def synthesize(self, text: str) -> Iterator[SpeechChunk]:
        at, sample = 0, 0
        for word in text.split():
            if word == "broken":
                raise RuntimeError("out of tune")
            at = text.index(word, at)
            yield SpeechChunk(b"\x10\x20" * 400, (Word(word, at, at + len(word), sample, sample + 400),))
            at, sample = at + len(word), sample + 400


class Polyglot:
    """Speaks the language that it is asked for, and its own without one."""

    rate_hz = 8_000

    def synthesize(self, text: str, language: str = "own") -> Iterator[SpeechChunk]:
        yield SpeechChunk(language.encode().ljust(8))


class Endpointer:
    """A recogniser that ends turns: at the second sound, which it expects after the first."""

    rate_hz = 16_000

    def open(self, request: AsrRequest) -> "EndpointingTurn":
        return EndpointingTurn(request)


class EndpointingTurn:
    def __init__(self, request: AsrRequest) -> None:
        self.endpoint: EndpointReport | None = None
        self.request = request
        self.counted = CountedTurn(SoundCounter(), None)

    def feed(self, pcm: bytes) -> str | None:
        partial = self.counted.feed(pcm)
        self.endpoint = {"1": "likely", "2": "over"}.get(partial or "", self.endpoint)  # type: ignore[assignment]
        return partial

    def finish(self) -> Transcript:
        words = (RecognisedWord("hello", 0.0, 0.5, 0.9),)
        return Transcript(str(self.request.language), None, words, self.request.phrases)
