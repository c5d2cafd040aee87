"""What the floor is busy with: the bot's utterance, the question behind it, and the caller's speech. Pure.

From this the next move is judged: may the utterance be interrupted, does speech count, has the question been answered
already? `core` changes the state, and names the moves by what it says.
"""

from dataclasses import dataclass
from enum import StrEnum

from offhook.pipeline.events import Interruption, Question
from offhook.pipeline.turn.tables import Floor, Move
from offhook.pipeline.turn.unasked import UnaskedTurns

MAX_RESUMES = 2  # of one utterance after speech without words: then there is noise on the line


class Speech(StrEnum):
    """What the detector makes of the moment."""

    NONE = "none"
    UNSURE = "unsure"
    CONFIRMED = "confirmed"


@dataclass(slots=True)
class Utterance:
    """What the bot is saying, or wants to."""

    id: int
    interruption: Interruption
    resumes: int = 0  # after speech without words
    wordless: bool = False  # it is paused by speech that will only interrupt it with enough words


@dataclass(slots=True)
class Exchange:
    """The open utterance and question, and what the caller does meanwhile."""

    unasked: UnaskedTurns
    utterance: Utterance | None = None
    question: Question | None = None
    speech: Speech = Speech.NONE
    sound_at: float = 0.0  # the first sound of what goes on, or went on last
    sound_early: bool = False  # it began when the question had not been asked
    early: bool = False  # the turn is from before its question: it may be meant for something else
    interrupting: bool = False  # this speech has cut an utterance without a question: it answers the next one

    def may_interrupt(self) -> bool:
        """Whether speech may interrupt what is being said."""
        return self.utterance is None or self.utterance.interruption.by_speech

    def listens(self, floor: Floor) -> bool:
        """Whether speech counts at this moment."""
        if self.question is not None and not self.question.speech:
            return False
        return floor is not Floor.SPEAKING or self.may_interrupt()

    def talks(self) -> bool:
        """Whether the caller is in a turn that no question has taken."""
        return self.unasked.open or self.speech is Speech.CONFIRMED

    def is_long_enough(self, now: float) -> bool:
        """Whether the caller has spoken for as long as it takes to interrupt."""
        return self.utterance is None or 1000 * (now - self.sound_at) >= self.utterance.interruption.min_ms

    def has_words(self, text: str) -> bool:
        """Whether there are enough of them to interrupt."""
        return self.utterance is None or len(text.split()) >= self.utterance.interruption.min_words

    def is_stuck(self) -> bool:
        """Whether the utterance has been resumed so often that the line is noisy."""
        return self.utterance is not None and self.utterance.resumes >= MAX_RESUMES

    def is_forgotten(self, text: str) -> bool:
        """Whether a turn that answers nothing is no answer: a cough, the tail of the turn before, an early remark."""
        utterance = self.utterance
        if utterance is None:
            return self.early
        return not self.is_stuck() and (self.early or (not text and utterance.interruption.resume != "never"))

    def say_move(self, floor: Floor) -> Move:
        """What it is called that the utterance begins."""
        if floor in (Floor.ON_HOLD, Floor.LISTENING, Floor.MAYBE_SPEECH):
            unsure = floor is Floor.MAYBE_SPEECH and self.may_interrupt()
            return Move.SAY_UNSURE if unsure else Move.SAY
        if floor is not Floor.IDLE:
            return Move.SAY_IN_TURN
        if not self.may_interrupt():
            return Move.SAY_LATER if self.talks() else Move.SAY
        if self.question is not None and self.question.speech:
            return _SAY_MOVES[self.ask_move(Move.ASK, Move.ASK_UNSURE)]
        if self.talks():
            return Move.SAY_SKIPPED if self.interrupting and self.question is None else Move.SAY_LATER
        return Move.SAY_UNSURE if self.speech is Speech.UNSURE and self.question is None else Move.SAY

    def ask_move(self, silent: Move, unsure: Move) -> Move:
        """What a question is met with: an answer that is there already, one that goes on, or perhaps, or nothing."""
        if self.question is None or not self.question.speech:
            return silent
        if self.unasked.kept:
            return Move.ASK_ANSWERED
        if self.talks():
            return Move.ASK_IN_PAUSE if self.speech is Speech.NONE else Move.ASK_IN_TURN
        return unsure if self.speech is Speech.UNSURE else silent


_SAY_MOVES = {
    Move.ASK: Move.SAY,
    Move.ASK_UNSURE: Move.SAY_UNSURE,
    Move.ASK_IN_TURN: Move.SAY_ANSWERING,
    Move.ASK_IN_PAUSE: Move.SAY_IN_PAUSE,
    Move.ASK_ANSWERED: Move.SAY_ANSWERED,
}
"""What a question is met with, where an utterance stands before it."""
