"""The engines of one process, as the benchmarks have them: the real detector, a fixed transcript, a recorded voice."""

import asyncio
import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest

from offhook.api.dialogs import BENCH_SENTENCE
from offhook.engines.bundled import BENCH_TRANSCRIPT
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import GivenEngines
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.caller_audio import CallerAudio
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.pipeline.vad.batch import Events
from offhook.settings.config import (
    AsrConfig,
    AudioConfig,
    CodecName,
    Config,
    DialogConfig,
    RtpConfig,
    TtsConfig,
    VadConfig,
)
from offhook.telephony.codec.base import codec_named
from offhook.telephony.net.pump import AudioFraming
from offhook.telephony.resample import Upsampler
from offhook.telephony.tones import noise
from offhook.usererror import UserError

BENCH = Config(asr=AsrConfig(engine="fixed"), tts=TtsConfig(engine="recorded"))


async def test_the_bench_engines_from_start_to_close() -> None:
    engines = EngineSet(BENCH)
    await engines.start()
    try:
        one, other = engines.for_call(BENCH), engines.for_call(BENCH)
        assert one.vad is other.vad
        stream = one.asr.open(AsrRequest(), lambda text: None)
        stream.feed(one.upsampler()(bytes(320)))
        assert (await stream.finish()).text == BENCH_TRANSCRIPT
        clip = await one.voice.clip(BENCH_SENTENCE, "PCMU", codec_named("PCMU").encode, 8_000)
        assert len(clip.payload) > 8_000
        assert clip.words[-1].text == "day."
    finally:
        await engines.close()
        await engines.close()


async def test_a_voice_that_fails_waits_for_a_recogniser_that_is_starting() -> None:
    class SlowRecogniser(FixedEngine):
        async def start(self) -> None:
            try:
                await asyncio.sleep(3_600)
            finally:
                await asyncio.sleep(0.01)  # as ending a child process takes
                ended.append(self)

    class BrokenVoice:
        capabilities = TtsCapabilities(8_000, word_positions=False)

        async def start(self) -> None:
            await asyncio.sleep(0.01)
            raise EngineError("voice", "starting", "it is broken")

        async def close(self) -> None:
            pass

        async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
            yield SpeechChunk(text.encode())

    ended: list[object] = []
    engines = EngineSet(BENCH, GivenEngines(asr=SlowRecogniser("yes"), tts=BrokenVoice()))
    with pytest.raises(EngineError, match="it is broken"):
        await engines.start()
    assert len(ended) == 1
    await engines.close()


async def test_each_turn_is_upsampled_on_its_own() -> None:
    one = EngineSet(BENCH).for_call(BENCH)
    first, second = one.upsampler(), one.upsampler()
    loud = bytes([0, 0x40]) * 160
    first(loud)
    assert len(first(loud)) == 4 * 160
    assert second(loud) != first(loud)


@pytest.mark.parametrize(
    ("voice", "language", "read"), [("en-us", "en", "en-us"), ("de+f3", "en", "de"), ("alloy", "fr", "fr")]
)
async def test_texts_are_read_in_the_language_of_the_voice(voice: str, language: str, read: str) -> None:
    settings = {"tts": TtsConfig(engine="recorded", voice=voice), "dialog": DialogConfig(language=language)}
    assert EngineSet(BENCH.model_copy(update=settings)).voice.language == read


class Listener:
    """Keeps reported events."""

    def __init__(self) -> None:
        self.reported: asyncio.Future[Events] = asyncio.get_running_loop().create_future()

    def on_events(self, events: Events) -> None:
        self.reported.set_result(events)

    def on_failed(self, error: EngineError) -> None:
        self.reported.set_exception(error)


async def test_the_gate_is_set_as_configured() -> None:
    config = BENCH.model_copy(update={"vad": VadConfig(engine="energy", min_speech_ms=0)})
    engines = EngineSet(config)
    vad, listener = engines.for_call(config).vad, Listener()
    stream = vad.open(listener)
    stream.submit(bytes([1, 0]) * vad.frame_samples, 0, 0.0)
    stream.submit(bytes([0, 0x40, 0, 0xC0]) * (vad.frame_samples // 2), vad.frame_samples, 0.0)
    assert len(await asyncio.wait_for(listener.reported, 1)) == 2, "started, and confirmed at once"
    patient = config.model_copy(update={"vad": VadConfig(engine="energy", min_speech_ms=500)})
    assert engines.for_call(patient).vad is not vad


@pytest.mark.parametrize(
    ("codec", "module", "extra"),
    [("G722", "G722", "g722"), ("OPUS", "opuslib_next", "opus")],
)
async def test_a_missing_codec_is_reported_at_once(
    monkeypatch: pytest.MonkeyPatch, codec: CodecName, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"the codec {codec} cannot be used") as error:
        EngineSet(BENCH.model_copy(update={"rtp": RtpConfig(codecs=("PCMU", codec))}))
    assert error.value.problems[0].todo == f"pip install 'offhook[{extra}]'"


async def test_the_front_end_of_a_wideband_line_gets_what_it_sends() -> None:
    unguarded = BENCH.model_copy(update={"audio": AudioConfig(echo_guard=False)})
    assert EngineSet(unguarded).for_call(unguarded).front_end is None
    few = BENCH.model_copy(update={"audio": AudioConfig(echo_guard_max_calls=1)})
    crowded = EngineSet(few)
    first = crowded.for_call(few)
    assert first.front_end is not None
    CallerAudio(first.vad, lambda _: None, lambda _: None)
    assert crowded.for_call(few).front_end is None
    front_end = EngineSet(BENCH).for_call(BENCH).front_end
    assert front_end is not None
    wide, narrow = front_end("LINEAR16"), front_end("PCMU")
    voice = noise(200, level_dbfs=-20)
    wide.sent(Upsampler().push(voice), 1.0, first=True)
    narrow.sent(codec_named("PCMU").encode(voice), 1.0, first=True)
    for one in (wide, narrow):
        one.on_audio(bytes(2 * 160), 0, 1.02)
    wide_sent, narrow_sent = (np.frombuffer(one.echo.sent_pcm(0, 1_400), "<i2").astype(float) for one in (wide, narrow))
    late = wide_sent[27:]  # both filters' delay
    assert np.corrcoef(late, narrow_sent[: len(late)])[0, 1] > 0.9


def test_received_audio_is_framed_as_the_detector_needs_it() -> None:
    engines = EngineSet(BENCH)
    detector = engines.vad.capabilities
    assert engines.framing == AudioFraming(detector.frame_samples, detector.loud_peak)
