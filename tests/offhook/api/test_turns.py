"""The events of turns as an agent reads them, or does not."""

import asyncio

import pytest

from offhook.api.call import Call
from offhook.api.turns import MAX_UNREAD, TurnEvents
from offhook.pipeline.turn.events import NoInput, TurnEvent, TurnPartial, UtteranceStarted
from offhook.testing import SimulatedCall, run


async def rest(events: TurnEvents) -> list[TurnEvent]:
    events.close()
    return [event async for event in events]


async def test_they_come_in_order_and_end_with_close() -> None:
    events = TurnEvents()
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    events.put(NoInput(1))
    assert await waiting == NoInput(1)
    events.put(NoInput(2))
    assert await rest(events) == [NoInput(2)]
    events.put(NoInput(3))
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_of_too_many_that_nobody_reads_partials_go_first() -> None:
    events = TurnEvents()
    events.put(NoInput(0))
    for count in range(MAX_UNREAD):
        events.put(TurnPartial(str(count)))
    for count in range(1, MAX_UNREAD + 2):
        events.put(NoInput(count))
    assert await rest(events) == [NoInput(count) for count in range(2, MAX_UNREAD + 2)]


def test_closed_ones_get_no_more_and_the_call_goes_on() -> None:
    got: list[TurnEvent] = []

    async def dialog(call: Call) -> None:
        closed, open_ = call.turns(), call.turns()
        await call.say("Hello.")
        closed.close()
        await call.say("Goodbye.")
        got.extend([event async for event in closed])
        open_.close()
        assert sum(isinstance(event, UtteranceStarted) for event in [event async for event in open_]) == 2

    async def talk() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.over.wait()

    run(talk())
    assert sum(isinstance(event, UtteranceStarted) for event in got) == 1
