"""Runs the table: keeps the floor and its timers, and queues what to do. `core` picks the moves."""

from collections import deque
from dataclasses import dataclass

from offhook.pipeline.events import Answer
from offhook.pipeline.turn.events import TurnEvent
from offhook.pipeline.turn.tables import MOVES, Action, Floor, Move


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How patient the bot is.

    `resume_after_ms` of silence after a click resume a paused utterance; so does possible speech that is undecided for
    `max_undecided_ms`. A turn ends after `max_turn_ms` at the latest; a recogniser without a result for
    `recogniser_timeout_ms` after the turn's end has failed. An utterance waits for a caller who is already talking for
    at most `max_wait_ms`. An answer with a confidence below `min_confidence` is a no-match, unless its question says
    otherwise. A final that comes up to `correct_within_ms` after an answer that was made without it corrects that (0:
    never). With `ignore_back_channels` "mm-hm" lets an utterance go on while a standing question takes any speech. In a
    silence that the bot owes to end, it says a filler after `filler_ms` (0: never), and after `fallback_ms` it gives up
    what stalls.
    """

    resume_after_ms: int = 150
    max_undecided_ms: int = 2_000
    max_turn_ms: int = 30_000
    recogniser_timeout_ms: int = 3_000
    max_wait_ms: int = 5_000
    min_confidence: float = 0.5
    correct_within_ms: int = 1_500
    filler_ms: int = 0
    fallback_ms: int = 4_000
    ignore_back_channels: bool = False

    def wait_ms(self, timer: Action) -> int:
        """The duration of a timer that depends on nothing else."""
        return {
            Action.ARM_RESUME: self.resume_after_ms,
            Action.ARM_UNDECIDED: self.max_undecided_ms,
            Action.ARM_TOO_LONG: self.max_turn_ms,
            Action.ARM_WAITED: self.max_wait_ms,
            Action.ARM_RECOGNISER: self.recogniser_timeout_ms,
        }[timer]


@dataclass(frozen=True, slots=True)
class Command:
    """An instruction to the session; `answer` comes with FINISH and ANSWER."""

    action: Action
    answer: Answer | None = None


TIMER_MOVES = {
    Action.ARM_NO_INPUT: Move.NO_INPUT,
    Action.ARM_ENDPOINT: Move.ENDPOINT,
    Action.ARM_RESUME: Move.RESUME,
    Action.ARM_UNDECIDED: Move.UNDECIDED,
    Action.ARM_LONG_ENOUGH: Move.CONFIRMED,
    Action.ARM_SURE: Move.WORDS,
    Action.ARM_TOO_LONG: Move.TOO_LONG,
    Action.ARM_WAITED: Move.WAITED,
    Action.ARM_BLIND: Move.BLIND_OVER,
    Action.ARM_RECOGNISER: Move.FAILED,
    Action.ARM_KEY: Move.KEY_TIMEOUT,
}


class Machine:
    """The floor and its timers."""

    def __init__(self, settings: TurnSettings) -> None:
        self.settings = settings
        self.floor = Floor.IDLE
        self._timers: dict[Action, float] = {}
        self._no_input_at: float | None = None
        self._outputs: deque[Command | TurnEvent] = deque()

    def next_output(self) -> Command | TurnEvent | None:
        """The next command or event, in order."""
        return self._outputs.popleft() if self._outputs else None

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
        elif action is Action.DISARM_PAUSE:
            self._timers = {t: due for t, due in self._timers.items() if t is Action.ARM_TOO_LONG}
        else:
            self._outputs.append(Command(action))

    def _arm(self, timer: Action, due: float) -> None:
        self._timers[timer] = due

    def _no_input_due(self, no_input_s: float, now: float) -> float:
        if self._no_input_at is None:
            self._no_input_at = now + no_input_s
        # Clicks must not postpone it for ever, and it must not fire at the moment a click ends.
        return max(self._no_input_at, now + min(1.0, no_input_s))
