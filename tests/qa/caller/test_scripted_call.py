"""A call by a script over a leg that is made for the test."""

import asyncio
import time

import pytest

from offhook.pipeline.errors import EngineError
from offhook.qa.caller.incoming import Piece
from offhook.qa.caller.scripted_call import Prepared, ScriptedCall
from offhook.qa.caller.sip_call import Signalling
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.script.script import Script
from offhook.qa.script.steps import HangUp, Step, Wait, WaitFor
from tests.qa.prompts import prompt

SPEECH = prompt("hours")


class FakeLeg:
    def __init__(self) -> None:
        self.call_id = ""
        self.signalling = Signalling()
        self.messages: list[SipMessage] = []
        self.hung_up = 0

    @property
    def is_up(self) -> bool:
        return self.signalling.answered_s is not None and not self.hung_up

    def hold(self, on: bool) -> None:
        pass

    def press(self, key: str) -> None:
        pass

    def hang_up(self) -> None:
        self.hung_up += 1

    async def drained(self) -> None:
        pass

    def close(self) -> None:
        pass


async def no_words(_: bytes) -> str:
    raise EngineError("vosk", "it ended", "no memory")


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("step", [WaitFor("words", "hello", 60_000), Wait(60_000)])
async def test_a_call_fails_at_once_with_the_recogniser(early: bool, step: Step) -> None:
    """Before the answer, too."""
    call, leg = ScriptedCall(Script("x", (step, HangUp())), Prepared({}, {}, no_words)), FakeLeg()

    def hear() -> None:
        now = time.monotonic()
        for at in range(0, len(SPEECH), 320):
            call.on_heard(Piece(SPEECH[at : at + 320], at // 2), now + at / 16_000)

    async def dial() -> None:
        if early:
            hear()
        else:
            asyncio.get_running_loop().call_later(0.05, hear)
            asyncio.get_running_loop().call_later(0.1, call.over)
        leg.signalling.answered_s = time.monotonic()

    await asyncio.wait_for(call.run(leg, dial()), 30)
    failure = call.failure
    assert failure is not None and failure.kind == "recogniser"
    assert "no memory" in failure.why and leg.hung_up == 1


async def test_a_recogniser_that_fails_after_the_last_step_is_told() -> None:
    call, leg = ScriptedCall(Script("x", (HangUp(),)), Prepared({}, {}, no_words)), FakeLeg()

    async def dial() -> None:
        leg.signalling.answered_s = now = time.monotonic()
        for at in range(0, len(SPEECH), 320):
            call.on_heard(Piece(SPEECH[at : at + 320], at // 2), now + at / 16_000)

    await asyncio.wait_for(call.run(leg, dial()), 30)
    assert call.failure is not None and call.failure.kind == "recogniser"


async def test_a_mistake_in_the_program_does_not_wait_for_the_end_of_the_call() -> None:
    async def mistake(_: bytes) -> str:
        raise KeyError("x")

    call, leg = ScriptedCall(Script("x", (Wait(60_000),)), Prepared({}, {}, mistake)), FakeLeg()

    async def dial() -> None:
        leg.signalling.answered_s = now = time.monotonic()
        for at in range(0, len(SPEECH), 320):
            call.on_heard(Piece(SPEECH[at : at + 320], at // 2), now + at / 16_000)

    with pytest.raises(KeyError):
        await asyncio.wait_for(call.run(leg, dial()), 30)
