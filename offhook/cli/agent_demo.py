"""The first call of an agent, without a key: its language model is a scripted server in the same process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from offhook.agents.agent import Agent
from offhook.agents.tools import tool
from offhook.api.agent import AgentDialog
from offhook.cli.demo import Minutes, Play, demo, recording
from offhook.llm.registry import make_model
from offhook.settings.config import Config
from offhook.testing.models import ModelServer, Reply, ScriptedCall
from offhook.testing.sip_caller import Caller, CallFailedError

INSTRUCTIONS = "You answer the phone of a small bank. Be brief: your words are spoken."
GREETING = "Hello, this is the bank's assistant. How can I help you?"
BARGE_IN_AFTER_S = 5.5
"""Into the bot's answer: within the balance, whose tool takes a second."""

SCRIPT = (
    Reply("Let me look that up for you.", (ScriptedCall("get_balance"),), when="(?i)balance"),
    Reply(
        "You have {result} in your account. Two payments are still on their way, and will be booked tomorrow morning.",
        after="get_balance",
    ),
    Reply(
        "Thank you for calling. Goodbye.", (ScriptedCall("hang_up", {"reason": "all done"}),), when="(?i)good ?bye|by"
    ),
    Reply("I can tell you your balance. What would you like to know?"),
)


@tool
async def get_balance() -> str:
    """The balance of the caller's account."""
    await asyncio.sleep(1.0)  # a slow database
    return "ten dollars and forty cents"


async def agent_demo(config: Config, *, stay: bool, as_json: bool) -> int:
    """Run it: the caller asks, a tool runs, they interrupt the answer. Returns the exit status."""
    server = ModelServer(SCRIPT, first_token_s=0.15, tokens_per_s=40)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await agent.start()
        try:
            yield
        finally:
            await agent.close()

    async with server:
        options = {"model": server.models[0], "base_url": server.openai_url, "api_key": server.api_key}
        agent = Agent(INSTRUCTIONS, model=make_model("openai", options), tools=[get_balance], greeting=GREETING)
        play = Play(AgentDialog(agent), _talk, _check, lifespan, streams=True)
        return await demo(config, stay=stay, as_json=as_json, play=play)


async def _talk(caller: Caller) -> None:
    """The caller's part."""
    await caller.listen()  # the greeting
    await caller.say(recording("check-my-balance"))
    await caller.listen_for(BARGE_IN_AFTER_S)
    await caller.say(recording("goodbye"))
    with suppress(CallFailedError):  # the bot hangs up
        await caller.listen_for(5.0)


def _check(minutes: Minutes) -> str | None:
    """What went wrong, if anything."""
    if "get_balance" not in minutes.tools:
        return "the model's tool has not run: the caller's words were not understood"
    if not minutes.barge_ins:
        return "the caller interrupted, and the bot did not notice"
    return None
