"""The engines of one process, shared by all its calls."""

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from offhook.engines.chains import asr_chain, asr_engines, languages_of, tts_chain, tts_engines
from offhook.engines.endpoint import make_endpoint_policy
from offhook.engines.languages import MAX_LISTED, EngineLanguages
from offhook.engines.matcher import make_matcher
from offhook.engines.processors import make_processor
from offhook.engines.registry import (
    BUILT_IN,
    NO_ENGINES,
    GivenEngines,
    engine_name,
    make_vad,
)
from offhook.engines.requirements import require_installed
from offhook.engines.smart_turn import make_adviser
from offhook.llm.chain import ChainModel
from offhook.llm.registry import make_chain
from offhook.pipeline.advice import Advice
from offhook.pipeline.asr.adapt import AdaptedAsr
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import CallMeter, EngineUse
from offhook.pipeline.chain.table import Cells, EngineRows
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.errors import EngineError
from offhook.pipeline.front_end.cpu_budget import CpuBudget
from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.inbound_audio import Engines
from offhook.pipeline.tts.adapt import DecodedTts
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import NamedVoicesTtsEngine, TtsEngine
from offhook.pipeline.tts.normalize import spoken_language
from offhook.pipeline.tts.voice import LINE_RATE_HZ, Voice
from offhook.pipeline.understanding.match import Matcher
from offhook.pipeline.vad.batch import VadBatcher
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.gate import GateSettings
from offhook.settings.config import Config
from offhook.telephony.codec import LINEAR16, PCMU, codec_named
from offhook.telephony.codec.convert import packet_encoder
from offhook.telephony.errors import LocalError as CodecError
from offhook.telephony.net.pump import AudioFraming
from offhook.telephony.resample import Downsampler, Resampler, Upsampler
from offhook.usererror import UserError


@runtime_checkable
class Restarting(Protocol):
    """An engine that counts the restarts of its child processes."""

    name: str

    @property
    def restarts(self) -> int:
        """Since it was started."""
        ...


class EngineSet:
    """A detector, recognisers and voices. Raises UserError, EngineError for engines that cannot be used."""

    def __init__(self, config: Config, given: GivenEngines = NO_ENGINES) -> None:
        require_installed(config, asr=given.asr is None, tts=given.tts is None)
        _check_codecs(config)
        make_endpoint_policy(config)  # each call makes its own: one that cannot be made must fail here
        self._matchers = {config.dialog.matcher: make_matcher(config)}
        self.vad: VadEngine = given.vad or make_vad(config)
        asr, tts = asr_engines(config, given), tts_engines(config, given)
        self.languages = languages_of(asr, tts)
        self.asr, self.tts = asr_chain(config, asr), tts_chain(config, tts)
        _check_vad_rate(engine_name(given.vad, config.vad.engine), self.vad)
        _check_languages(config, self.languages)
        adviser = make_adviser(config)
        self._advice = None if adviser is None else Advice(adviser)
        self._llm = config.llm
        self._model: ChainModel | None = None
        self._processor = config.audio.processor
        self._echo_budget = CpuBudget()
        self._named_engines = len(config.asr.chain) + len(config.tts.chain)
        self._batchers: dict[GateSettings, VadBatcher] = {}
        self.voice = _voice(config, self.tts.name, self.tts)

    def share(self, cells: Cells, process: int) -> None:
        """Share circuit breakers and the day's budgets with the other processes of the node; before `start`.

        `cells` is a table for as many engines as the settings name.
        """
        for number, member in enumerate(self.members):
            member.share(EngineRows(cells, engine=number, engines=self._named_engines, process=process))

    @property
    def members(self) -> list[Member[AsrEngine] | Member[TtsEngine]]:
        """All recognisers and voices."""
        return [*self.asr.members, *self.tts.members]

    @property
    def framing(self) -> AudioFraming:
        """The frames of received audio that the detector needs."""
        detector = self.vad.capabilities
        return AudioFraming(detector.frame_samples * LINE_RATE_HZ // detector.rate_hz, detector.loud_peak)

    def matcher(self, config: Config) -> Matcher | None:
        """The matcher of these settings; all calls share it. Raises UserError."""
        target = config.dialog.matcher
        if target not in self._matchers:
            self._matchers[target] = make_matcher(config)
        return self._matchers[target]

    def model(self) -> ChainModel:
        """The language model of `[llm]`, for agents that have none of their own: made for the first of them. Raises
        UserError."""
        if self._model is None:
            self._model = make_chain(self._llm)
        return self._model

    async def start(self) -> None:
        """Ready for calls. Raises EngineError."""
        await (await self.begin())

    async def begin(self) -> "asyncio.Task[None]":
        """Start; once this returns callers can be greeted, and are recognised when the task is done. Both raise
        EngineError."""
        make_processor(self._processor)  # a missing package must fail here, not in a call
        asr_start = asyncio.create_task(self.asr.start())
        try:
            await self.tts.start()
            # The first run of a model is slow: do it before any call.
            self.vad.stream().infer(bytes(2 * self.vad.capabilities.frame_samples))
        except BaseException:
            asr_start.cancel()
            await asyncio.gather(asr_start, return_exceptions=True)  # a child process that it began is ended by `close`
            raise
        return asr_start

    async def close(self) -> None:
        """Everything freed. Idempotent."""
        if self._advice is not None:
            self._advice.close()
        if self._model is not None:
            await self._model.close()
        await self.asr.close()
        await self.tts.close()

    def restarts(self) -> dict[str, int]:
        """By engine: how many of its child processes had to be replaced."""
        engines = [innermost(member.engine) for member in self.members]
        return {engine.name: engine.restarts for engine in engines if isinstance(engine, Restarting)}

    def not_started(self) -> list[EngineError]:
        """Why engines of a chain have not started, while others of it have."""
        return [member.problem for member in self.members if member.problem is not None]

    def dump(self) -> dict[str, object]:
        """The state of the engines, for people."""
        return {"asr": self.asr.dump(), "tts": self.tts.dump(), "restarts": self.restarts()}

    @property
    def behind_s(self) -> float:
        """The detector's backlog in seconds of audio, averaged over the calls."""
        return max((_behind_s(batcher) for batcher in self._batchers.values()), default=0.0)

    def for_call(self, config: Config, on_use: Callable[[EngineUse], None] | None = None) -> Engines:
        """The engines of a call that begins now; `on_use` is called with each work that an engine has done for it."""
        meter = CallMeter(on_use) if on_use is not None else CallMeter()
        batcher = self._batcher(config)
        guarded = _wants_front_end(config, batcher.streams)
        return Engines(
            vad=batcher,
            asr=self.asr.for_call(meter),
            voice=self.voice.with_engine(self.tts.for_call(meter)),
            upsampler=lambda: Upsampler().push,
            downsampler=lambda: Downsampler().push,
            advice=self._advice,
            front_end=(lambda encoding: _front_end(config, encoding, self._echo_budget)) if guarded else None,
        )

    def _batcher(self, config: Config) -> VadBatcher:
        """Calls with the same settings share a batcher."""
        gate = gate_settings(config)
        if gate not in self._batchers:
            self._batchers[gate] = VadBatcher(self.vad, gate)
        return self._batchers[gate]


def gate_settings(config: Config) -> GateSettings:
    """How the detector's probabilities become speech."""
    return GateSettings(
        start_probability=config.vad.start_threshold,
        barge_in_probability=config.vad.barge_in_threshold,
        stop_probability=config.vad.stop_threshold,
        min_speech_ms=config.vad.min_speech_ms,
    )


def make_voice(config: Config) -> tuple[ChainTts, Voice]:
    """The configured voice by itself: the engine, to be started and closed, and what speaks texts with it. Raises
    UserError, EngineError."""
    engines = tts_engines(config, NO_ENGINES)
    tts = tts_chain(config, engines)
    EngineLanguages(tts_name=tts.name, tts=tts.capabilities.languages).check("tts", config.dialog.language)
    return tts, _voice(config, tts.name, tts)


def _voice(config: Config, name: str, tts: TtsEngine) -> Voice:
    voice = config.tts.voice or ""
    of_voice = tts.voices.get(voice, "") if isinstance(tts, NamedVoicesTtsEngine) else ""
    language = spoken_language(config.dialog.language, of_voice or voice)
    cache = ClipCache(config.tts.cache_mib * 1024 * 1024)
    return Voice(f"{name}/{voice}", tts, cache, Resampler, language=language, serves=config.dialog.language)


def innermost(engine: object) -> object:
    """The engine itself, without what adapts it."""
    return engine.engine if isinstance(engine, AdaptedAsr | DecodedTts) else engine


def _behind_s(batcher: VadBatcher) -> float:
    return batcher.waiting_frames * batcher.frame_samples / LINE_RATE_HZ / max(1, batcher.streams)


def _wants_front_end(config: Config, calls: int) -> bool:
    return (config.audio.echo_guard and calls < config.audio.echo_guard_max_calls) or config.audio.processor != "none"


def _front_end(config: Config, encoding: str, budget: CpuBudget) -> AudioFrontEnd:
    codec = codec_named(encoding)
    # The guard keeps one byte a sample; mu-law is precise enough for any echo.
    encoder = packet_encoder(codec, PCMU) if codec is LINEAR16 else None
    guard = EchoGuard((PCMU if encoder else codec).decode, budget, encoder.encode if encoder else None)
    return AudioFrontEnd(guard, make_processor(config.audio.processor))


def _check_codecs(config: Config) -> None:
    """Check that every configured codec can encode: it must fail here, not in a call."""
    for name in config.rtp.codecs:
        try:
            codec_named(name).encoder()
        except CodecError as error:
            raise UserError(
                f"calls cannot use the codec {name}",
                str(error),
                f"pip install 'offhook[{name.lower()}]'",
                "[rtp] codecs",
            ) from error


def _check_vad_rate(name: str, vad: VadEngine) -> None:
    if vad.capabilities.rate_hz != LINE_RATE_HZ:
        raise UserError(
            f"the vad engine {name!r} cannot process a phone line",
            f"it takes {vad.capabilities.rate_hz} Hz, and the line has {LINE_RATE_HZ} Hz",
            f'engine = "{next(iter(BUILT_IN["vad"]))}"',
            "[vad] engine",
        )


def _check_languages(config: Config, languages: EngineLanguages) -> None:
    """Check the language of the calls; those of routes and flows are checked with their dialogs."""
    wanted = config.dialog.language
    languages.check("tts", wanted, _offer(languages.tts))
    by_keys = f"`language: {wanted}` in a flow in place of the setting, if it takes keys alone"
    languages.check("asr", wanted, ", or ".join(filter(None, (_offer(languages.asr), by_keys))))


def _offer(languages: tuple[str, ...]) -> str:
    return f'`language = "{languages[0]}"` below `[dialog]`' if 0 < len(languages) <= MAX_LISTED else ""
