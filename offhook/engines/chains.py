"""Makes the configured recognisers and voices into chains, with their prices and budgets."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext, Kind, read_options
from offhook.engines.languages import EngineLanguages
from offhook.engines.registry import LIMITS, THRESHOLDS, GivenEngines, engine_name, make_asr, make_tts
from offhook.pipeline.asr.adapt import adapt as adapt_asr
from offhook.pipeline.asr.engine import AsrEngine, Encoding, Thresholds
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.capabilities import asr_capabilities, tts_capabilities
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Budget, Limits
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.tts.adapt import adapt as adapt_tts
from offhook.pipeline.tts.engine import NamedVoicesTtsEngine, TtsEngine
from offhook.settings.config import AsrConfig, Config, TtsConfig
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.usererror import UserError

_ENCODERS: dict[Encoding, Callable[[bytes], bytes]] = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}
_DECODERS: dict[str, Callable[[bytes], bytes]] = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}

_Amount = Annotated[float, Field(ge=0)]
_Most = Annotated[float | None, Field(gt=0)]


class LimitOptions(BaseModel):
    """The table `[asr.NAME.limits]` or `[tts.NAME.limits]`. Costs have the currency of the prices."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    allowance_ms: Annotated[int | None, Field(ge=0, le=60_000)] = None
    price_per_minute: _Amount = 0.0
    price_per_1000_characters: _Amount = 0.0
    audio_s_per_day: _Most = None
    audio_s_per_call: _Most = None
    characters_per_day: Annotated[int | None, Field(gt=0)] = None
    characters_per_call: Annotated[int | None, Field(gt=0)] = None
    cost_per_day: _Most = None
    cost_per_call: _Most = None


_Confidence = Annotated[float, Field(ge=0, le=1)]


class ThresholdOptions(BaseModel):
    """In `[asr.NAME]`, in place of `asr.min_confidence` and `asr.confirm_below`, which count for what is not set.

    `guess_from`: an answer below `min_confidence` that has at least this is asked back, where it can be, in place of a
    no-match.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    min_confidence: _Confidence = 0.5
    confirm_below: _Confidence = 0.6
    guess_from: _Confidence = 0.2


GUESS_FROM = {"pocketsphinx": 0.15}
"""By engine. Of people that it was not fitted on, the embedded one gives half of the right answers that it rejects
between this and `min_confidence` (docs/benchmarks.md)."""


def thresholds_of(config: Config, name: str) -> Thresholds:
    """A recogniser's own thresholds. Raises UserError."""
    table = config.asr.options.get(name, {})
    given = {key: table[key] for key in THRESHOLDS if key in table}
    read = read_options(ThresholdOptions, given, EngineContext("asr", name))
    return Thresholds(**{"guess_from": GUESS_FROM.get(table.get("engine", name))} | read.model_dump(exclude_unset=True))


def limits_of(config: Config, kind: Kind, name: str) -> Limits:
    """An engine's limits. Raises UserError."""
    section: AsrConfig | TtsConfig = config.asr if kind == "asr" else config.tts
    table: Any = section.options.get(name, {}).get(LIMITS, {})
    where = f"{name}.{LIMITS}"
    if not isinstance(table, Mapping):
        raise UserError(
            f"`{LIMITS}` of {name} cannot be {table!r}", "it is a table", f"[{kind}.{where}]", f"[{kind}.{name}]"
        )
    own = read_options(LimitOptions, table, EngineContext(kind, where))
    allowance_ms = section.allowance_ms if own.allowance_ms is None else own.allowance_ms
    return Limits(
        allowance_s=allowance_ms / 1000,
        stall_s=config.asr.stall_ms / 1000,
        price_per_minute=own.price_per_minute,
        price_per_1000_characters=own.price_per_1000_characters,
        per_day=Budget(own.audio_s_per_day, own.characters_per_day, own.cost_per_day),
        per_call=Budget(own.audio_s_per_call, own.characters_per_call, own.cost_per_call),
    )


def asr_engines(config: Config, given: GivenEngines) -> dict[str, AsrEngine]:
    """The recognisers by name, the first choice first: the given one, or the configured ones. Raises UserError,
    EngineError."""
    if given.asr is not None:
        return {engine_name(given.asr, ""): given.asr}
    return {name: make_asr(config, name) for name in config.asr.chain}


def tts_engines(config: Config, given: GivenEngines) -> dict[str, TtsEngine]:
    """The voices, likewise."""
    if given.tts is not None:
        return {engine_name(given.tts, ""): given.tts}
    return {name: make_tts(config, name) for name in config.tts.chain}


def languages_of(asr: Mapping[str, AsrEngine], tts: Mapping[str, TtsEngine]) -> EngineLanguages:
    """The languages that a bot's recognisers and voices know."""
    has = asr_capabilities([engine.capabilities for engine in asr.values()])
    return replace(tts_languages_of(tts), asr_name=", ".join(asr), asr=has.languages, asr_mixes=has.mixes)


def tts_languages_of(tts: Mapping[str, TtsEngine]) -> EngineLanguages:
    """The same of voices alone."""
    languages = tts_capabilities([engine.capabilities for engine in tts.values()]).languages
    return EngineLanguages(tts_name=", ".join(tts), tts=languages, voices=_voices(tts))


def _voices(tts: Mapping[str, TtsEngine]) -> dict[str, str] | None:
    """The names of all voices, with the language of each; None if an engine does not say."""
    named = [engine.voices for engine in tts.values() if isinstance(engine, NamedVoicesTtsEngine)]
    if not all(named):
        return None
    return {name: voices[name] for voices in reversed(named) for name in voices}


def asr_chain(config: Config, engines: Mapping[str, AsrEngine]) -> ChainAsr:
    """The recognisers as one. Raises UserError for wrong limits, EngineError for contradictory capabilities."""
    members = [
        Member(name, adapt_asr(name, engine, Resampler, _ENCODERS), "asr", limits_of(config, "asr", name))
        for name, engine in engines.items()
    ]
    thresholds = {name: thresholds_of(config, name) for name in engines}
    return ChainAsr(members, Resampler, thresholds=thresholds, language=config.dialog.language)


def tts_chain(config: Config, engines: Mapping[str, TtsEngine]) -> ChainTts:
    """The voices as one. Raises UserError for wrong limits, EngineError for contradictory capabilities."""
    members = [
        Member(name, adapt_tts(name, engine, _DECODERS), "tts", limits_of(config, "tts", name))
        for name, engine in engines.items()
    ]
    return ChainTts(members, Resampler, language=config.dialog.language)
