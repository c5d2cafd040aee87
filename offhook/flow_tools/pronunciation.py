"""How phrases sound, by the embedded recogniser's pronouncing dictionary (CMUdict, American English)."""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from offhook.pipeline.understanding.sounds import sound_key

ALIKE = 0.25
"""Phrases of which no greater share of the sounds differ are easily taken for each other: "billing" and "filling"."""

MAX_WORDS = 10_000
"""So many are kept that were looked up."""

Sounds = tuple[str, ...]


def sounds_of(phrase: str, base: str) -> Sounds:
    """Its phonemes; of a word that is not in the dictionary, or of another language, its consonants."""
    return tuple(
        sound
        for word in phrase.lower().split()
        for sound in (_phonemes(word).split() if base == "en" else ()) or sound_key(word, base)
    )


def alike(one: Sounds, other: Sounds) -> bool:
    """Whether they differ in a quarter of their sounds at most."""
    most = int(ALIKE * max(len(one), len(other)))
    return bool(one and other) and abs(len(one) - len(other)) <= most and _distance(one, other, most) <= most


def _distance(one: Sequence[str], other: Sequence[str], most: int) -> int:
    """Levenshtein's, or anything above `most`."""
    row = list(range(len(other) + 1))
    for at, sound in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, heard in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (sound != heard))
        if min(row) > most:
            break
    return row[-1] if at == len(one) else most + 1


@lru_cache(maxsize=MAX_WORDS)
def _phonemes(word: str) -> str:
    """Of the first way to say it, with spaces between them; "" for a word that is not there.

    The file is sorted by words: a few looks find one, where reading all 134,860 takes as long as checking a large flow.
    """
    lines, wanted = _dictionary(), word.encode()
    low, high = 0, len(lines)
    while low < high:
        at = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = lines.find(b"\n", at) % (len(lines) + 1)
        entry, _, phonemes = lines[at:end].partition(b" ")
        if entry == wanted:
            return phonemes.decode()
        low, high = (end + 1, high) if entry.partition(b"(")[0] < wanted else (low, at)  # the second way is `word(2)`
    return ""


@cache
def _dictionary() -> bytes:
    """A line for each word; empty where the recogniser is not installed."""
    if find_spec("pocketsphinx") is None:
        return b""
    model = Path(import_module("pocketsphinx").get_model_path())
    return (model / "en-us" / "cmudict-en-us.dict").read_bytes()
