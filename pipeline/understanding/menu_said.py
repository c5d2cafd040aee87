"""What a caller said to a menu. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from offhook.pipeline.understanding.calendar_words import calendar_words
from offhook.pipeline.understanding.canonical import Words
from offhook.pipeline.understanding.menu_phrases import ALTERNATIVE, JOINING, Phrase, synonyms_in
from offhook.pipeline.understanding.menu_words import is_filler
from offhook.pipeline.understanding.negation import negated_positions


class Said:
    """What was said, as the phrases of a menu see it; `content` are the positions of the words that aren't fillers."""

    def __init__(self, words: Words, phrases: Sequence[Phrase], base: str) -> None:
        together = {pair for phrase in phrases for pair in pairwise(phrase.words)}
        own = frozenset(word for phrase in phrases for word in phrase.words)
        self.words = words
        self.base = base
        self.negated = negated_positions(words, base, together)
        self.content = [at for at, word in enumerate(words) if not is_filler(word, base)]
        # A word of the menu itself stands for no other one.
        self.synonyms = [
            (start, end, rows)
            for start, end, rows in synonyms_in(words, base)
            if not (end - start == 1 and words[start] in own) and not self.is_negated(start, end)
        ]

    def is_date(self, at: int) -> bool:
        """Whether the word is a month or a weekday, which may stand anywhere."""
        calendar = calendar_words(self.base)
        return calendar is not None and (self.words[at] in calendar.months or self.words[at] in calendar.weekdays)

    def joins(self, one: frozenset[int], other: frozenset[int]) -> bool:
        """Whether "and" or "or" stands between two parts: both were said."""
        first, last = sorted((one, other), key=min)
        return any(word in JOINING for word in self.words[max(first) + 1 : min(last)])

    def joins_other(self, positions: frozenset[int]) -> bool:
        """Whether the words at `positions` were said with "or" and something else: "sales or maybe not"."""
        first, last = min(positions), max(positions)
        before = any(self.words[at] in ALTERNATIVE for at in range(first)) and any(at < first for at in self.content)
        after = next((at for at in range(last + 1, len(self.words)) if self.words[at] in ALTERNATIVE), None)
        return before or (after is not None and any(at > after for at in self.content))

    def is_negated(self, start: int, end: int) -> bool:
        """Whether a negation outside takes it in; "not working" has its own."""
        return any(start <= at < end and not start <= since < end for at, since in self.negated.items())
