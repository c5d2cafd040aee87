"""The interface of an adviser on the ends of turns. Pure."""

from typing import Protocol

ADVISED_S = 8
"""An adviser is given the last seconds of a turn."""


class EndAdviser(Protocol):
    """Judges by the sound of a turn whether it is over, when the caller falls silent.

    It advises: what the words say goes first, and it moves the silence within bounds, when it is sure.
    """

    def score(self, pcm: bytes) -> float:
        """The probability, from 0 to 1, that the turn is over: `pcm` has its last 8 s at most, 16-bit mono at 16 kHz.

        Called on a thread, by one caller at a time. An answer after 100 ms, and an exception, count as none.
        """
        ...
