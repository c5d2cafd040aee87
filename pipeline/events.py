"""The conversation's plain values: what may be said, asked, answered and heard. Imports nothing of the package."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something for the bot to say. `barge_in` false: the caller cannot interrupt it."""

    text: str
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question: phrases that mean it, and the key that means it."""

    name: str
    phrases: tuple[str, ...] = ()
    dtmf: str | None = None


@dataclass(frozen=True, slots=True)
class DigitRule:
    """Digits to collect by key (or one by one by voice): between `minimum` and `maximum`."""

    minimum: int = 1
    maximum: int = 1
    terminator: str = "#"
    inter_digit_ms: int = 2_500


@dataclass(frozen=True, slots=True)
class Question:
    """What is listened for after a prompt.

    With `choices` the recogniser gets a grammar made of their phrases, with `digits` also of digits said one by one, or
    `grammar` (JSGF) where that is given; with none of them it listens for free speech. `speech` false: keys only.
    `silence_ms` ends the caller's turn, `no_input_ms` is how long the caller may say nothing after the prompt's end.
    """

    choices: tuple[Choice, ...] = ()
    grammar: str | None = None
    speech: bool = True
    digits: DigitRule | None = None
    silence_ms: int = 500
    no_input_ms: int = 5_000


class AnswerKind(StrEnum):
    """How a question ended."""

    SPEECH = "speech"
    DTMF = "dtmf"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    FAILED = "failed"  # the recogniser failed: ask again or offer the keypad


@dataclass(frozen=True, slots=True)
class Heard:
    """Of what the bot said: the words that reached the caller, and those that did not."""

    heard: str = ""
    unheard: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a question (or, without one, of a prompt)."""

    kind: AnswerKind
    text: str = ""
    choice: str | None = None
    digits: str = ""
    confidence: float | None = None
    prompt: Heard = field(default_factory=Heard)
