"""An answer that a late final may still correct. Pure."""

from dataclasses import dataclass

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import Answer, AnswerKind, Question
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.turn.events import TurnCorrected


@dataclass(frozen=True, slots=True)
class Provisional:
    """An answer made of the latest partial, or of nothing, because the recogniser's final had not come."""

    question: Question
    answer: Answer
    began_at: float
    ended_at: float
    answered_at: float

    def corrected(self, transcript: Transcript, min_confidence: float) -> TurnCorrected | None:
        """What the final makes of it; None if it changes neither the words nor what they mean."""
        answer = answer_to(self.question, transcript, min_confidence, typed=False)
        if answer.kind is AnswerKind.NO_MATCH and not answer.text:
            return None
        if (answer.kind, answer.text, answer.choice, answer.value) == (
            self.answer.kind,
            self.answer.text,
            self.answer.choice,
            self.answer.value,
        ):
            return None
        return TurnCorrected(
            answer, self.answer, self.began_at, self.ended_at, transcript.alternatives, transcript.words
        )
