"""Tools of a speech-to-speech agent on OpenAI Realtime."""

import asyncio
from collections.abc import Sequence

from offhook.agents.tools import tool
from offhook.api.agent import Outcome
from offhook.pipeline.trace import ModelReplied, ToolRan
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.speech_model import CallsTool, Entry
from tests.offhook.realtime.test_openai_realtime import agent, judged


class Balance:
    def __init__(self) -> None:
        self.calls: list[int] = []
        self.tool = tool(name="balance")(self.balance)

    async def balance(self, of: int) -> str:
        """The balance."""
        self.calls.append(of)
        await asyncio.sleep(0.05)
        return "ten dollars"


async def test_a_tool_and_the_end_of_the_call() -> None:
    def reply(conversation: Sequence[Entry]) -> str | CallsTool | tuple[str | CallsTool, ...]:
        last = conversation[-1] if conversation else None
        if last is None:
            return "Hello."
        if last.role == "user" and "bye" not in last.text:
            return "One moment.", CallsTool("balance", '{"of": 1}')
        if last.role == "tool" and last.text == "ten dollars":
            return f"It is {last.text}."
        return "Goodbye.", CallsTool("hang_up", '{"reason": "done"}')

    outcomes: list[Outcome] = []
    balance = Balance()
    async with OpenAiRealtimeServer(["my balance", "bye"], replies=reply) as server:
        talks = agent(server, tools=[balance.tool])

        class Kept:
            async def run(self, call: object) -> Outcome:
                outcomes.append(await talks.run(call))  # type: ignore[arg-type]
                return outcomes[-1]

        async with SimulatedCall(Kept()) as caller:
            await caller.hears("Hello.")
            await caller.says("my balance")
            await caller.hears("One moment.")
            await caller.hears("It is ten dollars.")
            await caller.says("bye")
            await caller.hears("Goodbye.")
            await asyncio.wait_for(caller.over.wait(), 5)
            assert caller.bot_hung_up
        judged(server)
    assert balance.calls == [1]
    assert outcomes == [Outcome("the agent hung up: done")]
    ran = [event for event in caller.events if isinstance(event, ToolRan)]
    assert [(event.name, event.arguments, event.error) for event in ran] == [
        ("balance", '{"of": 1}', ""),
        ("hang_up", '{"reason": "done"}', ""),
    ]
    assert ran[0].result == "ten dollars" and 0.04 < ran[0].seconds < 1.0
    replied = [event for event in caller.events if isinstance(event, ModelReplied)]
    assert [event.text for event in replied] == ["Hello.", "One moment.", "It is ten dollars.", "Goodbye."]
    assert all(event.first_token_s is not None and event.output_tokens > 0 for event in replied)


async def test_the_policy_holds_a_hostile_model() -> None:
    """What is not in the configuration does not happen, and the model is told why."""
    tried = [
        CallsTool("transfer", '{"to": "+15559999999"}'),
        CallsTool("transfer", '{"to": "sales", "number": "+1900"}'),
        CallsTool("send_dtmf", '{"digits": "1"}'),
        CallsTool("balance", '{"of": "everything"}'),
        CallsTool("rm", "{}"),
        CallsTool("hang_up", "[" * 5_000),
    ]

    def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
        if not conversation:
            return "Hello.", *tried
        return "Sorry."

    balance = Balance()
    async with OpenAiRealtimeServer(replies=reply) as server:
        talks = agent(server, tools=[balance.tool], transfer_to={"sales": "+15550100"})
        async with SimulatedCall(talks, transfers=True) as caller:
            await caller.hears("Sorry.")
            assert caller.transferred_to is None and caller.sent_keys == "" and not caller.bot_hung_up
            ran = [event for event in caller.events if isinstance(event, ToolRan)]
            assert len(ran) == len(tried) and all(event.error for event in ran)
    assert balance.calls == []


async def test_a_tool_that_takes_too_long_and_a_transfer() -> None:
    @tool(timeout_s=0.1)
    async def slow() -> str:
        """It is slow."""
        await asyncio.sleep(60)
        return "never"

    def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
        if not conversation:
            return "Hello.", CallsTool("slow", "{}")
        return "I connect you.", CallsTool("transfer", '{"to": "sales"}')

    async with OpenAiRealtimeServer(replies=reply) as server:
        talks = agent(server, tools=[slow], transfer_to={"sales": "+15550100"})
        async with SimulatedCall(talks, transfers=True) as caller:
            await caller.hears("I connect you.")
            await asyncio.wait_for(caller.over.wait(), 5)
            assert caller.transferred_to == "+15550100"
            errors = [event.error for event in caller.events if isinstance(event, ToolRan)]
            assert errors == ["no result within 0.1 s", ""]


async def test_a_result_that_outlives_its_session_is_a_note_in_the_next() -> None:
    came = asyncio.Event()

    async def look_up() -> str:
        """Look it up."""
        await came.wait()
        return "forty two"

    def reply(conversation: Sequence[Entry]) -> str | tuple[str | CallsTool, ...]:
        if not conversation:
            return "One moment.", CallsTool("look_up", "{}")
        return "It is forty two." if "forty two" in conversation[-1].text else "Hm."

    async with OpenAiRealtimeServer(replies=reply) as server:
        async with SimulatedCall(agent(server, tools=[look_up])) as caller:
            await caller.hears("One moment.")
            server.reset()
            await caller.waits(0.5)
            came.set()
            await caller.hears("It is forty two.")
        notes = [entry.text for entry in server.conversations[-1] if entry.role == "user"]
        assert notes == ["[The tool look_up, which you called before, has the result: forty two]"]


async def test_what_still_runs_at_the_end_of_a_call_is_on_its_record_without_its_secrets() -> None:
    async def look_up(pin: str) -> str:
        """Look it up."""
        await asyncio.sleep(60)
        return pin

    replies = [("One moment.", CallsTool("look_up", '{"pin": "4711"}'))]
    async with OpenAiRealtimeServer(replies=replies) as server:
        async with SimulatedCall(agent(server, tools=[look_up])) as caller:
            await caller.hears("One moment.")
            await caller.waits(0.3)
        (ran,) = [event for event in caller.events if isinstance(event, ToolRan)]
        assert (ran.name, ran.error) == ("look_up", "unfinished: the call ended")
        assert ran.arguments == '{"pin":"***"}'
