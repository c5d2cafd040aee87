"""The conversation's plain values: what is said, asked and answered, and how turns end. Imports nothing else."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

InterruptedBy = Literal["both", "speech", "keys", "nobody"]
ResumeAt = Literal["word", "sentence", "never"]


@dataclass(frozen=True, slots=True)
class Interruption:
    """Who may interrupt an utterance, what confirms that they do, and how the bot goes on when they did not.

    `min_ms` is how long the caller's speech lasts before it counts (the detector's own confirmation is the least);
    `min_words` how many recognised words it takes while a question is open: "uh-huh" lets the bot go on. `resume`
    says where it goes on: at the `word` that was cut, at the beginning of the `sentence`, or `never` (once the speech
    was confirmed; a click never ends an utterance). `keys` limits which keys interrupt; None is any.
    """

    by: InterruptedBy = "both"
    min_ms: int = 0
    min_words: int = 0
    resume: ResumeAt = "word"
    keys: str | None = None

    def __post_init__(self) -> None:
        if self.by not in ("both", "speech", "keys", "nobody"):
            raise ValueError(f"an utterance is interrupted by both, speech, keys or nobody, not {self.by!r}")
        if self.resume not in ("word", "sentence", "never"):
            raise ValueError(f"an utterance resumes at a word, a sentence or never, not {self.resume!r}")
        if self.min_ms < 0 or self.min_words < 0:
            raise ValueError("what confirms an interruption cannot be negative")

    @property
    def by_speech(self) -> bool:
        """Whether speech interrupts."""
        return self.by in ("both", "speech")

    def by_key(self, digit: str) -> bool:
        """Whether this key interrupts."""
        return self.by in ("both", "keys") and (self.keys is None or digit in self.keys)


ANYTHING = Interruption()
NOTHING = Interruption(by="nobody")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something for the bot to say.

    `interruption` says who may interrupt it; without one `barge_in` does: true is anything, false is nobody.
    """

    text: str
    barge_in: bool = True
    interruption: Interruption | None = None

    @property
    def policy(self) -> Interruption:
        """Who may interrupt."""
        return self.interruption or (ANYTHING if self.barge_in else NOTHING)


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
    Where there are choices, digits or a grammar, a transcript with less than `min_confidence` is a no-match; None is
    the bot's setting. `silence_ms` ends the caller's turn, `no_input_ms` is how long the caller may say nothing after
    the prompt's end.
    `endpoint` decides when the turn is over, in place of the call's own policy.
    """

    choices: tuple[Choice, ...] = ()
    grammar: str | None = None
    speech: bool = True
    digits: DigitRule | None = None
    silence_ms: int = 500
    no_input_ms: int = 5_000
    endpoint: "EndpointPolicy | None" = None
    min_confidence: float | None = None

    def accepts(self, confidence: float | None, min_confidence: float) -> bool:
        """Whether a transcript of this confidence may be an answer; `min_confidence` is the bot's setting.

        Free speech always may: it fits no expectation that the recogniser could be wrong about.
        """
        expected = bool(self.choices) or self.digits is not None or self.grammar is not None
        least = min_confidence if self.min_confidence is None else self.min_confidence
        return not expected or confidence is None or confidence >= least


@dataclass(frozen=True, slots=True)
class TurnSoFar:
    """A turn of the caller that has paused, as an endpointing policy sees it.

    `question` is what it answers (None: nothing has been asked yet), `partial` what has been recognised ("" if nothing
    is known), `silence_ms` how long the caller has been silent, from the last audible sample on, `speech_ms` how long
    the turn had lasted by then.
    """

    question: Question | None
    partial: str
    silence_ms: float
    speech_ms: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an endpointing policy makes of a pause.

    `likely` is `wait` with the advice that a reply may be prepared. With `wait` and `likely` the policy is asked again
    when something changes, and at the latest once the silence has lasted `ask_again_ms`.
    """

    kind: Literal["wait", "likely", "over"]
    ask_again_ms: float = 0.0


class EndpointPolicy(Protocol):
    """Decides when the caller's turn is over."""

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """Asked when the caller falls silent and whenever something changes while they are: the partial text, the time.

        Pure: the same answer for the same arguments. `now` is in monotonic seconds. A turn that is never called over
        ends with the longest turn.
        """
        ...


class AnswerKind(StrEnum):
    """How a question ended."""

    SPEECH = "speech"
    DTMF = "dtmf"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"
    FAILED = "failed"  # the recogniser failed: ask again or offer the keypad


@dataclass(frozen=True, slots=True)
class Playback:
    """What became of an utterance: the words that reached the caller, and those that did not.

    `interrupted`: the rest was given up for the caller's sake. `failed`: the voice could not say the rest, and why.
    """

    text_played: str = ""
    text_unplayed: str = ""
    interrupted: bool = False
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a question (or, without one, of a prompt).

    `confidence` is the recogniser's, 0 to 1, None where it has none. A NO_MATCH may have the `text` that was
    recognised; it has no `choice`.
    """

    kind: AnswerKind
    text: str = ""
    choice: str | None = None
    digits: str = ""
    confidence: float | None = None
    prompt: Playback = field(default_factory=Playback)
