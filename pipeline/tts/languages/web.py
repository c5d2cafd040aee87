"""E-mail and web addresses in spoken words, for any language. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from offhook.pipeline.tts.languages.rules import Match, Rule, listed, rule

_SPELT_DOMAINS = frozenset(
    listed("ai at au ca ch cn cz de dk es eu fm fr gg ie io jp kr mx nl nz pl pt ru se tv uk us za")
)
_DOMAINS = (
    "com|org|net|gov|edu|mil|int|info|biz|app|dev|shop|store|online|site|tech|cloud|bank|health|travel|museum|xyz|"
    "co|me|ly|gl|to|" + "|".join(sorted(_SPELT_DOMAINS))
)
_HOST = rf"(?:[A-Za-z0-9-]{{1,63}}\.){{1,6}}(?:{_DOMAINS})(?![\w-]|\.[A-Za-z0-9])"
_PATH = r"(?::[0-9]{1,5})?(?:[/?\#][A-Za-z0-9/?\#=&%_.~+:@,;!-]{0,200})?"
_TRAILING = ".,;:!?"
_PARTS = re.compile(r"[^\W\d_]+|[0-9]+|.", re.DOTALL)


class WebWords(NamedTuple):
    """A language's words for an address: for its punctuation (left out if not in `marks`), digits and letters."""

    marks: Mapping[str, str]
    digits: Callable[[str], str]
    letters: Callable[[str], str]


def web_rules(words: WebWords) -> tuple[Rule, ...]:
    """The rules for addresses, with or without a scheme; "https://" is not read."""

    def speak(found: Match) -> str:
        address = found.group()
        for scheme in ("https://", "http://", "mailto:"):
            if address.lower().startswith(scheme):
                address = address[len(scheme) :]
        address = address.removesuffix("/")
        return _address(address, words)

    # Punctuation that ends the sentence does not belong to the address.
    end = rf"(?<![{_TRAILING}])"
    return (
        rule(r"(?<![\w@])(?:mailto:)?[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}", speak),
        rule(
            rf"(?<![\w@])(?:https?|ftp|sip|wss?)://[A-Za-z0-9-][A-Za-z0-9/?\#=&%_.~+:@,;!-]{{0,200}}{end}", speak, re.I
        ),
        rule(rf"(?<![\w@.-]){_HOST}{_PATH}{end}", speak),
    )


def _address(address: str, words: WebWords) -> str:
    host_end = re.search(r"[/?#:]", address)
    spoken = []
    for part in _PARTS.finditer(address):
        text = part.group()
        if text[0].isdigit():
            spoken.append(words.digits(text))
        elif text[0].isalpha():
            in_host = host_end is None or part.end() <= host_end.start()
            last = part.start() and address[part.start() - 1] == "." and in_host
            spelt = text.lower() == "www" or (last and text.lower() in _SPELT_DOMAINS) or not _sayable(text)
            spoken.append(words.letters(text) if spelt else text)
        elif text in words.marks:
            spoken.append(words.marks[text])
    return " ".join(spoken)


def _sayable(text: str) -> bool:
    return not text.isascii() or len(text) == 1 or any(c in "aeiouyAEIOUY" for c in text)
