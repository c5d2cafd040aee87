"""Reads `collect_secret`."""

from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.secret.entry import DIGITS_OF, SecretKind, SecretRule
from offhook.settings.flow_steps.collect import read_count
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader

_WAYS = ("next", "otherwise", "refused")
_FAILURES = ("no_input", "no_match")
_ENTRY = ("digits", "terminator", "clear", "timeout_s", "inter_digit_ms")


def _collect_secret(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["collect_secret"], f"the text of {what}")
    into = reader.text(found["into"], f"`into` of {what}")
    rule = _rule(reader, found, what)
    follows, otherwise, refused = (reader.step_name(found[key], f"`{key}` of {what}") for key in _WAYS)
    attempts = reader.optional(reader.whole, found, "attempts", what, 3)
    reprompt = reader.spoken(found["reprompt"], f"`reprompt` of {what}") if "reprompt" in found else None
    no_input, no_match = (_reprompts(reader, found, key, what) for key in _FAILURES)
    spoken = reader.spoken_by(found, what)
    if prompt is None or into is None or follows is None or otherwise is None or refused is None:
        return None
    again = (attempts, reprompt, no_input, no_match)
    return CollectSecret(name, prompt, into, rule, follows, otherwise, refused, *again, **spoken)


def _reprompts(reader: StepReader, found: Fields, key: str, what: str) -> tuple[str, ...]:
    """What is said after a failure of one kind."""
    if key not in found:
        return ()
    of_kind = f"`{key}` of {what}"
    own = reader.fields(found[key], of_kind, ("reprompts",), ("reprompts",), "type `{reprompts: […]}`") or {}
    return tuple(reader.all_spoken(own["reprompts"], f"`reprompts` of {of_kind}")) if "reprompts" in own else ()


def _rule(reader: StepReader, found: Fields, what: str) -> SecretRule:
    kind = SecretKind(reader.one_of(found, "as", tuple(SecretKind), SecretKind.DIGITS))
    low, high = read_count(reader, found["digits"], what) if "digits" in found else DIGITS_OF[kind]
    rule = SecretRule(kind, low, high)
    ends = {
        key: reader.optional(reader.text, found, key, what, default)
        for key, default in (("terminator", rule.terminator), ("clear", rule.clear))
    }
    terminator, clear = ("" if each == "none" else each for each in ends.values())
    timeout_s = reader.optional(reader.number, found, "timeout_s", what, rule.no_input_ms / 1_000)
    inter_digit_ms = reader.optional(reader.whole, found, "inter_digit_ms", what, rule.inter_digit_ms)
    return SecretRule(kind, low, high, terminator, clear, round(timeout_s * 1_000), inter_digit_ms)


COLLECT_SECRET = StepKind(
    "collect_secret",
    ("as", "into", *_ENTRY, "attempts", "reprompt", *_FAILURES, *_WAYS, *SPOKEN),
    _collect_secret,
    ("as", "into", *_WAYS),
)
