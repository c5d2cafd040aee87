"""Reads `set_language`."""

from offhook.pipeline.dialog.steps.set_language import SetLanguage
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _set_language(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    language = reader.text(found["set_language"], f"the language of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    return None if language is None or follows is None else SetLanguage(name, language, follows)


SET_LANGUAGE = StepKind("set_language", ("next",), _set_language, ("next",))
