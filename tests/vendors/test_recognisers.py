"""Our recognisers against the vendors' servers: what is right, and each fault."""

import asyncio
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.telephony.codec import PCMA, PCMU
from offhook.vendors.errors import VendorRefusedError
from tests.vendors.hosted import (
    AZURE,
    DETECTORS,
    FRAME,
    OPENAI,
    POOLED,
    RECOGNISERS,
    TEXT,
    Vendor,
    feed,
    recognise,
    said,
    until,
)

every_vendor = pytest.mark.parametrize("vendor", RECOGNISERS, ids=repr)


@every_vendor
async def test_a_turn(vendor: Vendor) -> None:
    """Partials that grow, the final, the audio as it is, and nothing that the vendor forbids."""
    async with vendor.server([TEXT]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        partials: list[str] = []
        found = await recognise(engine, said(), partials)
        await engine.close()
        assert (found.text, found.is_final) == (TEXT, True)
        assert len(partials) >= 3
        assert all(later.startswith(earlier) for earlier, later in pairwise(partials))
        assert all(TEXT.startswith(partial) for partial in partials)
        heard = max((session.audio for session in server.sessions), key=len)
        assert bytes(heard[: len(said())]) == said()
        assert server.violations == []


@every_vendor
async def test_word_times(vendor: Vendor) -> None:
    """From the turn's first audio, also on a connection that has been used before."""
    async with vendor.server([TEXT, TEXT]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        await recognise(engine, said())
        found = await recognise(engine, PCMU.silence * 4_000 + said())
        await engine.close()
        if not engine.capabilities.word_times:
            assert found.words == ()
            return
        assert " ".join(word.text for word in found.words) == TEXT
        assert found.words[0].start_s == pytest.approx(0.5, abs=0.11)
        assert found.words[-1].end_s == pytest.approx(0.5 + len(said()) / 8_000 - 0.2, abs=0.11)
        assert all(word.start_s < word.end_s for word in found.words)


@every_vendor
async def test_silence(vendor: Vendor) -> None:
    """A turn without speech is no failure, whatever the vendor makes of it."""
    async with vendor.server([TEXT]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        found = await recognise(engine, PCMU.silence * 4_000)
        await engine.close()
        assert found.text == ""


@every_vendor
async def test_a_very_short_turn(vendor: Vendor) -> None:
    """Vendors refuse audio that is too short: silence is put behind it."""
    async with vendor.server(["yes"]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        found = await recognise(engine, said("x")[:400])
        await engine.close()
        assert (found.text, server.violations) == ("yes", [])


@every_vendor
async def test_a_law(vendor: Vendor) -> None:
    """An A-law line stays one where the vendor takes it; elsewhere its samples are sent as PCM, which loses nothing."""
    async with vendor.server([TEXT]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        line = engine.for_line("PCMA", 8_000)
        pcm = PCMU.decode(said())
        encoded = PCMA.encode(pcm) if line.capabilities.encoding == "PCMA" else pcm
        found = await recognise(line, encoded)
        await engine.close()
        assert (found.text, line.capabilities.rate_hz) == (TEXT, 8_000)
        assert any(bytes(session.audio).startswith(encoded) for session in server.sessions)


@every_vendor
async def test_turns_at_once(vendor: Vendor) -> None:
    """Each has a connection of its own."""
    async with vendor.server(lambda pcm: f"{len(pcm) // 2 - len(pcm) // 2 % 1_600} samples") as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        audios = [said("x " * (5 * count)) for count in range(1, 9)]
        found = await asyncio.gather(*(recognise(engine, audio) for audio in audios))
        await engine.close()
        for transcript, audio in zip(found, audios, strict=True):
            assert transcript.text == f"{len(audio) - len(audio) % 1_600} samples"


@every_vendor
async def test_a_wrong_key(vendor: Vendor) -> None:
    """Is found at start, and the error says what to type."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="asr", api_key="wrong")
        with pytest.raises(VendorRefusedError) as caught:
            await engine.start()
        await engine.close()
        assert vendor.key_variable in caught.value.hint
        assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("vendor", POOLED, ids=repr)
async def test_a_key_that_is_withdrawn(vendor: Vendor) -> None:
    """Vendors that accept a connection and close it again are not asked four times a second."""
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        server.api_key = "another"
        server.reset()
        before = server.upgrades
        await asyncio.sleep(2.5)
        await engine.close()
        assert 1 <= server.upgrades - before <= 5


@every_vendor
async def test_mute(vendor: Vendor) -> None:
    """A vendor that never says anything fails after a second, or as long as its final may take."""
    async with vendor.server([TEXT], fault="mute") as server:
        engine = vendor.engine(server, kind="asr")
        began = monotonic()
        with pytest.raises(EngineTimeout):
            await recognise(engine, said())
        assert monotonic() - began < 2.5
        await engine.close()


@every_vendor
async def test_dies_in_a_turn(vendor: Vendor) -> None:
    """The turn is sent again, and no word is lost or doubled."""
    async with vendor.server(lambda pcm: TEXT) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        server.fault = "dies"
        stream = engine.open(AsrRequest(), [].append)
        audio = said()
        while not any(session.closed == (1006, "") for session in server.sessions):
            await feed(stream, audio[:FRAME])
            audio = audio[FRAME:]
            await asyncio.sleep(0.005)
        server.fault = None
        await feed(stream, audio)
        found = await stream.finish()
        await engine.close()
        assert (found.text, found.is_final) == (TEXT, True)
        assert any(bytes(session.audio).startswith(said()) for session in server.sessions)


@every_vendor
async def test_busy(vendor: Vendor) -> None:
    """429 at the upgrade is no reason not to start; a turn fails, and says why."""
    async with vendor.server([TEXT], fault="busy") as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        with pytest.raises(EngineError, match="429"):
            await recognise(engine, said())
        server.fault = None
        assert (await recognise(engine, said())).text == TEXT
        await engine.close()


@every_vendor
@pytest.mark.parametrize("fault", ["slow", "no-final"])
async def test_a_final_that_does_not_come_in_time(vendor: Vendor, fault: Any) -> None:
    """The latest partial is taken, and marked."""
    async with vendor.server([TEXT], fault=fault) as server:
        engine = vendor.engine(server, kind="asr", final_ms=300)
        await engine.start()
        partials: list[str] = []
        stream = engine.open(AsrRequest(), partials.append)
        await feed(stream, said())
        await until(lambda: len(partials) >= 8)
        began = monotonic()
        found = await stream.finish()
        assert monotonic() - began < 0.6
        await engine.close()
        assert not found.is_final
        assert found.text
        assert TEXT.startswith(found.text)


@pytest.mark.parametrize("vendor", [AZURE, OPENAI], ids=repr)
async def test_results_of_another_item(vendor: Vendor) -> None:
    """Azure's and OpenAI's results name the turn that they are for: those of another are not taken for its final."""
    async with vendor.server([TEXT], fault="wrong-context") as server:
        engine = vendor.engine(server, kind="asr", final_ms=300)
        await engine.start()
        found = await recognise(engine, said())
        await engine.close()
        assert not found.is_final
        assert TEXT.startswith(found.text)


@every_vendor
async def test_partials_that_shrink(vendor: Vendor) -> None:
    """They are taken as they are, and the final is whole."""
    async with vendor.server([TEXT], fault="shrinking-partials") as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        assert (await recognise(engine, said())).text == TEXT
        await engine.close()


@every_vendor
async def test_closed_while_idle(vendor: Vendor) -> None:
    """A connection that the vendor has closed is replaced before it is needed."""
    async with vendor.server([TEXT], fault="idle-close", idle_s=0.05) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        await until(lambda: any(session.closed for session in server.sessions))
        server.fault = None
        assert (await recognise(engine, said())).text == TEXT
        await engine.close()


@pytest.mark.parametrize("turns", ["vendor", "adviser"])
@pytest.mark.parametrize("vendor", DETECTORS, ids=repr)
async def test_the_vendors_own_end_of_a_turn(vendor: Vendor, turns: str) -> None:
    """It is reported, as an end or as a likely one; the words of several of its turns are those of ours."""
    async with vendor.server(["check my", "balance please"]) as server:
        engine = vendor.engine(server, kind="asr", turns=turns)
        await engine.start()
        reports: list[str] = []
        stream = engine.open(AsrRequest(), [].append, reports.append)
        for text in ("check my", "balance please"):
            await feed(stream, said(text) + PCMU.silence * 16_000)
        await until(lambda: len(server.sessions) > 0 and len(reports) >= 2)
        await asyncio.sleep(0.05)
        found = await stream.finish()
        await engine.close()
        assert (found.text, found.is_final) == ("check my balance please", True)
        assert reports.count("over") == (2 if turns == "vendor" else 0)
        assert engine.capabilities.ends_turns


@pytest.mark.parametrize("vendor", DETECTORS, ids=repr)
async def test_ours_ends_the_turn(vendor: Vendor) -> None:
    """A caller who pauses is not cut off by the vendor, unless it is asked to."""
    async with vendor.server(["check my balance please"]) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        reports: list[str] = []
        stream = engine.open(AsrRequest(), [].append, reports.append)
        await feed(stream, said("check my") + PCMU.silence * 24_000 + said("balance please"))
        found = await stream.finish()
        await engine.close()
        assert (found.text, reports) == ("check my balance please", [])
        assert not engine.capabilities.ends_turns


@every_vendor
async def test_cancel(vendor: Vendor) -> None:
    """A dropped turn says nothing any more, and the next has nothing of it."""
    async with vendor.server(lambda pcm: str(len(pcm) // 2 // 8_000)) as server:
        engine = vendor.engine(server, kind="asr")
        await engine.start()
        stream = engine.open(AsrRequest(), [].append)
        await feed(stream, said())
        stream.cancel()
        stream.cancel()
        found = await recognise(engine, said("yes") + PCMU.silence * 4_000)
        await engine.close()
        assert found.text == "0"
