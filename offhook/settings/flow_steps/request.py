"""Reads `request`."""

from functools import partial

from yaml.nodes import Node

from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.http_requests import REQUEST, read_request, with_variables


def _request(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    fill = partial(with_variables, reader, environ=reader.environ)
    made = read_request(reader, found, "request", what, fill, values_in_headers=True)
    entries = (
        reader.entries(found["send"], f"`send` of {what}", "type `{number: account}`") if "send" in found else None
    )
    sent = {key: reader.expression(value, f"`{key}` of {what}") for key, _, value in entries or []}
    secrets = _secrets(reader, found["secret"], what) if "secret" in found else {}
    into = reader.optional(reader.text, found, "into", what, None)
    meanwhile = reader.spoken(found["meanwhile"], f"`meanwhile` of {what}") if "meanwhile" in found else None
    timeout_s = reader.optional(reader.number, found, "timeout_s", what, 5.0)
    retries = reader.optional(reader.whole, found, "retries", what, 0)
    always = "retry" in found and _always(reader, found["retry"], what)
    follows, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("next", "otherwise"))
    spoken = reader.spoken_by(found, what)
    send = {key: text for key, text in sent.items() if text is not None}
    if made is None or follows is None or otherwise is None or len(send) < len(sent):
        return None
    sent_so = (made.places(), send, into, meanwhile, timeout_s, retries, always)
    enciphered = made.may_carry_secrets
    return RequestStep(
        name,
        follows,
        otherwise,
        *sent_so,
        headers=made.templates,
        request=made,
        secrets=secrets,
        may_carry_secrets=enciphered,
        **spoken,
    )


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
    (*REQUEST, "send", "secret", "into", "meanwhile", "timeout_s", "retries", "retry", "next", "otherwise", *SPOKEN),
    _request,
    ("next", "otherwise"),
)
