"""What the steps of a flow's file have in common: texts, and names of steps."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, TypeVar

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.pipeline.dialog.commands import Command
from offhook.pipeline.dialog.expression.error import ExpressionError
from offhook.pipeline.dialog.expression.expression import parse
from offhook.pipeline.dialog.limits import MAX_WORDINGS
from offhook.pipeline.dialog.one_of import OneOf, Text
from offhook.pipeline.dialog.scopes import within
from offhook.pipeline.dialog.ssml import is_ssml, recorded, with_sources
from offhook.pipeline.dialog.steps.listening import Retry, Silent
from offhook.pipeline.language import is_language_tag
from offhook.settings.yaml_file import Reader, is_null, position
from offhook.usererror import Problem, did_you_mean

_T = TypeVar("_T")

ORDERS = ("in_turn", "random")
_RECORDED = ("file", "text")
_WORDINGS = "type `[Hello., Hi there.]`, or `{one_of: [Hello., Hi there.], order: random}`"


class Spoken(TypedDict):
    """How a step's texts are spoken."""

    language: str | None
    voice: str | None


@dataclass(frozen=True, slots=True)
class FlowDefaults:
    """Defaults for questions, and whether steps may call Python."""

    silence_ms: int = 500
    no_input_ms: int = 5_000
    functions: bool = True


class StepReader(Reader):
    """Reads parts of steps; `lines` are those of the file, `environ` has what `${NAME}` stands for."""

    def __init__(self, name: str, defaults: FlowDefaults, lines: list[str], environ: Mapping[str, str]) -> None:
        super().__init__(name)
        self.doubts: list[Problem] = []
        self.environ = environ
        self.defaults = defaults
        self.retries: dict[str, Retry | None] = {}
        """Of the flow, for questions without their own."""
        self.confirm_below: float | None = None
        """As `retries`."""
        self.country: str | None = None
        """By whose rules phone numbers are dialled, by its ISO 3166-1 code."""
        self.language: str | None = None
        """Of the flow's texts, and of the names in its directories."""
        self.texts_by_language: dict[str, dict[str, str]] = {}
        self.phrases_by_language: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        """See `pipeline.dialog.translations.Catalogue`."""
        self.named_texts: dict[str, tuple[Node, StepReader]] = {}
        """Those of `texts`, each with the reader of its file."""
        self.folder = Path(name).parent
        """That of the flow: recordings have their paths from there."""
        self.commands: tuple[Command, ...] = ()
        self.silent = Silent()
        """As `retries`."""
        self.scope = ""
        """That of the steps, see `pipeline.dialog.scopes`."""
        self._lines = lines
        self._in_named = False

    def spoken(self, node: Node, what: str) -> str | None:
        """A text that is said, or a recording of it (as SSML), in one language or several (then that of the first)."""
        if _is_recorded(node):
            return self._recorded(node, what)
        if (by_language := self._by_language(node, what)) is not None:
            given = {language: self.spoken(each, f"{what} in `{language}`") for language, each in by_language.items()}
            return self._kept(self.texts_by_language, {k: text for k, text in given.items() if text}, node, what)
        if (name := _named(node)) is not None:
            if self._in_named:
                why = "a text below `texts` is written out: two could name each other"
                self.problem(node, f"{what} names the text `{name}`", why, "write the text itself")
                return None
            if (named := self.named_texts.get(name)) is not None:
                written, reader = named
                return reader.named(written, f"the text `{name}`")
            known = did_you_mean(name, list(self.named_texts)) if self.named_texts else f"`texts: {{{name}: …}}`"
            self.problem(node, f"there is no text `{name}`", "`texts` at the top has the texts by their names", known)
            return None
        text = self.text(node, what)
        if text and isinstance(node, ScalarNode) and node.style is None and text[-1] not in ".!?…":
            mark = node.end_mark
            rest = self._lines[mark.line][mark.column :].strip() if mark and mark.line < len(self._lines) else ""
            if rest.startswith("#"):
                why, todo = "what follows a # after a space is a comment", "put the text in quotes if it should be said"
                self.doubts.append(Problem(f"`{rest[:60]}` is not said", why, todo, position(node, self.name)))
        return with_sources(text, self.sound) if text and is_ssml(text) and not self._is_beside else text

    @property
    def _is_beside(self) -> bool:
        """Whether this file is in the flow's folder."""
        return Path(self.name).parent == self.folder

    def sound(self, file: str) -> str:
        """The path from the flow's folder of a recording that is named here, beside this file."""
        return file if self._is_beside else os.path.relpath(Path(self.name).parent / file, self.folder)

    def named(self, node: Node, what: str) -> str | None:
        """A text of `texts`, which is written here."""
        self._in_named = True
        text = self.spoken(node, what)
        self._in_named = False
        return text

    def all_spoken(self, node: Node, what: str) -> list[str]:
        """A list of texts that are said, or a single one."""
        nested = isinstance(node, SequenceNode) and any(isinstance(item, SequenceNode) for item in node.value)
        is_text = not isinstance(node, MappingNode) or _names_languages(node) or _named(node) or _is_recorded(node)
        if nested or not is_text:
            return self.texts(node, what)  # which is a problem
        if not isinstance(node, SequenceNode):
            return self._read_each([node], what)
        return self._read_each(node.value, f"an item of {what}")

    def wording(self, node: Node, what: str) -> Text | None:
        """A text that is said, or several wordings of it."""
        words, listed, at_random = f"`one_of` of {what}", node, False
        if isinstance(node, MappingNode) and any(key.value == "one_of" for key, _ in node.value):
            found = self.fields(node, what, ("one_of", "order"), ("one_of",), _WORDINGS) or {}
            at_random = self.one_of(found, "order", ORDERS, ORDERS[0]) == "random"
            listed = found.get("one_of", node)
        elif not isinstance(node, SequenceNode):
            return self.spoken(node, what)
        if not isinstance(listed, SequenceNode) or not 1 <= len(listed.value) <= MAX_WORDINGS:
            why = f"it is a list of 1 to {MAX_WORDINGS} texts"
            self.problem(listed, f"{words} cannot be read", why, _WORDINGS)
            return None
        texts = self._read_each(listed.value, f"a wording of {what}")
        return OneOf(tuple(texts), at_random) if len(texts) == len(listed.value) else None

    def _read_each(self, nodes: Sequence[Node], what: str) -> list[str]:
        return [text for text in (self.spoken(node, what) for node in nodes) if text is not None]

    def _recorded(self, node: Node, what: str) -> str | None:
        found = self.fields(node, what, _RECORDED, _RECORDED, "type `{file: welcome.wav, text: Welcome.}`") or {}
        file, text = (self.text(found[key], f"`{key}` of {what}") if key in found else None for key in _RECORDED)
        if text == "":
            why = "it is what the transcript has, and what tests hear"
            self.problem(found["text"], f"`text` of {what} is empty", why, "write what is said, or use `play: FILE`")
        return None if not file or not text else recorded(self.sound(file), text)

    def phrases(self, node: Node, what: str) -> tuple[str, ...]:
        """What a caller says, in one language or several (then that of the first)."""
        by_language = self._by_language(node, what)
        if by_language is None:
            return tuple(self.texts(node, what))
        given = {language: tuple(self.texts(each, f"{what} in `{language}`")) for language, each in by_language.items()}
        if not any(given.values()):
            return ()
        # `fr: []` has keys alone in French, and cannot be what the others are kept by.
        first = next(language for language in given if given[language])
        return self._kept(self.phrases_by_language, {first: given[first], **given}, node, what) or ()

    def _by_language(self, node: Node, what: str) -> dict[str, Node] | None:
        """What a mapping has for each language; None: it is no such mapping."""
        if not _names_languages(node):
            return None
        return {language: value for language, _, value in self.entries(node, what) or []}

    def _kept(self, kept: dict[_T, dict[str, _T]], given: dict[str, _T], node: Node, what: str) -> _T | None:
        """The first of `given`, by which all are kept."""
        if not given:
            return None
        first = next(iter(given.values()))
        if kept.setdefault(first, given) != given:
            why = "the same words have another translation elsewhere"
            self.problem(node, f"{what} is translated in two ways", why, "write it once, below `texts`, or otherwise")
        return first

    def spoken_by(self, found: Mapping[str, Node], what: str) -> Spoken:
        """Language and voice of a step."""
        language, voice = (self.optional(self.text, found, key, what, None) for key in ("language", "voice"))
        return {"language": language, "voice": voice}

    def step_name(self, node: Node, what: str) -> str | None:
        """The whole name of a step that follows."""
        if not isinstance(node, SequenceNode):
            name = self.text(node, what)
            return None if name is None else within(self.scope, name)
        self.problem(node, f"{what} names several steps", "one step follows", "name one")
        return None

    def optional(
        self, read: Callable[[Node, str], _T | None], found: Mapping[str, Node], key: str, what: str, default: _T
    ) -> _T:
        """The value of a key that need not be there."""
        value = read(found[key], f"`{key}` of {what}") if key in found else None
        return default if value is None else value

    def expression(self, node: Node, what: str) -> str | None:
        """An expression that can be parsed."""
        if isinstance(node, ScalarNode) and node.tag.startswith("!"):
            why = "YAML takes what begins with ! for a tag"
            self.problem(node, f"{what} cannot be evaluated: `{node.tag[:60]}`", why, f"type `not {node.tag[1:60]}`")
            return None
        text = self.text(node, what)
        if text is None:
            return None
        try:
            parse(text)
        except ExpressionError as error:
            self.problem(node, f"{what} cannot be evaluated: `{text[:60]}`", error.why, error.todo)
            return None
        return text

    def by_word(self, node: Node, field: str, kind: str, known: Sequence[str], why: str) -> list[tuple[str, str]]:
        """The steps that follow each of the known words; `why` says to what words they belong."""
        read = []
        for word, key, value in self.entries(node, field, f"type `{{{known[0]}: …}}`") or []:
            if word not in known:
                self.problem(key, f"`{word[:40]}` is not {kind}", why, did_you_mean(word, known))
            elif (follows := self.step_name(value, f"`{word}` of {field}")) is not None:
                read.append((word, follows))
        return read


def _is_recorded(node: Node) -> bool:
    """Whether it names a recording: `{file: welcome.wav, text: Welcome.}`."""
    keys = [key.value for key, _ in node.value] if isinstance(node, MappingNode) else []
    return "file" in keys or ("text" in keys and len(keys) > 1)


def _names_languages(node: Node) -> bool:
    """Whether it is a mapping with something for each of some languages."""
    pairs = node.value if isinstance(node, MappingNode) else []
    tags = [key.value for key, value in pairs if isinstance(key, ScalarNode) and not is_null(value)]
    return bool(pairs) and len(tags) == len(pairs) and all(is_language_tag(tag) for tag in tags)


def _named(node: Node) -> str | None:
    """The name in `{text: NAME}`; None for anything else."""
    pairs = node.value if isinstance(node, MappingNode) else []
    if len(pairs) != 1 or pairs[0][0].value != "text" or not isinstance(pairs[0][1], ScalarNode):
        return None
    name: str = pairs[0][1].value
    return name or None
