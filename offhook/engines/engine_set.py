"""The engines of one process: made from the configuration, started together, shared by all calls."""

import asyncio
import os
from importlib.resources import files

from offhook.engines.registry import BUILT_IN, Kind, make_asr, make_tts, make_vad
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.front_end.apm import WebrtcProcessor
from offhook.pipeline.front_end.cpu_budget import Allowance
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.session import Engines
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.espeak import EspeakEngine
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.tts.voice import LINE_RATE_HZ, Voice
from offhook.pipeline.vad.batch import VadBatcher
from offhook.pipeline.vad.energy import EnergyVad
from offhook.pipeline.vad.engine import VadEngine
from offhook.pipeline.vad.gate import GateSettings
from offhook.pipeline.vad.silero import SileroVad
from offhook.settings.config import Config
from offhook.telephony.codec import LINEAR16, PCMU, codec_named
from offhook.telephony.codec.convert import packet_encoder
from offhook.telephony.errors import LocalError as CodecError
from offhook.telephony.resample import Downsampler, Resampler, Upsampler
from offhook.usererror import UserError

BENCH_TRANSCRIPT = "check my balance"
BENCH_RECORDING = ("assets", "bench", "reply.wav")


class EngineSet:
    """A detector, a recogniser and a voice."""

    def __init__(self, config: Config) -> None:
        _check_codecs(config)
        self.vad: VadEngine = make_vad(config)
        self.asr: AsrEngine = make_asr(config)
        self.tts: TtsEngine = make_tts(config)
        _check_rate("vad", config.vad.engine, self.vad.capabilities.rate_hz, (LINE_RATE_HZ,))
        _check_rate("asr", config.asr.engine, self.asr.capabilities.rate_hz, (LINE_RATE_HZ, 2 * LINE_RATE_HZ))
        cache = ClipCache(config.tts.cache_mib * 1024 * 1024)
        self._processor = config.audio.processor
        self._allowance = Allowance()
        self._batchers: dict[GateSettings, VadBatcher] = {}
        self.voice = Voice(f"{config.tts.engine}/{config.tts.voice}", self.tts, cache, Resampler)

    async def start(self) -> None:
        """Ready for calls. Raises EngineError."""
        await (await self.begin())

    async def begin(self) -> "asyncio.Task[None]":
        """Ready to greet callers; what they say waits until the returned task is done. Both raise EngineError."""
        if self._processor == "webrtc":
            WebrtcProcessor()  # missing, it is to be missed now and not in a call
        listening = asyncio.create_task(self.asr.start())
        try:
            await self.tts.start()
            # The first run of a model is slow; it is not to be a caller's.
            self.vad.stream().infer(bytes(2 * self.vad.capabilities.frame_samples))
        except BaseException:
            listening.cancel()
            raise
        return listening

    async def close(self) -> None:
        """Everything freed. Idempotent."""
        await self.asr.close()
        await self.tts.close()

    def restarts(self) -> dict[str, int]:
        """By engine: how many of its child processes had to be replaced."""
        return {
            engine.name: engine.restarts
            for engine in (self.asr, self.tts)
            if isinstance(engine, PocketsphinxEngine | EspeakEngine)
        }

    @property
    def behind_s(self) -> float:
        """By how much audio the detector is behind what has come, in the mean of the calls."""
        return max((_behind_s(batcher) for batcher in self._batchers.values()), default=0.0)

    def for_call(self, config: Config) -> Engines:
        """What one call needs of them, now that it begins."""
        batcher = self._batcher(config)
        guarded = _wants_front_end(config, batcher.streams)
        return Engines(
            vad=batcher,
            asr=self.asr,
            voice=self.voice,
            upsampler=lambda: Upsampler().push,
            downsampler=lambda: Downsampler().push,
            ears=(lambda encoding: _front_end(config, encoding, self._allowance)) if guarded else None,
        )

    def _batcher(self, config: Config) -> VadBatcher:
        """Calls that are configured alike share one."""
        gate = GateSettings(
            start_probability=config.vad.start_threshold,
            suspect_probability=config.vad.barge_in_threshold,
            stop_probability=config.vad.stop_threshold,
            confirm_ms=config.vad.min_speech_ms,
        )
        if gate not in self._batchers:
            self._batchers[gate] = VadBatcher(self.vad, gate)
        return self._batchers[gate]


def _behind_s(batcher: VadBatcher) -> float:
    return batcher.waiting_frames * batcher.frame_samples / LINE_RATE_HZ / max(1, batcher.streams)


def _wants_front_end(config: Config, calls: int) -> bool:
    return (config.audio.echo_guard and calls < config.audio.echo_guard_max_calls) or config.audio.processor != "none"


def _front_end(config: Config, encoding: str, allowance: Allowance) -> AudioFrontEnd:
    processor = WebrtcProcessor() if config.audio.processor == "webrtc" else None
    codec = codec_named(encoding)
    # The front end knows a line of one octet a sample; mu-law is far better than any echo.
    octets = packet_encoder(codec, PCMU) if codec is LINEAR16 else None
    return AudioFrontEnd((PCMU if octets else codec).decode, processor, octets.encode if octets else None, allowance)


def _check_codecs(config: Config) -> None:
    """A codec that was asked for can be coded: that is to be missed now, and not in a call."""
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


def _check_rate(kind: Kind, name: str, rate_hz: int, possible: tuple[int, ...]) -> None:
    if rate_hz not in possible:
        rates = " or ".join(str(rate) for rate in possible)
        raise UserError(
            f"the {kind} engine {name!r} cannot hear a telephone line",
            f"it takes {rate_hz} Hz, and the line brings {rates} Hz",
            f'engine = "{next(iter(BUILT_IN[kind]))}"',
            f"[{kind}] engine",
        )


def silero(config: Config) -> VadEngine:
    """Silero's network."""
    return SileroVad()


def energy(config: Config) -> VadEngine:
    """Loudness alone."""
    return EnergyVad()


def pocketsphinx(config: Config) -> AsrEngine:
    """The recogniser whose wheel carries its model."""
    return PocketsphinxEngine(workers=config.asr.workers or max(1, (os.cpu_count() or 1) // 2))


def fixed(config: Config) -> AsrEngine:
    """Always the same words, at once: for benchmarks."""
    return FixedEngine(BENCH_TRANSCRIPT)


def espeak(config: Config) -> TtsEngine:
    """The voice that speaks right after installation."""
    return EspeakEngine(voice=config.tts.voice, rate_wpm=config.tts.rate_wpm)


def recorded(config: Config) -> TtsEngine:
    """Always the same recording, whatever the text: for benchmarks."""
    return RecordedEngine(files("offhook").joinpath(*BENCH_RECORDING).read_bytes())
