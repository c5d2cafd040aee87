"""Chains of models: the first token wins, failures cost no waiting, breakers pass over what fails."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.llm.chain import ChainModel
from offhook.llm.model import Ended, FailureKind, Message, ModelError, ModelEvent, ModelRequest, TextDelta
from offhook.llm.registry import make_chain
from offhook.observe import in_call
from offhook.pipeline.chain.breaker import HOLD_S, Breaker
from offhook.pipeline.chain.table import Cell, EngineRows, private_cells
from offhook.settings.config import Config
from offhook.testing.models import ModelServer, Reply
from offhook.usererror import UserError

HELLO = ModelRequest((Message("user", "hello"),))


class Model:
    """`LanguageModel` that does as told: `(after_s, token)` each, or an error."""

    def __init__(self, name: str, *steps: tuple[float, str | ModelError]) -> None:
        self.name = name
        self.steps = steps
        self.asked = self.closed = 0
        self.was_asked = asyncio.Event()
        self.warmed: list[ModelRequest] = []

    async def start(self) -> None: ...

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.asked += 1
        self.was_asked.set()
        try:
            for after_s, step in self.steps:
                await asyncio.sleep(after_s)
                if isinstance(step, ModelError):
                    raise step
                yield TextDelta(step)
            yield Ended("stop", model=self.name)
        finally:
            self.closed += 1

    async def warm(self, request: ModelRequest) -> None:
        self.warmed.append(request)

    async def close(self) -> None: ...


def away(kind: FailureKind = "away") -> ModelError:
    return ModelError("a", kind, "it is away")


async def read(chain: ChainModel) -> str:
    return "".join([event.text async for event in chain.stream(HELLO) if isinstance(event, TextDelta)])


async def timed(chain: ChainModel) -> tuple[str, float]:
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    return await read(chain), loop.time() - began_at


async def test_the_first_answers_and_the_next_is_not_asked() -> None:
    one, two = Model("a", (0.1, "One "), (0.1, "two.")), Model("b", (0.0, "No."))
    assert await read(ChainModel([one, two])) == "One two."
    assert (one.closed, two.asked) == (1, 0)


@pytest.mark.alone
async def test_the_next_one_is_asked_at_once_when_one_fails() -> None:
    one, two = Model("a", (0.0, away())), Model("b", (0.0, "Here."))
    text, after_s = await timed(ChainModel([one, two]))
    assert text == "Here."
    assert after_s < 0.3


@pytest.mark.alone
async def test_a_late_one_is_raced_and_the_first_token_wins() -> None:
    late, next_one = Model("a", (0.5, "Late.")), Model("b", (0.02, "Next."))
    text, after_s = await timed(ChainModel([late, next_one], first_token_s=0.1))
    assert text == "Next."
    assert 0.1 <= after_s < 0.4
    late, next_one = Model("a", (0.2, "Late.")), Model("b", (5.0, "Next."))
    chain = ChainModel([late, next_one], first_token_s=0.1)
    assert await read(chain) == "Late."
    await chain.close()
    assert (next_one.asked, next_one.closed) == (1, 1)


async def test_all_fail() -> None:
    models = [Model("a", (0.0, away())), Model("b", (0.0, away("busy")))]
    with pytest.raises(ModelError, match="it is away; a: it is away") as error:
        await read(ChainModel(models))
    assert error.value.kind == "busy"


async def test_its_log_lines_have_the_call_that_it_works_for() -> None:
    in_call.enter("0815")
    with capture_logs() as logs, pytest.raises(ModelError):
        await read(ChainModel([Model("a", (0.0, away()))]))
    assert [(line["event"], line["call"]) for line in logs] == [("model_failed", "0815")]


async def test_nothing_comes() -> None:
    models = [Model("a", (60.0, "Late.")), Model("b", (60.0, "Late."))]
    chain = ChainModel(models, first_token_s=0.02, timeout_s=0.5)
    with pytest.raises(ModelError) as error:
        await read(chain)
    assert error.value.kind == "late"
    await chain.close()
    assert [model.closed for model in models] == [1, 1]


async def test_a_reply_that_fails_in_the_middle_is_not_begun_again() -> None:
    one, two = Model("a", (0.0, "One "), (0.0, away())), Model("b", (0.0, "No."))
    chain, texts = ChainModel([one, two]), []
    with pytest.raises(ModelError):
        async for event in chain.stream(HELLO):
            texts.append(event)
    assert texts == [TextDelta("One ")]
    assert two.asked == 0
    stalled = ChainModel([Model("a", (0.0, "One "), (60.0, "two."))], stall_s=0.05)
    with pytest.raises(ModelError, match="in the middle of a reply") as error:
        await read(stalled)
    assert error.value.kind == "late"


async def test_closing_closes_all_that_were_asked() -> None:
    models = [Model("a", (60.0, "Late.")), Model("b", (60.0, "Late."))]
    chain = ChainModel(models, first_token_s=0.0)
    reading = asyncio.ensure_future(read(chain))
    await models[1].was_asked.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await chain.close()
    assert [model.closed for model in models] == [1, 1]


async def test_one_that_failed_three_times_is_passed_over_and_probed_later() -> None:
    broken, spare = Model("a", (0.0, away())), Model("b", (0.05, "Here."))
    breakers = [Breaker(EngineRows(private_cells(1, 1))) for _ in range(2)]
    chain = ChainModel([broken, spare], breakers=breakers)
    for _ in range(5):
        assert await read(chain) == "Here."
    assert broken.asked == 3
    assert chain.dump() == {"a": "open", "b": "closed"}
    broken.steps = ((0.01, "Back."),)
    opened_at = breakers[0].reopens_at() - HOLD_S
    breakers[0]._rows.set(Cell.OPENED_AT, opened_at - HOLD_S)  # some time later
    assert await read(chain) == "Back."
    assert spare.asked == 6  # a probe is never waited for
    assert chain.dump() == {"a": "closed", "b": "closed"}


async def test_a_slow_probe_is_judged_behind_the_reply() -> None:
    broken, spare = Model("a", (0.0, away())), Model("b", (0.0, "Here."))
    breakers = [Breaker(EngineRows(private_cells(1, 1))) for _ in range(2)]
    chain = ChainModel([broken, spare], breakers=breakers)
    for _ in range(3):
        await read(chain)
    broken.steps = ((0.1, "Back."),)
    breakers[0]._rows.set(Cell.OPENED_AT, breakers[0].reopens_at() - 2 * HOLD_S)
    assert await read(chain) == "Here."
    assert chain.dump()["a"] == "probed"
    await asyncio.gather(*chain._leaving)
    assert chain.dump()["a"] == "closed"
    assert broken.closed == 4


async def test_the_last_one_is_used_whatever_its_breaker_says() -> None:
    broken = Model("a", (0.0, away()))
    chain = ChainModel([broken])
    for _ in range(5):
        with pytest.raises(ModelError):
            await read(chain)
    assert broken.asked == 5


async def test_only_the_first_is_warmed() -> None:
    one, two = Model("a"), Model("b")
    await ChainModel([one, two]).warm(HELLO)
    assert (one.warmed, two.warmed) == ([HELLO], [])


@pytest.mark.alone
async def test_two_servers_one_of_which_hangs() -> None:
    async with ModelServer([Reply(fault="hang")]) as hangs, ModelServer(["Here."]) as works:
        tables: dict[str, Any] = {
            "engine": ["fast", "spare"],
            "first_token_s": 0.1,
            "fast": {"model": "scripted", "base_url": hangs.openai_url, "api_key": "test-key"},
            "spare": {"provider": "anthropic", "model": "scripted", "base_url": works.url, "api_key": "test-key"},
        }
        chain = make_chain(Config.model_validate({"llm": tables}).llm)
        await chain.start()
        assert chain.name == "fast/scripted, spare/scripted"
        text, after_s = await timed(chain)
        assert text == "Here."
        assert 0.1 <= after_s < 1.0
        async with asyncio.timeout(1):
            await hangs.exchanges[0].over.wait()
        assert hangs.exchanges[0].end == "closed"
        await chain.close()


async def test_one_that_is_away_may_come_back_and_a_wrong_key_never_works() -> None:
    async with ModelServer() as gone:
        url = gone.openai_url
    away_now = make_chain(Config.model_validate({"llm": {"openai": {"model": "m", "base_url": url}}}).llm)
    await away_now.start()
    assert away_now.members[0].problem is not None
    await away_now.close()
    async with ModelServer() as server:
        options = {"model": "m", "base_url": server.openai_url, "api_key": "wrong"}
        wrong = make_chain(Config.model_validate({"llm": {"openai": options}}).llm)
        with pytest.raises(UserError, match="refused the key"):
            await wrong.start()
        await wrong.close()
