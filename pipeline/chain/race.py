"""Decides which engines of a chain work on one turn or one text. Pure.

Theory of operation. The first engine starts. When the newest one is silent for its allowance, or fails, the next one
starts beside it. The first answer wins, and the others are stopped. A sign of life of an earlier engine, while input
still comes, stops those that were started for its silence. An answer may be in doubt: then it waits beside the next
engine, for as long as the race's user decides. An engine whose circuit breaker is half open is a probe: it
has no allowance, so that the next engine starts at the same time, and it may end by itself, so that the outcome shows.

Input and output are calls: after each, take the actions from `next_action` and set a timer for `get_timer`.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """Why an engine starts: as the first, or because of the one before it."""

    FIRST = "first"
    SILENT = "silent"
    DOUBTED = "doubted"
    FAILED = "failed"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Start:
    """Start engine `index`."""

    index: int
    why: Why


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop engine `index`; `late`: it has exceeded its allowance, and another one answered."""

    index: int
    late: bool


@dataclass(frozen=True, slots=True)
class Won:
    """Engine `index` has answered. A probe may run on."""

    index: int


@dataclass(frozen=True, slots=True)
class Lost:
    """All have failed."""


Action = Start | Stop | Won | Lost


class _State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    OVER = "over"


class Race:
    """One race; engines are numbered in their order of preference.

    `answer_s`: each one's allowance once its input is complete, `stall_s` before that (None: it may be silent).
    """

    def __init__(
        self, answer_s: Sequence[float], stall_s: Sequence[float | None] = (), probes: Collection[int] = ()
    ) -> None:
        self.over = False
        self._answer_s = answer_s
        self._stall_s = stall_s
        self._probes = probes
        self._states = [_State.WAITING] * len(answer_s)
        self._silent: set[int] = set()
        self._doubted: set[int] = set()
        self._complete = not stall_s
        self._resting = False
        self._newest = -1
        self._due: float | None = None
        self._actions: deque[Action] = deque()

    def begin(self, now: float, *, running: bool = False) -> None:
        """Start the first engine; `running`: it already works."""
        if running:
            self._states[0] = _State.RUNNING
            self._arm(0, now)
        else:
            self._start_next(now, Why.FIRST)

    def complete(self, now: float) -> None:
        """The input is complete: from now on the allowances for the answer count."""
        self._complete, self._resting = True, False
        if self._newest >= 0 and not self.over:
            self._arm(self._newest, now)

    def rest(self) -> None:
        """No engine has to show a sign of life until `complete`."""
        self._resting, self._due = True, None

    def alive(self, index: int, now: float, allowance_s: float | None = None) -> None:
        """Engine `index` works: it may be silent for its allowance again. Once the input is complete, only an answer
        counts, unless there is an explicit `allowance_s`."""
        if self.over or self._states[index] is not _State.RUNNING or (self._complete and allowance_s is None):
            return
        self._silent.discard(index)
        if index in self._probes:
            return
        for later in range(index + 1, len(self._states)):
            if self._states[later] is _State.RUNNING and later not in self._probes:
                self._states[later] = _State.WAITING
                self._actions.append(Stop(later, late=False))
        self._newest = index
        self._arm(index, now, allowance_s)

    def answered(self, index: int) -> None:
        """Engine `index` has answered."""
        if self.over or self._states[index] is not _State.RUNNING:
            return
        self._states[index] = _State.OVER
        self._end()
        self._actions.append(Won(index))

    def doubt(self, index: int, now: float) -> bool:
        """Engine `index` has an answer that may be incomplete: the next one starts, unless another one works already.
        False: there is none, and nothing has changed. Take the answer with `answered` when nothing better comes."""
        if self.over or self._states[index] is not _State.RUNNING:
            return False
        others = (i for i, state in enumerate(self._states) if state is _State.RUNNING and i != index)
        at_work = any(i not in self._doubted and i not in self._probes for i in others)
        if not at_work and _State.WAITING not in self._states:
            return False
        self._doubted.add(index)
        self._silent.add(index)
        if not at_work:
            self._start_next(now, Why.DOUBTED)
        return True

    def failed(self, index: int, now: float) -> None:
        """Engine `index` has failed."""
        if self.over or self._states[index] is not _State.RUNNING:
            return
        self._states[index] = _State.OVER
        self._silent.discard(index)
        if index == self._newest or _State.RUNNING not in self._states:
            self._start_next(now, Why.FAILED)
        if not self.over and _State.RUNNING not in self._states:
            self.over, self._due = True, None
            self._actions.append(Lost())

    def cancel(self) -> None:
        """Nobody wants the answer any more: stop all, probes too."""
        self._probes = ()
        self._silent.clear()
        self._end()

    def get_timer(self) -> float | None:
        """When `handle_timer` should be called."""
        return self._due

    def handle_timer(self, now: float) -> None:
        """Time has passed."""
        while self._due is not None and now >= self._due:
            is_probe = self._newest in self._probes
            if not is_probe:
                self._silent.add(self._newest)
            self._start_next(now, Why.PROBE if is_probe else Why.SILENT)

    def next_action(self) -> Action | None:
        """The next thing to do."""
        return self._actions.popleft() if self._actions else None

    def _start_next(self, now: float, why: Why) -> None:
        self._due = None
        index = next((i for i, state in enumerate(self._states) if state is _State.WAITING), None)
        if index is None:
            return
        self._states[index] = _State.RUNNING
        self._newest = index
        self._actions.append(Start(index, why))
        self._arm(index, now)

    def _arm(self, index: int, now: float, allowance_s: float | None = None) -> None:
        if allowance_s is None:
            allowance_s = self._answer_s[index] if self._complete else self._stall_s[index]
        if index in self._probes:
            allowance_s = 0.0
        elif self._resting:
            allowance_s = None
        has_next = _State.WAITING in self._states
        self._due = now + allowance_s if has_next and allowance_s is not None else None

    def _end(self) -> None:
        self.over, self._due = True, None
        for index, state in enumerate(self._states):
            if state is _State.RUNNING and index not in self._probes:
                self._states[index] = _State.OVER
                self._actions.append(Stop(index, late=index in self._silent))
