"""Words that sound alike though they are spelled otherwise. Pure."""

import re
from difflib import SequenceMatcher
from functools import lru_cache

from offhook.pipeline.understanding.words import base_of

MIN_LETTERS = 3
_RULES = {
    "en": (
        ("^kn|^gn|^pn", "n"),
        ("^wr", "r"),
        ("^wh", "w"),
        ("^x", "s"),
        ("(?<=[sg])ui(?=t)", "wi"),
        ("^ps", "s"),
        ("mb$", "m"),
        ("ough|augh", "of"),
        ("gh(?=[^aeiou]|$)", ""),
        ("gh", "g"),
        ("ph", "f"),
        ("tch|ch", "j"),
        ("tio|sio|cio", "jo"),
        ("sh", "j"),
        ("th", "t"),
        ("ck|q|c(?![eiy])", "k"),
        ("c", "s"),
        ("dge?(?=$)|g(?=[eiy])", "j"),
        ("x", "ks"),
        ("z", "s"),
        ("v", "f"),
        ("y(?=[aeiou])", "i"),
        ("w(?![aeiou])|h(?![aeiou])", ""),
        ("d(?=$)", "t"),
    ),
    "de": (
        ("sch|ch|sh", "j"),
        ("tz|z|c(?=[eiy])", "s"),
        ("ph|v", "f"),
        ("w", "v"),
        ("ck|q|c", "k"),
        ("x|chs", "ks"),
        ("th|dt", "t"),
        ("(?<=[aeiou])h", ""),
        ("d(?=$)", "t"),
        ("b(?=$)", "p"),
        ("g(?=$)", "k"),
    ),
    "es": (
        ("ch", "j"),
        ("h", ""),
        ("qu|k|c(?![ei])", "k"),
        ("z|c|s", "s"),
        ("v", "b"),
        ("ll|y", "i"),
        ("g(?=[ei])|j|x", "x"),
        ("gu(?=[ei])", "g"),
    ),
    "fr": (
        ("ph", "f"),
        ("ch", "j"),
        ("qu|k|c(?![eiy])", "k"),
        ("c|ss|z|s", "s"),
        ("g(?=[eiy])", "j"),
        ("h", ""),
        ("eaux?|au", "o"),
        ("ai|ei|et$|er$|ez$", "e"),
        ("ent$|[estxd]$", ""),
    ),
}
_VOWELS = re.compile("[aeiouy]+")


@lru_cache(maxsize=16_384)
def sounds_like(said: str, meant: str, language: str | None, *, by_itself: bool = False) -> bool:
    """Whether two folded words sound much the same: "sails" and "sales", "belling" and "billing".

    `by_itself`: nothing else was said, so that it need not look alike as well.
    """
    if said == meant:
        return True
    if min(len(said), len(meant)) < MIN_LETTERS or said.isdigit() or meant.isdigit():
        return False
    base = base_of(language)
    key, other = sound_key(said, base), sound_key(meant, base)
    if key != other and (min(len(said), len(meant)) < 6 or abs(len(said) - len(meant)) > 3):
        return False
    compared = SequenceMatcher(None, said, meant, autojunk=False)
    if key != other and compared.quick_ratio() < 0.84:
        return False
    likeness = compared.ratio()
    if key == other and key:
        return likeness >= (0.3 if by_itself else 0.4 if len(key) > 2 else 0.7)
    return min(len(said), len(meant)) >= 6 and likeness >= 0.84


@lru_cache(maxsize=4_096)
def sound_key(word: str, base: str) -> str:
    """The consonants as they sound, and whether a vowel is first: "phone" and "fone" are both "fn"."""
    key = word
    for pattern, sound in _RULES.get(base, _RULES["en"]):
        key = re.sub(pattern, sound, key)
    first = "a" if _VOWELS.match(key) else ""
    key = first + _VOWELS.sub("", key)
    return re.sub(r"(.)\1+", r"\1", key)
