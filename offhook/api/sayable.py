"""What a call can say besides texts: recordings, and texts in SSML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from offhook.pipeline.dialog.spoken_ssml import parts_of, sources, ssml_problems
from offhook.pipeline.dialog.ssml import is_ssml
from offhook.pipeline.events import Interruption, Prompt
from offhook.pipeline.prompt_parts import Part, Recorded, transcript
from offhook.pipeline.tts.recording import Recording
from offhook.sound_file import load_sound
from offhook.usererror import Problem, UserError


@dataclass(frozen=True, slots=True)
class Ssml:
    """A text in SSML, checked: made by `ssml`, said by `Call.say` and `Call.ask`."""

    text: str
    sounds: Mapping[str, Recording] = field(default_factory=dict, repr=False)


Sayable = str | Recording | Ssml


def ssml(text: str, folder: Path | str = ".") -> Ssml:
    """A text in the subset of SSML that flows have, too; its recordings are WAV files in `folder`. Raises UserError."""
    where = f"ssml({text[:30]!r})"
    if not is_ssml(text):
        raise UserError("this is not SSML", "it does not begin with `<speak>`", "`<speak>…</speak>`", where)
    sounds = {name: load_sound(Path(folder) / name) for name in sources(text)}
    problems = list(ssml_problems(text, (), sounds))
    if problems:
        raise UserError.of([Problem(each.what, each.why, each.todo, where) for each in problems])
    return Ssml(text, sounds)


def prompt_of(
    said: Sayable,
    barge_in: bool,
    interruption: Interruption | None,
    language: str | None,
    voice: str | None,
    spoken_in: str,
) -> Prompt:
    """The prompt that says it. `spoken_in` is its language where `language` is None. Raises TypeError for anything
    else."""
    parts: tuple[Part, ...] = ()
    match said:
        case str():
            text = said
        case Recording():
            parts, text = (Recorded(said.text, said),), said.text
        case Ssml():
            parts = parts_of(said.text, language or spoken_in, said.sounds)
            text = transcript(parts)
        case _:
            raise TypeError(f"the bot says text, a recording, or an async iterator of text, not {said!r}")
    return Prompt(text, barge_in, interruption, language, voice, parts)
