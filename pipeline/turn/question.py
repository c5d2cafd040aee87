"""The floor with the question that is open, until it is answered: by what the recogniser or the keyboard gives."""

from dataclasses import replace

from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.events import Answer, AnswerKind, EndpointPolicy, Question
from offhook.pipeline.turn.answers import answer_to, is_meant_for
from offhook.pipeline.turn.correction import Provisional
from offhook.pipeline.turn.events import NoInput, TurnOver
from offhook.pipeline.turn.interruptions import Interruptions
from offhook.pipeline.turn.machine import Command, TurnSettings
from offhook.pipeline.turn.tables import Action, Floor, Move


class OpenQuestion(Interruptions):
    """Makes the answer of the caller's words."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy) -> None:
        super().__init__(settings, policy)
        self._no_inputs = 0
        self._transcript = Transcript("")
        self._provisional: Provisional | None = None

    @property
    def transcript_words(self) -> tuple[RecognisedWord, ...]:
        """The words of the latest transcript."""
        return self._transcript.words

    def transcript(self, transcript: Transcript, now: float) -> None:
        """The recogniser's result; its text is "" if no words were recognised."""
        if self.floor is not Floor.RECOGNISING:
            return
        if self._blind and not transcript.text:
            # Nobody can tell whether they spoke: that is not their silence.
            self._answer = Answer(AnswerKind.FAILED)
            self._move(Move.FAILED, now)
            return
        self._match(transcript, now, typed=False)

    def failed(self, now: float) -> None:
        """The recogniser failed. Handled after the turn's end, so that a caller is not cut off in mid-sentence."""
        if self.floor is not Floor.RECOGNISING:
            return
        if self._state.early and not self._state.is_stuck():
            self._outputs.append(Command(Action.CANCEL_ASR))
            self._keep_asking(now)
            return
        self._answer = Answer(AnswerKind.FAILED, is_final=False)
        self._move(Move.FAILED, now)

    def late(self, transcript: Transcript, now: float) -> None:
        """The recogniser's final of the turn that was answered last, which had to do without it."""
        provisional, self._provisional = self._provisional, None
        if provisional is None or now - provisional.answered_at > self.settings.correct_within_ms / 1000:
            return
        corrected = provisional.corrected(transcript, self.settings.min_confidence)
        if corrected is not None:
            self._outputs.append(corrected)

    def typed(self, line: str, now: float) -> None:
        """The caller typed a line instead of speaking: a turn that is over at once, with a confidence of 1."""
        line = line.strip()
        if not line or self.ignores_caller:
            return
        if self._begin_typed(line, now) or self._state.question is not None:
            return
        if self.floor in (Floor.SPEAKING, Floor.BOT_PAUSED) and self._state.lets_interrupt(line):
            self._move(Move.CONFIRMED_UNASKED, now)

    def _match(self, transcript: Transcript, now: float, *, typed: bool) -> None:
        """The words of the caller's turn are known."""
        text, self._transcript = transcript.text, transcript
        question, utterance = self._state.question or Question(), self._state.utterance
        if utterance is not None and utterance.wordless and not typed:
            if not self._interrupts(text):
                self._ignore(text, transcript.confidence, typed=False)
                self._move(self._state.ask_move(Move.NOTHING_SAID, Move.NOTHING_SAID_UNSURE), now)
                return
            self._move(Move.WORDS, now)
        answer = answer_to(question, transcript, self.settings.min_confidence, typed=typed)
        answer = answer if transcript.is_final else replace(answer, is_final=False)
        if not is_meant_for(question, answer, early=self._state.early) and self._state.may_ignore(text):
            self._ignore(text, transcript.confidence, typed=typed)
            self._keep_asking(now)
            return
        self._answer = answer
        firm = utterance is not None and not self._state.may_interrupt()
        self._move(Move.TRANSCRIPT_FIRM if firm else Move.TRANSCRIPT, now)

    def _open_question(self, question: Question, now: float) -> None:
        entering = self.floor is Floor.COLLECTING_DTMF
        if entering or (self._entering and self._state.question is not None):
            self._keypad.take_back()  # an entry in progress answers the new question if it can, as a turn does
        self._entering = False
        self._state.question = question
        self._state.sound_early = self._state.early = True  # whatever is in progress
        self._state.unasked.mark_early()
        self._keypad.begin(question)
        self._partial, self._no_input_at = "", None
        self._answer = Answer(AnswerKind.NO_INPUT)
        if entering:
            self._move(Move.CLEARED, now)

    def _keep_asking(self, now: float) -> None:
        if self._state.utterance is None:
            self._move(self._state.ask_move(Move.ASK, Move.ASK_UNSURE), now)
        else:
            self._state.utterance.resumes += 1
            self._move(self._state.ask_move(Move.NOTHING_SAID, Move.NOTHING_SAID_UNSURE), now)

    def _finish(self, action: Action, now: float) -> None:
        question, answer = self._state.question, self._answer
        self._state.question = self._provisional = None
        if action is Action.FINISH:
            self._state.utterance = None
        self._outputs.append(Command(action, answer))
        if question is not None and answer.kind is AnswerKind.NO_INPUT:
            self._no_inputs += 1
            self._outputs.append(NoInput(self._no_inputs))
        elif question is not None:
            self._no_inputs, self._owes = 0, "dialog"
            if not answer.is_final:
                self._provisional = Provisional(question, answer, self._began_at, self._ended_at, now)
            transcript = self._transcript if answer.text else Transcript("")
            self._outputs.append(
                TurnOver(answer, self._began_at, self._ended_at, transcript.alternatives, transcript.words)
            )
