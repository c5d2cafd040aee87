"""Agents without a model of their own have that of `[llm]`."""

import asyncio
from contextlib import nullcontext

import pytest
from structlog.testing import capture_logs

from offhook import Agent, Bot, Call, Outcome
from offhook.agents.limits import AgentLimits
from offhook.api import agent_lifespan
from offhook.api.agent import dialog_of
from offhook.api.agent_lifespan import with_agents
from offhook.engines.engine_set import EngineSet
from offhook.llm.registry import make_model
from offhook.settings.config import Config
from offhook.testing import SimulatedCall, run
from offhook.testing.models import ModelServer
from offhook.usererror import UserError
from tests.offhook.agents.models import ScriptedModel

LOCAL = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
WITH_MODEL = Config.model_validate({"llm": {"openai": LOCAL}})
BENCH = {"asr": {"engine": "fixed"}, "tts": {"engine": "recorded"}, "vad": {"engine": "energy"}}


def test_in_a_coroutine_function_it_is_that_of_the_call() -> None:
    model = ScriptedModel("It is nine.")

    async def dialog(call: Call) -> None:
        outcome: Outcome = await Agent("x", greeting="Hello.").run(call)
        assert outcome

    async def talk() -> None:
        async with SimulatedCall(dialog, model=model) as caller:
            await caller.hears("Hello.")
            await caller.says("what time is it")
            await caller.hears("It is nine.")

    run(talk())
    assert model.closed == 0, "it is not the agent's"


def test_one_that_answers_by_itself_is_given_it_for_the_time_of_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    agents, model = [Agent("x"), Agent("y", model=ScriptedModel("own"))], ScriptedModel("default")
    monkeypatch.setattr(agent_lifespan, "make_chain", lambda _config: model)

    async def process() -> None:
        lifespan = with_agents(dialog_of(agents[0]), WITH_MODEL)
        assert lifespan is not None
        async with lifespan():
            assert (agents[0].model, model.started) == (model, 1)
        assert (agents[0].model, model.closed) == (None, 1)

    run(process())
    assert agents[1].model is not model


def test_without_any_the_bot_does_not_start() -> None:
    with pytest.raises(UserError, match="there is no language model") as error:
        with_agents(dialog_of(Agent("x")), Config())
    assert "[llm.openai]" in error.value.problems[0].todo

    bot = Bot(Config())
    bot.answer(Agent("x"))
    with pytest.raises(SystemExit) as ended:
        bot.run([])
    assert ended.value.code == 2


@pytest.mark.parametrize(("price", "works"), [({}, False), ({"price_input": 1.0}, True)])
def test_a_limit_on_cost_needs_prices(price: dict[str, float], works: bool) -> None:
    config = Config.model_validate({"llm": {"openai": {**LOCAL, **price}}})
    agent = Agent("x", limits=AgentLimits(max_cost=0.5))
    with nullcontext() if works else pytest.raises(UserError, match="`max_cost` of an agent on openai/m"):
        with_agents(dialog_of(agent), config)
    own = Agent("x", model=make_model("openai", {**LOCAL, **price}), limits=AgentLimits(max_cost=0.5))
    with nullcontext() if works else pytest.raises(UserError, match="`max_cost` of an agent on openai/m"):
        with_agents(dialog_of(own), Config())


async def test_a_model_that_is_not_listed_and_one_that_hangs_hold_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_lifespan, "START_S", 0.3)

    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    listening = await asyncio.start_server(hang, "127.0.0.1", 0)
    hanging = listening.sockets[0].getsockname()[1]
    async with ModelServer(api_key=None, strict_models=True) as server:
        agents = [
            Agent("x", model=make_model("openai", {"model": "scripde", "base_url": server.openai_url})),
            Agent("x", model=make_model("openai", {"model": "m", "base_url": f"http://127.0.0.1:{hanging}/v1"})),
        ]
        for agent in agents:
            lifespan = with_agents(dialog_of(agent), Config())
            assert lifespan is not None
            with capture_logs() as logs:
                async with lifespan():
                    pass
            (line,) = logs
            assert line["log_level"] == "warning"
            assert line["why"] == (
                "the server lists scripted" if agent is agents[0] else "it did not answer within 0.3 s"
            )
    listening.close()
    await gone.wait()


def test_without_any_a_call_says_so() -> None:
    async def talk() -> None:
        async with SimulatedCall(Agent("x")) as caller:
            await caller.over.wait()

    with pytest.raises(UserError, match="there is no language model"):
        run(talk())


async def test_the_calls_of_a_process_share_it() -> None:
    engines = EngineSet(Config.model_validate({**BENCH, "llm": {"openai": LOCAL}}))
    assert engines.model() is engines.model()
    assert engines.model().name == "openai/m"
    await engines.close()
    with pytest.raises(UserError, match="there is no language model"):
        EngineSet(Config.model_validate(BENCH)).model()
