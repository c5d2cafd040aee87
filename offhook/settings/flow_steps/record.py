"""Reads `record`."""

from offhook.pipeline.dialog.limits import KEYS
from offhook.pipeline.dialog.steps.record import RecordStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader

_END_KEYS = {"any": KEYS, "none": ""}


def _record(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["record"], f"the text of {what}")
    into = reader.text(found["into"], f"`into` of {what}")
    follows, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("next", "otherwise"))
    beep = reader.optional(reader.truth, found, "beep", what, True)
    most_s = reader.optional(reader.number, found, "most_s", what, 120.0)
    silence_s = reader.optional(reader.number, found, "silence_s", what, 3.0)
    least_s = reader.optional(reader.number, found, "least_s", what, 1.0)
    end_key = reader.optional(reader.text, found, "end_key", what, "#")
    review = reader.optional(reader.truth, found, "review", what, False)
    keep = reader.optional(reader.truth, found, "keep_on_hang_up", what, True)
    mailbox = reader.optional(reader.text, found, "mailbox", what, "")
    if prompt is None or into is None or follows is None or otherwise is None:
        return None
    return RecordStep(
        name,
        prompt,
        into,
        follows,
        otherwise,
        beep,
        most_s,
        silence_s,
        least_s,
        _END_KEYS.get(end_key, end_key),
        review,
        keep,
        mailbox,
        **reader.spoken_by(found, what),
    )


RECORD = StepKind(
    "record",
    (
        "into",
        "beep",
        "most_s",
        "silence_s",
        "least_s",
        "end_key",
        "review",
        "keep_on_hang_up",
        "mailbox",
        "next",
        "otherwise",
        *SPOKEN,
    ),
    _record,
    ("into", "next", "otherwise"),
)
