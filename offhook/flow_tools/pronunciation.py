"""How phrases sound, by the embedded recogniser's pronouncing dictionary (CMUdict, American English)."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from offhook.pipeline.understanding.sounds import sound_key

ALIKE = 0.25
"""Phrases of which no greater share of the sounds differ are easily taken for each other: "billing" and "filling"."""

Sounds = tuple[str, ...]


def sounds_of(phrase: str, base: str) -> Sounds:
    """Its phonemes; of a word that is not in the dictionary, or of another language, its consonants."""
    known = _dictionary() if base == "en" else {}
    return tuple(
        sound for word in phrase.lower().split() for sound in known.get(word, "").split() or list(sound_key(word, base))
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


@cache
def _dictionary() -> Mapping[str, str]:
    """The phonemes of each word, the first way to say it; empty where the recogniser is not installed."""
    if find_spec("pocketsphinx") is None:
        return {}
    model = Path(import_module("pocketsphinx").get_model_path())
    lines = (model / "en-us" / "cmudict-en-us.dict").read_text("utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)
