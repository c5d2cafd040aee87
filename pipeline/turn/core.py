"""The turn core: it decides who has the floor, and never waits for anything.

One step at a time: a prompt to say, a question to listen for, or both. `begin` opens a step; whatever happens is told
to `speech_*`, `key`, `spoken`, `transcript`, `failed` and `handle_timer` with the time `now` (monotonic seconds);
after each of them take `next_command` until it is None and do what it says. `Command.FINISH` carries the step's answer.

The moves are rows of `tables.MOVES`; here stands what a move is to be called, which needs the step's rules: may the
prompt be interrupted, is speech listened for, does this key complete an answer.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from offhook.pipeline.asr.grammar import match
from offhook.pipeline.endpoint.policy import EndpointPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import Answer, AnswerKind, Prompt, Question
from offhook.pipeline.turn.tables import MOVES, Action, Floor, Move

MAX_TYPED_AHEAD = 32  # keys; a longer row is a stuck key or a flood
MAX_RESUMES = 2  # of one prompt after speech without words: then there is noise on the line
MAX_SKIPPED = 8  # prompts that one interruption skips on the way to its question: behind so many there is none


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How patient the bot is.

    `resume_after_ms` of silence after a click let a held prompt go on; so does what has for `max_undecided_ms` been
    neither speech nor a click. A turn ends after `max_turn_ms` at the latest; a recogniser that is silent for
    `recogniser_timeout_ms` after the turn's end has failed.
    """

    resume_after_ms: int = 150
    max_undecided_ms: int = 2_000
    max_turn_ms: int = 30_000
    recogniser_timeout_ms: int = 3_000


@dataclass(frozen=True, slots=True)
class Command:
    """Something for the session to do; `answer` with FINISH only."""

    action: Action
    answer: Answer | None = None


class _Speech(StrEnum):
    NONE = "none"
    UNSURE = "unsure"
    CONFIRMED = "confirmed"


_TIMER_MOVES = {
    Action.ARM_NO_INPUT: Move.NO_INPUT,
    Action.ARM_ENDPOINT: Move.ENDPOINT,
    Action.ARM_RESUME: Move.RESUME,
    Action.ARM_UNDECIDED: Move.UNDECIDED,
    Action.ARM_TOO_LONG: Move.TOO_LONG,
    Action.ARM_RECOGNISER: Move.FAILED,
    Action.ARM_KEY: Move.KEY_TIMEOUT,
}


class TurnCore:
    """The floor of one call."""

    def __init__(self, settings: TurnSettings | None = None, policy: EndpointPolicy | None = None) -> None:
        self._settings = settings or TurnSettings()
        self._policy = policy or SilencePolicy(Question().silence_ms)
        self.floor = Floor.IDLE
        self._prompt: Prompt | None = None
        self._question: Question | None = None
        self._speech = _Speech.NONE
        self._speech_began = 0.0
        self._speech_ended = 0.0
        self._partial = ""
        self._interrupting = False  # this speech has cut a prompt without a question: it answers the next one
        self._talked_over = False  # this speech began before the prompt: it may belong to the turn before
        self._prompt_cut = False
        self._resumes = 0
        self._skipped = 0  # prompts in a row that were over before they began
        self._keys = ""
        self._typed_ahead: deque[str] = deque(maxlen=MAX_TYPED_AHEAD)
        self._no_input_at: float | None = None
        self._timers: dict[Action, float] = {}
        self._answer = Answer(AnswerKind.NO_INPUT)
        self._commands: deque[Command] = deque()

    # What happens.

    def begin(self, prompt: Prompt | None, question: Question | None, now: float) -> None:
        """Open a step. The floor must be idle."""
        if self.floor is not Floor.IDLE:
            raise ValueError(f"a step cannot begin while the floor is {self.floor}")
        if prompt is None and question is None:
            raise ValueError("a step needs a prompt, a question or both")
        self._prompt, self._question = prompt, question
        self._keys, self._partial, self._no_input_at = "", "", None
        self._prompt_cut, self._resumes = False, 0
        self._talked_over = self._speech is not _Speech.NONE and not self._interrupting
        self._answer = Answer(AnswerKind.NO_INPUT)
        if self._skipped >= MAX_SKIPPED and question is None:
            # A dialog that only speaks, round and round: what interrupted it will never be asked for.
            self._typed_ahead.clear()
            self._interrupting = False
        self._move(self._begin_move(), now)
        self._take_typed_ahead(now)
        self._skipped = self._skipped + 1 if self.floor is Floor.IDLE and question is None else 0

    def spoken(self, now: float) -> None:
        """The prompt has been sent to its last sample."""
        if self.floor is not Floor.SPEAKING:
            return
        if self._question is None:
            self._move(Move.SPOKEN_LAST, now)
            return
        self._move(self._listening_move(Move.SPOKEN), now)
        self._take_typed_ahead(now)

    def speech_started(self, began_at: float, now: float) -> None:
        """Something that may be speech began at `began_at`."""
        self._speech = _Speech.UNSURE
        if self.floor not in (Floor.CALLER, Floor.PAUSING):
            self._speech_began = began_at
            self._talked_over = False
        if self._may_speak():
            self._move(Move.SPEECH, now)

    def speech_confirmed(self, now: float) -> None:
        """It has lasted long enough to be speech."""
        self._speech = _Speech.CONFIRMED
        if not self._may_speak():
            return
        if self._question is None:
            self._interrupting = self.floor is Floor.HELD
            self._move(Move.CONFIRMED_UNASKED, now)
        else:
            self._move(Move.CONFIRMED, now)

    def speech_stopped(self, ended_at: float, confirmed: bool, now: float) -> None:
        """It ended at `ended_at`; `confirmed` false: it was a click or a cough."""
        self._speech = _Speech.NONE
        self._interrupting = False
        if confirmed or self.floor not in (Floor.CALLER, Floor.PAUSING):
            # A click in a pause does not lengthen it: the pause goes on counting from the last word.
            self._speech_ended = ended_at
        if self._may_speak():
            self._move(Move.SILENCE if confirmed else Move.CLICK, now)

    def partial(self, text: str) -> None:
        """The recogniser's words so far."""
        self._partial = text

    def transcript(self, text: str, confidence: float | None, now: float) -> None:
        """The recogniser's answer; "" when it heard no words."""
        if self.floor is not Floor.RECOGNISING:
            return
        question = self._question or Question()
        choice = match(text, question.choices) if question.choices else None
        unmatched = not text or (bool(question.choices) and choice is None and question.digits is None)
        if unmatched and self._prompt_cut and self._resumes < MAX_RESUMES and (not text or self._talked_over):
            # A cough after all, or the tail of the answer before, over a prompt that nobody has heard yet.
            self._resumes += 1
            self._move(self._nothing_said_move(), now)
            return
        kind = AnswerKind.NO_MATCH if unmatched else AnswerKind.SPEECH
        self._answer = Answer(kind, text, choice, confidence=confidence)
        self._move(Move.TRANSCRIPT, now)

    def failed(self, now: float) -> None:
        """The recogniser broke, after the turn's end: a caller who is still talking is not told in mid-sentence."""
        if self.floor is Floor.RECOGNISING:
            self._fail(now)

    def key(self, digit: str, now: float) -> None:
        """A key was pressed."""
        self._typed_ahead.append(digit)
        self._take_typed_ahead(now)

    def abandon(self, now: float) -> None:
        """The dialog has stopped waiting for the step: it is over, without an answer."""
        self._move(Move.ABANDON, now)

    def close(self, now: float) -> None:
        """The call is over."""
        self._move(Move.CLOSE, now)

    # Time.

    def get_timer(self) -> float | None:
        """When `handle_timer` wants to be called."""
        return min(self._timers.values(), default=None)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        for timer in [timer for timer, due in self._timers.items() if due <= now]:
            if self._timers.pop(timer, None) is None:
                continue  # an earlier one of this moment disarmed it
            if timer is Action.ARM_RECOGNISER:
                self._fail(now)
            elif timer is Action.ARM_KEY:
                self._complete_keys(now, Move.KEY_TIMEOUT)
            else:
                if timer is Action.ARM_TOO_LONG and self.floor is Floor.CALLER:
                    self._speech_ended = now  # as far as this turn goes
                self._move(_TIMER_MOVES[timer], now)

    # Results.

    def next_command(self) -> Command | None:
        """The next thing to do, in order."""
        return self._commands.popleft() if self._commands else None

    @property
    def speech_ended_at(self) -> float:
        """When the caller's last word ended: where the response time counts from."""
        return self._speech_ended

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "floor": self.floor.value,
            "speech": self._speech.value,
            "prompt": self._prompt.text if self._prompt else None,
            "asked": self._question is not None,
            "typed_ahead": len(self._typed_ahead),
            "timers": {timer.value: due for timer, due in self._timers.items()},
        }

    # What a move is called.

    def _may_interrupt(self) -> bool:
        return self._prompt is None or self._prompt.barge_in

    def _may_speak(self) -> bool:
        """Does speech count at this moment."""
        if self._question is not None and not self._question.speech:
            return False
        return self.floor is not Floor.SPEAKING or self._may_interrupt()

    def _begin_move(self) -> Move:
        if self._prompt is None:
            return self._listening_move(Move.BEGIN_LISTENING)
        if not self._prompt.barge_in:
            return Move.BEGIN
        if self._question is None:
            return Move.BEGIN_SKIPPED if self._interrupting else Move.BEGIN
        if not self._question.speech or self._speech is _Speech.NONE:
            return Move.BEGIN
        return Move.BEGIN_UNSURE if self._speech is _Speech.UNSURE else Move.BEGIN_TALKED_OVER

    def _listening_move(self, silent: Move) -> Move:
        if self._question is not None and self._question.speech:
            if self._speech is _Speech.CONFIRMED:
                return Move.SPOKEN_TALKED_OVER
            if self._speech is _Speech.UNSURE:
                return Move.SPOKEN_UNSURE
        return silent

    def _nothing_said_move(self) -> Move:
        if self._speech is _Speech.CONFIRMED:
            return Move.NOTHING_SAID_TALKED_OVER
        if self._speech is _Speech.UNSURE:
            return Move.NOTHING_SAID_UNSURE
        return Move.NOTHING_SAID

    # Keys.

    def _take_typed_ahead(self, now: float) -> None:
        while self._typed_ahead and self._keys_count():
            if self._question is None:
                # Over a prompt without a question: it is interrupted, and the key kept for the next question.
                self._move(Move.KEYED, now)
                return
            self._accept_key(self._typed_ahead.popleft(), now)

    def _keys_count(self) -> bool:
        if self.floor in (Floor.IDLE, Floor.CLOSED):
            return False
        return self.floor is not Floor.SPEAKING or self._may_interrupt()

    def _accept_key(self, digit: str, now: float) -> None:
        question = self._question or Question()
        rule = question.digits
        keys = {choice.dtmf: choice.name for choice in question.choices if choice.dtmf}
        if rule is not None and (digit.isdigit() or digit == rule.terminator):
            if digit != rule.terminator:
                self._keys += digit
            if digit == rule.terminator or len(self._keys) >= rule.maximum:
                self._complete_keys(now)
                return
        elif keys:
            self._keys += digit
            longer = [key for key in keys if key.startswith(self._keys) and key != self._keys]
            if not longer or rule is not None:
                self._complete_keys(now)
                return
        else:
            return  # nobody asked for keys
        self._move(Move.KEY, now)

    def _complete_keys(self, now: float, move: Move = Move.KEYED) -> None:
        question = self._question or Question()
        choice = next((c.name for c in question.choices if c.dtmf == self._keys), None)
        rule = question.digits
        valid = choice is not None or (rule is not None and rule.minimum <= len(self._keys) <= rule.maximum)
        kind = AnswerKind.DTMF if valid and self._keys else AnswerKind.NO_MATCH
        self._answer = Answer(kind, choice=choice, digits=self._keys)
        self._move(move, now)

    def _fail(self, now: float) -> None:
        self._answer = Answer(AnswerKind.FAILED)
        self._move(Move.FAILED, now)

    # The machine.

    def _move(self, move: Move, now: float) -> None:
        row = MOVES.get((self.floor, move))
        if row is None:
            return
        self.floor, actions = row
        for action in actions:
            self._act(action, now)

    def _act(self, action: Action, now: float) -> None:
        if action is Action.DISARM:
            self._timers.clear()
        elif action is Action.DISARM_TURN:
            self._timers = {t: due for t, due in self._timers.items() if t is Action.ARM_TOO_LONG}
        elif action in _TIMER_MOVES:
            self._timers[action] = self._due(action, now)
        elif action is Action.FINISH:
            self._commands.append(Command(action, self._answer))
        else:
            if action is Action.DROP:
                self._prompt_cut = True
            elif action is Action.GO_ON:
                self._prompt_cut = False
            elif action is Action.RECOGNISE:
                self._partial = ""
            self._commands.append(Command(action))

    def _due(self, timer: Action, now: float) -> float:
        question, settings = self._question or Question(), self._settings
        if timer is Action.ARM_NO_INPUT:
            if self._no_input_at is None:
                self._no_input_at = now + question.no_input_ms / 1000
            # Clicks do not postpone it for ever, and it does not fall due in the moment a click ends.
            return max(self._no_input_at, now + min(1.0, question.no_input_ms / 1000))
        if timer is Action.ARM_ENDPOINT:
            spoken_ms = int(1000 * (self._speech_ended - self._speech_began))
            return self._speech_ended + self._policy.wait_ms(question, spoken_ms, self._partial) / 1000
        if timer is Action.ARM_KEY:
            rule = question.digits
            return now + (rule.inter_digit_ms if rule else 1_500) / 1000
        return (
            now
            + {
                Action.ARM_RESUME: settings.resume_after_ms,
                Action.ARM_UNDECIDED: settings.max_undecided_ms,
                Action.ARM_TOO_LONG: settings.max_turn_ms,
                Action.ARM_RECOGNISER: settings.recogniser_timeout_ms,
            }[timer]
            / 1000
        )
