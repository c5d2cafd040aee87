"""What becomes of the results of `offhook qa run`: printed, compared, written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import typer

from offhook.cli.qa_options import FAILURE
from offhook.pipeline.dialog.flow import Flow
from offhook.private_file import write_json
from offhook.qa.baseline_file import baseline_of, planned, read_baseline, tolerances_of, write_baseline
from offhook.qa.coverage.report import covered
from offhook.qa.machine import this_machine
from offhook.qa.report.page import HtmlReport
from offhook.qa.result import Result, as_json, write_junit
from offhook.qa.script.script import Script
from offhook.qa.verdict.baseline import Baseline, Tolerance, compare, differences
from offhook.qa.verdict.judge import Deviation
from offhook.qa.verdict.repeats import flaky
from offhook.usererror import Problem, UserError

STOPPED = "stopped"
"""The kind of finding of a run that was ended before it was over."""


@dataclass(frozen=True, slots=True)
class Covering:
    """Which flow is to be covered, in what file, and by how many percent."""

    flow: Flow
    where: str
    at_least: float | None
    json: Path | None


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted, by the options of these names."""

    junit: Path | None = None
    json: Path | None = None
    html: Path | None = None
    baseline: Path | None = None
    save_baseline: Path | None = None
    tolerances: tuple[str, ...] = ()
    coverage: Covering | None = None

    @property
    def files(self) -> Mapping[str, Path]:
        """Those that are written, by their options."""
        wanted = {
            "--junit": self.junit,
            "--json": self.json,
            "--html": self.html,
            "--save-baseline": self.save_baseline,
            "--coverage-json": None if self.coverage is None else self.coverage.json,
        }
        return {option: path for option, path in wanted.items() if path is not None}


class RunOutput:
    """Takes each result as it comes. `target` says over what line scripts are called. Raises UserError for what could
    not be written or compared at the end."""

    def __init__(self, wanted: Outputs, scripts: Sequence[Script], target: str) -> None:
        self._wanted = wanted
        self._check_folders()
        self._tolerances: Mapping[str, Tolerance] = tolerances_of(wanted.tolerances)
        self._baseline = self._comparable(scripts, target)
        self._html = HtmlReport(wanted.html) if wanted.html is not None else None
        self._statuses: list[int] = []
        self.results: list[Result] = []

    @property
    def status(self) -> int:
        """The exit status: that of the first that failed."""
        return next((each for each in self._statuses if each), 0)

    @property
    def failed(self) -> int:
        """How many."""
        return sum(not each.passed for each in self.results)

    def take(self, result: Result, status: int | None = None) -> None:
        """The next result; without a status of its own, by its verdict."""
        typer.echo(result.text())
        if self._html is not None:
            self._html.add(result)
        self.results.append(replace(result, recording=None))
        own = 0 if result.passed else FAILURE
        self._statuses.append(own if status is None else status % 256)

    def finish(self) -> None:
        """Judge the runs together, and write everything. Raises UserError."""
        for key, group in groupby([each for each in self.results if each.repeat], lambda each: (each.name, each.where)):
            found = flaky([each.findings for each in group])
            if found is not None:
                self.take(Result(f"{key[0]}, all runs", key[1], 0.0, (found,)))
        self._cover()
        run = baseline_of(self.results, this_machine())
        self._compare(run)
        self._write()
        self._save(run)

    def stop(self, planned: int) -> None:
        """The run was stopped: what there is of so many results is written, not judged together. Raises UserError."""
        what = f"the run was stopped: {len(self.results)} of {planned} were run"
        why = "a signal, or Ctrl-C, has ended it; what was not finished is not judged"
        self.take(Result("the run", "", 0.0, (Deviation(STOPPED, what, why),)))
        self._write()

    def _write(self) -> None:
        if self._wanted.json is not None:
            write_json(self._wanted.json, as_json(self.results), "--json")
        if self._wanted.junit is not None:
            write_junit(self._wanted.junit, self.results)
        if self._html is not None:
            self._html.write()

    def _cover(self) -> None:
        wanted = self._wanted.coverage
        if wanted is None:
            return
        found = covered(wanted.flow, wanted.where, self.results, wanted.at_least)
        self.take(found)
        if wanted.json is not None:
            write_json(wanted.json, found.details["coverage"], "--coverage-json")

    def _compare(self, run: Baseline) -> None:
        if self._baseline is None:
            return
        found = compare(self._baseline, run, self._tolerances)
        self.take(Result("baseline", str(self._wanted.baseline), 0.0, found.findings, notes=found.lines))

    def _save(self, run: Baseline) -> None:
        path = self._wanted.save_baseline
        if path is None:
            return
        if self.failed:
            typer.echo(f"{path} is not written: a baseline is made of runs that passed", err=True)
        else:
            write_baseline(path, run)

    def _comparable(self, scripts: Sequence[Script], target: str) -> Baseline | None:
        """The baseline, if one is given. Raises UserError if the run could not be compared with it."""
        if self._wanted.baseline is None and self._wanted.save_baseline is None:
            return None
        run = planned(scripts, target, this_machine())
        if self._wanted.baseline is None:
            return None
        baseline = read_baseline(self._wanted.baseline)
        if unlike := differences(baseline, run):
            what, todo = "the run could not be compared with the baseline", "--save-baseline FILE, for a new one"
            raise UserError.of(Problem(what, each, todo, str(self._wanted.baseline)) for each in unlike)
        return baseline

    def _check_folders(self) -> None:
        """A file that cannot be written is better known before the calls."""
        for option, path in self._wanted.files.items():
            if not path.parent.is_dir():
                why = f"there is no folder {path.parent}"
                raise UserError(f"{path} cannot be written", why, f"{option} {path.name}", option)
