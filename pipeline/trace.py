"""The latency of one turn, in stages that sum to the whole; and the events that a session reports."""

from dataclasses import dataclass, field
from enum import StrEnum

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.chain.spending import EngineUse
from offhook.pipeline.events import Answer, Playback
from offhook.pipeline.tts.engine import Word


class Mark(StrEnum):
    """The moments of a turn, in order. Each stage runs from one mark to the next."""

    SPEECH_ENDED = "speech-ended"  # the caller's last speech sample, or the key that completed the answer
    TURN_ENDED = "turn-ended"  # the endpointer's decision
    TRANSCRIBED = "transcribed"
    ANSWERED = "answered"  # the dialog has the text of its next prompt
    SYNTHESISED = "synthesised"  # its first audio is queued
    SENT = "sent"  # its first packet has left


STAGES: dict[Mark, str] = {
    Mark.TURN_ENDED: "endpoint",
    Mark.TRANSCRIBED: "recogniser",
    Mark.ANSWERED: "dialog",
    Mark.SYNTHESISED: "voice",
    Mark.SENT: "line",
}
"""The stage that ends with each mark."""


@dataclass(slots=True)
class TurnTrace:
    """The marks of one turn, in monotonic seconds."""

    marks: dict[Mark, float] = field(default_factory=dict)

    def mark(self, mark: Mark, now: float) -> None:
        """Record a mark. The first of each kind counts, and marks never go backwards in time."""
        if mark not in self.marks:
            self.marks[mark] = max(now, max(self.marks.values(), default=now))

    @property
    def complete(self) -> bool:
        """Whether the answer's first packet has left."""
        return Mark.SPEECH_ENDED in self.marks and Mark.SENT in self.marks

    @property
    def response_ms(self) -> float:
        """From the caller's last speech sample to the answer's first packet."""
        return 1000 * (self.marks[Mark.SENT] - self.marks[Mark.SPEECH_ENDED])

    def stages_ms(self) -> dict[str, float]:
        """The stages, in order; they sum to `response_ms`. A stage that did not take place is missing."""
        stages = {}
        last = self.marks[Mark.SPEECH_ENDED]
        for mark, name in STAGES.items():
            if mark in self.marks:
                stages[name] = 1000 * (self.marks[mark] - last)
                last = self.marks[mark]
        return stages


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
class DialogState:
    """The dialog has entered the state `name`."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class TurnTraced:
    """The bot's answer to a turn has begun to leave."""

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
    | DialogState
    | TurnTraced
    | EngineFailed
    | SpeechPrepared
    | EngineUsed
)
