"""What the core reports of turns, on its way to the dialog and onto the record."""

from collections.abc import Callable
from dataclasses import replace

from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.trace import CallerCorrected, CallerIgnored, SessionEvent, StageStalled
from offhook.pipeline.turn.events import (
    Stalled,
    TurnCorrected,
    TurnEvent,
    TurnIgnored,
    TurnLikelyOver,
    TurnOver,
    TurnResumed,
)
from offhook.pipeline.turn.silence import Stage
from offhook.pipeline.turn_timing import TurnTiming


def stalled_stage(stage: Stage, *, waits_for_text: bool) -> Stage:
    """What stalls: a voice that has no text waits for the dialog, which the core does not know."""
    return "dialog" if stage == "voice" and waits_for_text else stage


class TurnReports:
    """`subscribe` to them; `on_event` gets what belongs on the record."""

    def __init__(self, on_event: Callable[[SessionEvent], None], timing: TurnTiming) -> None:
        self.answer: Answer | None = None
        """To the question that was answered last, as it goes out with TurnOver."""
        self._on_event = on_event
        self._timing = timing
        self._subscribers: list[Callable[[TurnEvent], None]] = []

    def subscribe(self, subscriber: Callable[[TurnEvent], None]) -> Callable[[], None]:
        """Report turn events to `subscriber`, which must return at once. Returns a function that unsubscribes."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber) if subscriber in self._subscribers else None

    def report(self, event: TurnEvent, now: float, *, waits_for_text: bool) -> None:
        """An event of the core, with what the core does not know; `waits_for_text`: the voice has none."""
        match event:
            case Stalled():
                event = replace(event, stage=stalled_stage(event.stage, waits_for_text=waits_for_text))
                self._on_event(StageStalled(event.stage, event.seconds, now))
            case TurnOver() if self.answer is not None:
                event = replace(event, answer=self.answer)
            case TurnIgnored():
                self._on_event(CallerIgnored(event.text, now, event.began_at, event.confidence, event.typed))
            case TurnCorrected():
                self._on_event(CallerCorrected(event.answer, event.was, now, event.began_at))
            case TurnLikelyOver():
                self._timing.likely_over(now)
            case TurnResumed():
                self._timing.resumed()
        self.publish(event)

    def transcribed(self, text: str, began_at: float, ended_at: float, now: float) -> None:
        """The words of a turn that its TurnOver did not have, however late."""
        answer, was = Answer(AnswerKind.SPEECH, text), Answer(AnswerKind.NO_MATCH, is_final=False)
        self._on_event(CallerCorrected(answer, was, now, began_at))
        self.publish(TurnCorrected(answer, was, began_at, ended_at))

    def publish(self, event: TurnEvent) -> None:
        """An event as it is."""
        for subscriber in tuple(self._subscribers):
            subscriber(event)

    def close(self) -> None:
        """The call is over."""
        self._subscribers.clear()
