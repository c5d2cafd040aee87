"""What became of one script or scenario: for programs, for CI, for people."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from offhook.pipeline.errors import EngineError
from offhook.private_file import write_private
from offhook.qa.report.recording import Recording
from offhook.qa.verdict.judge import Deviation
from offhook.usererror import UserError, plain

VERSION = 1
"""Of the JSON; a field that changes its meaning makes a new one."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run: `details` are plain values. It has passed if there is no finding."""

    name: str
    where: str
    seconds: float
    findings: tuple[Deviation, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Lines for people, below the verdict."""
    repeat: int = 0
    """Which of a script's runs it is, from 1; 0: it was to run once."""
    recording: Recording | None = field(default=None, repr=False, compare=False)
    """The call itself, if it was to be kept."""

    @property
    def title(self) -> str:
        """The name, with the number of the run."""
        return f"{self.name} ({self.repeat})" if self.repeat else self.name

    @property
    def passed(self) -> bool:
        """The verdict."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            **({"repeat": self.repeat} if self.repeat else {}),
            "where": self.where,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "findings": [asdict(each) for each in self.findings],
            **self.details,
        }

    def text(self) -> str:
        """Lines for a terminal."""
        lines = [f"{'ok    ' if self.passed else 'FAILED'}  {self.title}  ({self.seconds:.1f} s)"]
        for each in self.findings:
            lines += finding_lines(each, self.where)
        lines += [f"    {each}" for each in self.notes]
        return "\n".join(plain(each) for each in lines)


def finding_lines(finding: Deviation, where: str) -> list[str]:
    """A finding for a terminal; `where` is the script."""
    at = "" if finding.at_s is None else f" at {finding.at_s:.2f} s"
    line = "" if finding.line is None else f" ({where}:{finding.line})"
    return [f"    {finding.what}{at}{line}", f"      why: {finding.why}"]


def not_run(name: str, where: str, seconds: float, error: UserError | EngineError) -> Result:
    """The result of what an error has prevented, so that those of the others are not lost."""
    if isinstance(error, EngineError):
        found = [
            Deviation("not_run", f"{error.engine}: {error.what}", ". ".join(filter(None, (error.why, error.hint))))
        ]
    else:
        found = [
            Deviation("not_run", each.what, f"{each.why}; type: {each.todo}" if each.todo else each.why)
            for each in error.problems
        ]
    return Result(name, where, seconds, tuple(found))


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """All results, with their sums."""
    failed = sum(not each.passed for each in results)
    return {
        "version": VERSION,
        "passed": len(results) - failed,
        "failed": failed,
        "results": [each.to_dict() for each in results],
    }


def write_junit(path: Path, results: Sequence[Result]) -> None:
    """The results as JUnit's XML, which CI systems read. Raises UserError."""
    failed = sum(not each.passed for each in results)
    seconds = sum(each.seconds for each in results)
    sums = {"tests": str(len(results)), "failures": str(failed), "errors": "0", "time": f"{seconds:.3f}"}
    suites = Element("testsuites", {"name": "offhook qa", **sums})
    suite = SubElement(suites, "testsuite", {"name": "offhook qa", **sums})
    for each in results:
        about = {"classname": "offhook.qa", "name": plain(each.title), "file": plain(each.where)}
        case = SubElement(suite, "testcase", {**about, "time": f"{each.seconds:.3f}"})
        if not each.passed:
            first = plain(each.findings[0].what)
            failure = SubElement(case, "failure", {"message": first, "type": each.findings[0].kind})
            failure.text = each.text()
        SubElement(case, "system-out").text = each.text()
    indent(suites)
    file = io.BytesIO()
    ElementTree(suites).write(file, "utf-8", xml_declaration=True)
    write_private(path, file.getvalue(), "--junit")
