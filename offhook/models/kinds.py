"""Which engine a folder is a model of, by its files."""

from collections.abc import Callable
from pathlib import Path

from offhook.models.catalogue import Engine


def engine_of(folder: Path) -> Engine | None:
    """The engine that would load the folder; None for a folder that is not a model."""
    return next((engine for engine, fits in _KINDS.items() if fits(folder)), None)


def _is_vosk(folder: Path) -> bool:
    # Both layouts that Vosk reads: with subfolders, and flat.
    return (folder / "am" / "final.mdl").is_file() or (
        (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    )


def _is_whisper(folder: Path) -> bool:
    return (folder / "model.bin").is_file() and (folder / "config.json").is_file()


def _is_piper(folder: Path) -> bool:
    return any(path.with_name(f"{path.name}.json").is_file() for path in folder.glob("*.onnx"))


def _is_sherpa(folder: Path) -> bool:
    return (folder / "tokens.txt").is_file() and any(folder.glob("*.onnx"))


_KINDS: dict[Engine, Callable[[Path], bool]] = {
    "vosk": _is_vosk,
    "whisper": _is_whisper,
    "piper": _is_piper,
    "sherpa": _is_sherpa,
}
