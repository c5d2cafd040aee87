"""The floor with the caller's keys (DTMF), which take precedence over speech whenever a question is open."""

from offhook.pipeline.events import Answer, AnswerKind, EndpointPolicy, Question
from offhook.pipeline.turn.keypad import Entry, Keypad
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import INACTIVE, SPEAKING, Floor, Move
from offhook.pipeline.turn.turns import CallerTurns


class CallerKeys(CallerTurns):
    """Interrupts with keys, collects them, and keeps those typed ahead."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy) -> None:
        super().__init__(settings, policy)
        self._keypad = Keypad()
        self._answer = Answer(AnswerKind.NO_INPUT)  # to the open question, once it is over
        self._entering = False  # the far end holds the call in the middle of an entry

    def key(self, digit: str, now: float) -> None:
        """A key was pressed."""
        if not self.ignores_caller and self._keypad.press(digit, now, self._state.question):
            self._take_typed_ahead(now)

    def _take_typed_ahead(self, now: float) -> None:
        keypad = self._keypad
        while keypad.typed_ahead and self.floor not in (Floor.IDLE, *INACTIVE):
            if self._state.utterance is not None and self.floor in SPEAKING:
                digits = [digit for digit, _ in keypad.typed_ahead]
                if self._state.question is None:
                    # It interrupts, and is kept for the next question.
                    if any(self._state.utterance.interruption.by_key(digit) for digit in digits):
                        self._move(Move.KEYED_UNASKED, now)
                    return
                if not self._state.utterance.interruption.by_key(digits[0]):
                    return
            if self._state.question is None:
                return
            entry = keypad.accept(self._state.question)
            if entry is Entry.COMPLETE:
                self._complete_keys(now)
                return
            if entry is Entry.MORE:
                self._move(Move.KEY, now)
            elif entry is Entry.CLEARED:
                self._no_input_at = None  # the time to answer begins anew
                self._move(Move.CLEARED, now)

    def _complete_keys(self, now: float, move: Move = Move.KEYED) -> None:
        self._answer = self._keypad.answer(self._state.question or Question())
        self._keypad.drop_surplus()
        self._began_at, self._ended_at = self._keypad.began_at, now
        self._move(move, now)
