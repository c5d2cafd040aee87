"""`set_language`: the language of the call from there on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step
from offhook.pipeline.language import is_language_tag


@dataclass(frozen=True, slots=True)
class SetLanguage(Step):
    """Speak and listen in `spoken` (BCP 47) from now on, where a step has no language of its own, and go on."""

    spoken: str
    next: str

    waits: ClassVar[bool] = False

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        return (Exit(("next",), self.next),)

    def onward(self, run: Run) -> str | None:
        """See Step."""
        return self.enter(run).name

    def chosen_languages(self) -> tuple[str, ...]:
        """See Step."""
        return (self.spoken,)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Enter:
        """See Step."""
        run.speak(self.spoken)
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if not is_language_tag(self.spoken):
            why = "a language is a BCP 47 tag: two or three letters, perhaps a region"
            path = (*at, "set_language")
            yield FlowProblem(f"`{self.spoken[:40]}` is not a language", why, "type `set_language: de`", path)
