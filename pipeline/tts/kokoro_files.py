"""Kokoro's voices as files: a model, "kokoro-v1.0.onnx" or a smaller one, and the styles of all voices,
"voices-v1.0.bin". Nothing of Kokoro runs here."""

import mmap
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from offhook.pipeline.engine_host._onnx_graph import has_output
from offhook.pipeline.errors import EngineError

NAME = "kokoro"
STYLES = "voices-v1.0.bin"

LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "zh",
}
"""By the first letter of a voice's name: the second is f or m."""


LENGTHS = "duration"
"""The output with the lengths of phonemes, as kokoro-onnx calls it."""


def has_lengths(model: Path) -> bool:
    """Whether the model tells how long each phoneme is."""
    try:
        with model.open("rb") as file:
            return has_output(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), LENGTHS)
    except (OSError, ValueError):
        return False  # the engine reports what is wrong with it


def styles_in(folder: Path) -> Path | None:
    """The file of styles in a folder."""
    return min(folder.glob("voices*.bin"), default=None)


def languages_in(styles: Path) -> dict[str, str]:
    """The voices in a file of styles, by name, and the language of each. Raises EngineError."""
    try:
        with ZipFile(styles) as archive:
            names = sorted(Path(name).stem for name in archive.namelist())
    except (OSError, BadZipFile) as error:
        hint = f"Set `styles` below [tts.kokoro] to {STYLES}."
        raise EngineError(NAME, "reading the voices", f"{styles}: {error}", hint) from error
    return {name: LANGUAGES[name[0]] for name in names if name[:1] in LANGUAGES}
