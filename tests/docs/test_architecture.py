"""docs/architecture.md and the tree: what the page names is there, and what it says it lists, it lists."""

import re

import pytest

from tests.docs.pages import ROOT

TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
SECTIONS = {
    found[1]: found[2] for found in re.finditer(r"^## (\w+)/.*?\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
}
TOPS = ("sip", "telephony", "pipeline", "offhook")

COMPLETE = (
    *("sip", "telephony", "pipeline/answering", "pipeline/chain", "pipeline/dialog", "pipeline/endpoint"),
    *("pipeline/playout", "pipeline/turn", "pipeline/understanding", "pipeline/vad"),
    *("offhook/agents", "offhook/api", "offhook/calls", "offhook/carriers", "offhook/flight", "offhook/ladder"),
    *("offhook/observe", "offhook/outbox", "offhook/process", "offhook/queues", "offhook/realtime", "offhook/transfer"),
    *("offhook/twiml", "pipeline/secret"),
)
"""Folders of which the page names every module. Of others (a file for each vendor, language or command) it says what is
in them."""

NO_MODULES = {
    *("abandoned", "audio", "choices", "clear", "close", "direction", "grammars", "grown", "pause", "paused", "play"),
    *("pure", "recogniser", "recordings", "resumed", "values", "wideband"),
}
"""Single words between commas that are plain English. Anything else there is taken for the name of a module."""


def modules(folder: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).rglob("*.py") if not path.stem.startswith("_")}


def packages(top: str) -> set[str]:
    folders = (path.parent for path in (ROOT / top).rglob("*.py"))
    return {str(folder.relative_to(ROOT / top)) for folder in folders if folder != ROOT / top}


def listing(top: str) -> str:
    found = re.search(r"```\n(.*?)```", SECTIONS[top], re.DOTALL)
    assert found is not None
    return found[1]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_each_folder_has_its_section() -> None:
    assert tuple(SECTIONS) == TOPS


@pytest.mark.parametrize("top", TOPS)
def test_every_package_is_named(top: str) -> None:
    missing = {each for each in packages(top) if each.rpartition("/")[2] not in words(SECTIONS[top])}
    assert not missing


@pytest.mark.parametrize("folder", COMPLETE)
def test_every_module_is_named(folder: str) -> None:
    missing = modules(folder) - words(SECTIONS[folder.partition("/")[0]])
    assert not missing, f"name what each is for, below `## {folder.partition('/')[0]}/`"


@pytest.mark.parametrize("top", TOPS)
def test_every_module_that_is_named_is_there(top: str) -> None:
    text = listing(top)
    while (outside := re.sub(r"\([^()]*\)", "", text)) != text:
        text = outside
    items = {item.strip() for item in re.split(r"[,;:\n]| and ", text)}
    alone = {item for item in items if re.fullmatch(r"[a-z][a-z0-9_]*", item)}
    compound = {word for word in words(listing(top)) if "_" in word.strip("_")}
    there = {path.stem for path in (ROOT / top).rglob("*") if path.suffix in (".py", ".c", ".h")} | {
        each.rpartition("/")[2] for each in packages(top)
    }
    assert not (alone | compound) - there - NO_MODULES


@pytest.mark.parametrize("top", TOPS)
def test_every_folder_that_is_listed_is_there(top: str) -> None:
    folders = re.findall(r"^(\w+)/", listing(top), re.MULTILINE)
    assert folders and all((ROOT / top / folder).is_dir() for folder in folders)


def test_every_path_is_there() -> None:
    """Those in backquotes, and the steps of the diagrams: `turn/core.py`, `turn.core`."""
    paths = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", TEXT))
    diagram = TEXT[: TEXT.index("## Rules")]
    paths |= {f"{folder}/{name}" for folder, name in re.findall(r"\b([a-z_]+)\.([a-z_]+)\b", diagram)}
    tree = {f"/{path.relative_to(ROOT)}" for top in TOPS for path in (ROOT / top, *(ROOT / top).rglob("*"))}
    missing = {
        path
        for path in paths
        if not any(each.removesuffix(".py").endswith(f"/{path.rstrip('/').removesuffix('.py')}") for each in tree)
    }
    assert len(paths) > 20 and not missing
