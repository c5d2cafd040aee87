"""Engines by name: those that come with offhook, and those that other packages bring by entry points.

An entry point of the group `offhook.vad`, `offhook.asr` or `offhook.tts` is a factory that takes the `Config` and
returns the engine. Entry points are loaded when they are asked for, never before; the libraries of the built-in
engines when the engine starts.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Literal, cast

from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.vad.engine import VadEngine
from offhook.settings.config import Config
from offhook.usererror import UserError, did_you_mean

Kind = Literal["vad", "asr", "tts"]

BUILT_IN: dict[Kind, dict[str, str]] = {
    "vad": {"silero": "offhook.engines.engine_set:silero", "energy": "offhook.engines.engine_set:energy"},
    "asr": {"pocketsphinx": "offhook.engines.engine_set:pocketsphinx", "fixed": "offhook.engines.engine_set:fixed"},
    "tts": {"espeak": "offhook.engines.engine_set:espeak", "recorded": "offhook.engines.engine_set:recorded"},
}


def names(kind: Kind) -> list[str]:
    """The engines that can be asked for."""
    return sorted({*BUILT_IN[kind], *(point.name for point in entry_points(group=f"offhook.{kind}"))})


def make_vad(config: Config) -> VadEngine:
    """The detector that the configuration names. Raises UserError, EngineError."""
    return cast(VadEngine, _factory("vad", config.vad.engine)(config))


def make_asr(config: Config) -> AsrEngine:
    """The recogniser. Raises UserError, EngineError."""
    return cast(AsrEngine, _factory("asr", config.asr.engine)(config))


def make_tts(config: Config) -> TtsEngine:
    """The voice. Raises UserError, EngineError."""
    return cast(TtsEngine, _factory("tts", config.tts.engine)(config))


def _factory(kind: Kind, name: str) -> Callable[[Config], object]:
    target = BUILT_IN[kind].get(name)
    if target is not None:
        module, _, function = target.partition(":")
        return cast(Callable[[Config], object], getattr(import_module(module), function))
    for point in entry_points(group=f"offhook.{kind}", name=name):
        try:
            return cast(Callable[[Config], object], point.load())
        except (ImportError, AttributeError) as error:
            hint = f"Type: pip install --force-reinstall {point.dist.name}" if point.dist is not None else ""
            raise EngineError(name, f"loading {point.value}", str(error), hint) from error
    raise UserError(
        f"there is no {kind} engine {name!r}",
        "neither offhook nor an installed package has one of that name",
        did_you_mean(name, names(kind)),
        f"[{kind}] engine",
    )
