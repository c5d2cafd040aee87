"""Reads `take`."""

from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.take import TakeStep
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _take(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    queue = reader.text(found["take"], f"`take` of {what}")
    follows, otherwise = (reader.step_name(found[key], f"`{key}` of {what}") for key in ("next", "otherwise"))
    announce = reader.spoken(found["announce"], f"`announce` of {what}") if "announce" in found else None
    wait_s = reader.number(found["wait_s"], f"`wait_s` of {what}") if "wait_s" in found else None
    end_key = reader.text(found["end_key"], f"`end_key` of {what}") if "end_key" in found else None
    spoken = reader.spoken_by(found, what)
    if queue is None or follows is None or otherwise is None:
        return None
    return TakeStep(name, queue, follows, otherwise, announce, wait_s, end_key, **spoken)


TAKE = StepKind(
    "take",
    ("announce", "wait_s", "end_key", "next", "otherwise", *SPOKEN),
    _take,
    ("next", "otherwise"),
)
