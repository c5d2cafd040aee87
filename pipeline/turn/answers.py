"""Matches a turn's words with the open question. Pure."""

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.asr.grammar import match
from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.events import Answer, AnswerKind, Question
from offhook.pipeline.turn.keypad import typed_entry


def answer_to(question: Question, transcript: Transcript, min_confidence: float, *, typed: bool) -> Answer:
    """The answer that the words give. A typed line may also be an entry of keys."""
    text, confidence = transcript.text, transcript.confidence
    if typed and (entry := typed_entry(question, text)) is not None:
        return entry
    accepted = question.accepts(confidence, min_confidence)
    choice = match(text, question.choices, question.language) if question.choices and accepted else None
    unmatched = not text or not accepted or (bool(question.choices) and choice is None and question.digits is None)
    kind = AnswerKind.NO_MATCH if unmatched else AnswerKind.SPEECH
    return Answer(kind, text, choice, confidence=confidence, typed=typed)


def is_meant_for(question: Question, answer: Answer, *, early: bool) -> bool:
    """Whether the turn was meant for the question: `early` ones only if they answer it.

    A question for digits takes any words as an answer, which the dialog judges; early ones must be digits.
    """
    if answer.kind is AnswerKind.NO_MATCH:
        return False
    chosen = answer.choice is not None or answer.digits != ""
    if not early or chosen or question.digits is None:
        return True
    return spoken_digits(answer.text, question.language) is not None
