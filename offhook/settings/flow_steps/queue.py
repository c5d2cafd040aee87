"""Reads `queue`."""

from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.queues.orders import QueueEnd
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _queue(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    queue = reader.text(found["queue"], f"`queue` of {what}")
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}")
    announce, summary = (
        reader.spoken(found[key], f"`{key}` of {what}") if key in found else None for key in ("announce", "summary")
    )
    known = list(QueueEnd)
    why = "a wait ends as " + ", ".join(known)
    failures = (
        reader.by_word(found["on_failure"], f"`on_failure` of {what}", f"a reason of {what}", known, why)
        if "on_failure" in found
        else []
    )
    priority = reader.optional(reader.number, found, "priority", what, 0.0)
    follows = reader.step_name(found["next"], f"`next` of {what}") if "next" in found else None
    spoken = reader.spoken_by(found, what)
    if queue is None or otherwise is None:
        return None
    return QueueStep(name, queue, otherwise, tuple(failures), follows, announce, summary, priority, **spoken)


QUEUE = StepKind(
    "queue",
    ("announce", "summary", "priority", "on_failure", "otherwise", "next", *SPOKEN),
    _queue,
    ("otherwise",),
)
