"""How far a text has been spoken by one voice or several, so that another can go on at the right word. Pure."""

import re
from collections import deque
from collections.abc import Iterable

from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.engine import Word
from offhook.pipeline.tts.pace import FIRST_TICKS_PER_CHAR, spread

_WORD = re.compile(r"\S*\w")
_LETTERS = re.compile(r"\S*\w\S*")

UNTIMED_WORDS = 2
"""Words at the end without a position that may be the engine's way of counting; with more, and without the audio for
them, a voice broke off."""
SHORTEST_WORD_S = 0.12
UNTIMED_S = 0.6
"""Audio after the last word that is more than a pause: the positions of its words have not come yet."""


class Spoken:
    """The audio given so far, in samples at `rate_hz`, and the words that are complete in it."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self.text = text
        self.samples = 0
        self.said_to = 0
        """The character after the last complete word."""
        self._rate_hz = rate_hz
        self._last_word_end = 0
        self._waiting: deque[Word] = deque()

    @property
    def rest_at(self) -> int:
        """Where the next word begins: what another voice would say."""
        found = _WORD.search(self.text, self.said_to)
        return found.start() if found is not None else len(self.text)

    def add(self, samples: int, words: Iterable[Word]) -> tuple[Word, ...]:
        """More audio, and words that became known, with positions in the whole text and audio. Returns the words that
        are complete with it."""
        self.samples += samples
        self._waiting += words
        complete = []
        while self._waiting and self._waiting[0].end_sample <= self.samples:
            complete.append(self._take())
        return tuple(complete)

    def finish(self) -> tuple[Word, ...]:
        """The voice has ended: the words that it places at or after the end."""
        return tuple(self._take() for _ in range(len(self._waiting)))

    def broke_off(self) -> tuple[Word, ...]:
        """The voice has failed, or is silent: another one will say what it has not. Audio to which no words have come
        yet has some all the same: they are estimated, and returned."""
        self._waiting.clear()
        untimed = self.samples - self._last_word_end
        rest = self.rest_at
        if untimed < UNTIMED_S * self._rate_hz or rest == len(self.text):
            return ()
        left = self.text[rest:]
        estimated = EstimatedWords(left, FIRST_TICKS_PER_CHAR * self._rate_hz / TICK_HZ).add(untimed)
        self._waiting += (word.moved(rest, self.samples - untimed) for word in estimated)
        return self.finish()

    def is_cut_short(self) -> bool:
        """Whether a voice that ended without an error left out the end: several words have neither position nor
        time."""
        left = len(_LETTERS.findall(self.text, self.said_to))
        silence = self.samples - self._last_word_end
        return self.said_to > 0 and left >= UNTIMED_WORDS and silence < left * SHORTEST_WORD_S * self._rate_hz

    def _take(self) -> Word:
        word = self._waiting.popleft()
        self.said_to, self._last_word_end = max(self.said_to, word.char_end), word.end_sample
        return word


class EstimatedWords:
    """Words of a voice that reports none, at a steady pace, corrected at the end. Positions are in the text given."""

    def __init__(self, text: str, samples_per_char: float) -> None:
        self._text = text
        self._samples = 0
        self._words = deque(spread(text, round(len(text) * samples_per_char))) if text else deque[Word]()
        self._placed_to = self._placed_sample = 0

    def add(self, samples: int) -> tuple[Word, ...]:
        """More audio: the words that end in it. The last one's end shows only at the end of the audio."""
        self._samples += samples
        ended = []
        while len(self._words) > 1 and self._words[0].end_sample <= self._samples:
            word = self._words.popleft()
            self._placed_to, self._placed_sample = word.char_end, word.end_sample
            ended.append(word)
        return tuple(ended)

    def finish(self) -> tuple[Word, ...]:
        """The audio is complete: the remaining words share the rest of it."""
        first, start = self._placed_to, self._placed_sample
        rest = spread(self._text[first:], max(0, self._samples - start)) if self._words else ()
        self._words.clear()
        return tuple(word.moved(first, start) for word in rest)
