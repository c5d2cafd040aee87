"""Loads the recordings that a flow names: files beside it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from offhook.pipeline.dialog.problem import FlowProblem
from offhook.pipeline.dialog.problem import Path as FlowPath
from offhook.pipeline.dialog.spoken_ssml import sources
from offhook.pipeline.dialog.ssml import is_ssml
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.tts.recording import Recording
from offhook.usererror import UserError

MAX_SOUNDS = 500
MAX_TOTAL_S = 1_800
"""Of all recordings of a flow: 90 MB in each process."""


def load_sounds(
    steps: Iterable[Step], catalogue: Catalogue, folder: Path, on_problem: Callable[[FlowProblem], None]
) -> dict[str, Recording]:
    """The recordings of `steps`, by the names that they have there; each is a path from `folder`. What cannot be loaded
    is a problem where it is named first."""
    found: dict[str, Recording] = {}
    seconds = 0.0
    failed = set[str]()
    for path, name in _named(steps, catalogue):
        if name in found or name in failed:
            continue
        try:
            found[name] = sound = _load(folder / name)
            seconds += sound.seconds
            _within_limits(len(found), seconds, name)
        except UserError as error:
            failed.add(name)
            for each in error.problems:
                on_problem(FlowProblem(f"`{name[:60]}`: {each.what}", each.why, each.todo, path))
            if seconds > MAX_TOTAL_S or len(found) > MAX_SOUNDS:
                break
    return found


def _named(steps: Iterable[Step], catalogue: Catalogue) -> Iterator[tuple[FlowPath, str]]:
    for step in steps:
        at: FlowPath = ("steps", step.name)
        yield from (((*at, *path), name) for path, name in step.sounds())
        for path, text in step.texts():
            if path[0] in step.plain_texts:
                continue
            for language, each in catalogue.variants(text):
                if is_ssml(each):
                    yield from (((*at, *path, *language), name) for name in sources(each))


def _load(file: Path) -> Recording:
    from offhook.sound_file import load_sound  # noqa: PLC0415  # NumPy, for flows that have recordings

    return load_sound(file)


def _within_limits(count: int, seconds: float, name: str) -> None:
    if count > MAX_SOUNDS:
        raise UserError("a flow has too many recordings", f"at most {MAX_SOUNDS} are kept", "split the flow", name)
    if seconds > MAX_TOTAL_S:
        why = f"all recordings of a flow may have {MAX_TOTAL_S} s"
        raise UserError("the recordings are too long", why, "make them shorter, or split the flow", name)
