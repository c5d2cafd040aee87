"""What is passed to the turn core so that its decisions can be repeated: each notes its results in the log."""

from dataclasses import dataclass, replace
from typing import Any

from offhook.flight.event_log import EventLog
from offhook.flight.values import to_json
from offhook.pipeline.events import Answer, EndpointPolicy, Interruption, Question, TurnSoFar, ValueKind, Verdict
from offhook.pipeline.turn.keypad import Entry, Keypad
from offhook.pipeline.turn.overlap import Overlap, OverlapVerdict


class RecordedPolicy:
    """An EndpointPolicy that notes its verdicts."""

    def __init__(self, policy: EndpointPolicy, log: EventLog) -> None:
        self._policy = policy
        self._log = log

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """See EndpointPolicy."""
        if turn.question is not None:
            # What is expected depends on the type of the kind.
            turn = replace(turn, question=_with_own_kind(turn.question))
        verdict = self._policy.decide(turn, now)
        self._log.append("d", now, verdict.kind, verdict.ask_again_ms, verdict.force)
        return verdict

    def __getattr__(self, name: str) -> Any:
        return getattr(self._policy, name)


class RecordedKind:
    """A ValueKind that notes what it read in words; of keys only whether it could."""

    def __init__(self, kind: ValueKind, log: EventLog) -> None:
        self.kind = kind
        self._log = log

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        value = self.kind.read(text, language)
        self._log.append("r", to_json(value))
        return value

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        value = self.kind.read_keys(digits)
        self._log.append("r", value is not None or None)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.kind, name)


class RecordedOverlap:
    """An Overlap that notes its verdicts; what it judged is in the partials."""

    def __init__(self, overlap: Overlap, log: EventLog) -> None:
        self._overlap = overlap
        self._log = log

    @property
    def is_asked(self) -> bool:
        """See Overlap."""
        return bool(self._noted("is_asked", self._overlap.is_asked))

    def judge(self, caller_words: str) -> OverlapVerdict | None:
        """See Overlap."""
        verdict = self._overlap.judge(caller_words)
        self._noted("judge", verdict)
        return verdict

    def asks(self) -> bool:
        """See Overlap."""
        return bool(self._noted("asks", self._overlap.asks()))

    def _noted(self, what: str, result: object) -> object:
        self._log.append("j", what, result)
        return result


@dataclass(frozen=True, slots=True)
class RecordedInterruption(Interruption):
    """An Interruption by some keys only, that notes whether a key is one of them."""

    log: EventLog | None = None

    def by_key(self, digit: str) -> bool:
        """See Interruption."""
        interrupts = Interruption.by_key(self, digit)  # no `super()` in a class with slots
        if self.log is not None:
            self.log.append("k", "by_key", interrupts)
        return interrupts


class RecordedKeypad(Keypad):
    """A Keypad that notes what it made of the keys, in place of the keys."""

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self._log = log

    def press(self, digit: str, now: float, question: Question | None) -> bool:
        """See Keypad. Noted is how many keys are typed ahead by it: those before it may be with it."""
        before = len(self.typed_ahead)
        taken = super().press(digit, now, question)
        self._log.append("k", "press", max(1, len(self.typed_ahead) - before) if taken else 0)
        return taken

    def begin(self, question: Question) -> None:
        """See Keypad. It is noted where keys are typed ahead by it."""
        before = len(self.typed_ahead)
        super().begin(question)
        if (released := len(self.typed_ahead) - before) > 0:
            self._log.append("k", "begin", released)

    def take_back(self) -> None:
        """See Keypad."""
        self._log.append("k", "take_back", len(self.entered))
        super().take_back()

    def accept(self, question: Question) -> Entry:
        """See Keypad."""
        entry = super().accept(question)
        self._log.append("k", "accept", [str(entry), self.began_at])
        return entry

    def answer(self, question: Question) -> Answer:
        """See Keypad."""
        answer = super().answer(_with_own_kind(question))  # the answer is noted, not what was read for it
        self._log.append("k", "answer", answer)
        return answer

    def drop_surplus(self) -> None:
        """See Keypad."""
        before = len(self.typed_ahead)
        super().drop_surplus()
        self._log.append("k", "surplus", before - len(self.typed_ahead))


def _with_own_kind(question: Question) -> Question:
    kind = question.value
    return replace(question, value=kind.kind) if isinstance(kind, RecordedKind) else question
