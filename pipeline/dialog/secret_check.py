"""Checks that the secrets of a flow go to one request each, and nowhere else. Pure."""

from collections.abc import Iterator, Mapping

from offhook.pipeline.dialog.expression.expression import Expression, parse
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.scopes import within
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.step import Evaluated, Step
from offhook.pipeline.dialog.template import expressions_in, is_variable_name
from offhook.pipeline.dialog.translations import Catalogue

_SECRET = "secret"


def secret_problems(steps: Mapping[str, Step], catalogue: Catalogue) -> Iterator[FlowProblem]:
    """What `collect_secret` keeps and something else uses, keeps or sends, or nobody does; and requests that cannot
    carry secrets. The expressions of the steps can be parsed."""
    secrets = {within(step.scope, step.into): step for step in steps.values() if isinstance(step, CollectSecret)}
    senders: dict[str, list[str]] = {}
    for name, step in steps.items():
        yield from _uses(step, secrets, catalogue)
        if isinstance(step, RequestStep) and step.secrets:
            yield from _request_problems(step, secrets)
            for each in set(step.secrets.values()):
                senders.setdefault(within(step.scope, each), []).append(name)
    for secret, step in secrets.items():
        found = senders.get(secret, [])
        if not found:
            todo = f"`secret: {{number: {step.into}}}` in a `request` step, or collect it with `collect`"
            why = "a secret is for one request, and is gone after it"
            yield FlowProblem(f"the secret `{step.into}` goes nowhere", why, todo, ("steps", step.name, "into"))
        for name in found[1:]:
            what, why = f"the secret `{step.into}` is sent twice", f"step `{found[0]}` sends it, and it is gone then"
            yield FlowProblem(what, why, "collect it again, as another secret", ("steps", name, _SECRET))


def _uses(step: Step, secrets: Mapping[str, CollectSecret], catalogue: Catalogue) -> Iterator[FlowProblem]:
    """Where a step uses a secret, or stores something else by its name."""
    why = "what `collect_secret` keeps is in no text, variable, address or record"
    todo = "send it, by `secret: {…}` of one `request` step, and leave it out here"
    for each in _expressions(step, catalogue):
        if isinstance(step, RequestStep) and each.path[0] == _SECRET:
            continue
        for name in parse(each.text).names:
            if within(step.scope, name) in secrets:
                what = f"the secret `{name}` cannot be used here"
                yield FlowProblem(what, why, todo, ("steps", step.name, *each.path))
    for way in step.ways():
        at = ("steps", way.named_in or step.name, *way.path)
        for name, value in way.stores.items():
            given = value.names if isinstance(value, Expression) else ()
            if any(within(step.scope, each) in secrets for each in given):
                yield FlowProblem(f"the secret `{given[0]}` cannot be a result", why, todo, at)
            whole = within(step.scope if way.scope is None else way.scope, name)
            if whole in secrets and not isinstance(step, CollectSecret):
                what, kept = f"`{name}` is stored here, and a secret elsewhere", f"`{secrets[whole].name}` keeps it"
                yield FlowProblem(what, kept, "give one of them another name", at)


def _expressions(step: Step, catalogue: Catalogue) -> Iterator[Evaluated]:
    yield from step.expressions()
    for path, text in step.texts():
        for language, said in catalogue.variants(text):
            yield from (Evaluated((*path, *language), each) for each in expressions_in(said))


def _request_problems(step: RequestStep, secrets: Mapping[str, CollectSecret]) -> Iterator[FlowProblem]:
    at = ("steps", step.name)
    for name, secret in step.secrets.items():
        path = (*at, _SECRET, name)
        if not is_variable_name(secret) or within(step.scope, secret) not in secrets:
            why = "it is the name that a `collect_secret` step has `into`, and no expression"
            known = ", ".join(f"`{each.into}`" for each in secrets.values() if each.scope == step.scope)
            todo = f"one of {known}" if known else "add a `collect_secret` step"
            yield FlowProblem(f"`{secret[:40]}` is no secret of this flow", why, todo, path)
        in_body = isinstance(step.json, Mapping) and name in step.json
        if in_body or name in step.send or name in step.places:
            why = "it is in `send`, in `json` or in the address, too"
            yield FlowProblem(f"`{name}` is sent twice", why, "give one of them another name", path)
    if not step.may_carry_secrets:
        why = (
            "they go in an object of JSON, which GET, DELETE and a form have not, and over https, unless the server "
            "is a private one"
        )
        what, todo = f"the request of `{step.name}` cannot carry secrets", "type `method: POST`, and `https://…`"
        yield FlowProblem(what, why, todo, (*at, "request"))
    if step.retries:
        why = "a secret is sent once, and is gone then"
        yield FlowProblem("a request with secrets is not tried again", why, "remove `retries`", (*at, "retries"))
