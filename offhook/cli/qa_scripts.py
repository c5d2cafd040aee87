"""What `offhook qa` is to run, read before any call: scripts, and scenarios."""

from collections.abc import Sequence
from pathlib import Path

from offhook.qa.script.reading import is_script, load_script
from offhook.qa.script.script import Script
from offhook.qa.sipp.library import Scenario, scenarios
from offhook.usererror import Problem, UserError


def read_all(what: Sequence[str]) -> list[Script | Scenario]:
    """Scripts and scenarios: files, folders of them, names of `--list`. Raises UserError with all problems."""
    found: list[Script | Scenario] = []
    problems: list[Problem] = []
    for each in what:
        path = Path(each)
        has_scenarios = path.is_dir() and any(path.glob("*.xml"))
        try:
            files = _yaml_in(path) if has_scenarios else _files_of(path) if path.is_dir() or is_script(path) else []
            found += _load(files)
            if has_scenarios or not files:
                found += scenarios(each)
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError.of(problems)
    return found


def read_scripts(paths: Sequence[Path]) -> list[Script]:
    """Scripts alone: files, and folders of them. Raises UserError with all problems."""
    files: list[Path] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            files += _files_of(path)
        except UserError as error:
            problems += error.problems
    try:
        found = _load(files)
    except UserError as error:
        problems += error.problems
    if problems:
        raise UserError.of(problems)
    return found


def _files_of(path: Path) -> list[Path]:
    """A file, or the call scripts of a folder. Raises UserError if there is none."""
    if not path.is_dir():
        return [path]
    found = _yaml_in(path)
    if not found:
        why = "there is no call script (*.yaml, *.yml) in it"
        todo = "a folder with call scripts; of scenarios (*.xml) `offhook qa run`"
        raise UserError(f"{path} has nothing to run", why, todo, str(path))
    return found


def _yaml_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("*.y*ml") if is_script(each))


def _load(files: Sequence[Path]) -> list[Script]:
    scripts, problems = [], list[Problem]()
    for path in files:
        try:
            scripts.append(load_script(path))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError.of(problems)
    return scripts
