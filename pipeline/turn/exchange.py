"""The current exchange: the bot's utterance, the question after it, and the caller's speech. Pure.

It answers what picking a move depends on: whether the utterance may be interrupted, whether speech counts, whether the
question has been answered already. `core` changes the state and picks the move.
"""

from dataclasses import dataclass
from enum import StrEnum

from offhook.pipeline.events import Interruption, Question
from offhook.pipeline.turn.back_channels import has_phrase, is_back_channel
from offhook.pipeline.turn.keypad import typed_entry
from offhook.pipeline.turn.tables import Floor, Move
from offhook.pipeline.turn.unasked import KeptTurn, UnaskedTurns

MAX_RESUMES = 2  # of one utterance after speech without words: more than that means a noisy line


class Detected(StrEnum):
    """The detector's current verdict."""

    NONE = "none"
    UNSURE = "unsure"
    CONFIRMED = "confirmed"


@dataclass(slots=True)
class Utterance:
    """What the bot is saying, or wants to say."""

    id: int
    interruption: Interruption
    resumes: int = 0  # after speech without words
    wordless: bool = False  # paused by speech whose words decide whether it interrupts


@dataclass(slots=True)
class Exchange:
    """The open utterance and question, and what the caller is doing."""

    unasked: UnaskedTurns
    back_channels: bool = False  # whether utterances ignore them over a standing question, unless they say otherwise
    utterance: Utterance | None = None
    question: Question | None = None
    speech: Detected = Detected.NONE
    sound_at: float = 0.0  # first sound of the current speech, or of the last
    sound_early: bool = False  # it began before the question was asked
    early: bool = False  # the turn is from before its question, and may be meant for something else
    standing: bool = False  # the question was there before the utterance, and is not what the utterance asks
    interrupting: bool = False  # this speech interrupted an utterance without a question: it answers the next one

    def may_interrupt(self) -> bool:
        """Whether speech may interrupt the utterance."""
        if self.utterance is None:
            return True
        policy = self.utterance.interruption
        return policy.by_speech and (policy.by != "hotwords" or self.question is not None)

    def listens(self, floor: Floor) -> bool:
        """Whether speech counts at the moment."""
        if self.question is not None and not self.question.speech:
            return False
        return floor is not Floor.SPEAKING or self.may_interrupt()

    def talks(self) -> bool:
        """Whether the caller is in a turn that no question has taken."""
        return self.unasked.open or self.speech is Detected.CONFIRMED

    def is_long_enough(self, now: float) -> bool:
        """Whether the caller has spoken for long enough to interrupt."""
        return self.utterance is None or 1000 * (now - self.sound_at) >= self.utterance.interruption.min_ms

    def ignores_back_channels(self) -> bool:
        """Whether "mm-hm" lets the utterance go on."""
        if self.utterance is None or self.question is None or not self.question.is_free:
            return False
        wanted = self.utterance.interruption.ignore_back_channels
        return self.back_channels and self.standing if wanted is None else wanted

    def demands_words(self) -> bool:
        """Whether the utterance demands certain words, or so many, of speech that interrupts it."""
        policy = None if self.utterance is None else self.utterance.interruption
        return policy is not None and (policy.min_words > 0 or policy.by == "hotwords")

    def needs_words(self) -> bool:
        """Whether the words decide if speech interrupts the utterance."""
        return self.demands_words() or self.ignores_back_channels()

    def has_words(self, text: str) -> bool:
        """Whether there are enough words to interrupt, and the right ones."""
        if self.utterance is None:
            return True
        policy = self.utterance.interruption
        return len(text.split()) >= policy.min_words and (policy.by != "hotwords" or has_phrase(text, policy.hotwords))

    def is_back_channel(self, text: str) -> bool:
        """Whether the words only show that the caller listens."""
        question = self.question
        return question is not None and self.ignores_back_channels() and is_back_channel(text, question.language)

    def can_answer(self, turn: KeptTurn) -> bool:
        """Whether a turn can answer the question: one for keys only takes a typed line of them."""
        question = self.question
        if question is None:
            return False
        return question.speech or (turn.line is not None and typed_entry(question, turn.line) is not None)

    def next_kept(self) -> KeptTurn | None:
        """The oldest kept turn that can answer the question."""
        return next((turn for turn in self.unasked.kept if self.can_answer(turn)), None)

    def lets_interrupt(self, line: str) -> bool:
        """Whether a typed line may interrupt the utterance: by the rule for keys if it is an entry, else for speech."""
        if self.utterance is None:
            return True
        if self.question is not None and typed_entry(self.question, line) is not None:
            return self.utterance.interruption.by_key(line.lstrip()[0])
        return self.may_interrupt() and self.has_words(line)

    def is_stuck(self) -> bool:
        """Whether the utterance has been resumed so often that the line must be noisy."""
        return self.utterance is not None and self.utterance.resumes >= MAX_RESUMES

    def may_ignore(self, text: str) -> bool:
        """Whether a turn that answers nothing can be ignored: a cough, the tail of the turn before, an early remark."""
        utterance = self.utterance
        if utterance is None:
            return self.early
        return not self.is_stuck() and (self.early or (not text and utterance.interruption.resume != "never"))

    def say_move(self, floor: Floor) -> Move:
        """The move for an utterance that begins."""
        if floor in (Floor.ON_HOLD, Floor.LISTENING, Floor.MAYBE_SPEECH):
            unsure = floor is Floor.MAYBE_SPEECH and self.may_interrupt()
            return Move.SAY_UNSURE if unsure else Move.SAY
        if floor is not Floor.IDLE:
            return Move.SAY_IN_TURN
        if not self.may_interrupt():
            waits = self.utterance is not None and self.utterance.interruption.waits
            return Move.SAY_LATER if waits and self.talks() else Move.SAY
        if self.question is not None and (self.question.speech or self.next_kept() is not None):
            return _SAY_MOVES[self.ask_move(Move.ASK, Move.ASK_UNSURE)]
        if self.talks():
            return Move.SAY_SKIPPED if self.interrupting and self.question is None else Move.SAY_LATER
        return Move.SAY_UNSURE if self.speech is Detected.UNSURE and self.question is None else Move.SAY

    def ask_move(self, silent: Move, unsure: Move) -> Move:
        """The move for a question: the caller has answered in advance, is answering, may be, or is silent."""
        if self.next_kept() is not None:
            return Move.ASK_ANSWERED
        if self.question is None or not self.question.speech:
            return silent
        if self.talks():
            return Move.ASK_IN_PAUSE if self.speech is Detected.NONE else Move.ASK_IN_TURN
        return unsure if self.speech is Detected.UNSURE else silent


_SAY_MOVES = {
    Move.ASK: Move.SAY,
    Move.ASK_UNSURE: Move.SAY_UNSURE,
    Move.ASK_IN_TURN: Move.SAY_ANSWERING,
    Move.ASK_IN_PAUSE: Move.SAY_IN_PAUSE,
    Move.ASK_ANSWERED: Move.SAY_ANSWERED,
}
"""The same for a question with an utterance before it."""
