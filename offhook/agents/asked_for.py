"""Which parameter of a tool the model has just asked the caller for, by the words of its question. Pure."""

import re
from collections.abc import Iterable, Mapping

from offhook.llm.model import ToolSpec
from offhook.pipeline.endpoint.expectation import expectation_of
from offhook.pipeline.events import Expectation

LEAST_SCORE = 2
NAMED = 2
"""What a word of the parameter's name counts; one of its description counts 1."""

_WORD = re.compile(r"[^\W\d_]{3,}")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")
_ASKS = re.compile(r"\?$|\b(?:please|bitte|por favor|s'il vous pla[iî]t)\b")
_COMMON_WORDS = (
    "the and for with that this are was you your can will what which have has der die das den und für mit ist les des "
    "une pour avec est los las una con del que"
)
_COMMON = frozenset(_COMMON_WORDS.split())


def asked_for(text: str, tools: Iterable[ToolSpec]) -> Expectation | None:
    """What the answer to the last sentence of `text` will be like; None if it asks for no parameter, or for several.

    A parameter is asked for by a word of its name, or two of its description. One whose schema says nothing (plain
    text) is passed over.
    """
    last = _SENTENCE.split(text.strip().lower())[-1]
    if _ASKS.search(last) is None:
        return None
    asked = _words(last)
    found: dict[Expectation, int] = {}
    for tool in tools:
        properties = tool.parameters.get("properties")
        for name, schema in properties.items() if isinstance(properties, Mapping) else ():
            expected = expectation_of(schema)
            score = _score(asked, name, str(schema.get("description", "")))
            if expected.kind != "free" and score >= LEAST_SCORE:
                found[expected] = max(score, found.get(expected, 0))
    best = [expected for expected, score in found.items() if score == max(found.values())]
    return best[0] if len(best) == 1 else None


def _score(asked: frozenset[str], name: str, description: str) -> int:
    named = _words(name.lower().replace("_", " "))
    return NAMED * len(asked & named) + len(asked & (_words(description.lower()) - named))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text)) - _COMMON
