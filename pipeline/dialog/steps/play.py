"""`play`: music, or a long recording."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.dialog.actions import Done, Play, Result
from offhook.pipeline.dialog.limits import MAX_PLAY_S, MAX_VOLUME_DB, MIN_PLAY_S, MIN_VOLUME_DB
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run, Step, Then

UNTIL = ("end", "key", "speech")


@dataclass(frozen=True, slots=True)
class PlayStep(Step):
    """Play `sound`, a recording of the flow, or, where there is a `stream`, what a server sends, for `for_s` at most.

    `until` says what ends it sooner: nothing ("end"), a key, or speech. `loop` begins it again at its end. `volume_db`
    is how much louder it is. `otherwise` follows if a stream does not come, or breaks off. The stream itself is the
    application's.
    """

    sound: str
    next: str
    otherwise: str | None = None
    loop: bool = False
    for_s: float | None = None
    until: str = UNTIL[0]
    volume_db: float = 0.0
    stream: object = field(default=None, repr=False, compare=False)

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        other = () if self.otherwise is None else (Exit(("otherwise",), self.otherwise),)
        return (Exit(("next",), self.next), *other)

    def sounds(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return ((("play",), self.sound),) if self.stream is None else ()

    def after_silence(self) -> str | None:
        """See Step."""
        return self.next

    def enter(self, run: Run) -> Then:
        """See Step."""
        return Play(self, run.sound(self.sound) if self.stream is None else self.stream)

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Done):
            return Step.follow(self, run, result)
        if result.failed and self.otherwise is not None:
            return Enter(self.otherwise, "otherwise")
        return Enter(self.next, "next")

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        if self.for_s is not None:
            yield from out_of_range(self.for_s, MIN_PLAY_S, MAX_PLAY_S, (*at, "for_s"))
        yield from out_of_range(self.volume_db, MIN_VOLUME_DB, MAX_VOLUME_DB, (*at, "volume_db"))
        if self.for_s is None and (self.loop or self.stream is not None):
            what, why = f"step `{self.name}` may play for ever", "the caller may have gone"
            yield FlowProblem(what, why, "add `for_s: 60`", (*at, "play"))
        if self.stream is not None and self.otherwise is None:
            what, why = f"step `{self.name}` has no `otherwise`", "the server may not answer"
            yield FlowProblem(what, why, "add `otherwise: …`, the step that follows then", (*at, "play"))
        if self.stream is not None and self.loop:
            why = "what a server sends is played once"
            yield FlowProblem(f"step `{self.name}` cannot repeat a stream", why, "remove `loop`", (*at, "loop"))
