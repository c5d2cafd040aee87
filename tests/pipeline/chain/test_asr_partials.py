"""Chains of recognisers: a transcript without a final."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.chain.breaker import HOLD_S
from offhook.pipeline.chain.spending import Outcome
from offhook.pipeline.errors import EngineError
from offhook.testing.virtual_time import run
from tests.pipeline.chain.scripted import ScriptedAsr, asr_chain
from tests.pipeline.chain.test_asr import SAID, nothing_is_left, talk, turn, with_uses

MUTE = ScriptedAsr("first", SAID, answer_s=0.3, final=False, partials_end_s=0.4)


"""It falls silent after "check my"."""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param({}, {}, ("second", SAID, 0.35), id="the next one hears all of it"),
        pytest.param({"partials_end_s": 0.0}, {}, ("second", SAID, 0.35), id="it never said anything"),
        pytest.param({}, {"answer_s": 2.0}, ("first", "check my", 0.8), id="the next one is slow"),
        pytest.param({}, {"fails": True}, ("first", "check my", 0.35), id="the next one fails"),
        pytest.param({}, {"refuses": True}, ("first", "check my", 0.3), id="the next one is full"),
        pytest.param({}, {"final": False}, ("second", SAID, 0.35), id="both have partials only: the longest"),
        pytest.param({}, {"final": False, "partials_end_s": 0.2}, ("first", "check my", 0.35), id="or the first one's"),
        pytest.param({"late_final_s": 0.2}, {"answer_s": 0.4}, ("first", SAID, 0.5), id="its final comes after all"),
    ],
)
def test_partials_alone_are_not_taken_while_another_engine_may_hear_the_rest(
    first: dict[str, Any], second: dict[str, Any], expected: tuple[str, str, float]
) -> None:
    async def main() -> None:
        engines = replace(MUTE, streams=[], **first), ScriptedAsr("second", SAID, **second)
        chain, uses = with_uses(asr_chain(*engines))
        who, text, added_s = expected
        assert await turn(chain, 1.0) == (text, added_s)
        await asyncio.sleep(HOLD_S)
        assert nothing_is_left(*engines)
        assert not chain.running
        assert {use.engine for use in uses if use.outcome is Outcome.ANSWERED} == {who}
        assert {use.why for use in uses if use.engine == "second"} == {"first: its final did not come"}

    run(main())


def test_partials_are_taken_where_no_other_engine_is_left() -> None:
    async def main() -> None:
        first = replace(MUTE, streams=[])
        assert await turn(asr_chain(first)) == ("check my", 0.3)

    run(main())


def test_a_cancelled_turn_keeps_no_partials() -> None:
    async def main() -> None:
        engines = replace(MUTE, streams=[]), ScriptedAsr("second", SAID, answer_s=1.0)
        chain = asr_chain(*engines)
        stream = chain.open(AsrRequest(), lambda text: None)
        await talk(stream)
        finishing = asyncio.create_task(stream.finish())
        await asyncio.sleep(0.4)
        stream.cancel()
        with pytest.raises(EngineError, match="cancelled"):
            await finishing
        await asyncio.sleep(1.0)
        assert nothing_is_left(*engines)

    run(main())
