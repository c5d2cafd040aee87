"""Turn events that the floor reports, as plain values. Times are monotonic seconds."""

from dataclasses import dataclass

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.events import Answer, Playback
from offhook.pipeline.turn.silence import Stage


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Confirmed speech, or a typed line; the caller's first sound was at `began_at`. `asked`: a question is open."""

    began_at: float
    asked: bool


@dataclass(frozen=True, slots=True)
class TurnPartial:
    """The words of the turn so far."""

    text: str


@dataclass(frozen=True, slots=True)
class TurnLikelyOver:
    """The caller has paused, perhaps for good: a reply to `text` may be prepared, and is void at TurnResumed."""

    text: str


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The caller continues after a pause that was probably the end."""


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The caller's turn is over; `answer` is what they said, keyed or typed in answer to the question that was open.

    `alternatives` are other readings, best first, and `words` their positions, if the recogniser provides them.
    `began_at` is the first sound or key, `ended_at` the last.
    """

    answer: Answer
    began_at: float
    ended_at: float
    alternatives: tuple[str, ...] = ()
    words: tuple[RecognisedWord, ...] = ()

    @property
    def text(self) -> str:
        """What was said."""
        return self.answer.text


@dataclass(frozen=True, slots=True)
class TurnCorrected:
    """The recogniser's final came late, and makes the answer of the latest TurnOver another: `answer` instead of `was`.

    The bot may have acted on `was` meanwhile.
    """

    answer: Answer
    was: Answer
    began_at: float
    ended_at: float
    alternatives: tuple[str, ...] = ()
    words: tuple[RecognisedWord, ...] = ()

    @property
    def text(self) -> str:
        """What was said."""
        return self.answer.text


@dataclass(frozen=True, slots=True)
class TurnIgnored:
    """A turn came to nothing: it was meant for something else than the question, too few words to interrupt, or typed
    and never asked for. A question stays open."""

    text: str
    began_at: float
    confidence: float | None = None
    typed: bool = False


@dataclass(frozen=True, slots=True)
class NoInput:
    """The caller said nothing in reply to a question, for the `count`-th time in a row."""

    count: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """The caller has waited `seconds` in vain for the `stage`: the recogniser, the dialog or the voice.

    The bot has apologised. An answer that the recogniser owes is FAILED, an utterance without audio has failed.
    """

    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """The first audio of an utterance is on its way."""

    id: int


@dataclass(frozen=True, slots=True)
class UtterancePlayed:
    """An utterance has been said in full, or as far as the voice got (`playback.failed`)."""

    id: int
    playback: Playback


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An utterance was given up."""

    id: int
    playback: Playback


TurnEvent = (
    TurnStarted
    | TurnPartial
    | TurnLikelyOver
    | TurnResumed
    | TurnOver
    | TurnCorrected
    | TurnIgnored
    | NoInput
    | Stalled
    | UtteranceStarted
    | UtterancePlayed
    | Interrupted
)
