"""The pages for users, and the blocks of code in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md")))

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    """The path from the repository's top."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """The blocks marked as `language`; "" for plain ones."""
    return [text for marked, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if marked == language]


def every(language: str) -> list[tuple[str, str]]:
    """(page, block) of all pages."""
    return [(name(page), text) for page in PAGES for text in blocks(page, language)]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))
