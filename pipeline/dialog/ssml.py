"""Prompts in a subset of SSML (W3C, Speech Synthesis Markup Language 1.1): texts that begin with `<speak>`. Pure.

A prompt is read twice: as it stands in the flow, to check it, and filled in, to say it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from xml.parsers import expat

from offhook.pipeline.dialog.hints import near
from offhook.pipeline.dialog.limits import MAX_PAUSE_MS
from offhook.pipeline.dialog.said_as import INTERPRETED_AS
from offhook.pipeline.language import is_language_tag

MAX_DEPTH = 10
MAX_ELEMENTS = 200

_BEGINS = re.compile(r"\s*<speak[\s>/]")
_SOURCE = re.compile(r"""(<audio\b[^<>]*?\bsrc\s*=\s*)("[^"<]*"|'[^'<]*')""")
_TIME = re.compile(r"\+?([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)")
_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_STRENGTHS = {"none": 0, "x-weak": 100, "weak": 250, "medium": 500, "strong": 750, "x-strong": 1_000}
"""How long the pauses of SSML's words are, in ms."""

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "speak": ("version", "xmlns", "xml:lang"),
    "break": ("time", "strength"),
    "say-as": ("interpret-as", "format"),
    "prosody": ("rate", "volume"),
    "emphasis": ("level",),
    "lang": ("xml:lang",),
    "audio": ("src",),
    "sub": ("alias",),
}
"""The elements that there are, and their attributes."""

_TEXT_ONLY = ("break", "say-as", "sub", "audio")
_PROSODY = "prosody"


class MarkupError(ValueError):
    """A text in SSML cannot be said: what is wrong, why, and what to type."""

    def __init__(self, what: str, why: str, todo: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what, self.why, self.todo = what, why, todo


@dataclass(frozen=True, slots=True)
class Said:
    """A text in `language` (None: the prompt's), read as `interpret_as` says ("": as it is)."""

    text: str
    language: str | None = None
    interpret_as: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A pause."""

    ms: int


@dataclass(frozen=True, slots=True)
class Sound:
    """The recording `src`, in which `text` is said."""

    src: str
    text: str


Element = Said | Break | Sound


def is_ssml(text: str) -> bool:
    """Whether a text is one in SSML."""
    return _BEGINS.match(text) is not None


def recorded(src: str, text: str) -> str:
    """The prompt that plays the recording `src`, in which `text` is said."""
    return f'<speak><audio src="{escape(src)}">{escape(text, quote=False)}</audio></speak>'


def with_sources(text: str, name: Callable[[str], str]) -> str:
    """A text in SSML with what `name` makes of the names of its recordings."""
    return _SOURCE.sub(lambda found: f'{found[1]}"{escape(name(unescape(found[2][1:-1])))}"', text)


def escaped(value: str) -> str:
    """A value, to be filled in."""
    return escape(_UNSPOKEN.sub(" ", value))  # with its quotes: it may stand in an attribute


def unmarked(text: str) -> str:
    """A text that is not to be SSML, whatever was filled in: a value may begin as SSML does."""
    return text.replace("<", " ") if is_ssml(text) else text


def behind(words: str, text: str) -> str:
    """`text`, which may be SSML, behind some words."""
    if not is_ssml(text):
        return f"{words} {text}"
    at = text.index(">") + 1
    return f"{text[:at]}{escaped(words)} {text[at:]}"


def elements_of(text: str) -> tuple[Element, ...]:
    """What a text in SSML has, in its order. Raises MarkupError."""
    return _Parser(text).parse()


def doubts(text: str) -> list[tuple[str, str, str]]:
    """What is allowed in a text in SSML, but has no effect: what, why, and what to do."""
    if f"<{_PROSODY}" not in text:
        return []
    why = "no voice here changes its pace or volume within a text"
    return [(f"`<{_PROSODY}>` has no effect", why, "remove it; `rate_wpm` below `[tts]` sets the pace of all texts")]


@dataclass(slots=True)
class _Open:
    """An element that has not ended."""

    name: str
    attributes: Mapping[str, str]
    language: str | None
    text: list[str] = field(default_factory=list)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._found: list[Element] = []
        self._open: list[_Open] = []
        self._count = 0
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        parser.CommentHandler = self._comment

    def parse(self) -> tuple[Element, ...]:
        try:
            # Line breaks would make the position a pair.
            self._parser.Parse(self._text.replace("\n", " "), True)
        except expat.ExpatError as error:
            why = f"{expat.ErrorString(error.code)} at character {error.offset + 1}"
            todo = "close every element that is opened, and type `&amp;` for & and `&lt;` for <"
            raise MarkupError("the text is not SSML", why, todo) from None
        return tuple(self._found)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        above = self._open[-1] if self._open else None
        at = f"at character {self._parser.CurrentColumnNumber + 1}"
        if name not in _ATTRIBUTES or (name == "speak") is not (above is None):
            others = [each for each in _ATTRIBUTES if each != "speak"]
            raise MarkupError(f"`<{name[:40]}>` {at}", "texts in SSML do not have it", near(name, others))
        if above is not None and above.name in _TEXT_ONLY:
            raise MarkupError(f"`<{name}>` {at} is within `<{above.name}>`", "that has only text", "close that first")
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            why = f"at most {MAX_ELEMENTS} are read, {MAX_DEPTH} within each other"
            raise MarkupError(f"there are too many elements ({at})", why, "split it into several steps")
        for key in attributes:
            if key not in _ATTRIBUTES[name]:
                what = f"`{key[:40]}` of `<{name}>` {at}"
                raise MarkupError(what, "it has no such attribute", near(key, _ATTRIBUTES[name]))
        language = attributes.get("xml:lang", above.language if above is not None else None)
        if language is not None and not is_language_tag(language):
            why = "a language is a BCP 47 tag: two or three letters, perhaps a region"
            raise MarkupError(f"`{language[:40]}` is not a language", why, 'type `xml:lang="de"`, or `en-GB`')
        opened = _Open(name, attributes, language)
        _REQUIRED.get(name, _nothing_required)(opened)
        self._open.append(opened)

    def _end(self, name: str) -> None:
        closed = self._open.pop()
        text = "".join(closed.text)
        match name:
            case "break":
                self._found.append(Break(_pause_ms(closed.attributes)))
            case "say-as":
                kind, layout = closed.attributes["interpret-as"], closed.attributes.get("format", "")
                self._found.append(Said(text, closed.language, kind, layout))
            case "sub":
                self._found.append(Said(closed.attributes["alias"], closed.language))
            case "audio":
                self._found.append(Sound(closed.attributes["src"], " ".join(text.split())))

    def _characters(self, text: str) -> None:
        above = self._open[-1]
        if above.name not in _TEXT_ONLY:
            self._found.append(Said(text, above.language))
        elif above.name == "break" and text.strip():
            raise MarkupError("`<break>` has a text", "a pause is empty", 'type `<break time="500ms"/>`')
        else:
            above.text.append(text)

    def _doctype(self, *_: object) -> None:
        raise MarkupError("the text has a document type", "it is no file of its own", "remove `<!DOCTYPE …>`")

    def _comment(self, text: str) -> None:
        if "{" in text:
            raise MarkupError("a comment has a variable", "its value could end the comment", "remove it")


def _say_as_required(opened: _Open) -> None:
    kind = opened.attributes.get("interpret-as", "")
    if kind not in INTERPRETED_AS:
        why = "it is one of " + ", ".join(INTERPRETED_AS)
        raise MarkupError(f'`interpret-as="{kind[:40]}"` is not known', why, near(kind, INTERPRETED_AS))


def _named(attribute: str, example: str, opened: _Open) -> None:
    if not opened.attributes.get(attribute, "").strip():
        raise MarkupError(f"`<{opened.name}>` has no `{attribute}`", "it is required", f"type `{example}`")


def _pause_ms(attributes: Mapping[str, str]) -> int:
    time = attributes.get("time")
    if time is None:
        strength = attributes.get("strength", "medium")
        if strength not in _STRENGTHS:
            why = "it is one of " + ", ".join(_STRENGTHS)
            raise MarkupError(f'`strength="{strength[:40]}"` is not known', why, near(strength, _STRENGTHS))
        return _STRENGTHS[strength]
    found = _TIME.fullmatch(time.strip())
    if found is None:
        raise MarkupError(
            f'`time="{time[:40]}"` is no time', "it is in s or ms", 'type `time="500ms"`, or `time="1.5s"`'
        )
    ms = round(float(found[1]) * (1000 if found[2] == "s" else 1))
    if ms > MAX_PAUSE_MS:
        why = f"at most {MAX_PAUSE_MS // 1000} s"
        raise MarkupError(f"the pause is {time.strip()} long", why, "make it shorter, or a step of its own: `wait: 20`")
    return ms


def _nothing_required(opened: _Open) -> None:
    """It may be as it is."""


_REQUIRED: Mapping[str, Callable[[_Open], object]] = {
    "break": lambda opened: _pause_ms(opened.attributes),
    "say-as": _say_as_required,
    "lang": lambda opened: _named("xml:lang", '<lang xml:lang="de">', opened),
    "audio": lambda opened: _named("src", '<audio src="welcome.wav">', opened),
    "sub": lambda opened: _named("alias", '<sub alias="World Wide Web">', opened),
}
