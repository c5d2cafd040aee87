"""Which engine a folder is a model of, by its files."""

import re
from collections.abc import Callable
from pathlib import Path

from offhook.models.catalogue import Engine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.kokoro_files import languages_in, styles_in
from offhook.pipeline.tts.piper_voices import files_in, read_file


def network_of_adviser(folder: Path) -> Path | None:
    """The newest of smart-turn's networks in a folder."""
    return max(folder.glob("smart-turn*.onnx"), key=_version, default=None)


def _version(path: Path) -> tuple[list[int], str]:
    """Numbers of a version by their value: v3.10 follows v3.9."""
    return [int(number) for number in re.findall(r"[0-9]+", path.name)], path.name


def engine_of(folder: Path) -> Engine | None:
    """The engine that would load the folder; None for a folder that is not a model."""
    return next((engine for engine, fits in _KINDS.items() if fits(folder)), None)


def languages_of(folder: Path, engine: Engine) -> tuple[str, ...]:
    """The languages that a model's own files name; none if they do not say."""
    try:
        if engine == "piper":
            return tuple(sorted({read_file(path).language for path in files_in(folder).values()}))
        if engine == "kokoro" and (styles := styles_in(folder)) is not None:
            return tuple(sorted(set(languages_in(styles).values())))
    except EngineError:
        pass  # its engine reports what is wrong with it
    return ()


def _is_vosk(folder: Path) -> bool:
    # Both layouts that Vosk reads: with subfolders, and flat.
    return (folder / "am" / "final.mdl").is_file() or (
        (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    )


def _is_whisper(folder: Path) -> bool:
    return (folder / "model.bin").is_file() and (folder / "config.json").is_file()


def _is_piper(folder: Path) -> bool:
    return any(path.with_name(f"{path.name}.json").is_file() for path in folder.glob("*.onnx"))


def _is_kokoro(folder: Path) -> bool:
    return any(folder.glob("voices*.bin")) and any(folder.glob("*.onnx"))


def _is_sherpa(folder: Path) -> bool:
    return (folder / "tokens.txt").is_file() and any(folder.glob("*.onnx"))


_KINDS: dict[Engine, Callable[[Path], bool]] = {
    "vosk": _is_vosk,
    "whisper": _is_whisper,
    "piper": _is_piper,
    "kokoro": _is_kokoro,
    "sherpa": _is_sherpa,
    "smart-turn": lambda folder: network_of_adviser(folder) is not None,
}
