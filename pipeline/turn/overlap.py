"""What the core asks about an utterance that the caller speaks over. Pure."""

from typing import Literal, Protocol

OverlapVerdict = Literal["interrupt", "continue"]


class Overlap(Protocol):
    """Answers at once, from what was said so far."""

    @property
    def is_asked(self) -> bool:
        """Whether `judge` may have an opinion at all: then the words are waited for."""
        ...

    def judge(self, caller_words: str) -> OverlapVerdict | None:
        """Whether these words interrupt; None leaves it to the utterance's policy."""
        ...

    def asks(self) -> bool:
        """Whether the utterance was just asking something where it was cut."""
        ...
