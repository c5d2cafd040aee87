"""Baselines: read and written, and made of results."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from offhook.private_file import write_json
from offhook.qa.result import Result
from offhook.qa.script.expect import MEASURES
from offhook.qa.script.script import Script, is_stream
from offhook.qa.verdict.baseline import Baseline, Machine, ScriptFigures, Tolerance
from offhook.qa.verdict.identity import script_hash
from offhook.usererror import UserError, did_you_mean

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TOLERANCE = 1e6
DIGITS = 3


def read_baseline(path: Path) -> Baseline:
    """The baseline of a file. Raises UserError."""
    todo = f"--save-baseline {path}, in a run of its own"
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{path} cannot be read", f"it has more than {MAX_FILE_BYTES} bytes", todo, "--baseline")
        return Baseline.from_dict(json.loads(path.read_bytes()))
    except OSError as error:
        raise UserError(f"{path} cannot be read", error.strerror or str(error), todo, "--baseline") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read", str(error), todo, "--baseline") from error


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write it. Raises UserError."""
    write_json(path, baseline.to_dict(), "--save-baseline")


def planned(scripts: Iterable[Script], target: str, machine: Machine) -> Baseline:
    """What is known of a run before its first call. Raises UserError if two scripts cannot be told apart."""
    found: dict[str, ScriptFigures] = {}
    for script in scripts:
        if script.name in found:
            why = "a baseline has its figures by the scripts' names"
            raise UserError(f"two scripts are called {script.name!r}", why, "another `name`", script.where)
        line = "stream" if is_stream(target or script.call.target) else "sip"
        found[script.name] = ScriptFigures(script_hash(script), "", script.seed, line)
    if not found:
        why = "only call scripts (YAML) have figures that can be compared"
        raise UserError("there is nothing to compare", why, "offhook qa run script.yaml", "--baseline")
    return Baseline(machine, found)


def baseline_of(results: Iterable[Result], machine: Machine) -> Baseline:
    """The figures of results; those of what could not be run are not there."""
    found: dict[str, ScriptFigures] = {}
    for result in results:
        if "figures" not in result.details:
            continue
        about = result.details["script"]
        new = ScriptFigures(about["hash"], about["clips"], result.details["seed"], about["line"])
        known = found.get(result.name, new)
        values = {name: list(each) for name, each in known.values.items()}
        for name, figures in result.details["figures"].items():
            if figures:
                values.setdefault(name, []).extend(round(each["value"], DIGITS) for each in figures)
        found[result.name] = replace(known, runs=known.runs + 1, values=values)
    return Baseline(machine, found)


def tolerances_of(texts: Sequence[str]) -> Mapping[str, Tolerance]:
    """What the user allows, from `NAME=PERCENT,FLOOR`. Raises UserError."""
    found = {}
    for each in texts:
        name, _, bounds = each.partition("=")
        if name not in MEASURES:
            raise UserError(
                f"nothing is called {name!r}", "it is no measure", did_you_mean(name, [*MEASURES]), "--tolerance"
            )
        try:
            percent, floor = map(float, bounds.split(","))
        except ValueError:
            percent = floor = -1.0
        if not (0 <= percent <= MAX_TOLERANCE and 0 <= floor <= MAX_TOLERANCE):
            why = f"it is a share in percent and an amount in {MEASURES[name].unit}, both 0 or more"
            raise UserError(f"{bounds!r} is no tolerance", why, f"--tolerance {name}=20,30", "--tolerance")
        found[name] = Tolerance(percent, floor)
    return found
