"""Say, Play and Pause: what the caller hears. Pure."""

from dataclasses import dataclass
from html import escape

from offhook.pipeline.dialog.said_as import INTERPRETED_AS
from offhook.pipeline.language import is_language_tag
from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element, joined
from offhook.twiml.limits import MAX_LOOPS, MAX_PAUSE_S, MAX_SAID_CHARS

_SPOKEN_AS = {"spell-out": "characters", "number": "cardinal", "verbatim": "characters"}
"""Names that Twilio's voices have for the same."""

_KEPT = {"break": ("time", "strength"), "emphasis": ("level",), "lang": ("xml:lang",), "sub": ("alias",)}
"""Elements of SSML with the attributes that mean something here. Of all others the text is said."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say a text; `ssml` is the same with its marks, empty if it has none. `voice` and `language`: None is the
    call's."""

    text: str
    ssml: str = ""
    voice: str | None = None
    language: str | None = None
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Play:
    """Play what is at `url`, or press `digits` (w: a pause of half a second, W: of one) for the far end."""

    url: str
    digits: str = ""
    loop: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: int = 1


def read_say(element: Element, notes: Notes) -> Say:
    """A Say; of one that is too long the beginning."""
    found = Attributes(element, notes)
    text = element.text
    if len(text) > MAX_SAID_CHARS:
        notes.warnings.append(f"line {element.line}: <Say> has more than {MAX_SAID_CHARS} characters")
        element, text = Element(element.name, element.attributes, (text[:MAX_SAID_CHARS],), element.line), ""
    language = found.optional("language")
    if language and not is_language_tag(language):
        notes.warnings.append(f"line {element.line}: <Say> has language=`{language[:40]}`, which is none")
        language = None
    marked = joined(element.content, _marked) if any(element.children) else ""
    said = Say(
        element.text,
        f"<speak>{marked}</speak>" if marked else "",
        found.optional("voice") or None,
        language or None,
        _loops(found),
    )
    found.finish()
    return said


def read_play(element: Element, notes: Notes) -> Play:
    """A Play."""
    found = Attributes(element, notes)
    digits = found.text("digits")
    if set(digits) - set("0123456789*#wWABCD"):
        notes.warnings.append(f"line {element.line}: <Play> has digits=`{digits[:40]}`, which are no keys")
        digits = ""
    played = Play(element.text, digits, _loops(found))
    if not played.url and not digits:
        notes.warnings.append(f"line {element.line}: <Play> has neither a URL nor digits")
    found.finish()
    return played


def read_pause(element: Element, notes: Notes) -> Pause:
    """A Pause."""
    found = Attributes(element, notes)
    pause = Pause(found.number("length", 1, least=0, most=MAX_PAUSE_S))
    found.finish()
    return pause


def _loops(found: Attributes) -> int:
    return found.number("loop", 1, least=0, most=MAX_LOOPS) or MAX_LOOPS


def _marked(content: str | Element) -> str:
    """Content of a Say in the SSML that can be said here."""
    if isinstance(content, str):
        return escape(content, quote=False)
    if content.name == "say-as":
        kind = content.attributes.get("interpret-as", "")
        kind = _SPOKEN_AS.get(kind, kind)
        if kind not in INTERPRETED_AS:
            return escape(content.text, quote=False)
        layout = content.attributes.get("format", "")
        marks = f' format="{escape(layout)}"' if layout in ("mdy", "dmy", "ymd") else ""
        return f'<say-as interpret-as="{kind}"{marks}>{escape(content.text, quote=False)}</say-as>'
    inner = joined(content.content, _marked)
    if content.name not in _KEPT:
        return inner
    marks = "".join(
        f' {name}="{escape(value)}"' for name, value in content.attributes.items() if name in _KEPT[content.name]
    )
    return f"<{content.name}{marks}>{inner}</{content.name}>"
