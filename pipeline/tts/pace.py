"""Estimates word positions for a voice that does not report them, at an even pace. Pure."""

import re

from offhook.pipeline.tts.engine import Word

FIRST_TICKS_PER_CHAR = 550.0
"""For a voice that has not spoken yet: about 165 words a minute. Ticks are 1/8000 s."""

_ENOUGH_CHARS = 2_000

_WORD = re.compile(r"\S+")


def spread(text: str, samples: int) -> tuple[Word, ...]:
    """The words of `text` over `samples`, in proportion to their characters."""
    return tuple(
        Word(
            found.group(),
            found.start(),
            found.end(),
            samples * found.start() // len(text),
            samples * found.end() // len(text),
            is_estimated=True,
        )
        for found in _WORD.finditer(text)
    )


class Pace:
    """The average time that a voice takes per character, over its recent texts."""

    def __init__(self) -> None:
        self._ticks = 0.0
        self._chars = 0.0

    @property
    def ticks_per_char(self) -> float:
        """The estimate for each character of the next text."""
        return self._ticks / self._chars if self._chars else FIRST_TICKS_PER_CHAR

    def learn(self, chars: int, ticks: int) -> None:
        """A text of `chars` took `ticks`."""
        self._chars += chars
        self._ticks += ticks
        if self._chars > _ENOUGH_CHARS:
            self._chars, self._ticks = self._chars / 2.0, self._ticks / 2.0
