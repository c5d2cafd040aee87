"""`collect_secret`: a card number, PIN or code, which nothing but one request gets to see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.actions import Result, SecretTaken, TakeSecret
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.one_of import Text, worded
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.scopes import within
from offhook.pipeline.dialog.steps.listening import reprompt_problems
from offhook.pipeline.dialog.steps.step import Again, Enter, Exit, Run, Step, Then
from offhook.pipeline.dialog.variables import name_problems
from offhook.pipeline.events import AnswerKind
from offhook.pipeline.secret.entry import DIGITS_OF, SecretOutcome, SecretRule


@dataclass(frozen=True, slots=True)
class CollectSecret(Step):
    """Say `prompt` and have the caller key a secret by `rule`, which `secret` of a request step may send as `into`.

    `otherwise` follows when `attempts` times nothing was keyed, or what cannot be right. Before that the n-th of
    `no_input` is said after the n-th time that nothing was keyed, of `no_match` after the n-th that could not be
    right, or the last one; without any `reprompt`, or `prompt` again. `refused` follows, with nothing
    said, where nobody can promise that the keys stay secret.
    """

    prompt: Text
    into: str
    rule: SecretRule
    next: str
    otherwise: str
    refused: str
    attempts: int = 3
    reprompt: str | None = None
    no_input: tuple[str, ...] = ()
    no_match: tuple[str, ...] = ()

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        others = (Exit(("otherwise",), self.otherwise), Exit(("refused",), self.refused))
        return (Exit(("next",), self.next, {self.into: Type.TEXT}), *others)

    def edges(self) -> dict[str, str]:
        """See Step. `refused` is none: no caller can bring that about."""
        again = {"again": self.name} if self.attempts > 1 else {}
        return {by: to for by, to in Step.edges(self).items() if by != "refused"} | again

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        again = () if self.reprompt is None else ((("reprompt",), self.reprompt),)
        each = tuple(
            ((key, "reprompts", index), text) for key, said in self._reprompts for index, text in enumerate(said)
        )
        return (*worded(("collect_secret",), self.prompt), *again, *each)

    @property
    def _reprompts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """With their names in a flow file."""
        return (("no_input", self.no_input), ("no_match", self.no_match))

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Then:
        """See Step."""
        return self._take(run, self.prompt)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, SecretTaken):
            return Step.follow(self, run, result)
        if result.refused:
            return Enter(self.refused, "refused")
        if result.outcome is SecretOutcome.ENTERED:
            return Enter(self.next, "next")
        silent = result.outcome is SecretOutcome.NO_INPUT
        kind, said = (AnswerKind.NO_INPUT, self.no_input) if silent else (AnswerKind.NO_MATCH, self.no_match)
        run.counts[kind] += 1
        if sum(run.counts.values()) >= self.attempts:
            return Enter(self.otherwise, "otherwise")
        own = said[min(run.counts[kind], len(said)) - 1] if said else None
        return Again(self._take(run, own or self.reprompt or self.prompt), "again")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from name_problems(self.into, constants, "the secret", (*at, "into"))
        yield from out_of_range(self.attempts, 1, limits.MAX_ATTEMPTS, (*at, "attempts"))
        for key, said in self._reprompts:
            yield from reprompt_problems(said, self.attempts, (*at, key))
        rule = self.rule
        least, most = DIGITS_OF[rule.kind]
        if not least <= rule.minimum <= rule.maximum <= most:
            what = f"a secret of {rule.minimum} to {rule.maximum} digits is no `{rule.kind}`"
            todo = f"type `digits: {{min: {least}, max: {most}}}`, or numbers between these"
            yield FlowProblem(what, f"it has {least} to {most} digits", todo, (*at, "digits"))
        for key, path in ((rule.terminator, "terminator"), (rule.clear, "clear")):
            if key not in ("", "*", "#") or (key and path == "clear" and key == rule.terminator):
                why = "it is # or *, and ends the entry or clears it, not both"
                yield FlowProblem(f"`{key[:40]}` cannot be the {path}", why, f'type `{path}: "#"`', (*at, path))
        low, high = limits.MIN_INTER_DIGIT_MS, limits.MAX_INTER_DIGIT_MS
        yield from out_of_range(rule.inter_digit_ms, low, high, (*at, "inter_digit_ms"))
        yield from out_of_range(rule.no_input_ms / 1000, limits.MIN_TIMEOUT_S, limits.MAX_TIMEOUT_S, (*at, "timeout_s"))

    def _take(self, run: Run, text: Text) -> TakeSecret:
        prompt = run.prompt(self, run.fill(self, text), barge_in=False)
        return TakeSecret(self, within(self.scope, self.into), self.rule, prompt)
