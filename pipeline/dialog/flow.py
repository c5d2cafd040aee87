"""A flow: the declarative dialog, as plain values. A `Flow` that exists is sound, see `check`; `FlowRunner` runs it.

Texts may contain variables as `{name}`; their values are the flow's constants and what earlier steps stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog.check import find_problems
from offhook.pipeline.dialog.opening_hours import OpeningHours
from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.switches import Switch
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.tts.recording import Recording


class FlowError(ValueError):
    """The flow cannot be run; `problems` has all the reasons."""

    def __init__(self, problems: tuple[FlowProblem, ...]) -> None:
        super().__init__("; ".join(f"{p.what}: {p.why}" for p in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Flow:
    """A whole dialog. Raises FlowError, with all problems, if it cannot be run."""

    name: str
    start: str
    steps: Mapping[str, Step]
    constants: Mapping[str, str] = field(default_factory=dict)
    wording: Wording | None = None
    """None: that of the step's language."""
    language: str | None = None
    """Of all texts and answers, a BCP 47 tag; None: the call's."""
    voice: str | None = None
    """Of the texts in that language, one of the engine's; None: the engine's own for it."""
    hours: Mapping[str, OpeningHours] = field(default_factory=dict)
    """By name, as expressions use them: `hours.shop`."""
    timezone: str | None = None
    """Of times and dates, by its name in the IANA database; None: the machine's."""
    sounds: Mapping[str, Recording] = field(default_factory=dict, repr=False)
    """The recordings, by the names that they have in texts and steps."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    """What is said, and listened for, in other languages."""
    switches: Mapping[str, Switch] = field(default_factory=dict)
    """By name, as expressions use them: `switches.emergency`."""

    _chosen: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        chosen = (language for each in self.steps.values() for language in each.chosen_languages())
        object.__setattr__(self, "_chosen", tuple(dict.fromkeys(chosen)))
        problems = find_problems(self)
        if problems:
            raise FlowError(problems)

    @property
    def speaks_early(self) -> bool:
        """Whether it begins before the call is answered."""
        return self.steps[self.start].early_media

    def languages_of(self, step: Step, call: str) -> tuple[str, ...]:
        """Those that a step may be spoken in, in calls in the language `call`."""
        if step.language is not None:
            return (step.language,)
        return tuple(dict.fromkeys((self.language or call, *self._chosen)))

    def voice_of(self, step: Step) -> str | None:
        """Which voice speaks a step's texts; None: the engine's own for the language."""
        if step.voice is not None:
            return step.voice
        return self.voice if step.language in (None, self.language) else None
