"""The model that plays a persona, behind a real client: what it wrote is checked, and it may be asked again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from offhook.llm.registry import make_chain
from offhook.qa.persona.asked import ATTEMPTS, AskedModel, PersonaError, Speak
from offhook.qa.script.events import Ask, Decided
from offhook.qa.script.persona import Exchange, Heard, Persona
from offhook.qa.script.steps import HangUp, Press, Say, Speech
from offhook.settings.conversation_sections import LlmConfig
from offhook.testing.models import ModelServer, Reply, ScriptedCall
from offhook.testing.models.script import Fault
from offhook.usererror import UserError

PERSONA = Persona("book a table", "calm", (("name", "Maria"),))
SAY = Reply(calls=(ScriptedCall("say", {"text": "Good morning."}),))
ASK = Ask(1, Heard(("Hello.",)), ())


@asynccontextmanager
async def asked(server: ModelServer, speak: Speak) -> AsyncIterator[AskedModel]:
    options = {"model": "scripted", "base_url": server.openai_url, "api_key": server.api_key}
    settings = LlmConfig.model_validate({"engine": "x", "x": options, "timeout_s": 2, "stall_s": 0.5})
    model = make_chain(settings)
    await model.start()
    try:
        yield AskedModel(PERSONA, model, speak)
    finally:
        await model.close()


async def decided(server: ModelServer, ask: Ask = ASK) -> tuple[Decided, list[Speech]]:
    spoken: list[Speech] = []

    async def speak(speeches: Sequence[Speech]) -> None:
        spoken.extend(speeches)

    async with server, asked(server, speak) as model:
        return await asyncio.wait_for(model.decide(ask), 60), spoken


async def test_what_it_says_is_ready_to_be_played_when_it_is_decided() -> None:
    found, spoken = await decided(ModelServer([SAY]))
    assert found.steps == (Say(Speech("Good morning.")),) and spoken == [Speech("Good morning.")]


async def test_it_is_told_who_it_is_and_what_was_before() -> None:
    server = ModelServer([SAY])
    first, _ = await decided(server)
    second = Exchange(Heard((), ("You can",)), (Press("1"),), first.answers)
    server = ModelServer([Reply("Bye.", (ScriptedCall("hang_up"),))])
    found, _ = await decided(server, Ask(7, Heard(), (Exchange(ASK.heard, first.steps, first.answers), second), True))
    assert (found.number, found.steps) == (7, (HangUp(),))
    prompt = "\n".join(server.requests[-1].prompt)
    for each in ("book a table", "calm", "Maria", "Hello.", "Good morning.", "You can", "last turn"):
        assert each in prompt, each


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Reply(calls=(ScriptedCall("press", {"keys": "call mum"}),)), "`keys` are"),
        (Reply(calls=(ScriptedCall("say", '{"text": "half'),)), "no JSON object"),
        (Reply(fault="unknown-tool"), "no tool"),
        (Reply("♪"), "nothing to say"),
        (Reply("la la " * 200), "too long"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_asked_again(bad: Reply, why: str) -> None:
    server = ModelServer([bad, SAY])
    found, spoken = await decided(server)
    assert found.steps == (Say(Speech("Good morning.")),) and len(spoken) == 1
    assert why in found.answers[0].refused and not found.answers[1].refused
    assert any(why in part for part in server.requests[-1].prompt), "it is told why"


async def test_a_model_that_never_writes_anything_sensible_is_given_up() -> None:
    server = ModelServer([Reply(fault="unknown-tool")])
    with pytest.raises(PersonaError) as error:
        await decided(server)
    assert "launch_rocket" in error.value.why and len(server.requests) == ATTEMPTS


@pytest.mark.parametrize("fault", ["hang", "stall", "die", "cut", "busy", "broken", "error-in-stream", "filtered"])
async def test_a_model_that_fails_is_told_with_its_reason(fault: Fault) -> None:
    replies = [Reply("I would like a table for two people at nine.", fault=fault, tokens_per_s=100)]
    if fault == "filtered":  # what came before it was withheld is said
        assert (await decided(ModelServer(replies)))[0].steps
        return
    with pytest.raises(PersonaError) as error:
        await decided(ModelServer(replies))
    assert error.value.what == "the persona's model does not answer" and error.value.why


async def test_an_endless_answer_is_not_waited_for() -> None:
    found, _ = await decided(ModelServer([Reply("la " * 50, fault="endless"), SAY]))
    assert "too long" in found.answers[0].refused


async def test_a_voice_that_fails_ends_the_persona() -> None:
    async def fail(_: Sequence[Speech]) -> None:
        raise UserError("it is silent", "it has nothing", "another text")

    async with ModelServer([SAY]) as server, asked(server, fail) as model:
        with pytest.raises(PersonaError, match="cannot be spoken"):
            await model.decide(ASK)
