"""Reads `ask`."""

from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.events import Question
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.listening import LISTENING, read_listening
from offhook.settings.flow_steps.options import read_options
from offhook.settings.flow_steps.reader import StepReader


def _ask(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    prompt = reader.wording(found["ask"], f"the text of {what}")
    options = read_options(reader, found["choices"], what)
    inter_digit_ms = reader.optional(reader.whole, found, "inter_digit_ms", what, Question().inter_digit_ms)
    listening = read_listening(reader, found, what)
    languages = tuple(reader.texts(found["languages"], f"`languages` of {what}")) if "languages" in found else ()
    if prompt is None or listening is None:
        return None
    return Ask(name, prompt, options, inter_digit_ms=inter_digit_ms, languages=languages, **listening)


ASK = StepKind("ask", ("choices", "inter_digit_ms", "languages", *LISTENING), _ask, ("choices",))
