"""`ask`: a question with a few answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.one_of import worded
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.options import Option, chosen_option, key_offer, option_exits, option_problems
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run
from offhook.pipeline.events import Answer, Question


@dataclass(frozen=True, slots=True)
class Ask(ListeningStep):
    """Ask a question with a few answers, by speech or key.

    `inter_digit_ms` is how long a further digit of a key that begins another one is waited for.
    """

    options: tuple[Option, ...]
    inter_digit_ms: int = field(default=Question().inter_digit_ms, kw_only=True)

    def question(self) -> Question:
        """See ListeningStep."""
        choices = tuple(option.choice for option in self.options)
        return Question(
            choices=choices,
            speech=any(choice.phrases for choice in choices),
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            confirm_below=self.confirm_below,
            expect=self.expect,
            inter_digit_ms=self.inter_digit_ms,
        )

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (*option_exits(self.options), *self.retry_exits())

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return (*worded(("ask",), self.prompt), *self.retry_texts())

    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """See ListeningStep."""
        return chosen_option(self.options, answer, run.answered_in(self))

    def offer(self, run: Run) -> str:
        """See ListeningStep."""
        offers = key_offer(self.options, run.wording(self))
        return f"{run.wording(self).keypad}: {offers}." if offers else run.fill(self, self.prompt)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if not self.options:
            what, why = f"step `{self.name}` has no choices", "the question has no answers"
            yield FlowProblem(what, why, "add one to `choices`", (*at, "choices"))
        yield from option_problems(self.options, self.name, at)
        low, high = limits.MIN_INTER_DIGIT_MS, limits.MAX_INTER_DIGIT_MS
        yield from out_of_range(self.inter_digit_ms, low, high, (*at, "inter_digit_ms"))
        yield from self.listening_problems(at)
