"""Piper's voices, from files that the user has. In child processes only: piper-tts is GPL-3, this package is not."""

from collections.abc import Mapping
from pathlib import Path

from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.clause_tts import LIMITS, ClauseTts, Voices
from offhook.pipeline.tts.piper_voices import NAME, PiperFile, read_file

HOST = "offhook.pipeline.engine_host.piper_engine:HostedPiper"


class PiperEngine(ClauseTts):
    """`TtsEngine` over `workers` children, see ClauseTts.

    `voice` is a model's path, or its name in `models`; with ":SPEAKER" behind it, one of its speakers. `voices` has
    those for other languages; besides, each of `models` serves for its own language. Words have exact places
    where the model's graph has the lengths of phonemes, as all official ones do. `speed` is 0.5 to 2. Raises
    EngineError for a file that is not a voice.
    """

    def __init__(
        self,
        voice: str,
        *,
        speed: float = 1.0,
        voices: Mapping[str, str] | None = None,
        models: Mapping[str, Path] | None = None,
        workers: int = 1,
        limits: HostLimits = LIMITS,
    ) -> None:
        self._names = dict(models or {})
        wanted = dict.fromkeys((voice, *(voices or {}).values(), *self._names))
        files = {name: self._file(name) for name in wanted}
        by_language = {file.language: name for name, file in reversed(files.items())}
        # A voice for a kind of a language serves for the language.
        by_language = {tag.partition("-")[0]: name for tag, name in by_language.items()} | by_language
        own = files[voice].language
        by_language |= {own.partition("-")[0]: voice, own: voice}
        by_language |= {tag.lower(): name for tag, name in (voices or {}).items()}
        files |= {f"{name}:{each}": file for name, file in files.items() for each in file.speakers if ":" not in name}
        super().__init__(
            NAME,
            HOST,
            Voices(
                voice,
                own,
                by_language,
                {name: file.language for name, file in files.items()},
                frozenset(name for name, file in files.items() if file.lengths),
            ),
            options={"voice": voice, "models": {name: _given(name, file) for name, file in files.items()}},
            speed=speed,
            workers=workers,
            limits=limits,
        )

    def _file(self, voice: str) -> PiperFile:
        name, _, speaker = voice.partition(":")
        if not name:
            hint = "Set `voice` below [tts.piper] to a voice: offhook models list --engine piper"
            raise EngineError(NAME, "starting", "no voice is set", hint)
        path = self._names.get(name) or next(
            (path for path in (Path(name), Path(f"{name}.onnx")) if path.suffix == ".onnx" and path.is_file()), None
        )
        if path is None:
            here = f"the voices here are {', '.join(self._names)}" if self._names else "and no other voice is here"
            why = f"there is no voice and no file {name}; {here}"
            raise EngineError(NAME, "starting", why, "Type: offhook models list --engine piper")
        file = read_file(path)
        if speaker and speaker not in file.speakers:
            some = ", ".join(list(file.speakers)[:12]) or "one only"
            raise EngineError(NAME, "starting", f"{name} has no speaker {speaker!r}", f"It has {some}.")
        return file


def _given(name: str, file: PiperFile) -> dict[str, object]:
    speaker = file.speakers.get(name.partition(":")[2])
    return {"model": str(file.model), "lengths": file.lengths, "speaker": speaker}
