"""What a recogniser does not take is converted or removed; the rest is unchanged."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from offhook.pipeline.asr.adapt import AdaptedAsr, adapt
from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrEngine,
    AsrRequest,
    AsrStream,
    Encoding,
    EndpointReport,
    LineAsrEngine,
    OnEndpoint,
    OnPartial,
    Transcript,
    open_stream,
)
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as
from offhook.telephony.codec.base import codec_named
from offhook.telephony.codec.g711 import G711, PCMA, PCMU
from offhook.telephony.resample import Resampler

LOCAL = AsrCapabilities(16_000, grammar=True, free_speech=True, partials=True)
ENCODERS: dict[Encoding, Callable[[bytes], bytes]] = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}


class Recogniser:
    """Records what it is given."""

    def __init__(self, capabilities: AsrCapabilities) -> None:
        self.capabilities = capabilities
        self.started = self.closed = 0
        self.requests: list[AsrRequest] = []
        self.audio = bytearray()

    async def start(self) -> None:
        self.started += 1

    async def close(self) -> None:
        self.closed += 1

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        self.requests.append(request)
        on_partial("so far")
        return Turn(self)


class Turn:
    def __init__(self, engine: Recogniser) -> None:
        self.engine = engine

    def feed(self, pcm: bytes) -> None:
        self.engine.audio += pcm

    async def finish(self) -> Transcript:
        return Transcript("done", 0.75)

    def cancel(self) -> None:
        self.engine.audio.clear()


def adapted(engine: Recogniser) -> AsrEngine:
    return adapt("test", engine, Resampler, ENCODERS)


def sine(rate_hz: int, seconds: float = 1.0) -> bytes:
    wave = 8_000 * np.sin(2 * np.pi * 400 * np.arange(int(rate_hz * seconds)) / rate_hz)
    return bytes(wave.astype("<i2").tobytes())


def samples(audio: bytes) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.frombuffer(audio, "<i2").astype(float)


async def say(engine: AsrEngine, pcm: bytes, request: AsrRequest | None = None) -> Transcript:
    stream = engine.open(request or AsrRequest(), lambda text: None)
    for at in range(0, len(pcm), 320):
        stream.feed(pcm[at : at + 320])
    return await stream.finish()


@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_one_that_fits_is_used_as_it_is(rate_hz: int) -> None:
    engine = Recogniser(replace(LOCAL, rate_hz=rate_hz))
    assert adapted(engine) is engine


@pytest.mark.parametrize(
    ("rate_hz", "given_hz"), [(24_000, 16_000), (48_000, 16_000), (11_025, 16_000), (6_000, 8_000)]
)
async def test_another_rate_is_made(rate_hz: int, given_hz: int) -> None:
    engine = Recogniser(replace(LOCAL, rate_hz=rate_hz))
    wrapped = adapted(engine)
    assert wrapped.capabilities == replace(LOCAL, rate_hz=given_hz)
    assert await say(wrapped, sine(given_hz)) == Transcript("done", 0.75)
    made, wanted = samples(bytes(engine.audio)), samples(sine(rate_hz))
    assert len(made) == len(wanted)
    middle = slice(rate_hz // 10, -rate_hz // 10)
    assert np.max(np.abs(made[middle] - wanted[middle])) < 20  # of 8000


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA"])
async def test_g711_goes_to_the_engine_as_the_line_had_it(encoding: Encoding) -> None:
    law = codec_named(encoding)
    engine = Recogniser(replace(LOCAL, rate_hz=8_000, encoding=encoding))
    wrapped = adapted(engine)
    assert (wrapped.capabilities.rate_hz, wrapped.capabilities.encoding) == (8_000, "LINEAR16")
    payload = law.encode(sine(8_000))
    await say(wrapped, law.decode(payload))
    assert bytes(engine.audio) == payload


async def test_an_engine_without_grammars_gets_the_phrases_alone() -> None:
    engine = Recogniser(replace(LOCAL, grammar=False))
    wrapped = adapted(engine)
    await say(wrapped, sine(16_000), AsrRequest("#JSGF …", ("yes", "no"), "en-US"))
    assert engine.requests == [AsrRequest(None, ("yes", "no"), "en-US")]
    assert bytes(engine.audio) == sine(16_000)


async def test_partials_start_close_and_cancel_reach_the_engine() -> None:
    engine, partials = Recogniser(replace(LOCAL, rate_hz=24_000)), list[str]()
    wrapped = adapted(engine)
    await wrapped.start()
    stream = wrapped.open(AsrRequest(), partials.append)
    stream.feed(sine(16_000))
    stream.cancel()
    await wrapped.close()
    assert (engine.started, engine.closed, partials, bytes(engine.audio)) == (1, 1, ["so far"], b"")


async def test_reports_of_an_engine_that_ends_turns_pass_the_adapter() -> None:
    class Endpointing(Recogniser):
        def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> AsrStream:
            if on_endpoint is not None:
                on_endpoint("over")
            return super().open(request, on_partial)

    reports = list[EndpointReport]()
    for ends_turns in (True, False):
        wrapped = adapted(Endpointing(replace(LOCAL, rate_hz=24_000, ends_turns=ends_turns)))
        open_stream(wrapped, AsrRequest(), lambda text: None, reports.append)
    assert reports == ["over"], "of the engine with the capability"


@pytest.mark.parametrize(
    ("capabilities", "why"),
    [
        (replace(LOCAL, encoding="PCMU"), "PCMU has 8000 Hz"),
        (replace(LOCAL, grammar=False, free_speech=False), "neither grammars nor free speech"),
    ],
)
def test_what_contradicts_itself_is_refused(capabilities: AsrCapabilities, why: str) -> None:
    with pytest.raises(EngineError, match=why):
        adapted(Recogniser(capabilities))


@pytest.mark.parametrize(
    ("known", "asked", "does"),
    [
        ((), "sw", True),
        (("en",), "en", True),
        (("en",), "en-US", True),
        (("en",), "EN-us", True),
        (("en-US",), "en", False),
        (("en-US", "de"), "de-AT", True),
        (("en",), "eng", False),
        (("en",), "de", False),
    ],
)
def test_which_languages_an_engine_speaks(known: tuple[str, ...], asked: str, does: bool) -> None:
    assert (known_as(known, asked) is not None) is does


def test_an_adapted_engine_keeps_the_one_it_adapts() -> None:
    engine = Recogniser(replace(LOCAL, rate_hz=24_000))
    wrapped = adapted(engine)
    assert isinstance(wrapped, AdaptedAsr)
    assert wrapped.engine is engine


class LineRecogniser(Recogniser):
    """Takes what the line has."""

    def for_line(self, encoding: str, rate_hz: int) -> AsrEngine:
        law: Encoding = "PCMA" if encoding == "PCMA" else "PCMU" if encoding == "PCMU" else "LINEAR16"
        return Recogniser(replace(self.capabilities, encoding=law, rate_hz=rate_hz))


@pytest.mark.parametrize("law", [PCMU, PCMA], ids=["PCMU", "PCMA"])
async def test_a_recogniser_may_take_the_lines_own_law(law: G711) -> None:
    has = AsrCapabilities(8_000, grammar=False, free_speech=True, partials=True, encoding="PCMU")
    engine = adapted(LineRecogniser(has))
    assert isinstance(engine, LineAsrEngine)
    own = engine.for_line(law.name, 8_000)
    assert isinstance(own, AdaptedAsr) and isinstance(own.engine, Recogniser)
    payload = bytes(range(256))
    own.open(AsrRequest(grammar="#JSGF"), lambda text: None).feed(law.decode(payload))
    assert own.engine.requests[0].grammar is None
    assert law.decode(bytes(own.engine.audio)) == law.decode(payload)
    wide = engine.for_line("G722", 16_000)
    assert (wide.capabilities.rate_hz, wide.capabilities.encoding) == (16_000, "LINEAR16")


def test_any_other_is_the_same_on_every_line() -> None:
    has = AsrCapabilities(8_000, grammar=False, free_speech=True, partials=True, encoding="PCMU")
    engine = adapted(Recogniser(has))
    assert isinstance(engine, LineAsrEngine)
    assert engine.for_line("PCMA", 8_000) is engine
