"""Findings of checks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from offhook.pipeline.errors import EngineError
from offhook.usererror import Problem, UserError, plain


class Level(IntEnum):
    """Severity; the worst one is the exit status."""

    OK = 0
    WARNING = 1
    MACHINE = 2
    """This machine prevents calls: a port in use, an engine that does not start, a full disk."""
    SETTINGS = 3
    """The settings or a flow are wrong on any machine."""


_WORDS = {Level.OK: "ok", Level.WARNING: "warning", Level.MACHINE: "FAILED", Level.SETTINGS: "WRONG"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is right, or a problem. `details` are values for programs, besides the text."""

    level: Level
    area: str
    problem: Problem
    details: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def ok(cls, area: str, text: str) -> "Finding":
        """Something that is right."""
        return cls(Level.OK, area, Problem(text, "", ""))

    @classmethod
    def of(cls, problem: Problem, area: str, level: Level) -> "Finding":
        """A problem."""
        return cls(level, area, problem)

    @classmethod
    def warning(cls, area: str, what: str, why: str, todo: str) -> "Finding":
        """Something that works, but may not be intended."""
        return cls(Level.WARNING, area, Problem(what, why, todo))

    @property
    def fails(self) -> bool:
        """Whether calls cannot come in as it is."""
        return self.level > Level.WARNING

    def render(self) -> str:
        """One line for what is right, three for a problem."""
        text = plain(self.problem.what) if self.level is Level.OK else self.problem.render()
        first, *rest = text.splitlines() or [""]
        return "\n".join([f"{_WORDS[self.level]:<8} {self.area:<9} {first}", *(f"{'':<18} {line}" for line in rest)])

    def to_dict(self) -> dict[str, object]:
        """The finding as JSON values."""
        problem = self.problem
        found: dict[str, object] = {"level": self.level.name.lower(), "area": self.area, "what": problem.what}
        if self.level is not Level.OK:
            found |= {"why": problem.why, "type": problem.todo, "where": problem.where}
        return found | ({"details": dict(self.details)} if self.details else {})


@contextmanager
def noting(found: list[Finding], area: str, level: Level = Level.SETTINGS) -> Iterator[None]:
    """Turns errors in the block into findings: UserErrors of `level`, EngineErrors of the machine."""
    try:
        yield
    except UserError as error:
        found += [Finding.of(problem, area, level) for problem in error.problems]
    except EngineError as error:
        what, todo = f"{error.engine} does not work", error.hint.removeprefix("Type: ")
        found.append(Finding.of(Problem(what, f"{error.what}: {error.why}", todo), area, Level.MACHINE))
