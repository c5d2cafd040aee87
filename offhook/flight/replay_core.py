"""A turn core that is run from an event log: what is not in the log is answered from the results that are."""

from collections import deque
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import Any

from offhook.flight.reader import FlightLog
from offhook.flight.values import Opaque, from_json
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import Answer, EndpointPolicy, Interruption, Question, TurnSoFar, ValueKind, Verdict
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.exchange import Detected
from offhook.pipeline.turn.keypad import Entry, Keypad
from offhook.pipeline.turn.overlap import OverlapVerdict
from offhook.pipeline.turn.silence import Stage
from offhook.pipeline.turn.tables import Floor


class DivergedError(Exception):
    """The replay needs a result that the call did not need: it has taken another way."""


class Results:
    """The results in a log that cannot be computed again, in their order. Copies of a core share them."""

    def __init__(self, rows: Iterable[list[Any]]) -> None:
        self._left: dict[str, deque[list[Any]]] = {"d": deque(), "j": deque(), "k": deque(), "r": deque()}
        for row in rows:
            if row[0] in self._left:
                self._left[row[0]].append(row)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Results":
        return self

    def verdict(self) -> Verdict:
        """The next verdict of an endpointing policy."""
        _, _, kind, ask_again_ms, force = self._next("d")
        return Verdict(kind, ask_again_ms, force)

    def overlap(self, what: str) -> Any:
        """The next judgement of what the caller said over the bot."""
        row = self._next("j")
        if row[1] != what:
            raise DivergedError(f"the call asked for {row[1]} of the overlap, not for {what}")
        return row[2]

    def keypad(self, what: str) -> Any:
        """The next result of the keypad."""
        row = self._next("k")
        if row[1] != what:
            raise DivergedError(f"the keypad was asked for {row[1]}, not for {what}")
        return row[2]

    def released(self) -> int:
        """How many keys were typed ahead for the question that begins, as it turned out."""
        left = self._left["k"]
        return int(left.popleft()[2]) if left and left[0][1] == "begin" else 0

    def value(self) -> Opaque | None:
        """The next value that was read."""
        (_, value) = self._next("r")
        return None if value is None else Opaque(value)

    def _next(self, kind: str) -> list[Any]:
        if not self._left[kind]:
            raise DivergedError("the call had no such result")
        return self._left[kind].popleft()


class ReplayPolicy:
    """An EndpointPolicy: `policy` if it is a SilencePolicy, otherwise the verdicts of the log."""

    def __init__(self, policy: EndpointPolicy | None, results: Results) -> None:
        self._policy = policy
        self._results = results

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """See EndpointPolicy."""
        recorded = self._results.verdict()
        # An answer policy reads kinds of values, which the log does not have.
        return self._policy.decide(turn, now) if isinstance(self._policy, SilencePolicy) else recorded


class ReplayOverlap:
    """An Overlap that judges as it did."""

    def __init__(self, results: Results) -> None:
        self._results = results

    @property
    def is_asked(self) -> bool:
        """See Overlap."""
        return bool(self._results.overlap("is_asked"))

    def judge(self, caller_words: str) -> OverlapVerdict | None:
        """See Overlap."""
        verdict: OverlapVerdict | None = self._results.overlap("judge")
        return verdict

    def asks(self) -> bool:
        """See Overlap."""
        return bool(self._results.overlap("asks"))


class ReplayKind:
    """A ValueKind that reads what was read."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return self._results.value()

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return self._results.value()

    keys = None

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return str(value)


@dataclass(frozen=True, slots=True)
class ReplayInterruption(Interruption):
    """An Interruption by some keys only, which interrupt where they did."""

    results: Results | None = None

    def by_key(self, digit: str) -> bool:
        """See Interruption."""
        return self.results is not None and bool(self.results.keypad("by_key"))


class ReplayKeypad(Keypad):
    """A Keypad that makes of the keys what was made of them."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        self._results = results

    def press(self, digit: str, now: float, question: Question | None) -> bool:
        """See Keypad."""
        taken = int(self._results.keypad("press"))
        self.typed_ahead.extend([(digit, now)] * taken)
        return taken > 0

    def begin(self, question: Question) -> None:
        """See Keypad."""
        self.typed_ahead.extend([("", 0.0)] * self._results.released())
        super().begin(question)

    def take_back(self) -> None:
        """See Keypad."""
        self.typed_ahead.extendleft([("", 0.0)] * int(self._results.keypad("take_back")))

    def accept(self, question: Question) -> Entry:
        """See Keypad."""
        entry, self.began_at = self._results.keypad("accept")
        self.typed_ahead.popleft()
        return Entry(entry)

    def answer(self, question: Question) -> Answer:
        """See Keypad."""
        answer = from_json(self._results.keypad("answer"))
        assert isinstance(answer, Answer), "the row has one"
        return answer

    def drop_surplus(self) -> None:
        """See Keypad."""
        for _ in range(self._results.keypad("surplus")):
            self.typed_ahead.popleft()


class ReplayCore(TurnCore):
    """The floor of a recorded call."""

    def __init__(self, log: FlightLog) -> None:
        self._results = results = Results(log.rows)
        super().__init__(log.turn, ReplayPolicy(log.policy, results))
        self._keypad = ReplayKeypad(results)
        # Without a row of its own nobody asked it, and there may have been none.
        self.overlap = ReplayOverlap(results) if log.rows_of("j") else None
        self._lines: dict[int, str] = {number: line for kind, number, line in log.rows_of("t")}
        self._typed = 0

    def typed(self, line: str, now: float) -> None:
        """See TurnCore. A line of keys that turned out to be a choice is in the log, in a later row."""
        self._typed += 1
        super().typed(self._lines.get(self._typed, line), now)

    def arguments(self, plain: list[Any]) -> list[Any]:
        """The arguments of an input row."""
        return [self._replayable(from_json(each)) for each in plain]

    def _replayable(self, value: Any) -> Any:
        if isinstance(value, Interruption) and value.keys is not None:
            values = {each.name: getattr(value, each.name) for each in fields(value)}
            return ReplayInterruption(**values, results=self._results)
        if not isinstance(value, Question):
            return value
        kind: ValueKind | None = None if value.value is None else ReplayKind(self._results)
        policy: EndpointPolicy | None = value.endpoint
        if policy is not None:
            policy = ReplayPolicy(policy, self._results)
        return replace(value, value=kind, endpoint=policy)

    def fork(self, now: float, policy: EndpointPolicy | None = None, silence_ms: int | None = None) -> "ReplayCore":
        """A copy that goes another way from `now` on: with this policy for every question, and this silence in the one
        that is open (None: as in the call)."""
        copy = deepcopy(self)
        copy._keypad = Keypad()
        copy.overlap = None  # the rules alone decide: what it would have said is not known
        question = copy._state.question
        if policy is not None:
            copy._policy = policy
        if question is not None and policy is not None:
            wanted_ms = question.silence_ms if silence_ms is None else silence_ms
            copy._state.question = replace(question, endpoint=None, silence_ms=wanted_ms)
        if copy.floor is Floor.PAUSING:
            copy._consult(now)
        return copy

    def owed_sound(self, now: float) -> tuple[Stage, float] | None:
        """What the caller waits for, and since when nobody has made a sound, if the bot owes the next one."""
        stage = self._owed()
        quiet_at = now if self._quiet_at is None else self._quiet_at
        return None if stage is None else (stage, max(quiet_at, self._ended_at, self._owed_at))

    @property
    def caller_sounds(self) -> bool:
        """Whether the caller may be speaking."""
        return self._state.speech is not Detected.NONE

    @property
    def question(self) -> Question | None:
        """The open question."""
        return self._state.question
