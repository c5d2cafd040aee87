"""Reads `transfer`."""

from yaml.nodes import Node, SequenceNode

from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.transfer.outcome import MODES, TransferFailure
from offhook.usererror import did_you_mean


def _transfer(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    targets = _targets(reader, found["transfer"], f"`transfer` of {what}")
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}")
    announce, summary = (
        reader.spoken(found[key], f"`{key}` of {what}") if key in found else None for key in ("announce", "summary")
    )
    known = list(TransferFailure)
    why = "a transfer fails as " + ", ".join(known)
    failures = (
        reader.by_word(found["on_failure"], f"`on_failure` of {what}", f"a reason of {what}", known, why)
        if "on_failure" in found
        else []
    )
    mode = reader.optional(reader.text, found, "mode", what, None)
    if mode is not None and mode not in MODES:
        why = "it is one of " + ", ".join(f"`{each}`" for each in MODES)
        reader.problem(found["mode"], f"`mode` of {what} is `{mode[:40]}`", why, did_you_mean(mode, MODES))
    ring_s = reader.optional(reader.number, found, "ring_s", what, None)
    follows = reader.step_name(found["next"], f"`next` of {what}") if "next" in found else None
    spoken = reader.spoken_by(found, what)
    if otherwise is None:
        return None
    return TransferStep(name, targets, otherwise, tuple(failures), follows, announce, summary, mode, ring_s, **spoken)


def _targets(reader: StepReader, node: Node, what: str) -> tuple[str, ...]:
    """One, or a list of those that ring at the same time."""
    if isinstance(node, SequenceNode):
        return tuple(reader.texts(node, what))
    target = reader.text(node, what)
    return () if target is None else (target,)


TRANSFER = StepKind(
    "transfer",
    ("announce", "summary", "mode", "ring_s", "on_failure", "otherwise", "next", *SPOKEN),
    _transfer,
    ("otherwise",),
)
