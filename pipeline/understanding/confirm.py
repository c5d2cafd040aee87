"""Asks back where it is not certain what was meant: "Did you say sales?", "Did you mean this, or that?". Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from offhook.pipeline.asr.grammar import correction_grammar
from offhook.pipeline.dialog.template import render
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question
from offhook.pipeline.tts.normalize import normalize
from offhook.pipeline.understanding.ambiguous import Ambiguous, values_in
from offhook.pipeline.understanding.canonical import canonical
from offhook.pipeline.understanding.menu import match
from offhook.pipeline.understanding.words import base_of
from offhook.pipeline.understanding.yes_no import no_phrases, read_yes_no, yes_phrases

MAX_OFFERED = 3
"""Readings of an ambiguous value that are offered."""

_ODD = re.compile(r"[^\w' -]|_")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What to ask back: `text`, and the question that the reply answers."""

    text: str
    question: Question


def confirmation(question: Question, answer: Answer, confirm_below: float, wording: Wording) -> Confirmation | None:
    """What to ask before `answer` is taken; None if it is certain enough, or no answer, or in a language without words.

    `confirm_below` is the bot's setting, for a question and a recogniser that have none of their own. Ambiguous values
    are asked about whatever the confidence, and so is a value that is to be read back.
    """
    asked = _asked_back(question, answer, confirm_below, wording)
    return _by_keys(asked, wording) if asked is not None and question.by_keys else asked


def _asked_back(question: Question, answer: Answer, confirm_below: float, wording: Wording) -> Confirmation | None:
    if answer.kind not in (AnswerKind.SPEECH, AnswerKind.DTMF):
        return None
    if question.read_back and answer.value is not None and not isinstance(answer.value, Ambiguous | bool):
        return _read_back(question, answer.value, wording)
    if not yes_phrases(question.language):
        return None
    if isinstance(answer.value, Ambiguous):
        return _which(question, answer.value, wording)
    if answer.kind is AnswerKind.DTMF:
        return None
    least = asked_below(question, answer, confirm_below)
    if answer.either and least > 0:
        return _which_choice(question, answer.either, wording)
    if answer.typed or answer.confidence is None or answer.confidence >= least:
        return None
    said = _said(question, answer)
    return None if said is None else _whether(question, said, wording)


def asked_below(question: Question, answer: Answer, confirm_below: float) -> float:
    """The confidence below which `answer` is asked back; `confirm_below` as in `confirmation`."""
    own = (question.confirm_below, answer.confirm_below, confirm_below)
    return next(each for each in own if each is not None)


def settled(question: Question, answer: Answer, reply: Answer) -> Answer:
    """The answer, in the light of the reply to its confirmation: confirmed, replaced ("no, support"), or no match.

    It is final, whatever a late final says: one of the reply would be taken for an answer to `question`.
    """
    return replace(_settled(question, answer, reply), is_final=True)


def _settled(question: Question, answer: Answer, reply: Answer) -> Answer:
    if reply.kind in (AnswerKind.NO_INPUT, AnswerKind.FAILED):
        return replace(answer, kind=reply.kind, choice=None, value=None)
    if reply.too_uncertain:
        return _refused(answer)  # noise is not a yes
    if isinstance(answer.value, Ambiguous):
        return _chosen(question, answer, answer.value, reply)
    if answer.either and reply.choice is None and (reply.digits or reply.value is not None):
        return reply  # to the question itself, which is open again
    if answer.either:
        answer = replace(answer, choice=reply.choice, either=())
        return _refused(answer) if reply.choice is None else _confirmed(answer)
    if reply.kind is AnswerKind.DTMF:
        return _confirmed(answer) if reply.choice == _YES else _refused(answer)
    other = _corrected(question, answer, reply)
    if other is not None:
        return other
    return _confirmed(answer) if read_yes_no(reply.text, question.language) else _refused(answer)


_YES, _NO = "yes", "no"
_OTHER = "="
"""Before the name of a choice of the question that is asked back."""


def _said(question: Question, answer: Answer) -> str | None:
    if answer.choice is not None:
        return _named(question, answer.choice)
    if question.value is None or answer.value is None or isinstance(answer.value, bool):
        return None
    return question.value.say(answer.value, question.language)


def _named(question: Question, name: str) -> str:
    choice = next((each for each in question.choices if each.name == name), None)
    return name.replace("_", " ") if choice is None else _label(choice)


def _whether(question: Question, said: str, wording: Wording) -> Confirmation:
    language = question.language
    taken = {canonical(phrase, base_of(language)) for choice in question.choices for phrase in choice.phrases}
    answers = (
        Choice(_YES, _free(yes_phrases(language), taken, language), "1"),
        Choice(_NO, _free(no_phrases(language), taken, language), "2"),
    )
    asked = replace(
        question,
        choices=(*answers, *_others(question)),
        grammar=None,
        digits=None,
        value=None,
        expect=None,
        speech=True,
        confirm_below=0.0,
    )
    return Confirmation(render(wording.confirm, {"answer": said}), asked)


def _others(question: Question) -> tuple[Choice, ...]:
    """The choices of a question, to be listened for when its answer is asked back: "no, support"."""
    return tuple(
        replace(choice, name=f"{_OTHER}{choice.name}", dtmf=None, more_keys=())
        for choice in question.choices
        if choice.phrases
    )


def _read_back(question: Question, value: object, wording: Wording) -> Confirmation | None:
    """The value, to be agreed to or corrected at once: "no, one two four"."""
    kind, language = question.value, question.language
    if kind is None:
        return None
    answers = (Choice(_YES, yes_phrases(language), "1"), Choice(_NO, no_phrases(language), "2"))
    choices = (*answers, *_others(question))
    asked = replace(
        question,
        choices=choices,
        grammar=None if question.any_words else correction_grammar(choices, answers[1].phrases, kind, language),
        digits=None,
        expect=None,
        speech=bool(yes_phrases(language)),
        confirm_below=0.0,
        read_back=False,
    )
    return Confirmation(render(wording.read_back, {"answer": kind.say(value, language)}), asked)


def _by_keys(asked: Confirmation, wording: Wording) -> Confirmation:
    """With its keys, and nothing else to answer it by."""
    named = {"*": wording.star, "#": wording.hash}
    offers = [
        render(wording.option, {"choice": _label(choice), "key": named.get(choice.keys[0], choice.keys[0])})
        for choice in asked.question.choices
        if choice.keys
    ]
    text = f"{asked.text} {wording.keypad}: {', '.join(offers)}."
    return Confirmation(text, replace(asked.question, grammar=None, speech=False))


def _label(choice: Choice) -> str:
    return choice.phrases[0] if choice.phrases else choice.name.replace("_", " ")


def _free(phrases: tuple[str, ...], taken: set[tuple[str, ...]], language: str | None) -> tuple[str, ...]:
    return tuple(phrase for phrase in phrases if canonical(phrase, base_of(language)) not in taken)


def _which(question: Question, value: Ambiguous, wording: Wording) -> Confirmation | None:
    kind = question.value
    if kind is None:
        return None
    said = [kind.say(each, question.language) for each in islice(value.values, MAX_OFFERED)]
    text = render(wording.either, {"one": ", ".join(said[:-1]), "other": said[-1]})
    choices = tuple(
        Choice(str(index), (_speakable(each, question.language),), str(index + 1)) for index, each in enumerate(said)
    )
    others = tuple(replace(each, listed=False) for each in _others(question))  # "the last one" is a value
    choices = (*choices, *others)
    return Confirmation(
        text,
        replace(question, choices=choices, grammar=None, digits=None, value=None, expect=None, confirm_below=0.0),
    )


def _which_choice(question: Question, names: Sequence[str], wording: Wording) -> Confirmation:
    one, other = (_named(question, name) for name in names)
    # In the order in which they are offered: "the first one".
    choices = tuple(each for name in names for each in question.choices if each.name == name)
    text = render(wording.either, {"one": one, "other": other})
    return Confirmation(text, replace(question, choices=choices, confirm_below=0.0))


def _speakable(text: str, language: str | None) -> str:
    """Words that a recogniser can listen for."""
    return " ".join(_ODD.sub(" ", normalize(text, language or "en").text).split())


def _chosen(question: Question, answer: Answer, value: Ambiguous, reply: Answer) -> Answer:
    kind = question.value
    if reply.choice is not None and reply.choice.startswith(_OTHER):
        return replace(_spoken(answer, reply.text), choice=reply.choice.removeprefix(_OTHER), value=None)
    if reply.choice is not None and reply.choice.isdigit() and int(reply.choice) < len(value.values):
        return replace(_confirmed(answer), value=value.values[int(reply.choice)])
    if kind is not None and reply.text:
        # The reply may be a value by itself, or complete the answer: "half past four", "in the afternoon".
        for text in (reply.text, f"{answer.text} {reply.text}"):
            read = kind.read(text, question.language)
            if read is not None and not isinstance(read, Ambiguous) and (read in value.values or text == reply.text):
                return replace(_confirmed(answer), value=read)
    return _refused(answer)


def _corrected(question: Question, answer: Answer, reply: Answer) -> Answer | None:
    text, language = reply.text, question.language
    if question.choices and (found := match(text, question.choices, language)) is not None:
        if found.choice == answer.choice:
            return _refused(answer) if read_yes_no(text, language) is False else _confirmed(answer)
        return replace(_spoken(answer, text), choice=found.choice, value=None)
    agreed = read_yes_no(text, language)
    if question.value is not None and text and not question.any_words and agreed is not True:
        read = values_in(question.value.read(text, language))
        if len(read) == 1 and not isinstance(read[0], bool):
            if read[0] == answer.value and agreed is False:
                return _refused(answer)  # "no, not one two three"
            if read[0] == answer.value:
                return _confirmed(answer)
            return replace(_spoken(answer, text), value=read[0])
    return None


def _confirmed(answer: Answer) -> Answer:
    keyed = answer.kind is AnswerKind.DTMF
    return replace(answer, kind=answer.kind if keyed else AnswerKind.SPEECH, confidence=None if keyed else 1.0)


def _spoken(answer: Answer, text: str) -> Answer:
    """What was said in its place."""
    return replace(answer, kind=AnswerKind.SPEECH, confidence=1.0, text=text, digits="")


def _refused(answer: Answer) -> Answer:
    return replace(answer, kind=AnswerKind.NO_MATCH, choice=None, value=None)
