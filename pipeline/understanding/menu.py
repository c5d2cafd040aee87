"""Finds the choice of a menu that was meant, in a caller's own words. Pure.

A phrase of a choice fits as far as its words were said: the same, inflected, with another word that means the same, or
one that sounds the same. A word that several choices share counts less, and words that people put around an answer
count nothing. A choice is refused when another fits nearly as well, and ignored where it is negated ("not sales");
after a correction ("sales, no wait, support") only the rest counts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from offhook.pipeline.events import Choice
from offhook.pipeline.understanding.canonical import Words, canonical
from offhook.pipeline.understanding.corrections import correction_at
from offhook.pipeline.understanding.match import Match
from offhook.pipeline.understanding.menu_confidence import confidence_of
from offhook.pipeline.understanding.menu_phrases import Phrase, Term, compiled
from offhook.pipeline.understanding.menu_positions import by_position
from offhook.pipeline.understanding.menu_said import Said
from offhook.pipeline.understanding.menu_topics import Topics, evidence, topics_of
from offhook.pipeline.understanding.menu_words import is_filler, is_loose, menu_words
from offhook.pipeline.understanding.reported import is_reported
from offhook.pipeline.understanding.sounds import sounds_like
from offhook.pipeline.understanding.stems import stem
from offhook.pipeline.understanding.words import base_of
from offhook.pipeline.understanding.yes_no import read_yes_no

MIN_SCORE = 0.5
MARGIN = 0.15
"""A choice is taken if it fits this much better than the next."""

MARGIN_LITERAL = 0.05
"""As MARGIN, where only the better one's own words were said."""

MARGIN_SAME = 0.1
"""As MARGIN, where the same words speak for both."""

BOTH_SCORE = 0.6
"""Two choices of which other words fit this well were both said."""

REPLACED = 0.7
"""As ALONE, with a strange word in place of the rest."""

NO_DOUBT = 0.6
"""What remains of the confidence after a "no" that may belong to the choice."""

SPOKEN_OF = 0.55
"""The most confidence in a choice that may only have been spoken of ("did you say yes", "why should I pay now"), or is
one of two ("sales or my contract")."""

NEW_ONE = 0.55
"""The confidence in a choice that begins something, where one was asked for: three of four were right."""

UNNAMED = 0.75
"""What a choice scores at most of which no own word was said."""

COMPLETE = 0.8
"""What a phrase scores at least of which every word was said, though other choices have them too."""

BESIDES = 0.85
"""What remains of the confidence in a whole phrase when a part of another was said, too."""

ALONE = 0.85
"""A word of one choice only, without the rest of its phrase."""

WHOLE, PHRASE, LIKE_PHRASE = 1.0, 0.95, 0.9
"""Confidence where the phrase is all that was said, was said among other words, or with fillers in it."""

_SAME, _INFLECTED, _SYNONYM, _SOUND, _LOOSE = 1.0, 0.95, 0.8, 0.75, 0.5


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well a choice fits, and which words of what was said it explains; `literal`: one of its own was said,
    `shared`: which other choices have, too."""

    choice: int
    score: float
    confidence: float
    positions: frozenset[int]
    literal: bool = True
    shared: bool = False


def match(text: str, choices: Sequence[Choice], language: str | None = None) -> Match | None:
    """The choice that `text` means; None if it means none, or more than one. The same for every recogniser.

    `language` is a BCP 47 tag, None English; in a language without word lists only the phrases themselves are found.
    A text that equals a phrase (case, spacing, punctuation and figures for numbers aside) means the first choice that
    has it, with confidence 1.
    """
    base = base_of(language)
    words = canonical(text, base)
    phrases = compiled(tuple(choices), base)
    if not words or not phrases:
        return None
    whole = next((phrase for phrase in phrases if phrase.words == words), None)
    if whole is not None:
        return Match(choices[whole.choice].name, WHOLE)
    topics = topics_of(tuple(choices), base)
    for part in _parts(words, phrases, base):
        said = Said(part, phrases, base)
        fits = _fits(said, phrases, topics)
        if fits:
            best, *others = _likeliest(fits, said)
            if others:
                return None
            best = _sure(best, fits, said)
            doubt = NO_DOUBT if _is_doubtful(text, words, part, best, phrases, base) else 1.0
            spoken_of = is_reported(part, min(best.positions, default=0), base) or said.joins_other(best.positions)
            most = SPOKEN_OF if spoken_of else 1.0
            return Match(choices[best.choice].name, round(min(best.confidence * doubt, most), 3))
    return (
        _as_yes_or_no(text, choices, phrases, base)
        or by_position(text, choices, phrases, base)
        or _new_one(words, choices, phrases, base)
    )


def either(text: str, choices: Sequence[Choice], language: str | None = None) -> tuple[str, str] | None:
    """The two choices that `text` may mean, or that were both named, the better one first; None if it is another number
    of them."""
    base = base_of(language)
    phrases, topics = compiled(tuple(choices), base), topics_of(tuple(choices), base)
    words = canonical(text, base)
    for part in _parts(words, phrases, base) if words and phrases else ():
        said = Said(part, phrases, base)
        if fits := _fits(said, phrases, topics):
            found = _likeliest(fits, said)
            return (choices[found[0].choice].name, choices[found[1].choice].name) if len(found) == 2 else None
    return None


def _parts(words: Words, phrases: Sequence[Phrase], base: str) -> Iterator[Words]:
    """What was said after corrections, the last first. A mark that a phrase contains ("no") corrects nothing."""
    own = {word for phrase in phrases for word in phrase.words}
    words = _without_modifiers(_written_as_in(phrases, words), phrases, base)
    parts: list[list[str]] = [[]]
    at = 0
    while at < len(words):
        length = correction_at(words, at, base)
        if length and not own & set(words[at : at + length]):
            parts.append([])
        else:
            parts[-1].append(words[at])
            length = 0
        at += length or 1
    yield from (tuple(part) for part in reversed(parts) if part)


def _written_as_in(phrases: Sequence[Phrase], words: Words) -> Words:
    """ "Timezone" as "time zone" and "check in" as "checkin", as the menu has it."""
    pairs = {one + other: (one, other) for phrase in phrases for one, other in pairwise(phrase.words)}
    single = {word for phrase in phrases for word in phrase.words}
    found: list[str] = []
    for word in words:
        if found and found[-1] + word in single:
            found[-1] += word
        else:
            found += pairs.get(word) or pairs.get(word + "s") or (word,)
    return tuple(found)


def _without_modifiers(words: Words, phrases: Sequence[Phrase], base: str) -> Words:
    """ "Credit card" speaks of a card, not of credit, unless the menu has the two words together."""
    known = menu_words(base).compounds - {pair for phrase in phrases for pair in pairwise(phrase.words)}
    return tuple(word for at, word in enumerate(words) if words[at : at + 2] not in known)


def _fits(said: Said, phrases: Sequence[Phrase], topics: Topics) -> list[_Fit]:
    """The choices that fit, each with its best phrase and what evokes it besides."""
    best: dict[int, _Fit] = {}
    for phrase in phrases:
        fit = _phrase_fit(said, phrase) or _term_fit(said, phrase)
        if fit is not None and (phrase.choice not in best or _better(fit, best[phrase.choice])):
            best[phrase.choice] = fit
    evoked = evidence(said.words, topics, said.is_negated, said.base)
    fits = (_with_evidence(choice, best.get(choice), *each) for choice, each in enumerate(evoked))
    return [fit for fit in fits if fit.score >= MIN_SCORE]


def _with_evidence(choice: int, fit: _Fit | None, evoked: float, positions: frozenset[int]) -> _Fit:
    if fit is None or not fit.literal:
        evoked = min(evoked, UNNAMED)
    if fit is None:
        return _Fit(choice, evoked, evoked, positions, literal=False)
    if fit.score >= 1 or not positions - fit.positions:
        return fit if fit.score >= evoked else replace(fit, score=evoked, confidence=evoked)
    score = 1 - (1 - fit.score) * (1 - evoked)
    score = score if fit.literal else min(score, max(UNNAMED, fit.score))
    return _Fit(choice, score, max(fit.confidence, min(score, LIKE_PHRASE)), fit.positions | positions)


_NO_FIRST = re.compile(r"\s*(?:no|non|nein)\s+\w", re.I)


def _follows_no(text: str, part: Words, fit: _Fit) -> bool:
    """ "No coffee for me" may refuse it, and "no, coffee" choose it."""
    return 0 in fit.positions and len(part) > 0 and _NO_FIRST.match(text) is not None


def _is_doubtful(text: str, words: Words, part: Words, fit: _Fit, phrases: Sequence[Phrase], base: str) -> bool:
    """Whether something else than the choice itself was refused, or refuses it: "yes, please don't", "pay now? No"."""
    own = {word for phrase in phrases for word in phrase.words}
    ends = words[-1] not in own and (words[-1] in _NOT or read_yes_no(words[-1], base) is False)
    half_a_yes = False
    if any(phrase.choice == fit.choice and read_yes_no(" ".join(phrase.words), base) for phrase in phrases):
        half_a_yes = bool(_meaning_yes_or_no(phrases, base)[False]) and read_yes_no(text, base) is not True
    return ends or half_a_yes or _follows_no(text, part, fit)


_NOT = frozenset(("not", "nicht"))


def _new_one(words: Words, choices: Sequence[Choice], phrases: Sequence[Phrase], base: str) -> Match | None:
    """ "I need a room", where one can be booked, changed and cancelled: who asks for one has none yet."""
    begins = menu_words(base).beginning
    if not menu_words(base).asking & set(words):
        return None
    said = Said(words, (), base)
    first = {p.choice for p in phrases for t in p.terms if t.sharers == 1 and stem(t.word, base) in begins}
    others = [phrase for phrase in phrases if phrase.choice not in first]
    topics = {t.word for p in others for t in p.terms if t.sharers > 1 and _term_quality(said, t)[0]}
    about = {phrase.choice for phrase in phrases if phrase.choice in first and topics & set(phrase.words)}
    if len(about) != 1:
        return None
    return Match(choices[about.pop()].name, NEW_ONE)


def _better(one: _Fit, other: _Fit) -> bool:
    return (one.score, len(one.positions)) > (other.score, len(other.positions))


def _phrase_fit(said: Said, phrase: Phrase) -> _Fit | None:
    """The phrase as it is, or but for fillers."""
    words, length = said.words, len(phrase.words)
    for start in range(len(words) - length + 1):
        if words[start : start + length] != phrase.words or said.is_negated(start, start + length):
            continue
        if phrase.content or _at_an_end(words, start, start + length, said.base):
            return _Fit(phrase.choice, 1.1, PHRASE, frozenset(range(start, start + length)))
    if len(phrase.content) < 2:
        return None
    for start in range(len(said.content) - len(phrase.content) + 1):
        at = said.content[start : start + len(phrase.content)]
        if tuple(words[each] for each in at) == phrase.content and not set(at) & set(said.negated):
            return _Fit(phrase.choice, 1.05, LIKE_PHRASE, frozenset(at))
    return None


def _at_an_end(words: Words, start: int, end: int, base: str) -> bool:
    """A phrase of fillers ("no", "that one") counts only where nothing but fillers is before or after it."""
    return all(is_filler(word, base) for word in words[:start]) or all(is_filler(word, base) for word in words[end:])


def _term_fit(said: Said, phrase: Phrase) -> _Fit | None:
    """As much of the phrase as was said. A word that no other choice has may decide alone."""
    total = sum(term.weight for term in phrase.terms)
    heaviest = max((term.weight / term.sharers for term in phrase.terms), default=0.0)
    found, score, alone, exclusive = set[int](), 0.0, 0.0, 0.0
    literal = False
    missing: list[bool] = []
    for term in phrase.terms:
        quality, at = _term_quality(said, term)
        missing.append(not at)
        literal = literal or (quality >= _INFLECTED and term.weight >= 1)
        score += term.weight / term.sharers * quality
        found |= at
        if term.sharers == 1 and not term.word.isdigit():
            exclusive = max(exclusive, quality)
            alone = max(alone, quality if term.weight >= heaviest else 0.0)
    if not found:
        return None
    score /= total
    complete = literal and not any(missing)
    strange = [at for at in said.content if at not in found and at not in said.negated and not said.is_date(at)]
    if not strange:
        # All that was said are words of this choice.
        alone = max(alone, exclusive)
    by_itself = _by_itself(said, phrase, missing, found, strange)
    score = max(score, by_itself * alone, COMPLETE if complete else 0.0)
    least = MIN_SCORE if by_itself else 0.0
    confidence = max(least, min(1.0, score) * LIKE_PHRASE)
    return _Fit(phrase.choice, score, confidence, frozenset(found), literal, shared=not exclusive)


def _by_itself(said: Said, phrase: Phrase, missing: Sequence[bool], found: set[int], strange: Sequence[int]) -> float:
    """What a part of a phrase counts: less where a strange word stands in place of the rest, as in "cancel my taxi" for
    "cancel my ride", and nothing in "ace of spades" for "queen of spades".
    """
    if len(strange) + len(found) > len(phrase.content) or all(missing):
        return ALONE
    first, last = missing.index(False), len(missing) - 1 - missing[::-1].index(False)
    numbers = any(phrase.terms[at].word.isdigit() for at in range(first))
    if any(missing[:first]) and any(at < min(found) and said.words[at].isdigit() <= numbers for at in strange):
        return 0.0
    return REPLACED if any(missing[last:]) and any(at > max(found) for at in strange) else ALONE


def _term_quality(said: Said, term: Term) -> tuple[float, set[int]]:
    """How well a word of a phrase was said, and where."""
    best, where = 0.0, set[int]()
    stemmed = stem(term.word, said.base)
    for at, word in enumerate(said.words):
        quality = _SAME if word == term.word else _INFLECTED if stem(word, said.base) == stemmed else 0.0
        if quality > best and at not in said.negated:
            best, where = quality, {at}
    if not best and not term.word.isdigit():
        best, where = _synonym_quality(said, term)
    if not best and not term.word.isdigit():
        by_itself = len(said.content) == 1
        for at in said.content:
            if at not in said.negated and sounds_like(said.words[at], term.word, said.base, by_itself=by_itself):
                return _SOUND, {at}
    return best, where


def _synonym_quality(said: Said, term: Term) -> tuple[float, set[int]]:
    best, where = 0.0, set[int]()
    for start, end, rows in said.synonyms:
        if not rows & term.meanings:
            continue
        loose = is_loose(said.words[start:end], said.base) or is_loose((term.word,), said.base)
        quality = _LOOSE if loose else _SYNONYM
        if quality > best:
            best, where = quality, set()
        if quality == best:
            where |= set(range(start, end))
    return best, where


def _likeliest(fits: Sequence[_Fit], said: Said) -> tuple[_Fit, ...]:
    """The one that is meant, or all that may be."""
    left = [fit for fit in fits if not any(_includes(other, fit) for other in fits if other is not fit)]
    left.sort(key=lambda fit: fit.score, reverse=True)
    if len(left) == 1:
        return (left[0],)
    best, second = left[0], left[1]
    margin = MARGIN if best.positions != second.positions else MARGIN_SAME
    both = second.score >= BOTH_SCORE and not best.positions & second.positions
    if best.score > 1 > second.score and not said.joins(best.positions, second.positions):
        return (replace(best, confidence=best.confidence * BESIDES),)
    if best.literal and not second.literal:
        both, margin = said.joins(best.positions, second.positions), MARGIN_LITERAL
    if not both and best.score - second.score >= margin:
        return (best,)
    return tuple(fit for fit in left if fit is second or best.score - fit.score < margin)


def _sure(best: _Fit, fits: Sequence[_Fit], said: Said) -> _Fit:
    """With the confidence that all that was said leaves in it."""
    explained = sum(at in best.positions for at in said.content)
    strange = sum(at not in best.positions and at not in said.negated for at in said.content)
    confidence = confidence_of(
        best.confidence,
        named=best.literal,
        shared=best.shared,
        explained=explained,
        strange=strange,
        score=best.score,
        rival=max((fit.score for fit in fits if fit.choice != best.choice), default=0.0),
    )
    return replace(best, confidence=confidence)


def _includes(longer: _Fit, shorter: _Fit) -> bool:
    """ "Large pizza" and "pizza": the longer one was said."""
    return shorter.positions < longer.positions and longer.score >= shorter.score - 0.3


def _as_yes_or_no(text: str, choices: Sequence[Choice], phrases: Sequence[Phrase], base: str) -> Match | None:
    """A choice between yes and no takes every way to say them."""
    meant = _meaning_yes_or_no(phrases, base)
    answer = read_yes_no(text, base) if meant[True] and meant[False] else None
    if answer is None or len(meant[answer]) != 1 or meant[True] & meant[False]:
        return None
    return Match(choices[meant[answer].pop()].name, LIKE_PHRASE)


def _meaning_yes_or_no(phrases: Sequence[Phrase], base: str) -> dict[bool, set[int]]:
    """The choices that mean yes, and those that mean no."""
    meant: dict[bool, set[int]] = {True: set(), False: set()}
    for phrase in phrases:
        answer = read_yes_no(" ".join(phrase.words), base) if len(phrase.words) == 1 else None
        if answer is not None:
            meant[answer].add(phrase.choice)
    return meant
