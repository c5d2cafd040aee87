"""Conversations on lines without echo: callers talk over the bot, which stops and then answers."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.vad.gate import GateEvent, SpeechConfirmed, SpeechStarted
from offhook.pipeline.vad.loudness import amplitude
from offhook.pipeline.vad.silero import SileroVad
from offhook.telephony.codec.g711 import PCMU
from tests.pipeline.front_end.calls import AUDIBLE, LOW_THRESHOLD, PACKET, PROMPTS, at_level, prompts
from tests.pipeline.vad.audio import FRAME_SAMPLES, Samples
from tests.pipeline.vad.corpus import sentences
from tests.pipeline.vad.single import SingleGate

REPLY_AFTER = 4_000  # the caller's last word
LONGEST = 8_000 * 60


@dataclass
class Turn:
    """One sentence of the caller. Positions are samples; None: it was not accepted."""

    at: int
    end: int
    start: int | None = None
    confirmed: int | None = None

    def late_ms(self) -> float:
        """From its first audible sample until it was accepted as speech."""
        return float("inf") if self.start is None else (self.start - self.at) / 8


@dataclass
class Talk:
    """A conversation: the bot's prompt, the caller's sentences, and when each starts within the prompt."""

    prompt: Samples
    words: list[Samples]
    after: list[int]
    noise_dbfs: float | None = None
    seed: int = 0
    turns: list[Turn] = field(default_factory=list)

    def run(self, front_end: AudioFrontEnd | None) -> "Talk":
        """Run the conversation through detector and gate; `turns` has the results."""
        _Run(self, front_end).go()
        return self


def recorded(seed: int, *, after: tuple[int, int], noise_dbfs: float | None = None) -> Talk:
    """The recorded reply and the recorded callers: one synthetic voice speaks both."""
    rng = np.random.default_rng((seed, 1))
    words = [spoken_from(sentences()[1 + int(rng.integers(3))]) for _ in range(4)]
    return Talk(prompts()[0], words, _times(rng, after), noise_dbfs, seed)


def same_voice(seed: int, *, after: tuple[int, int], noise_dbfs: float | None = None) -> Talk:
    """The caller has the bot's voice, at about its level, and says other words."""
    rng = np.random.default_rng((seed, 2))
    texts = len(PROMPTS)
    voices = (len(prompts()) - 1) // texts
    if not voices:
        return recorded(seed, after=after, noise_dbfs=noise_dbfs)
    voice, text = int(rng.integers(voices)), int(rng.integers(texts))
    spoken = prompts()[1 + texts * voice : 1 + texts * (voice + 1)]
    words = []
    for _ in range(4):
        other = spoken[(text + 1 + int(rng.integers(texts - 1))) % texts]
        words.append(spoken_from(at_level(other, rng.uniform(-24, -14)))[:16_000])
    return Talk(at_level(spoken[text], rng.uniform(-24, -16)), words, _times(rng, after), noise_dbfs, seed)


def _times(rng: np.random.Generator, after: tuple[int, int]) -> list[int]:
    return [int(at) for at in rng.integers(*after, size=4)]


def spoken_from(audio: Samples) -> Samples:
    """From its first sound on."""
    return audio[int(np.flatnonzero(np.abs(audio) > AUDIBLE)[0]) :]


class _Run:
    def __init__(self, talk: Talk, front_end: AudioFrontEnd | None) -> None:
        self.talk, self.front_end = talk, front_end
        self.gate, self.detector = SingleGate(), SileroVad().stream()
        self.payload = PCMU.encode(np.tile(talk.prompt, 2).clip(-32_768, 32_767).astype("<i2").tobytes())
        self.line = np.zeros(LONGEST)
        if talk.noise_dbfs is not None:
            self.line += np.random.default_rng(talk.seed).normal(size=LONGEST) * amplitude(talk.noise_dbfs)
        self.said: int | None = 0  # bytes of the prompt; None: the bot is silent
        self.unframed, self.frame_at = b"", 0

    def go(self) -> None:
        at, speaks_at, turn = 0, self.talk.after[0], None
        for start in range(0, LONGEST, PACKET):
            if turn is None and start + PACKET > speaks_at:
                turn = self._speak(speaks_at)
            self._packet(start)
            at = start + PACKET
            if turn is not None and at > turn.end + REPLY_AFTER:
                if len(self.talk.turns) == len(self.talk.words):
                    return
                turn, self.said = None, 0
                speaks_at = at + self.talk.after[len(self.talk.turns)]
        raise AssertionError("the conversation did not end")

    def _speak(self, at: int) -> Turn:
        words = self.talk.words[len(self.talk.turns)]
        self.line[at : at + len(words)] += words
        turn = Turn(at, at + int(np.flatnonzero(np.abs(words) > AUDIBLE)[-1]))
        self.talk.turns.append(turn)
        return turn

    def _packet(self, at: int) -> None:
        if self.said is not None:
            if self.front_end is not None:
                self.front_end.sent(self.payload[self.said : self.said + PACKET], at / 8_000, first=self.said == 0)
            self.said += PACKET
            if self.said >= len(self.payload):
                self.said = None
        pcm = self.line[at : at + PACKET].clip(-32_768, 32_767).round().astype("<i2").tobytes()
        pcm = PCMU.decode(PCMU.encode(pcm))
        self.unframed += pcm if self.front_end is None else self.front_end.on_audio(pcm, at, (at + PACKET) / 8_000)
        while len(self.unframed) >= 2 * FRAME_SAMPLES:
            frame, self.unframed = self.unframed[: 2 * FRAME_SAMPLES], self.unframed[2 * FRAME_SAMPLES :]
            self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        end = self.frame_at + FRAME_SAMPLES
        probability = self.detector.infer(frame)
        if self.front_end is not None and probability >= LOW_THRESHOLD:
            probability = self.front_end.score(probability, end, in_speech=self.gate.in_speech)
        self.gate.gate.low_threshold = self.said is not None
        for event in self.gate.push(probability, frame, self.frame_at):
            self._note(event, end)
        self.frame_at = end

    def _note(self, event: GateEvent, end: int) -> None:
        turns = self.talk.turns
        if isinstance(event, SpeechStarted):
            self.said = None
            if turns and turns[-1].start is None:
                turns[-1].start = end
        elif isinstance(event, SpeechConfirmed) and turns and turns[-1].confirmed is None:
            turns[-1].confirmed = end


def in_order(talk: Talk) -> bool:
    """No sentence was accepted before it began, or after the next had begun."""
    after = all(turn.start is None or turn.start >= turn.at for turn in talk.turns)
    return after and all(one.start is None or one.start < other.at for one, other in pairwise(talk.turns))
