"""SIPp scenarios: files of the user's, and those that come with offhook (`offhook/qa/scenarios`)."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from offhook.usererror import UserError, did_you_mean

MAX_BYTES = 1_000_000
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FIRST = re.compile(r"<(send|recv|recvCmd|sendCmd)\b")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: `is_called` if SIPp plays the one who is called. `about` is the file's first comment."""

    name: str
    path: Path
    is_called: bool
    about: str


def library() -> list[Scenario]:
    """Those that come with offhook, by name."""
    folder = Path(str(files("offhook").joinpath("qa", "scenarios")))
    return [scenario_of(path) for path in sorted(folder.glob("*.xml"))]


def scenarios(what: str) -> list[Scenario]:
    """The scenarios of a file, of a folder, or with that name. Raises UserError."""
    path = Path(what)
    if path.is_dir():
        found = [scenario_of(each) for each in sorted(path.glob("*.xml"))]
        if not found:
            raise UserError(f"{what} has no scenarios", "there is no file *.xml in it", "offhook qa run --list", what)
        return found
    if path.is_file():
        return [scenario_of(path)]
    known = {each.name: each for each in library()}
    name = what.removesuffix(".xml")
    if name not in known:
        why = "there is no file and no scenario of this name"
        raise UserError(f"{what} cannot be run", why, did_you_mean(name, list(known)))
    return [known[name]]


def scenario_of(path: Path) -> Scenario:
    """The scenario in a file. Raises UserError."""
    try:
        text = path.read_bytes()[:MAX_BYTES].decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"{path} cannot be read", error.strerror or str(error), "another file", str(path)) from error
    first = _FIRST.search(_COMMENT.sub("", text))
    if first is None or "<scenario" not in text:
        why = "it has neither <send> nor <recv> in a <scenario>"
        raise UserError(f"{path} is no SIPp scenario", why, "a file as `sipp -sd uac` prints it", str(path))
    comment = _COMMENT.search(text)
    about = " ".join(comment[1].split()) if comment is not None else ""
    return Scenario(path.stem, path, first[1] == "recv", about)
