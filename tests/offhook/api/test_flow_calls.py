"""Flows over whole calls, in virtual time: keys beyond an entry, a voice that fails, callers who hang up."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk
from offhook.settings.flow_file import parse_flow
from offhook.testing import SimulatedCall, run

FLOW = """
name: entries
start: hello
no_input: {attempts: 8, then: bye}
no_match: {reprompts: [Pardon.], then: bye}
steps:
  hello: {say: Welcome to all of our examples., next: menu}
  menu:
    ask: Which kind?
    choices:
      exact: {phrases: [exact], key: 1, next: exact}
      star: {phrases: [star], key: "*", next: star}
      free: {phrases: [free], key: "#", next: free}
  exact: {collect: Enter it now., into: entry, digits: 4, spoken: true, next: told}
  star: {collect: Enter it now., into: entry, digits: 5, terminator: "*", next: told}
  free: {collect: Enter it now., into: entry, digits: {min: 2, max: 6}, terminator: none, next: told}
  told: {say: "It is {entry}, thank you for that.", next: pin}
  pin: {collect: And your PIN please., into: pin, digits: {min: 4, max: 8}, next: last}
  last: {say: Your balance is forty seven euros., next: bye}
  bye: {hang_up: Goodbye.}
"""
TOLD, LAST = "It is {}, thank you for that.", "Your balance is forty seven euros."
TEXTS = (
    "Welcome to all of our examples.",
    "Which kind?",
    "Enter it now.",
    TOLD.format("1 2 3 4"),
    "And your PIN please.",
    LAST,
    "Goodbye.",
)
FLOW_DIALOG = flow_dialog(parse_flow(FLOW.encode(), "entries.yaml"))


async def enter(caller: SimulatedCall, kind: str, keys: str, pause_s: float = 0.0, late: str = "") -> None:
    await caller.begins_to_hear("Which")
    await caller.waits(0.3)
    await caller.presses(kind)
    await caller.begins_to_hear("Enter it now.")
    await caller.waits(0.3)
    await caller.presses(keys)
    await caller.waits(pause_s)
    await caller.presses(late)


async def to_the_end(caller: SimulatedCall) -> list[str]:
    async with asyncio.timeout(60):
        await caller.over.wait()
    return [said.text for said in caller.transcript if said.who == "bot"]


@pytest.mark.parametrize(
    ("kind", "keys", "late", "entry"),
    [
        ("1", "1234#", "", "1 2 3 4"),
        ("1", "1234*", "", "1 2 3 4"),
        ("1", "1234##", "", "1 2 3 4"),
        ("1", "123456", "", "1 2 3 4"),
        ("1", "1234", "#", "1 2 3 4"),
        ("*", "12345*", "", "1 2 3 4 5"),
        ("*", "12345#", "", "1 2 3 4 5"),
        ("*", "1234567*", "", "1 2 3 4 5"),
        ("#", "123", "", "1 2 3"),
        ("#", "123#", "", "1 2 3"),
        ("#", "12345678", "", "1 2 3 4 5 6"),
    ],
)
def test_keys_beyond_an_entry_fall_on_nothing(kind: str, keys: str, late: str, entry: str) -> None:
    async def call() -> None:
        async with SimulatedCall(FLOW_DIALOG) as caller:
            await enter(caller, kind, keys, 1.0, late)
            assert await caller.hears("It is") == TOLD.format(entry)
            await caller.begins_to_hear("And your PIN")
            await caller.presses("4711#")
            said = await to_the_end(caller)
            assert said[-2:] == [LAST, "Goodbye."]
            assert "Pardon." not in said

    run(call())


@pytest.mark.parametrize("over", ["5", "#", "*1", "okay let me write that down"])
def test_nothing_interrupts_the_last_announcement(over: str) -> None:
    async def call() -> None:
        async with SimulatedCall(FLOW_DIALOG) as caller:
            await enter(caller, "1", "1234")
            await caller.begins_to_hear("And your PIN")
            await caller.presses("4711#")
            await caller.begins_to_hear("Your balance")
            await caller.waits(0.5)
            await (caller.says(over) if " " in over else caller.presses(over))
            assert (await to_the_end(caller))[-2:] == [LAST, "Goodbye."]

    run(call())


def test_a_key_that_the_next_question_does_not_have_does_not_cut_an_announcement() -> None:
    async def call() -> None:
        async with SimulatedCall(FLOW_DIALOG) as caller:
            await caller.begins_to_hear("Welcome")
            await caller.presses("7")
            assert await caller.hears("Welcome") == "Welcome to all of our examples."
            await caller.hears("Which kind?")
            assert not [said for said in caller.transcript if said.who == "caller"]

    run(call())


async def nothing(text: str) -> AsyncIterator[SpeechChunk]:
    if not text:
        yield SpeechChunk(b"")


async def failing(text: str) -> AsyncIterator[SpeechChunk]:
    yield SpeechChunk(bytes(1_600))
    raise EngineError("voice", "speaking", "the line to it broke")


async def late(text: str) -> AsyncIterator[SpeechChunk]:
    await asyncio.sleep(3_600)
    yield SpeechChunk(bytes(1_600))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("speaks", [nothing, failing, late])
def test_a_voice_that_fails_at_any_step_does_not_end_the_flow(
    text: str, speaks: Callable[[str], AsyncIterator[SpeechChunk]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def call() -> None:
        async with SimulatedCall(FLOW_DIALOG) as caller:
            usual = caller.voice.synthesize
            monkeypatch.setattr(caller.voice, "synthesize", lambda said: (speaks if said == text else usual)(said))
            for keys in ("1", "1234", "4711#"):
                await caller.waits(15)
                await caller.presses(keys)
            said = await to_the_end(caller)
            assert caller.bot_hung_up
            assert [other for other in TEXTS if other not in said] == [text]

    run(call())


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("after_s", [0.02, 0.4])
def test_a_caller_may_hang_up_at_any_step(text: str, after_s: float) -> None:
    async def call() -> None:
        async with SimulatedCall(FLOW_DIALOG) as caller:
            for before in TEXTS[: TEXTS.index(text)]:
                await caller.begins_to_hear(before)
                await caller.presses({"Which": "1", "Enter": "1234", "And": "4711#"}.get(before.split()[0], ""))
            await caller.begins_to_hear(text)
            await caller.waits(after_s)
            began = caller.now
            await caller.hangs_up()
            assert caller.now - began < 0.1
            assert not caller.bot_hung_up

    run(call())
