"""`request`: a question to another program, over HTTP."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog.actions import Action, Fetch, Fetched, Result
from offhook.pipeline.dialog.answer_path import Parts, value_at
from offhook.pipeline.dialog.body import Body, expressions_of, filled
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.limits import MAX_REQUEST_S, MAX_RETRIES, MIN_REQUEST_S
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.scopes import within
from offhook.pipeline.dialog.steps.step import Enter, Evaluated, Exit, Run, Step, Then, chosen
from offhook.pipeline.dialog.template import expressions_in, fill
from offhook.pipeline.dialog.variables import name_problems, word_problems
from offhook.pipeline.understanding.recorded import plain


@dataclass(frozen=True, slots=True)
class RequestStep(Step):
    """Ask a server, and keep its answer (JSON) in the variable `into`, if there is one, or in those of `parts` what it
    has at their paths; then `next` follows. Without an answer within `timeout_s`, after `retries` more tries, or with
    an HTTP status of 300 and more, it is `otherwise`, or the step that `statuses` has for that one. With `retry_always`
    it is tried again even if the server may then do twice what it is asked for.

    `send` has the expressions of what is sent, by name; in its place `json` is the body, an object or a list, or `form`
    has the fields of one; `places` the variables that are part of the address; `headers`
    those headers that have expressions in braces; `secrets` those of `collect_secret` that are sent, by name.
    `may_carry_secrets`: they would be in the body, and enciphered.
    `meanwhile` is said if it takes longer than a moment. The request itself is the application's.
    """

    next: str
    otherwise: str
    places: tuple[str, ...] = ()
    send: Mapping[str, str] = field(default_factory=dict)
    into: str | None = None
    meanwhile: str | None = None
    timeout_s: float = 5.0
    retries: int = 0
    retry_always: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request: object = field(default=None, repr=False, compare=False)
    secrets: Mapping[str, str] = field(default_factory=dict)
    may_carry_secrets: bool = True
    parts: Mapping[str, Parts] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    json: Body = field(default=None, repr=False)
    form: Body = field(default=None, repr=False)

    @property
    def keeps_answer(self) -> bool:
        """See RequestOf."""
        return self.into is not None or bool(self.parts)

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        stores = dict.fromkeys(self.parts if self.into is None else (self.into,), Type.ANY)
        refused = tuple(Exit(("on_status", status), name) for status, name in self.statuses.items())
        return (Exit(("next",), self.next, stores), *refused, Exit(("otherwise",), self.otherwise))

    def expressions(self) -> tuple[Evaluated, ...]:
        """See Step."""
        sent = tuple(Evaluated(("send", name), text) for name, text in self.send.items())
        headers = tuple(
            Evaluated(("headers", name), text)
            for name, template in self.headers.items()
            for text in expressions_in(template)
        )
        secret = tuple(Evaluated(("secret", name), text) for name, text in self.secrets.items())
        body = (*expressions_of(self.json, ("json",)), *expressions_of(self.form, ("form",)))
        placed = tuple(Evaluated(("request",), place) for place in self.places)
        return (*placed, *sent, *(Evaluated(*each) for each in body), *headers, *secret)

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return () if self.meanwhile is None else ((("meanwhile",), self.meanwhile),)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.otherwise

    def enter(self, run: Run) -> Action:
        """See Step."""
        wanted = {**{place: place for place in self.places}, **self.send}
        values = {name: run.value_of(parse(text)) for name, text in wanted.items()}
        said = None if self.meanwhile is None else run.prompt(self, run.fill(self, self.meanwhile), barge_in=False)
        headers = {
            name: fill(template, lambda each: plain(run.value_of(parse(each))), None)
            for name, template in self.headers.items()
        }
        secrets = {name: within(self.scope, each) for name, each in self.secrets.items()}
        body = filled(self.json if self.form is None else self.form, lambda each: run.value_of(parse(each)), plain)
        return Fetch(self, values, said, headers, secrets, body)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Fetched):
            return Step.follow(self, run, result)
        if not result.answered:
            return chosen(self.statuses, str(result.status), "on_status", self.otherwise)
        if self.into is not None:
            run.store(self.into, result.value)
        for name, parts in self.parts.items():
            run.store(name, value_at(result.value, parts))
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        for place in self.places:
            yield from word_problems(place, (*at, "request"))
        if self.into is not None:
            yield from name_problems(self.into, constants, "the answer", (*at, "into"))
        for name in self.parts:
            yield from name_problems(name, constants, "a part of the answer", (*at, "into", name))
        yield from out_of_range(self.timeout_s, MIN_REQUEST_S, MAX_REQUEST_S, (*at, "timeout_s"))
        yield from out_of_range(self.retries, 0, MAX_RETRIES, (*at, "retries"))
