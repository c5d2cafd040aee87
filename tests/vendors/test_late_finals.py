"""Finals that come after their turn was answered without them, from the vendors' servers up to the conversation."""

import pytest
from structlog.testing import capture_logs

from offhook.pipeline.asr.adapt import Encode, adapt
from offhook.pipeline.asr.engine import AsrRequest, Encoding, Transcript
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Limits
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.server import Fault
from offhook.vendors import deepgram_asr
from tests.vendors.hosted import CARTESIA, RECOGNISERS, TEXT, Vendor, feed, said, until

NOVA = Vendor("deepgram", DeepgramServer, deepgram_asr.make)
FLUX = Vendor("flux", DeepgramServer, deepgram_asr.make, options={"model": "flux-general-en"})


@pytest.mark.parametrize("vendor", [*RECOGNISERS, NOVA, FLUX], ids=repr)
async def test_a_late_final_is_passed_on(vendor: Vendor) -> None:
    late: list[Transcript] = []
    async with vendor.server([TEXT], fault="slow", slow_s=0.4) as server:
        engine = vendor.engine(server, kind="asr", final_ms=100)
        await engine.start()
        stream = engine.open(AsrRequest(on_late=late.append), print)
        await feed(stream, said())
        taken = await stream.finish()
        assert not taken.is_final
        await until(lambda: bool(late))
        assert [(each.text, each.is_final) for each in late] == [(TEXT, True)]
        await engine.close()


@pytest.mark.parametrize("late_finals", ["correct", "log", "drop"])
async def test_as_the_options_say(late_finals: str) -> None:
    late: list[Transcript] = []
    with capture_logs() as logged:
        async with NOVA.server([TEXT], fault="slow", slow_s=0.3) as server:
            engine = NOVA.engine(server, kind="asr", final_ms=100, late_finals=late_finals)
            await engine.start()
            stream = engine.open(AsrRequest(on_late=late.append), print)
            await feed(stream, said())
            await stream.finish()
            await until(lambda: stream.finals.is_complete)
            assert bool(late) is (late_finals == "correct")
            assert any(each["event"] == "late_final" for each in logged) is (late_finals != "drop")
            await engine.close()


@pytest.mark.parametrize(
    ("final_ms", "allowance_s", "second_fault", "finals"), [(100, 0.5, "mute", [TEXT]), (5_000, 0.1, None, [])]
)
async def test_in_a_chain(final_ms: int, allowance_s: float, second_fault: Fault | None, finals: list[str]) -> None:
    """Of the engine that answered: not of one that another was faster than."""
    late: list[Transcript] = []
    async with (
        NOVA.server([TEXT], fault="slow", slow_s=0.9) as first,
        CARTESIA.server([TEXT], fault=second_fault) as second,
    ):
        made = [NOVA.engine(first, kind="asr", final_ms=final_ms), CARTESIA.engine(second, kind="asr")]
        laws: dict[Encoding, Encode] = {"PCMU": PCMU.encode, "PCMA": PCMA.encode}
        members = [
            Member(each.name, adapt(each.name, each, Resampler, laws), "asr", Limits(allowance_s)) for each in made
        ]
        chain = ChainAsr(members, Resampler)
        await chain.start()
        stream = chain.open(AsrRequest(on_late=late.append), print)
        await feed(stream, PCMU.decode(said()))
        await stream.finish()
        # The first engine's final has come, or its connection is gone.
        await until(lambda: bool(late) or any(session.audio and session.closed for session in first.sessions))
        assert [each.text for each in late] == finals
        await chain.close()
