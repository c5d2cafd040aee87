"""Parses a JSGF grammar into a graph of words.

Source: JSpeech Grammar Format, W3C Note of 5 June 2000. Weights and tags are skipped; imports and recursive rules are
not supported.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 50
MAX_ARCS = 20_000

AROUND = "+"
"""Prefix of words added around a sentence of the grammar; no JSGF word contains it."""

_TOKEN = re.compile(
    r"\s+|//[^\n]*|/\*.*?\*/|\{(?:\\.|[^}\\])*\}|/\s*[0-9.eE+-]+\s*/"  # skipped: space, comments, tags, weights
    r'|(?P<kept><[^>]*>|"(?:\\.|[^"\\])*"|[=;|()\[\]*+]|[^\s=;|()\[\]*+<>{}"/]+)',
    re.DOTALL,
)
_HEADER = re.compile(r"^\s*#JSGF[^;\n]*;?", re.IGNORECASE)


class UnsupportedGrammarError(ValueError):
    """The grammar is not valid, or uses an unsupported feature."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A transition from one node to another, consuming a `word` or, with None, nothing."""

    source: int
    word: str | None
    target: int


@dataclass(slots=True)
class WordGraph:
    """Every path from node 0 (START) to node 1 (END) is a sentence of the grammar."""

    nodes: int = 2
    arcs: list[Arc] = field(default_factory=list)

    START = 0
    END = 1

    def add_node(self) -> int:
        """A new node."""
        self.nodes += 1
        return self.nodes - 1

    def add_arc(self, source: int, word: str | None, target: int) -> None:
        """Add an arc. Raises UnsupportedGrammarError if there are too many."""
        if len(self.arcs) >= MAX_ARCS:
            raise UnsupportedGrammarError(f"the grammar expands to more than {MAX_ARCS} words")
        self.arcs.append(Arc(source, word, target))


def sentence_graph(words: list[str]) -> WordGraph:
    """The graph of a single sentence."""
    graph = WordGraph()
    node = graph.START
    for word in words:
        following = graph.add_node()
        graph.add_arc(node, word, following)
        node = following
    graph.add_arc(node, None, graph.END)
    return graph


def surrounded(graph: WordGraph, before: Sequence[Sequence[str]], behind: Sequence[Sequence[str]]) -> WordGraph:
    """`graph` with at most one entry of each row of `before` ahead of its sentences, and of `behind` after them.

    An entry of several words is spoken as a sequence. The words are marked with AROUND to distinguish them.
    """
    result = WordGraph(arcs=[Arc(arc.source + 2, arc.word, arc.target + 2) for arc in graph.arcs])
    result.nodes = graph.nodes + 2
    node = result.START
    for row in before:
        node = _add_optional(result, node, row)
    result.add_arc(node, None, graph.START + 2)
    node = graph.END + 2
    for row in behind:
        node = _add_optional(result, node, row)
    result.add_arc(node, None, result.END)
    return result


def _add_optional(graph: WordGraph, source: int, row: Sequence[str]) -> int:
    behind = graph.add_node()
    graph.add_arc(source, None, behind)
    for phrase in row:
        node, words = source, phrase.split()
        for at, word in enumerate(words):
            following = behind if at == len(words) - 1 else graph.add_node()
            graph.add_arc(node, AROUND + word, following)
            node = following
    return behind


def parse_jsgf(grammar: str) -> WordGraph:
    """The sentences of all public rules, words in lower case. Raises UnsupportedGrammarError."""
    body = _HEADER.sub("", grammar, count=1)
    tokens = [match.group("kept") for match in _TOKEN.finditer(body) if match.group("kept")]
    return _Parser(tokens).parse()


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._rules: dict[str, list[str]] = {}
        self._public: list[str] = []
        self._graph = WordGraph()
        for statement in _statements(tokens):
            self._read_statement(statement)

    def parse(self) -> WordGraph:
        if not self._public:
            raise UnsupportedGrammarError("there is no public rule")
        for name in self._public:
            self._expand_rule(name, self._graph.START, self._graph.END, 0)
        return self._graph

    def _read_statement(self, statement: list[str]) -> None:
        if statement[0] == "grammar":
            return
        if statement[0] == "import":
            raise UnsupportedGrammarError("it imports other grammars")
        public = statement[0] == "public"
        rule = statement[1:] if public else statement
        if len(rule) < 3 or not rule[0].startswith("<") or rule[1] != "=":
            raise UnsupportedGrammarError(f"this is not a rule: {' '.join(statement[:4])}")
        self._rules[rule[0]] = rule[2:]
        if public:
            self._public.append(rule[0])

    def _expand_rule(self, name: str, source: int, target: int, depth: int) -> None:
        if name == "<NULL>":
            self._graph.add_arc(source, None, target)
            return
        if depth > MAX_DEPTH or name not in self._rules:
            raise UnsupportedGrammarError(f"the rule {name} is recursive or not defined")
        rest = self._alternatives(self._rules[name], source, target, depth + 1)
        if rest:
            raise UnsupportedGrammarError(f"{rest[0]} is out of place in the rule {name}")

    def _alternatives(self, tokens: list[str], source: int, target: int, depth: int) -> list[str]:
        """Expand `a | b …` up to the token that ends it, and return the tokens from there on."""
        while True:
            tokens = self._sequence(tokens, source, target, depth)
            if not tokens or tokens[0] != "|":
                return tokens
            tokens = tokens[1:]

    def _sequence(self, tokens: list[str], source: int, target: int, depth: int) -> list[str]:
        node = source
        while tokens and tokens[0] not in ("|", ")", "]"):
            # Each item has its own nodes at both ends: its loop must not extend into its neighbours.
            first, last = self._graph.add_node(), self._graph.add_node()
            self._graph.add_arc(node, None, first)
            tokens = self._item(tokens, first, last, depth)
            if tokens and tokens[0] in ("*", "+"):
                self._graph.add_arc(last, None, first)
                if tokens[0] == "*":
                    self._graph.add_arc(first, None, last)
                tokens = tokens[1:]
            node = last
        if node == source:
            raise UnsupportedGrammarError("an alternative is empty")
        self._graph.add_arc(node, None, target)
        return tokens

    def _item(self, tokens: list[str], source: int, target: int, depth: int) -> list[str]:
        token = tokens[0]
        if depth > MAX_DEPTH:
            raise UnsupportedGrammarError("it is nested too deeply")
        if token in ("(", "["):
            rest = self._alternatives(tokens[1:], source, target, depth + 1)
            if not rest or rest[0] != {"(": ")", "[": "]"}[token]:
                raise UnsupportedGrammarError(f"{token} is not closed")
            if token == "[":
                self._graph.add_arc(source, None, target)
            return rest[1:]
        if token.startswith("<"):
            self._expand_rule(token, source, target, depth)
            return tokens[1:]
        if token in ("=", ";", "*", "+"):
            raise UnsupportedGrammarError(f"{token} is out of place")
        words = token.strip('"').lower().split() or [""]
        node = source
        for word in words[:-1]:
            following = self._graph.add_node()
            self._graph.add_arc(node, word, following)
            node = following
        self._graph.add_arc(node, words[-1] or None, target)
        return tokens[1:]


def _statements(tokens: list[str]) -> list[list[str]]:
    statements: list[list[str]] = [[]]
    for token in tokens:
        if token == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]
