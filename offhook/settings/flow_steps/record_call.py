"""Reads `record_call`."""

from offhook.pipeline.dialog.steps.record_call import CONSENTS, WORDS, RecordCallStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _record_call(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    before = len(reader.problems)
    does = reader.one_of(found, "record_call", WORDS, "")
    consent = reader.one_of(found, "consent", CONSENTS, "") or None
    follows = reader.step_name(found["next"], f"`next` of {what}")
    return None if follows is None or len(reader.problems) > before else RecordCallStep(name, does, follows, consent)


RECORD_CALL = StepKind("record_call", ("consent", "next"), _record_call, ("next",))
