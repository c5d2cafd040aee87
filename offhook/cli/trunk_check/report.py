"""What a check has found so far: printed as it is found, or as JSON at the end."""

import json
import sys
from collections.abc import Mapping

import typer

from offhook.cli.checks.finding import Finding, Level
from offhook.usererror import Problem

MAX_SHOWN = 120
"""Characters of a text that comes from the far end."""


class Report:
    """Findings in their order. With `as_json` nothing is printed before `end`."""

    def __init__(self, trunk: str, *, as_json: bool) -> None:
        self._trunk = trunk
        self._as_json = as_json
        self.findings: list[Finding] = []

    def ok(self, step: str, text: str, details: Mapping[str, object] | None = None) -> None:
        """Something is right."""
        self._add(Finding(Level.OK, step, Problem(text, "", ""), details or {}))

    def warn(self, step: str, problem: Problem, details: Mapping[str, object] | None = None) -> None:
        """Something works, and may not be intended or not last."""
        self._add(Finding(Level.WARNING, step, problem, details or {}))

    def fail(self, step: str, problem: Problem, details: Mapping[str, object] | None = None) -> None:
        """Something keeps calls from working."""
        self._add(Finding(Level.MACHINE, step, problem, details or {}))

    def problem(self, step: str, problem: Problem, *, fails: bool, details: Mapping[str, object] | None = None) -> None:
        """`fail`, or `warn`."""
        (self.fail if fails else self.warn)(step, problem, details)

    def end(self) -> int:
        """Print what is left to print. Returns the exit status: 1 if a step failed."""
        counts = [sum(each.level is level for each in self.findings) for level in Level]
        failed = counts[Level.MACHINE] + counts[Level.SETTINGS]
        status = 1 if failed else 0
        if self._as_json:
            found = [each.to_dict() for each in self.findings]
            typer.echo(json.dumps({"trunk": self._trunk, "status": status, "findings": found}, indent=2))
        else:
            warnings = counts[Level.WARNING]
            verdict = "cannot be used as it is" if failed else "can be used"
            typer.echo(
                f"the trunk {self._trunk} {verdict}: {failed} failed, {warnings} warning{'' if warnings == 1 else 's'}"
            )
        return status

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        if not self._as_json:
            typer.echo(finding.render())
            sys.stdout.flush()


def shown(text: str) -> str:
    """A text of the far end, cut to what a line can hold; what prints it escapes its control characters."""
    text = text.strip()
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
