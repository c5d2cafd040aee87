"""Reads `who_answered`."""

from offhook.pipeline.answering.verdict import AnsweredBy
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _who_answered(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    known = list(AnsweredBy)
    why = "a call is answered by " + ", ".join(known)
    node = found["who_answered"]
    answers = reader.by_word(node, f"`who_answered` of {what}", f"an answer of {what}", known, why)
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}")
    within_s = reader.optional(reader.number, found, "within_s", what, 5.0)
    return None if otherwise is None else WhoAnsweredStep(name, tuple(answers), otherwise, within_s)


WHO_ANSWERED = StepKind("who_answered", ("otherwise", "within_s"), _who_answered, ("otherwise",))
