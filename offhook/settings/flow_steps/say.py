"""Reads `say` and `hang_up`."""

from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.yaml_file import is_null


def _say(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    text = reader.wording(found["say"], f"the text of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    barge_in = reader.optional(reader.truth, found, "barge_in", what, True)
    spoken = reader.spoken_by(found, what)
    return None if text is None or follows is None else Say(name, text, follows, barge_in, **spoken)


def _hang_up(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    reason = reader.optional(reader.text, found, "reason", what, "")
    if is_null(found["hang_up"]):
        return End(name, reason=reason)
    text = reader.wording(found["hang_up"], f"the text of {what}")
    return None if text is None else End(name, text, reason, **reader.spoken_by(found, what))


SAY = StepKind("say", ("barge_in", *SPOKEN, "next"), _say, ("next",))
HANG_UP = StepKind("hang_up", ("reason", *SPOKEN), _hang_up)
