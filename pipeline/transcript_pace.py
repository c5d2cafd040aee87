"""Where the words of speech that is made elsewhere probably are: its transcript comes beside the audio, without times.

A piece of transcript is taken to begin where the audio had come to when it arrived, and pieces that arrived together
are spread evenly up to the next one. What follows the last such point is spread over the audio up to its end, or at a
usual pace while the end is not known. Pure.
"""

import re
from itertools import pairwise

from offhook.pipeline.playout.ledger import Utterance
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.engine import Word

TICKS_PER_CHARACTER = TICK_HZ // 15
"""165 words a minute."""

_WORD = re.compile(r"\S+")


class TranscriptPace:
    """Places the words of one utterance as its text and its audio grow."""

    def __init__(self) -> None:
        self._points = [(0, 0)]  # (character, tick)
        self._settled = 0  # words that end before the last point: nothing moves them any more

    def text(self, utterance: Utterance, characters: int) -> None:
        """So many characters have been added to the text, when the audio was as long as it is."""
        at = len(utterance.text) - characters
        if utterance.ticks > self._points[-1][1] and at > self._points[-1][0]:
            self._points.append((at, utterance.ticks))
        self.place(utterance)

    def place(self, utterance: Utterance) -> None:
        """Set the words of the utterance."""
        words = utterance.words
        del words[self._settled :]
        begin = words[-1].char_end if words else 0
        end = (len(utterance.text), self._end_tick(utterance))
        at = max(index for index, point in enumerate(self._points) if point[0] <= begin)
        points = [*self._points[at:], end]
        last = self._points[-1][0]
        for found in _WORD.finditer(utterance.text, begin):
            start, stop = _tick(points, found.start()), _tick(points, found.end())
            words.append(Word(found[0], found.start(), found.end(), start, stop, is_estimated=True))
            # A word at the very end of the text may still grow.
            if found.end() <= last and found.end() < len(utterance.text):
                self._settled = len(words)

    def _end_tick(self, utterance: Utterance) -> int:
        if utterance.complete:
            return max(utterance.ticks, self._points[-1][1])
        character, tick = self._points[-1]
        return max(utterance.ticks, tick + (len(utterance.text) - character) * TICKS_PER_CHARACTER)


def _tick(points: list[tuple[int, int]], character: int) -> int:
    for (from_char, from_tick), (to_char, to_tick) in pairwise(points):
        if character <= to_char and to_char > from_char:
            return from_tick + (to_tick - from_tick) * (character - from_char) // (to_char - from_char)
    return points[-1][1]
