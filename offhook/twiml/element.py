"""XML to elements, by expat: without document types, and so without entities of the document's own. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from offhook.twiml.errors import NO_RESPONSE, NOT_PARSED, TOO_LARGE, TwimlError
from offhook.twiml.limits import (
    MAX_ATTRIBUTE_CHARS,
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_ELEMENTS,
)

ROOT = "Response"


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its `line`, and its `content`, texts and elements in their order."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    content: tuple["str | Element", ...] = ()
    line: int = 1

    @property
    def children(self) -> Iterator["Element"]:
        """The elements in it."""
        return (each for each in self.content if isinstance(each, Element))

    @property
    def text(self) -> str:
        """All text in it, blanks as in a sentence."""
        return " ".join(joined(self.content, lambda each: each if isinstance(each, str) else each.text).split())


def joined(content: "Iterable[str | Element]", write: "Callable[[str | Element], str]") -> str:
    """What `write` makes of each, with a blank between two elements that have nothing between them."""
    texts: list[str] = []
    last: str | Element | None = None
    for each in content:
        texts += [" "] if isinstance(each, Element) and isinstance(last, Element) else []
        texts.append(write(each))
        last = each
    return "".join(texts)


def parse(data: bytes) -> Element:
    """The root of a document, `Response`. Raises TwimlError."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise TwimlError(TOO_LARGE, f"the document has {len(data)} bytes, more than {MAX_DOCUMENT_BYTES}")
    root = _Builder().built(data)
    if root.name != ROOT:
        raise TwimlError(NO_RESPONSE, f"the document's root is <{root.name[:40]}>, and not <{ROOT}>")
    return root


@dataclass(slots=True)
class _Open:
    name: str
    attributes: Mapping[str, str]
    line: int
    content: list[str | Element] = field(default_factory=list)


class _Builder:
    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._root: Element | None = None
        self._count = 0
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype

    def built(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data.strip(), True)
        except expat.ExpatError as error:
            why = f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}"
            raise TwimlError(NOT_PARSED, why) from None
        except (LookupError, ValueError) as error:  # an encoding that Python does not know
            raise TwimlError(NOT_PARSED, f"the document cannot be decoded ({error})") from None
        finally:
            del self._parser  # it has our methods
        assert self._root is not None, "expat takes no document without an element"
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        line = self._parser.CurrentLineNumber
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            why = f"at most {MAX_ELEMENTS} elements are read, {MAX_DEPTH} within each other"
            raise TwimlError(NOT_PARSED, f"line {line}: {why}")
        longest = max(map(len, attributes.values()), default=0)
        if len(attributes) > MAX_ATTRIBUTES or longest > MAX_ATTRIBUTE_CHARS:
            why = f"at most {MAX_ATTRIBUTES} attributes are read, of {MAX_ATTRIBUTE_CHARS} characters"
            raise TwimlError(NOT_PARSED, f"line {line}: <{name[:40]}>: {why}")
        self._open.append(_Open(name, attributes, line))

    def _end(self, _name: str) -> None:
        closed = self._open.pop()
        element = Element(closed.name, closed.attributes, tuple(closed.content), closed.line)
        if self._open:
            self._open[-1].content.append(element)
        else:
            self._root = element

    def _characters(self, text: str) -> None:
        self._open[-1].content.append(text)

    def _doctype(self, *_: object) -> None:
        raise TwimlError(NOT_PARSED, "the document has a document type (DOCTYPE): entities of its own are not read")
