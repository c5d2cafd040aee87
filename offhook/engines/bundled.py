"""Factories of the bundled detectors and recognisers, and of what benchmarks use. Each imports its libraries only when
it starts."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext, read_options
from offhook.models.choose import choose
from offhook.models.store import ModelStore
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.asr.whisper import FILES, WhisperEngine
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.vad.energy import EnergyVad
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.silero import SileroVad
from offhook.settings.values import LanguageTag
from offhook.usererror import UserError

BENCH_TRANSCRIPT = "check my balance"
BENCH_RECORDING = ("assets", "bench", "reply.wav")


class Options(BaseModel):
    """Base of all options, which rejects unknown ones; by itself it has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PocketsphinxOptions(Options):
    """`decoders` turns at a time with partials in each child process; `free_speech` takes 100 MB more in each."""

    decoders: Annotated[int, Field(ge=1, le=64)] = 8
    free_speech: bool = True


class WhisperOptions(Options):
    """`model` is a name in `offhook models list --here`, or the path of a folder in CTranslate2's format; without it,
    the only one that serves for the language. `language` is spoken where neither the call nor the question names one;
    `window_s` is how much the model takes at once, 15 s being the fastest and 30 s what it was trained with; `threads`
    are those of each child process."""

    model: Annotated[str, Field(min_length=1)] | None = None
    language: LanguageTag | None = None
    window_s: Annotated[float, Field(ge=15, le=30)] = 15.0
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    partials: bool = True
    word_times: bool = True


class FixedOptions(Options):
    """The transcript of every turn."""

    text: str = BENCH_TRANSCRIPT


def silero(options: Mapping[str, Any], context: EngineContext) -> VadEngine:
    """Silero's network."""
    read_options(Options, options, context)
    return SileroVad()


def energy(options: Mapping[str, Any], context: EngineContext) -> VadEngine:
    """The detector by energy."""
    read_options(Options, options, context)
    return EnergyVad()


def pocketsphinx(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """The embedded recogniser."""
    own = read_options(PocketsphinxOptions, options, context)
    return PocketsphinxEngine(workers=context.workers, decoders=own.decoders, free_speech=own.free_speech)


def whisper(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """Whisper models, by CTranslate2."""
    own = read_options(WhisperOptions, options, context)
    return WhisperEngine(
        _whisper_folder(own.model, context),
        workers=context.workers,
        language=own.language or context.language,
        window_s=own.window_s,
        threads=own.threads,
        partials=own.partials,
        word_times=own.word_times,
    )


def _whisper_folder(model: str | None, context: EngineContext) -> Path:
    chosen = choose(ModelStore(context.models_dir), "whisper", model, context.language, context.where)
    missing = [each for each in FILES if not any((chosen.folder / name).is_file() for name in each.split("|"))]
    if missing:
        raise UserError(
            f"the model {chosen.name} is incomplete",
            f"{chosen.folder} lacks {', '.join(missing).replace('|', ' or ')}",
            "another folder for `model`, or fetch it again",
            context.where,
        )
    return chosen.folder


def fixed(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """Always the same words, at once: for benchmarks."""
    return FixedEngine(read_options(FixedOptions, options, context).text)


def recorded(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """Always the same recording, whatever the text: for benchmarks."""
    read_options(Options, options, context)
    return RecordedEngine(files("offhook").joinpath(*BENCH_RECORDING).read_bytes())
