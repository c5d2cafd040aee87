"""Reads `wait`, `press` and `log`."""

from offhook.pipeline.dialog.steps.log import LogStep
from offhook.pipeline.dialog.steps.press import PressStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.wait import WaitStep
from offhook.settings.flow_steps.kind import SPOKEN, Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader


def _wait(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    seconds = reader.number(found["wait"], f"`wait` of {what}")
    until = reader.one_of(found, "until", ("end", "key"), "end")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    return None if seconds is None or follows is None else WaitStep(name, seconds, follows, until == "key")


def _press(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    keys = reader.text(found["press"], f"`press` of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}") if "otherwise" in found else None
    return None if keys is None or follows is None else PressStep(name, keys, follows, otherwise)


def _log(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    text = reader.text(found["log"], f"`log` of {what}")
    follows = reader.step_name(found["next"], f"`next` of {what}")
    return None if text is None or follows is None else LogStep(name, text, follows, **reader.spoken_by(found, what))


WAIT = StepKind("wait", ("until", "next"), _wait, ("next",))
PRESS = StepKind("press", ("next", "otherwise"), _press, ("next",))
LOG = StepKind("log", (*SPOKEN[:1], "next"), _log, ("next",))
