"""The languages of espeak-ng, from the text files in its data: one for each voice. Nothing of espeak-ng runs here."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from offhook.pipeline.language import is_language_tag

DEFAULT_PRIORITY = 5


def installed_voices() -> dict[str, str]:
    """The voice for each language tag; empty if espeak-ng is not installed."""
    return {tag: voice for tag, (_, voice) in sorted(_installed().items())}


def installed_names() -> dict[str, str]:
    """All voices in lower case, and the language that each is for; empty if espeak-ng is not installed."""
    names: dict[str, tuple[int, str]] = {}
    for tag, (priority, voice) in _installed().items():
        name = voice.lower()
        names[name] = min(names.get(name, (priority, tag)), (priority, tag))
    return {voice: tag for voice, (_, tag) in sorted(names.items())}


@lru_cache(maxsize=1)
def _installed() -> dict[str, tuple[int, str]]:
    found = find_spec("espeakng_loader")
    folders = found.submodule_search_locations if found is not None else None
    return _read(Path(folders[0]) / "espeak-ng-data") if folders else {}


def read_voices(data: Path) -> dict[str, str]:
    """The voice for each language tag in lower case: the one that gives the language the highest priority."""
    return {tag: voice for tag, (_, voice) in sorted(_read(data).items())}


def _read(data: Path) -> dict[str, tuple[int, str]]:
    """(priority, voice) for each language tag.

    A voice's file has lines such as `language en-gb 2`, where a lower number is a higher priority. Voices without a
    dictionary are left out: they spell what they should read.
    """
    best: dict[str, tuple[int, str]] = {}
    for file in sorted((data / "lang").rglob("*")):
        if not file.is_file():
            continue
        lines = [line.split() for line in file.read_text("utf-8", errors="replace").splitlines()]
        languages = [words[1:] for words in lines if len(words) in (2, 3) and words[0] == "language"]
        named = [words[1] for words in lines if len(words) == 2 and words[0] == "dictionary"]
        dictionary = (named or [words[0].partition("-")[0] for words in languages] or [file.name])[0]
        if not (data / f"{dictionary}_dict").is_file():
            continue
        for tag, *priority in languages:
            offer = int(priority[0]) if priority and priority[0].isdigit() else DEFAULT_PRIORITY, file.name
            if is_language_tag(tag):
                best[tag.lower()] = min(best.get(tag.lower(), offer), offer)
    return best
