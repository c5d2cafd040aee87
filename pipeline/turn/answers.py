"""Matches a turn's words with the open question. Pure."""

from dataclasses import replace

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.events import Answer, AnswerKind, Question
from offhook.pipeline.turn.keypad import typed_entry
from offhook.pipeline.understanding.kinds import Text
from offhook.pipeline.understanding.languages import either_meant, meant
from offhook.pipeline.understanding.menu_words import is_all_said
from offhook.pipeline.understanding.valid import plain_kind

ALTERNATIVE_CONFIDENCE = 0.8
"""What an answer counts that only another reading of the recogniser gives, not its first."""


def answer_to(question: Question, transcript: Transcript, min_confidence: float, *, typed: bool) -> Answer:
    """The answer that the words give. A typed line may also be an entry of keys.

    `min_confidence` is the bot's setting, for an engine that has none of its own.
    """
    own = transcript.thresholds
    least = min_confidence if own.min_confidence is None else own.min_confidence
    answer = replace(_answer(question, transcript, least, typed=typed), confirm_below=own.confirm_below)
    return replace(answer, guess=_guess(question, transcript, least)) if answer.kind is AnswerKind.NO_MATCH else answer


def _guess(question: Question, transcript: Transcript, least: float) -> Answer | None:
    """What may have been meant: words that were heard well enough and only resemble a choice, or a choice that was not
    heard well enough."""
    own = transcript.thresholds
    guess_from = own.guess_from if question.min_confidence is None else None
    heard = guess_from is not None and (transcript.confidence or 0.0) >= guess_from
    if not heard and not question.accepts(transcript.confidence, least):
        return None
    found = _answer(replace(question, min_confidence=0.0), transcript, 0.0, typed=False)
    if found.choice is None and found.value is None:
        meant_two = either_meant(transcript.text, question)
        if meant_two is None:
            return None
        two, language = meant_two
        sure = transcript.confidence
        found = Answer(AnswerKind.SPEECH, transcript.text, confidence=sure, either=two, language=language)
    return replace(found, confirm_below=own.confirm_below)


def _answer(question: Question, transcript: Transcript, min_confidence: float, *, typed: bool) -> Answer:
    text, confidence = transcript.text, transcript.confidence
    if typed and (entry := typed_entry(question, text)) is not None:
        return entry
    if not text or not question.accepts(confidence, min_confidence):
        return Answer(AnswerKind.NO_MATCH, text, confidence=confidence, typed=typed, too_uncertain=bool(text))
    answer = _understood(question, text, confidence)
    if answer is None:
        answer = next(
            (found for other in transcript.alternatives if (found := _alternative(question, other, confidence))), None
        )
    expected = bool(question.choices) or question.value is not None
    if answer is None or not question.accepts(answer.confidence, min_confidence):
        kind = AnswerKind.NO_MATCH if expected and question.digits is None else AnswerKind.SPEECH
        kind = AnswerKind.NO_MATCH if question.value is not None else kind
        return Answer(kind, text, confidence=confidence, typed=typed)
    return replace(answer, text=text, typed=typed)


def _understood(question: Question, text: str, confidence: float | None) -> Answer | None:
    """The choice or value in the words; None if there is none."""
    found, language = (question.choices and meant(text, question)) or (None, None)
    if found is not None and _is_chosen(question, found.choice, text):
        sure = _together(confidence, found.confidence)
        return Answer(AnswerKind.SPEECH, text, found.choice, confidence=sure, language=language)
    value = question.value.read(text, question.language) if question.value is not None else None
    return None if value is None else Answer(AnswerKind.SPEECH, text, confidence=confidence, value=value)


def _is_chosen(question: Question, name: str, text: str) -> bool:
    """Whether words that name a choice are not just a part of any words that are asked for."""
    if not isinstance(plain_kind(question.value), Text):
        return True
    phrases = (phrase for choice in question.choices if choice.name == name for phrase in choice.phrases)
    return is_all_said(text, phrases, question.language)


def _alternative(question: Question, text: str, confidence: float | None) -> Answer | None:
    answer = _understood(question, text, confidence)
    return None if answer is None else replace(answer, confidence=_together(answer.confidence, ALTERNATIVE_CONFIDENCE))


def _together(recogniser: float | None, words: float) -> float | None:
    """The recogniser heard these words, and the words mean this choice. Words that fit exactly change nothing."""
    if words >= 1:
        return recogniser
    return words if recogniser is None else recogniser * words


def is_meant_for(question: Question, answer: Answer, *, early: bool) -> bool:
    """Whether the turn was meant for the question: `early` ones only if they answer it.

    A question for digits takes any words as an answer, which the dialog judges; early ones must be digits.
    """
    if answer.kind is AnswerKind.NO_MATCH:
        return False
    chosen = answer.choice is not None or answer.digits != "" or answer.value is not None
    if not early or chosen or question.digits is None or question.any_words:
        return True
    return spoken_digits(answer.text, question.language) is not None
