"""Checks that a flow's texts can be spoken."""

import re
from collections.abc import Iterator, Mapping

from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.limits import MAX_TEXT_CHARS
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.spoken_ssml import ssml_problems
from offhook.pipeline.dialog.ssml import doubts, is_ssml
from offhook.pipeline.dialog.template import expressions_in
from offhook.pipeline.markup import TAG_LIKE
from offhook.pipeline.tts.recording import Recording

# The syntax of other systems: {{ name }}, {{ order.id | upper }}.
_FOREIGN_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*(?:\|[^{}]*)?\}\}")

_VARIABLE = re.compile(r"\{+[A-Za-z_]\w*\}+")
_SHELL_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}")


def text_problems(text: str, path: Path, sounds: Mapping[str, Recording] | None = None) -> Iterator[FlowProblem]:
    """What prevents `text` from being spoken, whatever the variables are. `sounds` are the recordings that it may name,
    None: it cannot be SSML where it stands."""
    is_markup = sounds is not None and is_ssml(text)
    if sounds is None or not is_markup:
        yield from _nothing_said(text, path)
        yield from _markup_problems(text, path)
    else:
        yield from ssml_problems(text, path, sounds)
    if len(text) > MAX_TEXT_CHARS:
        what = f"the text has {len(text)} characters"
        why = f"at most {MAX_TEXT_CHARS} are spoken in one go"
        yield FlowProblem(what, why, "split it into several `say` steps", path)
    try:
        expressions = expressions_in(text)
    except ValueError as error:
        why = "braces enclose an expression, such as {pin}"
        yield FlowProblem(str(error), why, "double it, {{ or }}, to speak of the brace itself", path)
        return
    for each in expressions:
        try:
            parse(each)
        except ExpressionError as error:
            yield FlowProblem(f"`{{{each[:60]}}}` cannot be filled in", error.why, error.todo, path)


def fixed_text_problems(text: str, path: Path) -> Iterator[FlowProblem]:
    """What is wrong with a text in which no variables are filled in."""
    if not text.strip():
        yield FlowProblem("the text is empty", "there is nothing to say", "write what to say", path)
    yield from _markup_problems(text, path)
    found = _VARIABLE.search(text)
    if found is not None:
        why = "variables are filled in only where a step speaks"
        yield FlowProblem(f"`{found[0]}` would be read aloud", why, "write the text itself here", path)


def _nothing_said(text: str, path: Path) -> Iterator[FlowProblem]:
    if not text.strip():
        yield FlowProblem("the text is empty", "there is nothing to say", "write what to say", path)
    elif not any(character.isalnum() or character in "#*&%@$€£" for character in text):
        yield FlowProblem(f"`{text[:40]}` has no word", "there is nothing to say", "write what to say", path)


def _markup_problems(text: str, path: Path) -> Iterator[FlowProblem]:
    found = TAG_LIKE.search(text)
    if found is not None:
        why = "outside of `<speak>` texts are spoken as they are: no voice reads SSML or HTML"
        todo = _instead(found.group().lower())
        yield FlowProblem(f"there is markup in the text: `{found.group()[:60]}`", why, todo, path)


def _instead(tag: str) -> str:
    if tag.startswith(("<break", "<say-as", "<audio", "<lang", "<sub", "<emphasis", "<prosody")):
        todo = "put the whole text into `<speak>…</speak>` (docs/flow-sound.md), or remove it"
        return f"{todo}; a comma or a full stop makes a pause" if tag.startswith("<break") else todo
    pause = tag.startswith(("<pause", "<p", "<br"))
    return "remove it; a comma or a full stop makes a pause" if pause else "remove it"


def text_warnings(text: str, path: Path) -> Iterator[FlowProblem]:
    """What is allowed in `text`, but probably not intended."""
    for found in _FOREIGN_VARIABLE.finditer(text):
        why = "two braces are a literal brace, and the text between them is read aloud"
        yield FlowProblem(
            f"`{found[0]}` is not a variable", why, f"type `{{{found[1].replace('.', '_')}}}` for a variable", path
        )
    for found in _SHELL_VARIABLE.finditer(text):
        name = found[0][1:]
        todo = f"type `{name}`, or with a space `$ {name}` for an amount"
        yield FlowProblem(f"the $ of `{found[0]}` is read aloud", "braces are enough", todo, path)
    if is_ssml(text):
        yield from (FlowProblem(*doubt, path) for doubt in doubts(text))
