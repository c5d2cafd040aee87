"""What a prompt offers, by its words: "for sales press two, or say opening hours". English only. Pure."""

import re

from offhook.qa.crawl.graph import Action

MAX_SUGGESTIONS = 12
MAX_WORDS = 6
"""Of what is offered to be said: more is a sentence that goes on."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_KEYS = {
    **{str(digit): str(digit) for digit in range(10)},
    **{word: str(digit) for digit, word in enumerate(_DIGITS)},
    "star": "*",
    "asterisk": "*",
    "pound": "#",
    "hash": "#",
}
_PRESS = re.compile(rf"\b(?:press|dial|type|enter)\s+(?:the\s+)?({'|'.join(_KEYS)})\b")
_SAY = re.compile(r"\bsay,?\s+(.+?)(?=[.;:?!]|\bpress\b|\bto\b|\bif\b|\bfor\b|$)")
_BETWEEN = re.compile(r",\s*(?:or\s+|and\s+)?|\s+or\s+")


def suggestions(text: str) -> tuple[Action, ...]:
    """The keys and the words that a prompt names, in the order in which it does, keys first."""
    plain = re.sub(r"[\"“”‘’]", "", text.lower())
    keys = [Action("press", _KEYS[key]) for key in _PRESS.findall(plain)]
    said = [words.strip() for offer in _SAY.findall(plain) for words in _BETWEEN.split(offer)]
    spoken = [Action("say", words) for words in said if words and len(words.split()) <= MAX_WORDS]
    return tuple(dict.fromkeys((*keys, *spoken)))[:MAX_SUGGESTIONS]
