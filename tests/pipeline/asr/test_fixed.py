import pytest

from offhook.pipeline.asr.engine import AsrCapabilities, AsrEngine, AsrRequest, Transcript
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.errors import EngineError


async def test_it_always_returns_the_same_text() -> None:
    engine: AsrEngine = FixedEngine("check my balance", rate_hz=8_000)
    assert engine.capabilities == AsrCapabilities(8_000, grammar=True, free_speech=True, partials=False)
    await engine.start()
    partials: list[str] = []
    for request in (AsrRequest(), AsrRequest("#JSGF V1.0;")):
        stream = engine.open(request, partials.append)
        stream.feed(bytes(320))
        assert await stream.finish() == Transcript("check my balance", 1.0)
    await engine.close()
    assert partials == []


async def test_a_cancelled_turn_has_no_transcript() -> None:
    stream = FixedEngine("yes").open(AsrRequest(), lambda text: None)
    stream.cancel()
    stream.cancel()
    with pytest.raises(EngineError, match="cancelled"):
        await stream.finish()
