"""Reads how a question listens, and what follows where it gets no answer."""

from typing import TypedDict

from yaml.nodes import Node, ScalarNode

from offhook.pipeline.dialog.steps.listening import Retry
from offhook.pipeline.endpoint.expectation import parse_expectation
from offhook.pipeline.events import Expectation
from offhook.settings.flow_steps.kind import Fields
from offhook.settings.flow_steps.reader import StepReader

LISTENING = (
    "no_input",
    "no_match",
    "silence_ms",
    "timeout_s",
    "barge_in",
    "min_confidence",
    "confirm_below",
    "language",
    "voice",
    "expect",
)
"""The keys of a question that say how it listens."""

_RETRY = ("attempts", "reprompts", "then")
_MEANS = {"no_input": "says nothing", "no_match": "says something else"}


class Listening(TypedDict):
    """The fields of a ListeningStep, but for its prompt."""

    no_input: Retry
    no_match: Retry
    silence_ms: int
    timeout_s: float
    barge_in: bool
    min_confidence: float | None
    confirm_below: float | None
    expect: Expectation | None
    language: str | None
    voice: str | None


def read_listening(reader: StepReader, found: Fields, what: str) -> Listening | None:
    """None after a problem with its retry rules."""
    no_input, no_match = (_retry_of(reader, found, key, what) for key in ("no_input", "no_match"))
    defaults = reader.defaults
    silence_ms = reader.optional(reader.whole, found, "silence_ms", what, defaults.silence_ms)
    timeout_s = reader.optional(reader.number, found, "timeout_s", what, defaults.no_input_ms / 1000)
    barge_in = reader.optional(reader.truth, found, "barge_in", what, True)
    min_confidence = reader.optional(reader.number, found, "min_confidence", what, None)
    spoken = reader.spoken_by(found, what)
    confirm_below = reader.optional(reader.number, found, "confirm_below", what, reader.confirm_below)
    expect = _expect(reader, found, what)
    if no_input is None or no_match is None:
        return None
    return {
        "no_input": no_input,
        "no_match": no_match,
        "silence_ms": silence_ms,
        "timeout_s": timeout_s,
        "barge_in": barge_in,
        "min_confidence": min_confidence,
        "confirm_below": confirm_below,
        "expect": expect,
        **spoken,
    }


def read_retry(reader: StepReader, node: Node, what: str) -> Retry | None:
    """A retry rule, of a question or of the flow."""
    example = f"type `{{then: {node.value if isinstance(node, ScalarNode) and node.value else '…'}}}`"
    found = reader.fields(node, what, _RETRY, ("then",), example)
    if not found or "then" not in found:
        return None
    then = reader.step_name(found["then"], f"`then` of {what}")
    reprompts = reader.spoken_texts(found["reprompts"], f"`reprompts` of {what}") if "reprompts" in found else []
    attempts = reader.optional(reader.whole, found, "attempts", what, 3)
    return None if then is None else Retry(then, attempts, tuple(reprompts))


def _retry_of(reader: StepReader, found: Fields, key: str, what: str) -> Retry | None:
    if key in found:
        return read_retry(reader, found[key], f"`{key}` of {what}")
    if key not in reader.retries:
        node = found.get("ask") or found["collect"]
        why = f"neither it nor the flow says what follows when the caller {_MEANS[key]}"
        reader.problem(node, f"{what} has no `{key}`", why, f"add `{key}: {{then: …}}` to the step or the flow")
    return reader.retries.get(key)


def _expect(reader: StepReader, found: Fields, what: str) -> Expectation | None:
    text = reader.text(found["expect"], f"`expect` of {what}") if "expect" in found else None
    if text is None:
        return None
    try:
        return parse_expectation(text)
    except ValueError as error:
        problem = f"`expect` of {what} is not known"
        reader.problem(found["expect"], problem, str(error), "type `expect: digits(10..16)`, or remove it")
        return None
