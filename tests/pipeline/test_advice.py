"""An adviser beside the event loop: its answers, and what becomes of late, wrong and too many ones."""

import asyncio
import threading

import pytest

from offhook.pipeline.advice import MAX_WAITING, Advice


class Adviser:
    """Answers when it may."""

    def __init__(self, *, fails: bool = False) -> None:
        self.may_answer = threading.Event()
        self.heard: list[bytes] = []
        self._fails = fails

    def score(self, pcm: bytes) -> float:
        self.heard.append(pcm)
        self.may_answer.wait(5)
        if self._fails:
            raise ValueError("no idea")
        return 0.75


async def until_idle(advice: Advice) -> None:
    async with asyncio.timeout(5):
        while advice.waiting:  # noqa: ASYNC110 - its answers come from a thread
            await asyncio.sleep(0.001)


@pytest.mark.alone
async def test_its_answer_comes_on_the_loop() -> None:
    adviser = Adviser()
    adviser.may_answer.set()
    advice = Advice(adviser)
    answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    advice.ask(b"\1\0", answered.set_result)
    async with asyncio.timeout(5):
        assert await answered == 0.75
    assert adviser.heard == [b"\1\0"]
    assert (advice.asked, advice.late, advice.failed) == (1, 0, 0)
    advice.close()


async def test_a_late_answer_is_none() -> None:
    adviser, found = Adviser(), list[float]()
    advice = Advice(adviser)
    advice.ask(b"", found.append)
    await asyncio.sleep(0.15)
    adviser.may_answer.set()
    await until_idle(advice)
    assert found == [] and advice.late == 1
    advice.close()


async def test_a_failure_is_none() -> None:
    adviser, found = Adviser(fails=True), list[float]()
    adviser.may_answer.set()
    advice = Advice(adviser)
    for _ in range(2):
        advice.ask(b"", found.append)
        await until_idle(advice)
    assert found == [] and advice.failed == 2
    advice.close()


async def test_more_questions_than_it_can_answer_in_time_are_not_asked() -> None:
    adviser, found = Adviser(), list[float]()
    advice = Advice(adviser)
    for _ in range(MAX_WAITING + 3):
        advice.ask(b"", found.append)
    assert (advice.asked, advice.late) == (MAX_WAITING, 3)
    adviser.may_answer.set()
    await until_idle(advice)
    advice.close()
    advice.close()
