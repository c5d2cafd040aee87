"""What questions have in common: how they listen, and what follows an answer that is none."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.actions import AskFor, Result
from offhook.pipeline.dialog.one_of import Text
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.ssml import behind
from offhook.pipeline.dialog.steps.step import Again, Enter, Exit, Run, Step, Then
from offhook.pipeline.events import Answer, AnswerKind, Expectation, Question

COUNTED = (AnswerKind.NO_INPUT, AnswerKind.NO_MATCH, AnswerKind.FAILED)
"""The kinds of answers that lead nowhere. They are counted apart."""


@dataclass(frozen=True, slots=True)
class Retry:
    """What to do when the caller said nothing, or nothing that matches.

    The question is asked `attempts` times in all, then step `then` follows. After the n-th failure the n-th of
    `reprompts` is said, or the last one; without any, the prompt itself.
    """

    then: str
    attempts: int = 3
    reprompts: tuple[str, ...] = ()

    def reprompt(self, count: int) -> str | None:
        """What is said after the `count`-th failure; None: the prompt itself."""
        return self.reprompts[min(count, len(self.reprompts)) - 1] if self.reprompts else None


@dataclass(frozen=True, slots=True)
class ListeningStep(Step):
    """Ask something, and go on by the answer.

    No-inputs, no-matches and recogniser failures are counted separately, from zero at each visit. A failure is not the
    caller's fault: they are asked again, with an apology and the keys. The no-match branch is taken only after more
    failures than the allowed no-matches: the recogniser will not recover.
    """

    prompt: Text
    no_input: Retry = field(kw_only=True)
    no_match: Retry = field(kw_only=True)
    silence_ms: int = field(default=500, kw_only=True)
    timeout_s: float = field(default=5.0, kw_only=True)
    barge_in: bool = field(default=True, kw_only=True)
    min_confidence: float | None = field(default=None, kw_only=True)
    """None: the bot's setting."""
    confirm_below: float | None = field(default=None, kw_only=True)
    """None: the bot's setting."""
    expect: Expectation | None = field(default=None, kw_only=True)
    """None: what its choices, digits or value say."""

    @abstractmethod
    def question(self) -> Question:
        """The question to listen for."""

    @abstractmethod
    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """Where an answer leads to; None: it is no answer to this question."""

    @abstractmethod
    def offer(self, run: Run) -> str:
        """What is said, behind an apology, when the recogniser fails."""

    @property
    def retries(self) -> tuple[tuple[str, Retry], ...]:
        """The retry rules with their names in a flow file."""
        return (("no_input", self.no_input), ("no_match", self.no_match))

    def retry_exits(self) -> tuple[Exit, ...]:
        """Where it leads without an answer."""
        return tuple(Exit((key, "then"), retry.then) for key, retry in self.retries)

    def edges(self) -> dict[str, str]:
        """See Step."""
        again = {key: self.name for key, retry in self.retries if retry.attempts > 1}
        return Step.edges(self) | again

    def retry_texts(self) -> tuple[tuple[Path, str], ...]:
        """What it says when it asks again."""
        return tuple(
            ((key, "reprompts", index), text)
            for key, retry in self.retries
            for index, text in enumerate(retry.reprompts)
        )

    def after_silence(self) -> str | None:
        """See Step."""
        return self.no_input.then

    def enter(self, run: Run) -> Then:
        """See Step."""
        return self._ask(run, run.fill(self, self.prompt))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Answer):
            return Step.follow(self, run, result)
        return self.branch(run, result) or self._again(run, result.kind)

    def question_in(self, run: Run) -> Question:
        """See Step."""
        return replace(self.question(), language=run.language(self))

    def _ask(self, run: Run, text: str) -> AskFor:
        return AskFor(run.prompt(self, text, barge_in=self.barge_in), self.question_in(run))

    def _again(self, run: Run, kind: AnswerKind) -> Then:
        # Speech or keys that fit no branch are a no-match, whatever the listener made of them.
        kind = kind if kind in COUNTED else AnswerKind.NO_MATCH
        run.counts[kind] += 1
        count = run.counts[kind]
        retry = self.no_input if kind is AnswerKind.NO_INPUT else self.no_match
        if kind is AnswerKind.FAILED:
            # One more than no-matches: the answer was not judged, so even a single attempt gets an apology.
            if count > retry.attempts:
                return Enter(retry.then, kind)
            return Again(self._ask(run, behind(run.wording(self).apology, self.offer(run))), kind)
        if count >= retry.attempts:
            return Enter(retry.then, f"{kind}.then")
        return Again(self._ask(run, run.fill(self, retry.reprompt(count) or self.prompt)), kind)

    def listening_problems(self, at: Path) -> Iterator[FlowProblem]:
        """What is wrong with how it listens."""
        yield from out_of_range(self.silence_ms, limits.MIN_SILENCE_MS, limits.MAX_SILENCE_MS, (*at, "silence_ms"))
        yield from out_of_range(self.timeout_s, limits.MIN_TIMEOUT_S, limits.MAX_TIMEOUT_S, (*at, "timeout_s"))
        for key, value in (("min_confidence", self.min_confidence), ("confirm_below", self.confirm_below)):
            if value is not None:
                yield from out_of_range(value, limits.MIN_CONFIDENCE, limits.MAX_CONFIDENCE, (*at, key))
        for key, retry in self.retries:
            yield from _retry_problems(retry, (*at, key))


def _retry_problems(retry: Retry, at: Path) -> Iterator[FlowProblem]:
    yield from out_of_range(retry.attempts, 1, limits.MAX_ATTEMPTS, (*at, "attempts"))
    if len(retry.reprompts) >= max(retry.attempts, 1):
        spoken = max(retry.attempts, 1) - 1
        what = f"reprompt {spoken + 1} is never spoken"
        why = f"{retry.attempts} attempts are the prompt itself and {spoken} more"
        todo = f"set `attempts: {len(retry.reprompts) + 1}`, or remove it"
        yield FlowProblem(what, why, todo, (*at, "reprompts", spoken))
