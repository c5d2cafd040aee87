"""Finds engines by name: bundled ones, those of installed packages, and those of the user's modules.

`[asr] engine = "NAME"` is looked up, in this order, as

- an instance: a table `[asr.NAME]` whose key `engine` names the engine, with its options;
- a bundled engine;
- an entry point NAME in the group `offhook.asr` (or `offhook.tts`, `offhook.vad`) of an installed package;
- `module:factory`, a name in an importable module.

`[tts] engine = "auto"` is made of the local voices that are installed. Each other name leads to a factory:
`factory(options, context)`, with the table `[asr.NAME]` and an `EngineContext`, returns the
engine. Factories are imported on use only. docs/engines.md shows one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, cast

from offhook.engines.factory import EngineContext, Kind
from offhook.engines.local_voices import AUTO, local_voices
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.by_language import ByLanguageTts
from offhook.pipeline.tts.engine import NamedVoicesTtsEngine, TtsEngine
from offhook.pipeline.tts.hibari_voices import hibari_voices
from offhook.pipeline.vad.engine import VadEngine
from offhook.settings.config import Config
from offhook.settings.user_modules import import_user_module, reason
from offhook.usererror import UserError, closest, did_you_mean

Factory = Callable[[Mapping[str, Any], EngineContext], object]

BUILT_IN: dict[Kind, dict[str, str]] = {
    "vad": {"silero": "offhook.engines.bundled:silero", "energy": "offhook.engines.bundled:energy"},
    "asr": {
        "pocketsphinx": "offhook.engines.bundled:pocketsphinx",
        "fixed": "offhook.engines.bundled:fixed",
        "vosk": "offhook.engines.local_asr:vosk",
        "sherpa": "offhook.engines.local_asr:sherpa",
        "whisper": "offhook.engines.bundled:whisper",
        "amazon": "offhook.vendors.amazon_asr:make",
        "assemblyai": "offhook.vendors.assemblyai_asr:make",
        "azure": "offhook.vendors.azure_asr:make",
        "cartesia": "offhook.vendors.cartesia_asr:make",
        "deepgram": "offhook.vendors.deepgram_asr:make",
        "elevenlabs": "offhook.vendors.elevenlabs_asr:make",
        "google": "offhook.vendors.google_asr:make",
        "openai": "offhook.vendors.openai_asr:make",
    },
    "tts": {
        "hibari": "offhook.engines.voices:hibari",
        "espeak": "offhook.engines.voices:espeak",
        "piper": "offhook.engines.voices:piper",
        "kokoro": "offhook.engines.voices:kokoro",
        "recorded": "offhook.engines.bundled:recorded",
        "amazon": "offhook.vendors.amazon_tts:make",
        "azure": "offhook.vendors.azure_tts:make",
        "cartesia": "offhook.vendors.cartesia_tts:make",
        "coqui": "offhook.vendors.coqui:make",
        "deepgram": "offhook.vendors.deepgram_tts:make",
        "elevenlabs": "offhook.vendors.elevenlabs_tts:make",
        "google": "offhook.vendors.google_tts:make",
        "openai": "offhook.vendors.openai_tts:make",
    },
}


LIMITS = "limits"
"""The table in an engine's options with its prices and budgets."""

THRESHOLDS = ("min_confidence", "confirm_below", "guess_from")
"""The options of every recogniser that say what its confidence means."""


@dataclass(frozen=True, slots=True)
class GivenEngines:
    """Engines made by the program, each replacing the one that the settings name."""

    vad: VadEngine | None = None
    asr: AsrEngine | None = None
    tts: TtsEngine | None = None


NO_ENGINES = GivenEngines()
"""All are those of the settings."""


def engine_name(given: object | None, configured: str) -> str:
    """What errors and metrics call an engine: as the settings do, or a given one by its `name` or its class."""
    return configured if given is None else str(getattr(given, "name", type(given).__name__))


def names(kind: Kind) -> list[str]:
    """The names of bundled and installed engines."""
    installed = (point.name for point in entry_points(group=f"offhook.{kind}"))
    return sorted({*BUILT_IN[kind], *installed, *((AUTO,) if kind == "tts" else ())})


def make_vad(config: Config) -> VadEngine:
    """The configured detector. Raises UserError, EngineError."""
    context = EngineContext("vad", config.vad.engine, config.dialog.language)
    return cast(VadEngine, _make(context, config.vad.options))


def make_asr(config: Config, name: str | None = None) -> AsrEngine:
    """The recogniser `name`, by default the first one configured. Raises UserError, EngineError."""
    context = EngineContext(
        "asr",
        name or config.asr.chain[0],
        config.dialog.language,
        workers=max(1, config.asr.workers),
        models_dir=config.models.dir,
    )
    return cast(AsrEngine, _make(context, config.asr.options))


def make_tts(config: Config, name: str | None = None) -> TtsEngine:
    """The voice `name`, by default the first one configured. Raises UserError, EngineError."""
    name = name or config.tts.chain[0]
    if name != AUTO:
        return _make_tts(config, name)
    engines = [_make_tts(config, name) for name in local_voices(config.tts)]
    _check_voice(config.tts.voice, engines)
    return engines[0] if len(engines) == 1 else ByLanguageTts(engines, config.dialog.language)


def _check_voice(voice: str | None, engines: Sequence[TtsEngine]) -> None:
    """Raises UserError for a name that is nearly one of hibari's: espeak-ng, which gets all others, would be blamed."""
    if voice is None or voice in hibari_voices() or closest(voice, list(hibari_voices())) is None:
        return
    known = {name for engine in engines if isinstance(engine, NamedVoicesTtsEngine) for name in engine.voices}
    if voice.partition("+")[0] not in known:
        why = "neither hibari nor espeak-ng has one of that name; `offhook voices` lists theirs"
        raise UserError(f"there is no voice {voice!r}", why, did_you_mean(voice, list(hibari_voices())), "[tts] voice")


def _make_tts(config: Config, name: str) -> TtsEngine:
    tts = config.tts
    context = EngineContext(
        "tts",
        name,
        config.dialog.language,
        tts.voice or "",
        models_dir=config.models.dir,
        rate_wpm=tts.rate_wpm,
    )
    return cast(TtsEngine, _make(context, tts.options))


def _make(context: EngineContext, tables: Mapping[str, Mapping[str, Any]]) -> object:
    options = dict(tables.get(context.name, {}))
    for name in (LIMITS, *(THRESHOLDS if context.kind == "asr" else ())):
        options.pop(name, None)  # of its chain, see `chains`
    engine = options.pop("engine", context.name)
    if not isinstance(engine, str):
        raise UserError(
            f"`engine` of {context.name} cannot be {engine!r}", "it names an engine", 'engine = "NAME"', context.where
        )
    factory = _factory(context, engine)
    try:
        made = factory(options, context)
    except (UserError, EngineError):
        raise
    except Exception as error:
        raise EngineError(context.name, f"calling {engine}", reason(error, engine)) from error
    if not hasattr(made, "capabilities"):
        raise EngineError(context.name, f"calling {engine}", f"it returned {made!r}, which has no `capabilities`")
    return made


def _factory(context: EngineContext, engine: str) -> Factory:
    kind = context.kind
    if (target := BUILT_IN[kind].get(engine)) is not None or ":" in engine:
        return _imported(engine, target or engine)
    for point in entry_points(group=f"offhook.{kind}", name=engine):
        hint = f"Type: pip install --force-reinstall {point.dist.name}" if point.dist is not None else ""
        return _imported(engine, point.value, hint)
    raise UserError(
        f"there is no {kind} engine {engine!r}",
        "neither offhook nor an installed package has one of that name",
        did_you_mean(engine, names(kind)),
        f"[{kind}] engine" if engine == context.name else f"{context.where} engine",
    )


def _imported(name: str, target: str, hint: str = "") -> Factory:
    module, _, path = target.partition(":")
    try:
        found: object = import_user_module(module)
    except Exception as error:  # the module is the user's: whatever its code raises
        raise EngineError(name, f"loading {target}", reason(error, module), hint) from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise EngineError(name, f"loading {target}", f"{module} has no {part!r}", hint)
        found = getattr(found, part)
    if not callable(found):
        raise EngineError(name, f"loading {target}", "it is not callable, so it is not a factory", hint)
    return found
