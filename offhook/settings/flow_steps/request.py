"""Reads `request`."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.http_request import WITH_BODY
from offhook.pipeline.dialog.answer_path import Parts, parts_of
from offhook.pipeline.dialog.body import Body
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.http_requests import REQUEST, read_request, read_template, with_variables
from offhook.settings.yaml_file import is_null

_BODIES = ("json", "form")
_EXAMPLES = {"json": '{customer: {number: "{call.caller}"}}', "form": '{number: "{call.caller}"}'}
_ANSWER = ("into", "on_status", "meanwhile", "timeout_s", "retries", "retry")
_PARTS = "type `into: {day: delivery.day, first: items[0].name}`, or `into: order` for all of it"
_STATUSES = "type `on_status: {404: unknown}`"
_STATUS = re.compile(r"[345][0-9]{2}")


def _request(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    fill = partial(with_variables, reader, environ=reader.environ)
    made = read_request(reader, found, "request", what, fill, values_in_headers=True)
    entries = (
        reader.entries(found["send"], f"`send` of {what}", "type `{number: account}`") if "send" in found else None
    )
    sent = {key: reader.expression(value, f"`{key}` of {what}") for key, _, value in entries or []}
    json, form = (_body(reader, found, key, what, fill) for key in _BODIES)
    secrets = _secrets(reader, found["secret"], what) if "secret" in found else {}
    before = len(reader.problems)
    into, parts = _into(reader, found["into"], what) if "into" in found else (None, {})
    statuses = _on_status(reader, found["on_status"], f"`on_status` of {what}") if "on_status" in found else {}
    is_wrong = len(reader.problems) > before
    meanwhile = reader.spoken(found["meanwhile"], f"`meanwhile` of {what}") if "meanwhile" in found else None
    timeout_s = reader.optional(reader.number, found, "timeout_s", what, 5.0)
    retries = reader.optional(reader.whole, found, "retries", what, 0)
    always = "retry" in found and _always(reader, found["retry"], what)
    follows, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("next", "otherwise"))
    spoken = reader.spoken_by(found, what)
    send = {key: text for key, text in sent.items() if text is not None}
    if made is None or follows is None or otherwise is None or len(send) < len(sent) or is_wrong:
        return None
    sent_so = (made.places(), send, into, meanwhile, timeout_s, retries, always)
    made = replace(made, form=form is not None)
    enciphered = made.may_carry_secrets and not isinstance(json, list)
    return RequestStep(
        name,
        follows,
        otherwise,
        *sent_so,
        headers=made.templates,
        request=made,
        secrets=secrets,
        may_carry_secrets=enciphered,
        parts=parts,
        statuses=statuses,
        json=json,
        form=form,
        **spoken,
    )


def _body(reader: StepReader, found: Fields, key: str, what: str, fill: Callable[[Node, str], str]) -> Body:
    """The body that is at `key`; None: there is none."""
    if key not in found:
        return None
    node, field = found[key], f"`{key}` of {what}"
    other = next((each for each in ("send", *_BODIES) if each in found and each != key), None)
    if other is not None:
        why, todo = "each of them would be the body of the request", f"put it all below `{key}`, or remove `{key}`"
        reader.problem(node, f"{what} has `{key}` and `{other}`", why, todo)
    method = found.get("method")
    if not (isinstance(method, ScalarNode) and method.value in WITH_BODY):
        why = "it is the body of the request, which GET and DELETE have not"
        reader.problem(node, f"{what} has `{key}` and no method for it", why, "type `method: POST`")
    for unquoted in _unquoted(node):
        text = unquoted.value[0][0].value
        why = "without quotes YAML takes braces for an object"
        reader.problem(unquoted, f"`{{{text[:40]}}}` in {field} is no value", why, f'type `"{{{text[:40]}}}"`')
    is_fields = isinstance(node, MappingNode) and all(map(_is_field, node.value))
    if not (is_fields if key == "form" else isinstance(node, MappingNode | SequenceNode)):
        why = "it has fields, each a text or a list of texts" if key == "form" else "it is an object or a list"
        reader.problem(node, f"{field} cannot be read", why, f"type `{key}: {_EXAMPLES[key]}`")
        return None
    if key == "form":
        return {name: _field(reader, value, fill) for name, _, value in reader.entries(node, field) or []}
    body: Body = reader.json_value(node, field, lambda each: read_template(reader, each, each.value, fill)[0])
    return body


def _field(reader: StepReader, node: Node, fill: Callable[[Node, str], str]) -> Body:
    """A text as it stands, where 250.40 is no number, or a list of these; nothing without a value."""
    if isinstance(node, SequenceNode):
        return [_field(reader, each, fill) for each in node.value]
    return None if is_null(node) else read_template(reader, node, node.value, fill)[0]


def _is_field(pair: tuple[Node, Node]) -> bool:
    value = pair[1]
    return all(isinstance(each, ScalarNode) for each in (value.value if isinstance(value, SequenceNode) else [value]))


def _unquoted(node: Node) -> Iterator[Node]:
    """The values in it that were meant as `"{name}"`."""
    if isinstance(node, SequenceNode):
        for each in node.value:
            yield from _unquoted(each)
    elif isinstance(node, MappingNode):
        if node.flow_style and len(node.value) == 1 and is_null(node.value[0][1]) and not node.value[0][1].value:
            yield node
        for _, value in node.value:
            yield from _unquoted(value)


def _into(reader: StepReader, node: Node, what: str) -> tuple[str | None, Mapping[str, Parts]]:
    """The variable that keeps the answer, or those that keep parts of it, each with its path."""
    if not isinstance(node, MappingNode):
        return reader.text(node, f"`into` of {what}"), {}
    found = dict[str, Parts]()
    for name, _, value in reader.entries(node, f"`into` of {what}", _PARTS) or []:
        path = reader.text(value, f"`{name}` of {what}")
        parts = None if path is None else parts_of(path)
        if path is not None and parts is None:
            why = "it leads through the answer: names with dots between them, numbers of items in brackets"
            reader.problem(value, f"`{path[:60]}` is no path in an answer", why, _PARTS)
        found[name] = parts or ()
    if not node.value:
        reader.problem(node, f"`into` of {what} keeps nothing", "it is empty", _PARTS)
    return None, found


def _on_status(reader: StepReader, node: Node, field: str) -> dict[str, str]:
    """The steps that follow what the server refuses, by its HTTP status."""
    found = {}
    for status, key, value in reader.entries(node, field, _STATUSES) or []:
        follows = reader.step_name(value, f"`{status}` of {field}")
        if _STATUS.fullmatch(status) is None:
            why = "it is one of 300 to 599: with those below `next` follows"
            reader.problem(key, f"`{status[:40]}` is no status that a server refuses with", why, _STATUSES)
        elif follows is not None:
            found[status] = follows
    return found


def _secrets(reader: StepReader, node: Node, what: str) -> dict[str, str]:
    """The names of secrets, by those in the request."""
    entries = reader.entries(node, f"`secret` of {what}", "type `{number: card}`") or []
    found = {key: reader.text(value, f"`{key}` of {what}") for key, _, value in entries}
    return {key: text for key, text in found.items() if text}


def _always(reader: StepReader, node: Node, what: str) -> bool:
    """`retry: always`; without it only what can be repeated without harm is."""
    word = reader.text(node, f"`retry` of {what}")
    if word not in (None, "always"):
        why = "without it only requests are repeated that change nothing by being repeated"
        reader.problem(node, f"`retry` of {what} is not `always`", why, "type `retry: always`, or remove it")
    return word == "always"


REQUEST_STEP = StepKind(
    "request",
    (*REQUEST, "send", *_BODIES, "secret", *_ANSWER, "next", "otherwise", *SPOKEN),
    _request,
    ("next", "otherwise"),
)
