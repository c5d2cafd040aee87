"""What follows an answer before the dialog gets it: a matcher's opinion, and a question back if it is uncertain."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from offhook.pipeline.dialog.wording import Wording, wording_in
from offhook.pipeline.events import Answer, AnswerKind, Choice, Prompt, Question
from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.confirm import asked_below, confirmation, settled
from offhook.pipeline.understanding.languages import as_answered, listened, surest
from offhook.pipeline.understanding.match import Match, Matcher

AskBack = Callable[[Prompt, Question], Awaitable[Answer]]


MAX_CORRECTIONS = 3
"""Of a value that is read back; each is read back in its turn."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a bot understands: `matcher` is asked about words that fit no choice, for `matcher_timeout_s` at most;
    answers below `confirm_below` are asked back.
    """

    confirm_below: float = 0.0
    matcher: Matcher | None = None
    matcher_timeout_s: float = 2.0

    async def settle(self, question: Question, answer: Answer, ask: AskBack, wording: Wording | None) -> Answer:
        """The answer that the dialog gets. `ask` asks the caller back, in `wording` or that of the language."""
        matched = await self._matched(question, answer)
        likely = self._likely(question, matched)
        found = await self._confirmed(question, likely, ask, wording)
        if found is None:
            return answer if answer.too_uncertain else matched  # what was hardly heard is not taken unasked
        for _ in range(MAX_CORRECTIONS):
            if not (question.read_back and _is_correction(likely, found)):
                return found
            likely = found
            found = await self._confirmed(question, likely, ask, wording) or likely
        return replace(found, kind=AnswerKind.NO_MATCH, value=None) if _is_correction(likely, found) else found

    async def _confirmed(
        self, question: Question, likely: Answer, ask: AskBack, wording: Wording | None
    ) -> Answer | None:
        """What the caller says to the answer; None: it is not asked back."""
        question = as_answered(question, likely)
        asked = confirmation(question, likely, self.confirm_below, wording or wording_in(question.language))
        if asked is None:
            return None
        reply = await ask(Prompt(asked.text, language=question.language), asked.question)
        return settled(question, likely, reply)

    def certain(self, question: Question, answer: Answer, wording: Wording | None) -> Answer:
        """An answer that comes when it cannot be asked back any more: a no-match if it would have to be."""
        question = as_answered(question, answer)
        if confirmation(question, answer, self.confirm_below, wording or wording_in(question.language)) is None:
            return answer
        return replace(answer, kind=AnswerKind.NO_MATCH, choice=None, value=None)

    def _likely(self, question: Question, answer: Answer) -> Answer:
        """The answer, or its guess where that is worth a question back."""
        guess = answer.guess if answer.kind is AnswerKind.NO_MATCH else None
        return answer if guess is None or asked_below(question, guess, self.confirm_below) <= 0 else guess

    async def _matched(self, question: Question, answer: Answer) -> Answer:
        matcher = self.matcher
        if matcher is None or answer.kind is not AnswerKind.NO_MATCH or not answer.text or not question.choices:
            return answer
        asked = list(listened(question))
        opinions = await asyncio.gather(*(self._opinion(matcher, answer.text, *each) for each in asked))
        fits = [(found, language) for (language, _), found in zip(asked, opinions, strict=True) if found is not None]
        meant = surest(fits, question)
        if meant is None:
            return answer
        found, language = meant
        confidence = found.confidence if answer.confidence is None else min(found.confidence, answer.confidence)
        known = replace(answer, guess=None, too_uncertain=False, language=language)
        return replace(known, kind=AnswerKind.SPEECH, choice=found.choice, confidence=confidence)

    async def _opinion(
        self, matcher: Matcher, text: str, language: str | None, choices: Sequence[Choice]
    ) -> Match | None:
        """What the matcher takes `text` for, among the choices in one language."""
        log = structlog.get_logger("offhook.matcher")
        try:
            async with asyncio.timeout(self.matcher_timeout_s):
                found = await matcher.match(text, choices, language or "en")
        except TimeoutError:
            log.warning("the matcher took too long", seconds=self.matcher_timeout_s)
            return None
        except Exception:  # it is the user's code
            log.exception("the matcher failed")
            return None
        if found is None or (isinstance(found, Match) and found.choice in {choice.name for choice in choices}):
            return found
        log.warning("the matcher found what is not a choice", found=repr(found)[:200])
        return None


def _is_correction(answer: Answer, found: Answer) -> bool:
    """Whether another value came of the question back, and not by a choice between several."""
    changed = found.value is not None and found.value != answer.value
    return changed and not isinstance(answer.value, Ambiguous)
