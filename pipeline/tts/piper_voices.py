"""Piper's voices as files: a model "NAME.onnx" and its description "NAME.onnx.json". Nothing of Piper runs here."""

import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from offhook.pipeline.engine_host._onnx_graph import outputs_of
from offhook.pipeline.errors import EngineError

NAME = "piper"


@dataclass(frozen=True, slots=True)
class PiperFile:
    """A voice: its model, its language as a BCP 47 tag in lower case, its speakers if there are several, and the tensor
    with the lengths of phonemes, "" if there is none."""

    model: Path
    language: str
    speakers: Mapping[str, int] = field(default_factory=dict)
    lengths: str = ""


def files_in(folder: Path | None) -> dict[str, Path]:
    """The models in a folder, by name; a file without its description is left out."""
    if folder is None or not folder.is_dir():
        return {}
    found = sorted(path for path in folder.rglob("*.onnx") if description_of(path).is_file())
    return {path.stem: path for path in found}


def description_of(model: Path) -> Path:
    """The file that describes a model."""
    return model.with_name(f"{model.name}.json")


def read_file(model: Path) -> PiperFile:
    """Raises EngineError for what is not a Piper voice."""
    try:
        values = json.loads(description_of(model).read_text("utf-8"))
        language = str(values.get("language", {}).get("code") or values["espeak"]["voice"])
        speakers = {str(name): int(number) for name, number in (values.get("speaker_id_map") or {}).items()}
        with model.open("rb") as file:
            # Freed with its last view: the file is far larger than what is read of it.
            lengths = outputs_of(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), "Ceil")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        why = f"{model} is not one: {type(error).__name__}: {error}"
        hint = "A voice is a model NAME.onnx with its description NAME.onnx.json beside it."
        raise EngineError(NAME, "reading a voice", why, hint) from error
    return PiperFile(model, language.replace("_", "-").lower(), speakers, lengths[0] if len(lengths) == 1 else "")
