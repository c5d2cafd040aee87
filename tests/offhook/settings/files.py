"""Configuration files of tests, and what is wrong with them."""

from pathlib import Path

import pytest

from offhook.settings.config import (
    Config,
)
from offhook.usererror import Problem, UserError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "offhook.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str = "", **overrides: dict[str, object]) -> list[Problem]:
    """The problems of a faulty configuration, with shortened file names."""
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        Config.load(path, overrides)
    found = caught.value.problems
    assert all(problem.what and problem.why and problem.todo and problem.where for problem in found)
    return [Problem(p.what, p.why, p.todo, p.where.replace(str(path), "f")) for p in found]


def only(tmp_path: Path, text: str = "", **overrides: dict[str, object]) -> Problem:
    found = problems(tmp_path, text, **overrides)
    assert len(found) == 1, found
    return found[0]
