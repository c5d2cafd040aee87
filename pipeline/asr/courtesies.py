"""Words that people put around an answer: "uh, I'd like to book please" means "book"."""

from collections.abc import Iterator, Sequence

HESITATIONS = ("uh", "um", "well", "okay")
OPENINGS = (
    "please",
    "i'd like",
    "i'd like to",
    "i'd like a",
    "i would like",
    "i would like to",
    "i want",
    "i want to",
    "i need",
    "i need to",
    "can i",
    "can you",
    "could i",
    "could you",
    "it's",
    "it is",
    "that's",
    "number",
)
COURTESIES = ("please", "thanks", "thank you")
"""An answer may have at most one of each around it, in this order: hesitation, opening, the answer, courtesy."""

_OPENING_WORDS = tuple(tuple(opening.split()) for opening in OPENINGS)
_COURTESY_WORDS = tuple(tuple(courtesy.split()) for courtesy in COURTESIES)

ON_THE_PHONE = {"thank": ("S AE NG K", "S AE N K"), "thanks": ("S AE NG K S", "S AE N K S")}
"""Further pronunciations: what distinguishes TH from S lies above 3.7 kHz, which a phone line does not carry."""


def answers_within(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Possible answers within `words` (lower case): all of them first, then without surrounding words."""
    said = tuple(words)
    seen = set()
    for start in _starts(said):
        for end in _ends(said):
            if start < end and (answer := said[start:end]) not in seen:
                seen.add(answer)
                yield answer


def _starts(said: tuple[str, ...]) -> Iterator[int]:
    hesitated = 1 if said[:1] and said[0] in HESITATIONS else 0
    for start in dict.fromkeys((0, hesitated)):
        yield start
        for spoken in _OPENING_WORDS:
            if said[start : start + len(spoken)] == spoken:
                yield start + len(spoken)


def _ends(said: tuple[str, ...]) -> Iterator[int]:
    yield len(said)
    for spoken in _COURTESY_WORDS:
        if said[-len(spoken) :] == spoken:
            yield len(said) - len(spoken)
