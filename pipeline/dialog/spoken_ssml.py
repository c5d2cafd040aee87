"""From a text in SSML to the parts of a prompt: filled in, read as it says, with the recordings that it names. Pure."""

from collections.abc import Callable, Iterator, Mapping

from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.said_as import is_said_as, said_as
from offhook.pipeline.dialog.ssml import Break, Element, MarkupError, Said, Sound, elements_of, escaped
from offhook.pipeline.dialog.template import MAX_FILLED_CHARS, fill
from offhook.pipeline.prompt_parts import Part, Pause, Recorded, Words
from offhook.pipeline.tts.recording import Recording


def filled(text: str, say: Callable[[str], str]) -> str:
    """`text` with what `say` makes of its expressions, as far as all together have MAX_FILLED_CHARS: cut off, it would
    be SSML no more."""
    left = MAX_FILLED_CHARS

    def value(expression: str) -> str:
        nonlocal left
        said = say(expression)[:left]
        left -= len(said)
        return escaped(said)

    return fill(text, value, limit=None)


def parts_of(text: str, language: str | None, sounds: Mapping[str, Recording]) -> tuple[Part, ...]:
    """What a text in SSML, which is filled in, is made of. `language` is the prompt's, `sounds` has the recordings by
    the names that they have in texts. Raises MarkupError; KeyError for a recording that is not there."""
    parts: list[Part] = []
    for words, own in _joined(elements_of(text), language):
        match words:
            case Break(ms):
                parts += [Pause(ms)] if ms else []
            case Sound(src, said):
                parts.append(Recorded(said, sounds[src]))
            case str():
                parts += [Words(" ".join(words.split()), own)] if words.strip() else []
    return tuple(parts)


def sources(text: str) -> tuple[str, ...]:
    """The recordings that a text in SSML names, each once; none if it cannot be read."""
    return tuple(dict.fromkeys(each.src for each in _elements(text) if isinstance(each, Sound)))


def languages(text: str) -> tuple[str, ...]:
    """The languages of their own that parts of a text in SSML have."""
    found = (each.language for each in _elements(text) if isinstance(each, Said))
    return tuple(dict.fromkeys(each for each in found if each is not None))


def ssml_problems(text: str, path: Path, sounds: Mapping[str, Recording]) -> Iterator[FlowProblem]:
    """What is wrong with a text in SSML, whatever its variables are."""
    try:
        elements = elements_of(text)
    except MarkupError as error:
        yield FlowProblem(error.what, error.why, error.todo, path)
        return
    if not any(_says_something(each) for each in elements):
        yield FlowProblem("the text says nothing", "it has no word and no recording", "write what to say", path)
    for each in elements:
        if isinstance(each, Sound):
            if "{" in each.src + each.text:
                why = "a recording says the same in every call"
                yield FlowProblem(f"there is a variable in the recording `{each.src[:60]}`", why, "remove it", path)
            elif each.src not in sounds:
                why = "no recording of that name has been loaded"
                yield FlowProblem(f"there is no recording `{each.src[:60]}`", why, "name a WAV file", path)
        elif isinstance(each, Said) and not _is_of_its_kind(each):
            what = f"`{each.text.strip()[:40]}` is no {each.interpret_as}"
            yield FlowProblem(what, "that is how it would be read", _example(each.interpret_as), path)


def _is_of_its_kind(said: Said) -> bool:
    """Whether it can be read as it says; what has a variable is not known yet."""
    return not said.interpret_as or "{" in said.text or is_said_as(said.text, said.interpret_as, said.format)


def _example(kind: str) -> str:
    examples = {"date": '2026-12-24, or `format="dmy"` with 24.12.2026', "time": "16:30, or 4:30 pm"}
    return f"write it as {examples.get(kind, 'a number, 1204')}"


def _elements(text: str) -> tuple[Element, ...]:
    try:
        return elements_of(text)
    except MarkupError:
        return ()


def _says_something(element: Element) -> bool:
    match element:
        case Said(text):
            return any(character.isalnum() or character in "#*&%@$€£{" for character in text)
        case Sound():
            return True
    return False


def _joined(elements: tuple[Element, ...], language: str | None) -> Iterator[tuple[str | Break | Sound, str | None]]:
    """Texts that follow one another in one language, as one; with that language, None: the prompt's."""
    text, own = "", None
    for element in elements:
        if isinstance(element, Said):
            spoken = element.text
            if element.interpret_as:
                spoken = said_as(spoken, element.interpret_as, element.format, element.language or language)
            if element.language != own:
                yield text, own
                text, own = "", element.language
            text += spoken
        else:
            yield text, own
            text = ""
            yield element, None
    yield text, own
