"""The turn core: decides who has the floor, and never waits for anything.

It handles at most one *utterance* of the bot and one *question* at a time. `say` begins an utterance, alone or with a
question after it; `expect` asks a question by itself. A question is answered once: by a turn of the caller (speech or
keys), or by their silence. Inputs carry the time `now` (monotonic seconds); after each one, call `next_output` until it
returns None: a Command is for the session to execute, a TurnEvent for the dialog. The same inputs at the same times
give the same outputs.

Transitions are rows of `tables.MOVES`, which also has the theory of operation. This file picks the move, which takes
more than the floor: whether the utterance may be interrupted, whether a question is open or has been answered already.
The core is built in layers: `machine` runs the table, `turns` knows the caller's turns, `keys` their DTMF, `debts` the
silence that the bot has to end, `interruptions` whose words interrupt, `question` what answers the question.
"""

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy, Interruption, Question
from offhook.pipeline.turn.events import TurnPartial
from offhook.pipeline.turn.exchange import Detected, Utterance
from offhook.pipeline.turn.keypad import inter_digit_ms
from offhook.pipeline.turn.machine import TIMER_MOVES, TurnSettings
from offhook.pipeline.turn.question import OpenQuestion
from offhook.pipeline.turn.silence_tables import Debt
from offhook.pipeline.turn.tables import IN_TURN, SPEAKING, Action, Floor, Move

BLIND_SILENCE_S = 1.5  # without a detector: a turn is over when no words have come for so long
MAX_SKIPPED = 8  # utterances without a question that one interruption may skip


class TurnCore(OpenQuestion):
    """The floor of one call."""

    def __init__(self, settings: TurnSettings | None = None, policy: EndpointPolicy | None = None) -> None:
        super().__init__(settings or TurnSettings(), policy or SilencePolicy(Question().silence_ms))
        self._skipped = 0  # consecutive utterances that were over before they began

    # Input from the dialog.

    def say(self, utterance_id: int, interruption: Interruption, now: float, question: Question | None = None) -> None:
        """Begin an utterance, with the `question` after it. Raises ValueError if another utterance is open."""
        if self.floor is Floor.CLOSED or self._state.utterance is not None:
            raise ValueError(f"an utterance cannot begin while the floor is {self.floor}")
        self._state.utterance = Utterance(utterance_id, interruption)
        self._owes_greeting = False
        self._owes = None
        if question is not None:
            self._open_question(question, now)
            self._state.standing = False
        if self._skipped >= MAX_SKIPPED and self._state.question is None:
            # A dialog that only ever speaks will never ask for the turn that interrupted it.
            self._keypad.forget()
            self._state.interrupting = False
            self._drop_unasked()
            move = Move.SAY
        else:
            move = self._state.say_move(self.floor)
        self._move(move, now)
        self._take_typed_ahead(now)
        self._skipped = self._skipped + 1 if self.floor is Floor.IDLE and question is None else 0

    def expect(self, question: Question | None, now: float, again: bool = False, awaited: bool = False) -> None:
        """Ask a question without an utterance, or after the current one; None withdraws the question.

        An open question is replaced, and a turn in progress answers the new one if it can. `again`: it stands, and the
        bot has yet to reply to its last answer. `awaited`: the dialog waits for the answer, so that the silence is the
        caller's, even where the bot has not spoken yet.
        """
        if awaited:
            self._owes_greeting = False
        self._owes = "dialog" if self._owes_greeting else self._owes if again else None
        if self.floor is Floor.CLOSED:
            raise ValueError("a question cannot be asked while the floor is closed")
        if question is None:
            self._withdraw(now)
            return
        self._open_question(question, now)
        self._state.standing = True
        if self.floor in (Floor.IDLE, Floor.LISTENING) or (self.floor is Floor.WAITING and self._state.may_interrupt()):
            self._move(self._state.ask_move(Move.ASK, Move.ASK_UNSURE), now)
        self._take_typed_ahead(now)
        self._skipped = 0

    def played(self, now: float, failed: bool = False) -> None:
        """The utterance has been sent in full; `failed`: as far as the voice got."""
        if self.floor is not Floor.SPEAKING:
            return
        if failed:
            self._owes = "voice"  # the caller has heard half of it at most, and cannot know that it is their turn
        if self._state.question is None:
            self._move(Move.PLAYED_LAST, now)
            return
        self._state.utterance, self._no_input_at = None, None  # the time to answer begins when the bot has spoken
        self._move(self._state.ask_move(Move.ASK, Move.ASK_UNSURE), now)
        self._take_typed_ahead(now)

    def cancel(self, now: float) -> None:
        """The utterance is withdrawn; the question after it stays."""
        self._no_input_at = None
        self._move(Move.CANCEL if self._state.question is None else Move.CANCEL_ASKED, now)
        self._state.utterance = None
        if self.floor is Floor.LISTENING:
            # What the caller said over it, and could not interrupt it with, answers the question.
            self._move(self._state.ask_move(Move.ASK, Move.ASK_UNSURE), now)

    def abandon(self, now: float) -> None:
        """The dialog no longer awaits the utterance and its question: both end without an answer."""
        self._move(Move.ABANDON, now)
        self._state.utterance = self._state.question = None

    def hold(self, now: float) -> None:
        """The far end puts the call on hold: until `unhold` all input is ignored. The caller's turn ends here."""
        if self.floor is Floor.USER_TURN:
            self._ended_at = now
        if self._state.unasked.open:
            if self._state.speech is Detected.CONFIRMED:
                self._state.unasked.ended_at = now
            self._keep_unasked()
        self._unasked_due = None
        in_turn = self.floor in IN_TURN and bool(self._partial or not self._blind)
        self._entering = self._entering or self.floor is Floor.COLLECTING_DTMF
        self._held = True
        self._state.speech, self._state.interrupting = Detected.NONE, False
        self._move(Move.HOLD_IN_TURN if in_turn else Move.HOLD, now)

    def unhold(self, now: float) -> None:
        """The far end resumes the call, which continues where it was."""
        self._held, self._no_input_at = False, None
        entering, self._entering = self._entering and self._state.question is not None, False
        if entering:
            self._move(Move.UNHOLD_ENTERING, now)
            return
        if self._state.utterance is not None:
            self._move(Move.UNHOLD_SPEAKING, now)
            return
        self._move(Move.UNHOLD if self._state.question is None else Move.UNHOLD_ASKED, now)
        if self.floor is Floor.LISTENING and self._state.next_kept() is not None:
            self._move(Move.ASK_ANSWERED, now)

    def forget_unasked(self, now: float) -> None:
        """What the caller has said, keyed and typed that nothing has asked for is dropped: it skips no announcement."""
        self._keypad.forget()
        self._state.interrupting = False
        self._drop_unasked()

    def close(self, now: float) -> None:
        """The call is over."""
        self._move(Move.CLOSE, now)
        self._drop_unasked()

    # Input from the detector.

    def speech_started(self, began_at: float, now: float) -> None:
        """Possible speech began at `began_at`."""
        if self.ignores_caller:
            return
        self._state.speech = Detected.UNSURE
        self._unasked_due = self._recogniser = None
        self._state.sound_at, self._state.sound_early = began_at, self._state.question is None
        goes_on = self.floor in (Floor.PAUSING, Floor.RECOGNISING, Floor.IDLE) and self._state.utterance is None
        self._paused_ms = 1000 * (began_at - self._ended_at) if goes_on else 0.0
        if not self._state.listens(self.floor):
            return
        self._move(Move.SPEECH, now)
        if self.floor is Floor.USER_TURN:
            self._resume_turn()

    def speech_confirmed(self, now: float) -> None:
        """It has lasted long enough to be speech."""
        if self.ignores_caller:
            return
        self._state.speech = Detected.CONFIRMED
        self._pauses.add(self._paused_ms)
        over_words = self.floor in (Floor.SPEAKING, Floor.BOT_PAUSED) and self._state.listens(self.floor)
        if over_words and not self._state.is_long_enough(now):
            self._open_unasked()
            self._move(Move.TOO_SHORT_YET, now)
        else:
            self._confirm(now)

    def speech_stopped(self, ended_at: float, confirmed: bool, now: float) -> None:
        """It ended at `ended_at`; `confirmed` false: it was a click or a cough."""
        if self.ignores_caller:
            return
        self._state.speech = Detected.NONE
        self._state.interrupting = False
        if confirmed or self.floor not in IN_TURN:
            # A click in a pause does not extend it: the pause counts from the last word.
            self._ended_at = ended_at
        if confirmed:
            self._state.unasked.ended_at = ended_at
        self._consult_unasked(now)
        if self._state.listens(self.floor):
            # For the utterance, speech that was too short to interrupt is a click; for the turn it is speech.
            self._move(Move.SILENCE if confirmed and self.floor is not Floor.BOT_PAUSED else Move.CLICK, now)
            self._expect_resume(now)

    def detector(self, alive: bool, now: float) -> None:
        """The detector judges the caller's audio, or, with `alive` false, has not for too long."""
        self._blind = not alive
        if alive or self.ignores_caller:
            return
        self._state.speech, self._state.interrupting = Detected.NONE, False
        if self._state.unasked.open:
            self._state.unasked.ended_at = now
            self._consult_unasked(now)
        self._listen_blindly(now)

    def _listen_blindly(self, now: float) -> None:
        if self._state.question is None or self._state.question.speech:
            self._state.sound_at, self._state.sound_early = now, False
            super()._move(Move.BLIND, now)

    # Input from the recogniser.

    def partial(self, text: str, now: float) -> None:
        """The words so far."""
        if text == self._partial:
            return
        self._partial = text
        self._outputs.append(TurnPartial(text))
        if self._blind and self.floor is Floor.USER_TURN:
            self._arm(Action.ARM_BLIND, self._due(Action.ARM_BLIND, now))
        if self._state.utterance is not None and self._state.utterance.wordless:
            if self._interrupts(text):
                self._interrupt(now)
            else:
                self._expect_resume(now)
        if self.floor is Floor.PAUSING:
            self._consult(now)

    # Time.

    def get_timer(self) -> float | None:
        """When `handle_timer` wants to be called."""
        others = (due for due in (self._unasked_due, self._silence.due) if due is not None)
        return min((*self._timers.values(), *others), default=None)

    def handle_timer(self, now: float) -> None:
        """Run the timers that are due."""
        if self._unasked_due is not None and self._unasked_due <= now:
            self._unasked_due = None
            self._consult_unasked(now)
        if self._end_silence(now) == "recogniser":
            self.failed(now)
        for timer in [timer for timer, due in self._timers.items() if due <= now]:
            if self._timers.pop(timer, None) is None:
                continue  # disarmed by an earlier one that was due as well
            if timer is Action.ARM_RECOGNISER:
                self.failed(now)
            elif timer is Action.ARM_KEY:
                self._complete_keys(now, Move.KEY_TIMEOUT)
            elif timer is Action.ARM_ENDPOINT:
                self._consult(now)
            elif timer is Action.ARM_LONG_ENOUGH:
                self._confirm(now)
            elif timer is Action.ARM_SURE:
                self._be_sure(now)
            else:
                self._time_out(timer, now)

    def _time_out(self, timer: Action, now: float) -> None:
        if timer is Action.ARM_TOO_LONG and self.floor is Floor.USER_TURN:
            self._ended_at = now  # as far as this turn goes
        elif timer is Action.ARM_BLIND:
            self._ended_at = now - BLIND_SILENCE_S if self._partial else now
        elif timer is Action.ARM_NO_INPUT and self._owes == "dialog" and self._silence.debt is not Debt.NONE:
            self._no_input_at = None  # the caller waits for a reply, and is not asked for one
            self._arm(timer, self._due(timer, now))
            return
        elif timer is Action.ARM_RESUME and self.floor is Floor.PAUSING:
            self._ignore(self._partial, None, typed=False)
        self._move(TIMER_MOVES[timer], now)

    # Results.

    @property
    def utterance(self) -> int | None:
        """The id of the open utterance."""
        return self._state.utterance.id if self._state.utterance else None

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {
            "floor": self.floor.value,
            "speech": self._state.speech.value,
            "utterance": self._state.utterance.id if self._state.utterance else None,
            "asked": self._state.question is not None,
            "unasked": sum(turn.line is None for turn in self._state.unasked.kept) + self._state.unasked.open,
            "lines": sum(turn.line is not None for turn in self._state.unasked.kept),
            "debt": self._silence.debt.value,
            "typed_ahead": len(self._keypad.typed_ahead),
            "timers": {timer.value: due for timer, due in self._timers.items()},
        }

    # Picking the move.

    def _move(self, move: Move, now: float) -> None:
        super()._move(move, now)
        if self._line is not None:
            # The turn that the row recognises was typed.
            line, self._line = self._line, None
            self._match(Transcript(line, 1.0), now, typed=True)
        if self._held and self.floor not in (Floor.ON_HOLD, Floor.RECOGNISING, Floor.CLOSED):
            self._move(Move.HOLD, now)
        if self._blind and self.floor in (Floor.LISTENING, Floor.MAYBE_SPEECH):
            self._listen_blindly(now)

    def _confirm(self, now: float) -> None:
        """The speech is confirmed, and long enough to interrupt."""
        utterance, asked = self._state.utterance, self._state.question is not None
        if asked and not self._state.listens(self.floor) and self.floor is not Floor.SPEAKING:
            return
        if self.floor in (Floor.LISTENING, Floor.MAYBE_SPEECH):
            self._move(Move.CONFIRMED, now)
        elif (
            utterance is None or self.floor not in (Floor.SPEAKING, Floor.BOT_PAUSED) or not self._state.may_interrupt()
        ):
            if self.floor not in (*IN_TURN, Floor.COLLECTING_DTMF):
                self._open_unasked()
        elif not asked:
            self._state.interrupting = True
            self._open_unasked()
            self._move(Move.CONFIRMED_UNASKED, now)
        elif self._state.needs_words() or (self.overlap is not None and self.overlap.is_asked):
            utterance.wordless = True
            self._move(Move.CONFIRMED_WORDLESS, now)
        else:
            self._move(Move.CONFIRMED, now)

    def _withdraw(self, now: float) -> None:
        if self._state.question is None:
            return
        if self.floor in SPEAKING or self._state.utterance is None:
            self._move(Move.WITHDRAW, now)
        else:
            self._move(Move.ABANDON, now)
            self._state.utterance = None
        self._state.question = None

    def _act(self, action: Action, now: float) -> None:
        if action is Action.ARM_ENDPOINT:
            self._consult(now)
        elif action is Action.ARM_SURE and (self._state.utterance is None or not self._state.utterance.wordless):
            pass  # nothing is paused for its words
        elif action is Action.ARM_SURE and self._state.demands_words():
            pass  # they must come
        elif action in TIMER_MOVES:
            self._arm(action, self._due(action, now))
        elif action in (Action.FINISH, Action.ANSWER):
            self._finish(action, now)
        else:
            if action in (Action.PAUSE, Action.STOP):
                self.fell_quiet(now)
            if action in (Action.RECOGNISE, Action.RECOGNISE_KEPT):
                self._begin_turn(kept=action is Action.RECOGNISE_KEPT)
            if self._line is None or action not in (Action.RECOGNISE_KEPT, Action.END_SPEECH):
                super()._act(action, now)  # a typed line needs no recogniser

    def _due(self, timer: Action, now: float) -> float:
        utterance, question = self._state.utterance, self._state.question or Question()
        if timer is Action.ARM_NO_INPUT:
            return self._no_input_due(question.no_input_ms / 1000, now)
        if timer is Action.ARM_LONG_ENOUGH:
            return self._state.sound_at + (utterance.interruption.min_ms if utterance else 0) / 1000
        if timer is Action.ARM_BLIND:
            return now + (BLIND_SILENCE_S if self._partial else question.no_input_ms / 1000)
        if timer is Action.ARM_SURE:
            return self._sure_at()
        if timer is Action.ARM_KEY:
            return now + inter_digit_ms(question) / 1000
        return now + self.settings.wait_ms(timer) / 1000
