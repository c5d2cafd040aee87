"""The caller's turn, asked for or not: where it begins and ends, and when it is over."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from offhook.pipeline.asr.engine import EndpointReport, Transcript
from offhook.pipeline.endpoint.pauses import UsualPauses
from offhook.pipeline.events import EndpointPolicy, Question, TurnSoFar, Verdict
from offhook.pipeline.turn.events import TurnIgnored, TurnLikelyOver, TurnResumed, TurnStarted
from offhook.pipeline.turn.exchange import Detected, Exchange
from offhook.pipeline.turn.keypad import is_keys
from offhook.pipeline.turn.machine import Command, Machine, TurnSettings
from offhook.pipeline.turn.tables import MOVES, Action, Floor, Move
from offhook.pipeline.turn.unasked import KeptTurn, UnaskedTurns


@dataclass(slots=True)
class _Pause:
    """What is known about the turn's end since the caller fell silent."""

    asked: bool = False  # the recogniser's final has been requested
    answered: bool = False  # … and has come, or will not
    final: Transcript | None = None
    adviser: float | None = None


class CallerTurns(Machine):
    """The floor with the state of the caller's turns: the one that answers the question, and unasked ones."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy) -> None:
        super().__init__(settings)
        self._policy = policy
        self._state = Exchange(UnaskedTurns(settings.max_turn_ms / 1000), settings.ignore_back_channels)
        self._began_at = self._ended_at = 0.0
        self._partial = ""
        self._likely = False  # its end has been announced as likely
        self._recogniser: Literal["likely", "over"] | None = None  # what an engine that ends turns thinks of its end
        self._pause = _Pause()
        self._pauses = UsualPauses()
        self._paused_ms = 0.0  # the pause before the current speech, if it continues a turn
        self._blind = False  # the detector may be dead
        self._held = False  # by the far end
        self._kept = False  # it was over before its question was asked
        self._unasked_due: float | None = None
        self._line: str | None = None  # the typed line that is the turn, until it has been matched with the question

    @property
    def turn_was_kept(self) -> bool:
        """Whether the last turn was over before its question was asked."""
        return self._kept

    @property
    def turn_began_at(self) -> float:
        """The first sound of the caller's latest turn."""
        return self._began_at

    @property
    def speech_ended_at(self) -> float:
        """When the caller's last word ended: response time counts from there."""
        return self._ended_at

    @property
    def ignores_caller(self) -> bool:
        """Whether all input of the caller's side is ignored: on hold, and after the end."""
        return self._held or self.floor is Floor.CLOSED

    @property
    def keeps_audio(self) -> bool:
        """Whether a turn that no question has asked for is in progress."""
        return self._state.unasked.open

    # The turn that answers the question.

    def forced(self, transcript: Transcript | None, now: float) -> None:
        """The recogniser's final of the turn up to this pause; None: there is none."""
        if self.floor is not Floor.PAUSING or not self._pause.asked or self._pause.answered:
            return
        self._pause.answered, self._pause.final = True, transcript
        self._consult(now)

    def advised(self, probability: float, now: float) -> None:
        """An adviser says how likely the turn is over, from 0 to 1, after the latest pause began."""
        if self.floor is Floor.PAUSING:
            self._pause.adviser = probability
            self._consult(now)

    def endpoint(self, endpoint: EndpointReport, now: float) -> None:
        """A recogniser that ends turns reports on this one. The policy decides, even if the detector is undecided."""
        self._recogniser = None if endpoint == "resumed" else endpoint
        if self._recogniser is None and self._likely:
            self._likely = False
            self._outputs.append(TurnResumed())
        if self.floor in (Floor.USER_TURN, Floor.PAUSING):
            self._consult(now)

    def _resume_turn(self) -> None:
        if self._pause.asked:
            self._outputs.append(Command(Action.VOID_FINAL))
        self._pause = _Pause()
        if self._likely:
            self._likely = False
            self._outputs.append(TurnResumed())

    def _begin_turn(self, *, kept: bool) -> None:
        self._partial, self._likely, self._kept, self._recogniser = "", False, kept, None
        self._pause = _Pause()
        unasked = self._state.unasked
        if kept:
            self._take(self._state.next_kept())
        elif unasked.open:
            self._began_at, self._ended_at, self._state.early = unasked.began_at, unasked.ended_at, unasked.early
            unasked.close()
            self._unasked_due = None
        else:
            self._began_at, self._state.early = self._state.sound_at, self._state.sound_early
            if not self._blind:  # otherwise nobody may be speaking
                self._outputs.append(TurnStarted(self._began_at, asked=True))

    def _take(self, turn: KeptTurn | None) -> None:
        assert turn is not None, "the row is for a question that a kept turn can answer"
        self._state.unasked.kept.remove(turn)
        self._began_at, self._ended_at, self._state.early = turn.began_at, turn.ended_at, turn.early
        self._line = turn.line
        if turn.line is not None:
            self._kept = turn.early

    # Typed lines.

    def _begin_typed(self, line: str, now: float) -> bool:
        """Whether the open question takes the line at once; otherwise it is kept."""
        state = self._state
        asked = state.question is not None
        self._outputs.append(TurnStarted(now, asked=asked))
        turn = KeptTurn(now, now, early=False, line=line)
        if (self.floor, Move.TYPED) in MOVES and state.can_answer(turn) and state.lets_interrupt(line):
            state.unasked.kept.appendleft(turn)
            self._move(Move.TYPED, now)
            return True
        early = not asked or self.floor is not Floor.RECOGNISING
        self._drop(state.unasked.add(KeptTurn(now, now, early, line)))
        return False

    def _ignore(self, text: str, confidence: float | None, *, typed: bool) -> None:
        """The turn answers nothing. Typed keys are not reported: they may be a secret."""
        if text and not (typed and is_keys(text)):
            self._outputs.append(TurnIgnored(text, self._began_at, confidence, typed))

    def _decide(self, question: Question | None, began_at: float, ended_at: float, now: float) -> Verdict:
        policy = self._policy if question is None or question.endpoint is None else question.endpoint
        # Rounded, so that a timer that fires after n milliseconds sees n milliseconds elapsed.
        silence_ms, speech_ms = round(1000 * (now - ended_at), 3), round(1000 * max(0.0, ended_at - began_at), 3)
        usual = self._pauses.usual_ms
        if question is None:
            return policy.decide(TurnSoFar(None, "", silence_ms, speech_ms, usual_pause_ms=usual), now)
        pause, final = self._pause, self._pause.final
        turn = TurnSoFar(
            question,
            self._partial,
            silence_ms,
            speech_ms,
            self._recogniser,
            final=final.text if final is not None else None,
            confidence=final.confidence if final is not None else None,
            can_force=not pause.answered or final is not None,
            usual_pause_ms=usual,
            adviser=pause.adviser,
            repeats=final is not None and final.repeats,
        )
        return policy.decide(turn, now)

    def _consult(self, now: float) -> None:
        """Ask the policy whether the turn is over. Called on every change while the caller is silent."""
        self._timers.pop(Action.ARM_ENDPOINT, None)
        speaks = self.floor is Floor.USER_TURN  # as far as the detector knows
        ended_at = now if speaks else self._ended_at
        verdict = self._decide(self._state.question, self._began_at, ended_at, now)
        if verdict.kind == "over":
            if speaks:
                # Noise, perhaps. Whatever the detector finds next is another turn.
                self._ended_at, self._state.speech = now, Detected.NONE
            self._move(Move.ENDPOINT, now)
            return
        pause = self._pause
        if verdict.force and not pause.asked and not speaks:
            pause.asked = True
            self._outputs.append(Command(Action.FORCE_FINAL))
        if verdict.kind == "likely" and not self._likely and (pause.answered or not pause.asked):
            self._likely = True
            self._outputs.append(TurnLikelyOver(pause.final.text if pause.final is not None else self._partial))
        due = ended_at + verdict.ask_again_ms / 1000
        if due > now and not speaks:  # otherwise it wants to be asked when something changes
            self._timers[Action.ARM_ENDPOINT] = due

    # Unasked turns.

    def _open_unasked(self) -> None:
        if not self._state.unasked.open:
            early = self._state.sound_early or self.floor is not Floor.RECOGNISING
            self._state.unasked.begin(self._state.sound_at, early=early)
            self._outputs.append(TurnStarted(self._state.sound_at, asked=False))

    def _drop_unasked(self) -> None:
        self._drop(self._state.unasked.kept)
        self._state.unasked.kept.clear()
        self._state.unasked.close()
        self._unasked_due = None

    def _drop(self, turns: Iterable[KeptTurn]) -> None:
        for turn in turns:
            if turn.line is None:
                self._outputs.append(Command(Action.DROP_TURN))
            elif not is_keys(turn.line):
                self._outputs.append(TurnIgnored(turn.line, turn.began_at, 1.0, typed=True))

    def _consult_unasked(self, now: float) -> None:
        turn = self._state.unasked
        if self._state.speech is not Detected.NONE or not (turn.open or self.floor is Floor.WAITING):
            return
        # An utterance may be waiting for the rest of a turn whose question is gone: nobody keeps that.
        began_at, ended_at = (turn.began_at, turn.ended_at) if turn.open else (self._state.sound_at, self._ended_at)
        verdict = self._decide(None, began_at, ended_at, now)
        due = ended_at + verdict.ask_again_ms / 1000
        if verdict.kind != "over" and due > now:
            self._unasked_due = due
            return
        # Over, or the policy is waiting for words, and there are none until a question takes the turn.
        if turn.open:
            self._keep_unasked()
        self._move(Move.UNASKED_OVER, now)

    def _keep_unasked(self) -> None:
        self._outputs.append(Command(Action.KEEP_TURN))
        self._drop(self._state.unasked.keep())
