"""The latency of one turn, in stages that sum to the whole; and the events that a session reports."""

from dataclasses import dataclass, field
from enum import StrEnum

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.chain.spending import EngineUse
from offhook.pipeline.events import Answer, Playback
from offhook.pipeline.tts.engine import Word


class Mark(StrEnum):
    """The moments of a turn. Each stage runs from one mark to the next; a mark that did not happen is missing."""

    SPEECH_ENDED = "speech-ended"  # the caller's last speech sample, or the key that completed the answer
    LIKELY_ENDED = "likely-ended"  # the turn was probably over, and it was
    TURN_ENDED = "turn-ended"  # the endpointer's decision
    TRANSCRIBED = "transcribed"  # the recogniser's final
    FIRST_TOKEN = "first-token"  # the first of a language model's reply
    ANSWERED = "answered"  # the dialog has begun its next utterance
    FIRST_CLAUSE = "first-clause"  # the first clause is given to the voice
    SYNTHESISED = "synthesised"  # its first audio is queued
    SENT = "sent"  # its first packet has left
    VOICED = "voiced"  # the first packet with more than silence in it has left
    PLAYED = "played"  # … and has arrived


STAGES: dict[Mark, str] = {
    Mark.LIKELY_ENDED: "likely",
    Mark.TURN_ENDED: "endpoint",
    Mark.TRANSCRIBED: "recogniser",
    Mark.FIRST_TOKEN: "model",
    Mark.ANSWERED: "dialog",
    Mark.FIRST_CLAUSE: "clause",
    Mark.SYNTHESISED: "voice",
    Mark.SENT: "line",
    Mark.VOICED: "onset",
    Mark.PLAYED: "arrival",
}
"""The stage that ends with each mark."""

_LAST = (Mark.SENT, Mark.VOICED, Mark.PLAYED)

AFTER_SENT = frozenset({STAGES[Mark.VOICED], STAGES[Mark.PLAYED]})
"""The stages after the answer's first packet."""

_ORDER = {mark: number for number, mark in enumerate(Mark)}


@dataclass(slots=True)
class TurnTrace:
    """The marks of one turn, in monotonic seconds: its latency ledger."""

    marks: dict[Mark, float] = field(default_factory=dict)

    def mark(self, mark: Mark, now: float) -> None:
        """Record a mark. The first of each kind counts. None is before the end of speech, and none that makes up the
        answer is after its first packet."""
        if mark not in self.marks:
            least = max(self.marks.values(), default=now) if mark in _LAST else self.marks.get(Mark.SPEECH_ENDED, now)
            self.marks[mark] = max(now, least)

    @property
    def complete(self) -> bool:
        """Whether the answer's first packet has left."""
        return Mark.SPEECH_ENDED in self.marks and Mark.SENT in self.marks

    @property
    def response_ms(self) -> float:
        """From the caller's last speech sample to the answer's first packet."""
        return 1000 * (self.marks[Mark.SENT] - self.marks[Mark.SPEECH_ENDED])

    @property
    def total_ms(self) -> float:
        """From the caller's last speech sample to the last mark."""
        return 1000 * (max(self.marks.values()) - self.marks[Mark.SPEECH_ENDED])

    def in_order(self) -> list[Mark]:
        """The marks in the order in which they happened: a reply may have been prepared before the turn was over."""
        return sorted(self.marks, key=lambda mark: (self.marks[mark], _ORDER[mark]))

    def marks_ms(self) -> dict[str, float]:
        """Every mark, in milliseconds since the caller's last speech sample."""
        began = self.marks[Mark.SPEECH_ENDED]
        return {str(mark): 1000 * (self.marks[mark] - began) for mark in self.in_order()}

    def ledger_ms(self) -> dict[str, float]:
        """All stages, in order; they sum to `total_ms`. A stage that did not take place is missing."""
        stages = {}
        last = self.marks[Mark.SPEECH_ENDED]
        for mark in self.in_order():
            if mark in STAGES:
                stages[STAGES[mark]] = 1000 * (self.marks[mark] - last)
                last = self.marks[mark]
        return stages

    def stages_ms(self) -> dict[str, float]:
        """The stages up to the answer's first packet, in order; they sum to `response_ms`."""
        return {name: ms for name, ms in self.ledger_ms().items() if name not in AFTER_SENT}


@dataclass(frozen=True, slots=True)
class BotSpoke:
    """The bot began to say `text`."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class BotHeard:
    """An utterance is over; `playback` says what of it reached the caller, `words` where its words are in its audio.

    `began_at` is when its first audio was queued, None if none ever was; `engine` is the voice ("": unknown), or
    several in their order.
    """

    playback: Playback
    at: float
    words: tuple[Word, ...] = ()
    began_at: float | None = None
    engine: str = ""


@dataclass(frozen=True, slots=True)
class BargedIn:
    """The caller interrupted: their first speech sample was at `began_at`, and the bot was silent `silent_ms` later."""

    silent_ms: float
    playback: Playback
    at: float


@dataclass(frozen=True, slots=True)
class BotResumed:
    """It was not speech: the bot resumes at `text`."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class SilenceFilled:
    """The caller waited for the `stage`, and the bot said `text` meanwhile ("": tones, without a voice)."""

    stage: str
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class StageStalled:
    """The `stage` has given nothing for `seconds`: it was given up, or the caller is asked for patience."""

    stage: str
    seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class OverlapJudged:
    """The dialog's hook has judged what the caller says over the bot: "interrupt" or "continue"."""

    text: str
    verdict: str
    at: float


@dataclass(frozen=True, slots=True)
class CallerSpeech:
    """The caller began to speak (or, with `speaking` false, fell silent) at `at`, as the detector places it."""

    speaking: bool
    at: float


@dataclass(frozen=True, slots=True)
class CallerPartial:
    """The caller's words so far."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class CallerTyped:
    """The caller typed `text` instead of speaking. Not reported if it is only keys: they may be a secret."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class CallerIgnored:
    """What the caller said or typed answered nothing, see TurnIgnored; it began at `began_at`."""

    text: str
    at: float
    began_at: float
    confidence: float | None = None
    typed: bool = False


@dataclass(frozen=True, slots=True)
class CallerAnswered:
    """A question is over; the turn that answers it began at `began_at` (None: there was none).

    `words` have their times in seconds of the turn's audio, if the recogniser has any.
    """

    answer: Answer
    at: float
    began_at: float | None = None
    words: tuple[RecognisedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerCorrected:
    """The recogniser's final came late: the turn that began at `began_at` gives `answer`, and not `was`."""

    answer: Answer
    was: Answer
    at: float
    began_at: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key. Not which one: it may be part of a secret."""

    at: float


@dataclass(frozen=True, slots=True)
class SecretKeyed:
    """The entry of a secret is over: what it was to be ("card", "pin" …), and what came of it: "entered", "no_input",
    or "no_match", where it cannot be right. Neither its keys nor how many there were."""

    secret: str
    outcome: str
    at: float


@dataclass(frozen=True, slots=True)
class DialogState:
    """The dialog has entered the state `name`; `by` is the way that led there, of a flow by `FlowRunner.walked`."""

    name: str
    at: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class DialogNoted:
    """The dialog notes something about the call."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class ConsentNoted:
    """What the caller has said to being recorded: "given", "refused", or "announced" where they were only informed."""

    consent: str
    at: float


@dataclass(frozen=True, slots=True)
class TurnTraced:
    """The bot has begun to answer a turn: reported when the answer has become audible, or can no longer."""

    trace: TurnTrace
    at: float


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """An engine failed; the conversation goes on."""

    engine: str
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class SpeechPrepared:
    """A clause that was synthesised in advance is said, or, with `used` false, dropped: `characters` were wasted."""

    characters: int
    used: bool
    at: float


@dataclass(frozen=True, slots=True)
class EngineUsed:
    """An engine's work on a turn or a text of the call is over."""

    use: EngineUse
    at: float


@dataclass(frozen=True, slots=True)
class WhoAnswered:
    """A call that the bot placed was answered by `by` (`answering.AnsweredBy`). `revised`: it seemed another before."""

    by: str
    why: str
    revised: bool
    at: float


@dataclass(frozen=True, slots=True)
class BeepHeard:
    """A voicemail records from now on; `heard` False: its greeting is over, without a tone."""

    heard: bool
    at: float


@dataclass(frozen=True, slots=True)
class PhoneRang:
    """The ringing tone of a call that the bot placed."""

    at: float


@dataclass(frozen=True, slots=True)
class ModelAsked:
    """A language model was asked for a reply to `said`. `speculative`: the caller's turn may not be over yet."""

    model: str
    said: str
    at: float
    speculative: bool = False


@dataclass(frozen=True, slots=True)
class ModelWrote:
    """The text so far of the reply to the request of `asked_at`. Momentary: reported some times a second."""

    text: str
    asked_at: float
    at: float


GIVEN_UP = "given up"
"""The `error` of a reply that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """A reply of a language model is complete, was `GIVEN_UP`, or failed (`error`).

    `first_token_s` (None: none came) and `seconds` count from the request. Tokens are 0 where the model does not say,
    and an estimate for a reply that was given up; `cost` is by the model's prices, and 0 for such a reply. `retried`:
    it failed before anything had come of it, and is asked for once more.
    """

    model: str
    text: str
    first_token_s: float | None
    seconds: float
    at: float
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    error: str = ""
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Speculated:
    """A reply was begun at a likely end of the turn: it was `used`, and came `saved_s` sooner, or thrown away.

    `tokens` had come by then.
    """

    used: bool
    tokens: int
    saved_s: float
    at: float


@dataclass(frozen=True, slots=True)
class ToolRan:
    """A tool of an agent has run, or was refused (`error`). `arguments` are the model's, without keyed digits and
    secrets; `name`, too, is the model's unless `known`: there is such a tool."""

    name: str
    arguments: str
    result: str
    seconds: float
    at: float
    error: str = ""
    known: bool = True


SessionEvent = (
    BotSpoke
    | BotHeard
    | BargedIn
    | BotResumed
    | SilenceFilled
    | StageStalled
    | OverlapJudged
    | CallerSpeech
    | CallerPartial
    | CallerTyped
    | CallerIgnored
    | CallerAnswered
    | CallerCorrected
    | KeyPressed
    | SecretKeyed
    | DialogState
    | DialogNoted
    | ConsentNoted
    | TurnTraced
    | EngineFailed
    | SpeechPrepared
    | EngineUsed
    | ModelAsked
    | ModelWrote
    | ModelReplied
    | Speculated
    | ToolRan
    | WhoAnswered
    | BeepHeard
    | PhoneRang
)
