"""Plain values of a conversation: prompts, questions, answers, and how turns end. Imports only what prompts are made
of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

from offhook.pipeline.prompt_parts import Part

InterruptedBy = Literal["both", "speech", "keys", "hotwords", "nobody"]
ResumeAt = Literal["word", "sentence", "never"]


@dataclass(frozen=True, slots=True)
class Interruption:
    """Who may interrupt an utterance, what confirms the interruption, and how the bot resumes after a false one.

    `min_ms` is how long the caller must speak before it counts (never less than the detector's own confirmation);
    `min_words` how many recognised words it takes while a question is open. `resume` says where it continues: at the
    `word` that was cut, at the start of the `sentence`, or `never` (after confirmed speech; a click never ends an
    utterance). `keys` limits which keys interrupt; None means any. An utterance that speech cannot interrupt begins
    only when the caller has finished, unless `waits` is false.

    With `by="hotwords"` only speech with one of the phrases in `hotwords` does, while a question is open, and nothing
    otherwise. With `ignore_back_channels` the bot pauses for "mm-hm" and "okay", and continues, while a question for
    any speech is open and the bot is not just asking something. None: if the question stands (`Call.expect`). Speech
    of `surely_ms` interrupts before any word of it has been recognised.
    """

    by: InterruptedBy = "both"
    min_ms: int = 0
    min_words: int = 0
    resume: ResumeAt = "word"
    keys: str | None = None
    hotwords: tuple[str, ...] = ()
    ignore_back_channels: bool | None = None
    surely_ms: int = 700
    waits: bool = True

    def __post_init__(self) -> None:
        if self.by not in ("both", "speech", "keys", "hotwords", "nobody"):
            raise ValueError(f"an utterance is interrupted by both, speech, keys, hotwords or nobody, not {self.by!r}")
        if (self.by == "hotwords") != bool(self.hotwords):
            raise ValueError('an utterance that hot words interrupt has by="hotwords" and hotwords=("stop", …)')
        if self.resume not in ("word", "sentence", "never"):
            raise ValueError(f"an utterance resumes at a word, a sentence or never, not {self.resume!r}")
        if self.min_ms < 0 or self.min_words < 0 or self.surely_ms < 0:
            raise ValueError("what confirms an interruption cannot be negative")

    @property
    def by_speech(self) -> bool:
        """Whether speech interrupts."""
        return self.by in ("both", "speech", "hotwords")

    def by_key(self, digit: str) -> bool:
        """Whether this key interrupts."""
        return self.by in ("both", "keys") and (self.keys is None or digit in self.keys)


ANYTHING = Interruption()
NOTHING = Interruption(by="nobody")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for the bot to say.

    `interruption` says who may interrupt it; without one, `barge_in` decides: true allows everything, false nothing.
    `language` (BCP 47) is the language of the text, None the call's; `voice` one of the engine's voices, None the one
    for the language. `parts` are what it is made of, where it is more than a text for the voice: `text` is their
    transcript then.
    """

    text: str
    barge_in: bool = True
    interruption: Interruption | None = None
    language: str | None = None
    voice: str | None = None
    parts: tuple[Part, ...] = ()

    @property
    def policy(self) -> Interruption:
        """The effective interruption policy."""
        return self.interruption or (ANYTHING if self.barge_in else NOTHING)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question: its phrases, and its key, of one digit or several; `more_keys` mean it as well. Not
    `listed`: the question does not name it, so that it is never "the last one"."""

    name: str
    phrases: tuple[str, ...] = ()
    dtmf: str | None = None
    more_keys: tuple[str, ...] = ()
    listed: bool = field(default=True, kw_only=True)

    @property
    def keys(self) -> tuple[str, ...]:
        """All that mean it, the one that is offered first."""
        return self.more_keys if self.dtmf is None else (self.dtmf, *self.more_keys)


@dataclass(frozen=True, slots=True)
class DigitRule:
    """Digits to collect by key (or spoken one by one): between `minimum` and `maximum` of them.

    `terminator` ends an entry, `clear` drops what has been typed of it; each is a key, or empty.
    """

    minimum: int = 1
    maximum: int = 1
    terminator: str = "#"
    inter_digit_ms: int = 2_500
    clear: str = ""


class ValueKind(Protocol):
    """A kind of value that a question asks for, such as a date: see `offhook.pipeline.understanding.kinds`.

    Pure: the same words give the same value.
    """

    def read(self, text: str, language: str | None) -> object | None:
        """The value that was said; `Ambiguous` if it may be one of several, None if there is none."""

    def read_keys(self, digits: str) -> object | None:
        """The value that was keyed; None if it is none."""

    @property
    def keys(self) -> DigitRule | None:
        """How it is keyed; None: it cannot be."""

    def say(self, value: object, language: str | None) -> str:
        """A value as a text for the voice."""
        ...


@runtime_checkable
class KindWithGrammar(Protocol):
    """A ValueKind for which recognisers with grammars get one; for others the answer is free speech."""

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """JSGF rules by name, without brackets and semicolons; the first is the whole value. None: free speech."""
        ...


ExpectedKind = Literal[
    "choice", "yes_no", "digits", "number", "date", "time", "amount", "phone", "email", "spelled", "name", "free"
]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer will be like, so that its end can be distinguished from a pause.

    `minimum` and `maximum` are a count of digits, `phrases` the answers of a "choice" (none: the question's choices).
    """

    kind: ExpectedKind
    minimum: int = 1
    maximum: int = 32
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What to listen for after a prompt.

    With `choices` the recogniser gets a grammar of their phrases, with `digits` also of digits spoken one by one, or
    `grammar` (JSGF) if that is set; without any of these it listens for free speech. With `value` the answer is a value
    of that kind, and the grammar has the ways to say one, if the kind knows them. `speech` false: keys only. With
    choices, digits, a value or a grammar, a transcript below `min_confidence` is a no-match, and one below
    `confirm_below` is asked back ("did you say sales?"; 0: never); None uses the bot's settings.
    `silence_ms` ends the caller's turn, `no_input_ms` is how long the caller may be silent after the prompt. `endpoint`
    decides when the turn is over, instead of the call's own policy. `language` (BCP 47) is the language of the answer,
    None the call's. `any_words`: any words are an answer as well, whatever they are, and the recogniser listens for
    free speech. `expect` says what the answer will be like where choices, digits and value do not, or otherwise.
    With `read_back` a value is repeated to the caller, spoken or keyed, and is an answer when they agree.
    `by_keys`: what is asked back about an answer is answered by keys alone.
    `others` are further languages that the answer may be in, each with the choices and their phrases in it.
    `inter_digit_ms` is how long a further digit of a choice's key is waited for, where `digits` does not say so.
    `likely_ms` is the silence after which the turn is likely over, so that a reply can be prepared, for policies
    without a setting of their own; None: never.
    """

    choices: tuple[Choice, ...] = ()
    grammar: str | None = None
    speech: bool = True
    digits: DigitRule | None = None
    silence_ms: int = 500
    no_input_ms: int = 5_000
    endpoint: "EndpointPolicy | None" = None
    min_confidence: float | None = None
    language: str | None = None
    value: ValueKind | None = None
    confirm_below: float | None = None
    any_words: bool = False
    expect: Expectation | None = None
    likely_ms: int | None = None
    read_back: bool = False
    by_keys: bool = False
    others: tuple[tuple[str, tuple[Choice, ...]], ...] = ()
    inter_digit_ms: int = 1_500

    @property
    def is_free(self) -> bool:
        """Whether any speech answers it."""
        return self.speech and not (self.choices or self.digits or self.grammar or self.value)

    def accepts(self, confidence: float | None, min_confidence: float) -> bool:
        """Whether a transcript of this confidence can be an answer; `min_confidence` is the bot's setting.

        Free speech always can: there is no grammar it could have been forced into.
        """
        expected = not self.any_words and bool(self.choices or self.digits or self.grammar or self.value)
        least = min_confidence if self.min_confidence is None else self.min_confidence
        return not expected or confidence is None or confidence >= least


@dataclass(frozen=True, slots=True)
class TurnSoFar:
    """A caller's turn during a pause, as an endpointing policy sees it.

    `question` is the one it answers (None: not asked yet), `partial` the words recognised so far, `silence_ms` the time
    since the last audible sample (0 while the caller speaks), `speech_ms` the length of the turn up to there.
    `recogniser` is what an engine that ends turns thinks of this one: likely over, over, or neither.

    `final` is the recogniser's final for the turn up to this pause, forced by `Verdict.force`, with its `confidence`;
    None until it is there. `repeats`: it is the partial itself, and no second opinion. `can_force`: it can be had.
    `usual_pause_ms` is how long this caller's pauses within turns may be, None until enough were seen. `adviser` is the
    probability, from 0 to 1, that the turn is over, by an adviser that listens to the sound of it; None without one, or
    while it has not answered.
    """

    question: Question | None
    partial: str
    silence_ms: float
    speech_ms: float
    recogniser: Literal["likely", "over"] | None = None
    final: str | None = None
    confidence: float | None = None
    can_force: bool = True
    usual_pause_ms: float | None = None
    adviser: float | None = None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """An endpointing policy's decision about a pause.

    `likely` is `wait` with the advice to prepare a reply. After `wait` and `likely` the policy is asked again when
    something changes, and at the latest when the silence has lasted `ask_again_ms`. With `force` the recogniser is
    asked for its final of the turn so far, once a pause; the turn goes on if the caller does.
    """

    kind: Literal["wait", "likely", "over"]
    ask_again_ms: float = 0.0
    force: bool = False


class EndpointPolicy(Protocol):
    """Decides when the caller's turn is over."""

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """Called when the caller falls silent, and on every change while they are silent: new partial text, elapsed
        time. Also when a recogniser that ends turns finds this one over while the detector still hears speech.

        Must be pure: the same result for the same arguments. `now` is in monotonic seconds. If a policy never ends a
        turn, the maximum turn length does.
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
class SpokenWord:
    """A word that was played; the times count from the start of the utterance's audio, without pauses.

    `is_estimated`: the voice does not report where its words are, and an even pace is assumed.
    """

    text: str
    start_s: float
    end_s: float
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Playback:
    """What was played of an utterance: the words that reached the caller, and those that did not.

    `interrupted`: the caller cut it off. `failed`: why the voice could not say the rest. `words` has the times of what
    was played, once the utterance is over; `played_s` is how much of its audio reached the caller.
    """

    text_played: str = ""
    text_unplayed: str = ""
    interrupted: bool = False
    failed: str | None = None
    words: tuple[SpokenWord, ...] = field(default=(), compare=False, repr=False)
    played_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a question (or, without one, of a prompt).

    `confidence`, 0 to 1, is the recogniser's, less where the words only resemble the choice's phrases; None if the
    recogniser has none and the words are certain. A NO_MATCH may have the `text` that was recognised, but no `choice`.
    `value` is what a question for a value got, by speech or keys: a value of its kind, or Ambiguous. `typed`: the
    caller typed a line instead of speaking. `is_final` is false for words of a partial, because the recogniser's final
    had not come: TurnCorrected may follow. `confirm_below` is the setting of the recogniser that answered, if it has
    one of its own. `guess` is what a NO_MATCH may have meant: too uncertain for an answer, and worth a question back;
    if it has no `choice`, it is one of the two in `either`. `too_uncertain`: the words of a NO_MATCH were recognised
    below the least confidence. `language` (BCP 47) is the one in which the choice was understood, of a question with
    `others`; None: as well in several of them, or there was one only.
    """

    kind: AnswerKind
    text: str = ""
    choice: str | None = None
    digits: str = ""
    confidence: float | None = None
    prompt: Playback = field(default_factory=Playback)
    typed: bool = False
    value: object | None = None
    is_final: bool = field(default=True, compare=False)
    confirm_below: float | None = field(default=None, compare=False)
    guess: "Answer | None" = field(default=None, compare=False)
    either: tuple[str, ...] = field(default=(), compare=False)
    too_uncertain: bool = field(default=False, compare=False)
    language: str | None = None
