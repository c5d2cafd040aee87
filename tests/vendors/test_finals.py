import asyncio

import pytest

from offhook.pipeline.asr.engine import RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.finals import Finals, FinalWait, LateFinal

QUICK = FinalWait(wait_s=0.05, silent_s=0.15)


def finals(partials: list[str] | None = None, late: list[LateFinal] | None = None) -> Finals:
    return Finals(
        "v", QUICK, (partials if partials is not None else []).append, late.append if late is not None else None
    )


async def test_segments_make_the_transcript() -> None:
    partials: list[str] = []
    found = finals(partials)
    found.interim("check")
    found.segment(Transcript("check my", 0.9, (RecognisedWord("check", 0.0, 0.2), RecognisedWord("my", 0.2, 0.3))))
    found.interim("balance")
    found.segment(Transcript("balance", 0.6, (RecognisedWord("balance", 0.3, 0.8),)))
    found.complete()
    transcript = await found.wait()
    assert transcript.text == "check my balance"
    assert transcript.is_final
    assert transcript.confidence == pytest.approx((2 * 0.9 + 0.6) / 3)
    assert [word.text for word in transcript.words] == ["check", "my", "balance"]
    assert partials == ["check", "check my", "check my balance"]


async def test_a_final_that_is_late_is_reported_and_changes_nothing() -> None:
    late: list[LateFinal] = []
    found = finals(late=late)
    found.interim("check my")
    transcript = await found.wait()
    assert (transcript.text, transcript.is_final) == ("check my", False)
    found.segment(Transcript("check my balance"))
    found.complete()
    (each,) = late
    assert (each.taken, each.transcript.text) == ("check my", "check my balance")
    assert each.delay_s >= 0.05


async def test_a_vendor_that_said_nothing_gets_longer_and_then_fails() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(EngineTimeout, match="nothing came"):
        await finals().wait()
    assert asyncio.get_running_loop().time() - began >= 0.15


async def test_a_first_partial_after_the_end_is_taken() -> None:
    found = finals()
    asyncio.get_running_loop().call_later(0.08, found.interim, "yes")
    transcript = await found.wait()
    assert (transcript.text, transcript.is_final) == ("yes", False)


async def test_silence_is_an_answer_of_a_vendor_that_listens() -> None:
    found = finals()
    found.interim("")
    assert await found.wait() == Transcript("", is_final=False)


async def test_an_empty_partial_takes_nothing_back() -> None:
    found = finals()
    found.interim("check my")
    found.interim("")
    assert (await found.wait()).text == "check my"


async def test_a_failure_leaves_what_was_heard() -> None:
    error = EngineError("v", "recognising", "gone")
    found = finals()
    found.fail(error)
    with pytest.raises(EngineError, match="gone"):
        await found.wait()
    found = finals()
    found.interim("check")
    found.fail(error)
    assert (await found.wait()).text == "check"


async def test_after_a_restart_partials_do_not_go_back() -> None:
    partials: list[str] = []
    found = finals(partials)
    found.interim("check my balance")
    found.restart()
    found.interim("check")
    found.interim("check my balance please")
    assert partials == ["check my balance", "check my balance please"]
    found.restart()
    assert (await found.wait()).text == "check my balance please"
