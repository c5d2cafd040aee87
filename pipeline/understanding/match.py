"""What a matcher finds, and the interface of one that is not built in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from offhook.pipeline.events import Choice


@dataclass(frozen=True, slots=True)
class Match:
    """The `choice` that was meant, by its name, and how sure that is, from 0 to 1."""

    choice: str
    confidence: float = 1.0


class Matcher(Protocol):
    """Finds the choice where the built-in rules find none: a language model, say.

    It is asked for what a caller said that fits no choice, and may take its time: `[dialog] matcher_timeout_s` at most.
    """

    async def match(self, text: str, choices: Sequence[Choice], language: str) -> Match | None:
        """The choice that `text` means; None if it means none of them, or more than one. A question of several
        languages is one call for each, at once, and the surest counts.

        `language` is a BCP 47 tag. An exception counts as None and is logged.
        """
        ...
