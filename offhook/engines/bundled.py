"""Factories of the bundled detectors and recognisers, and of what benchmarks use. Each imports its libraries only when
it starts."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext, read_options
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.vad.energy import EnergyVad
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.silero import SileroVad

BENCH_TRANSCRIPT = "check my balance"
BENCH_RECORDING = ("assets", "bench", "reply.wav")


class Options(BaseModel):
    """Base of all options, which rejects unknown ones; by itself it has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PocketsphinxOptions(Options):
    """`decoders` turns at a time in each child process; `free_speech` takes 100 MB more in each."""

    decoders: Annotated[int, Field(ge=1, le=64)] = 8
    free_speech: bool = True


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


def fixed(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """Always the same words, at once: for benchmarks."""
    return FixedEngine(read_options(FixedOptions, options, context).text)


def recorded(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """Always the same recording, whatever the text: for benchmarks."""
    read_options(Options, options, context)
    return RecordedEngine(files("offhook").joinpath(*BENCH_RECORDING).read_bytes())
