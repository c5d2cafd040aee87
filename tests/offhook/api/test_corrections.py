"""Finals that come late, in whole calls: what a dialog, a flow and the history make of them. In virtual time."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from offhook.api import call as api_call
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent, FlowDialog, flow_dialog
from offhook.api.message import Message
from offhook.api.understood import Understanding
from offhook.engines.languages import EngineLanguages
from offhook.pipeline.dialog.actions import Delegate, FindOut, FoundOut
from offhook.pipeline.trace import CallerCorrected
from offhook.pipeline.turn.events import TurnCorrected
from offhook.pipeline.turn.machine import TurnSettings
from offhook.settings.flow_file import parse_flow
from offhook.testing import SimulatedCall, run

FLOW = """
name: bank
start: menu
no_input: {attempts: 3, then: bye}
no_match: {attempts: 3, reprompts: [Pardon.], then: bye}
steps:
  menu:
    ask: Sales or support?
    choices:
      sales: {phrases: [sales], next: sales}
      support: {phrases: [support], next: support}
  sales: {say: You are being connected with somebody in our sales department., next: bye}
  support: {collect: Please tell me the number of your contract now., into: contract, digits: 4, next: bye}
  bye: {hang_up: Goodbye.}
"""
BANK = flow_dialog(parse_flow(FLOW.encode(), "bank.yaml"))
SALES, SUPPORT = "You are being connected", "Please tell me the number"


def test_a_flow_takes_the_other_branch() -> None:
    async def call() -> None:
        async with SimulatedCall(BANK) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales")
            await caller.begins_to_hear(SALES)
            await caller.begins_to_hear(SUPPORT)
            await caller.hears(SUPPORT)
            given_up = caller.transcript[2].text
            assert SALES.startswith(given_up) and given_up != SALES
            assert [each.text for each in caller.transcript if each.who == "caller"] == ["support"]
            (corrected,) = (event for event in caller.events if isinstance(event, CallerCorrected))
            assert (corrected.was.choice, corrected.answer.choice) == ("sales", "support")

    run(call())


def test_a_flow_takes_back_that_it_did_not_understand() -> None:
    async def call() -> None:
        async with SimulatedCall(BANK) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sup")
            await caller.begins_to_hear("Pardon.")
            await caller.begins_to_hear(SUPPORT)

    run(call())


def test_a_flow_goes_on_where_nothing_changes() -> None:
    async def call() -> None:
        async with SimulatedCall(BANK) as caller:
            await caller.hears("Sales or support?")
            await caller.says("the sales team", misheard="sales")
            assert await caller.hears(SALES) == "You are being connected with somebody in our sales department."
            assert await caller.hears("Goodbye.")

    run(call())


def test_an_answer_is_corrected_in_the_language_of_its_question() -> None:
    text = FLOW.replace("sales department., ", "sales department., language: fr, ")
    english = EngineLanguages(asr=("en",))

    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "bank.yaml"))) as caller:
            caller.call._languages = english
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales")
            await caller.begins_to_hear(SALES)
            await caller.hears(SUPPORT)

    run(call())


@pytest.mark.parametrize("between", ["log: They chose.", "wait: 2", "wait: 3, until: key"])
def test_a_flow_takes_the_other_branch_over_a_step_that_says_nothing(between: str) -> None:
    said = f"\n  between: {{{between}, next: said}}\n  said: {{"
    text = FLOW.replace("next: sales}", "next: between}").replace("\n  sales: {", said)
    dialog = flow_dialog(parse_flow(text.encode(), "bank.yaml"))

    async def call() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales")
            await caller.hears(SUPPORT)

    run(call())


def test_a_flow_takes_the_other_branch_over_a_message() -> None:
    prompt = "Please leave a message for our sales department now."
    step = f"record: {prompt}, into: message, next: bye, otherwise: bye}}"
    text = FLOW.replace("say: You are being connected with somebody in our sales department., next: bye}", step)

    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "bank.yaml")), on_message=nowhere) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales", corrected_after_s=1.2)
            await caller.begins_to_hear(SUPPORT)
            await caller.hears(SUPPORT)
            await caller.presses("4711#")
            await caller.hears("Goodbye.")

    run(call())


@pytest.mark.parametrize("review", ["", "review: yes, "])
def test_a_message_that_has_begun_is_not_taken_from_the_caller(review: str) -> None:
    """The prompt is shorter than the recogniser is late."""
    step = f"record: Speak., into: message, silence_s: 2, {review}next: bye, otherwise: bye}}"
    text = FLOW.replace("say: You are being connected with somebody in our sales department., next: bye}", step)
    kept: list[float] = []

    async def keep(message: Message) -> Path:
        kept.append(message.seconds)
        return Path("kept.wav")

    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "bank.yaml")), on_message=keep) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales", corrected_after_s=1.4)
            await caller.hears("Speak.")
            await caller.says("please call me back about the contract that I have with you since last year")
            if review:
                await caller.begins_to_hear("To hear your message")
                await caller.presses("2")
            await caller.hears("Goodbye.")
            said = [each.text for each in caller.transcript if each.who == "bot"]
            assert not any(text.startswith(SUPPORT) for text in said)

    run(call())
    assert len(kept) == 1
    assert kept[0] > 2.0


async def nowhere(message: Message) -> Path:
    """Keeps nothing."""
    raise AssertionError("a message that was not meant is kept")


def test_who_answered_is_looked_for_only_while_the_answer_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    step = "who_answered: {}, otherwise: bye}"
    text = FLOW.replace("say: You are being connected with somebody in our sales department., next: bye}", step)

    async def find_out(self: FlowAgent, call: Call, action: FindOut) -> FoundOut:
        await asyncio.sleep(action.step.within_s)
        return FoundOut()

    monkeypatch.setattr(FlowAgent, "_find_out", find_out)

    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "bank.yaml"))) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales")
            await caller.hears(SUPPORT)

    run(call())


def test_an_agent_gets_the_call_when_the_answer_is_certain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = "agent: Sell something., with: agent.yaml, outcomes: {done: {next: bye}}, otherwise: bye}"
    text = FLOW.replace("say: You are being connected with somebody in our sales department., next: bye}", step)
    flow = parse_flow(text.encode(), str(tmp_path / "bank.yaml"))
    given: list[str] = []

    async def delegate(self: FlowAgent, call: Call, action: Delegate) -> Outcome:
        given.append(action.instructions)
        return Outcome("done")

    monkeypatch.setattr(FlowAgent, "_delegate", delegate)

    async def call() -> None:
        for misheard, hears in (("sales", SUPPORT), ("support", "Goodbye.")):
            said = "support" if misheard == "sales" else "sales"
            async with SimulatedCall(FlowDialog(FlowAgent(flow, asks_models=False))) as caller:
                await caller.hears("Sales or support?")
                await caller.says(said, misheard=misheard)
                await caller.hears(hears)

    run(call())
    assert given == ["Sell something."]


def test_a_flow_ignores_what_the_settings_say() -> None:
    async def call() -> None:
        async with SimulatedCall(BANK, settings=TurnSettings(correct_within_ms=0)) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales")
            assert await caller.hears(SALES) == "You are being connected with somebody in our sales department."
            assert await caller.hears("Goodbye.")

    run(call())


def test_a_caller_who_hangs_up_meanwhile() -> None:
    async def call() -> None:
        async with SimulatedCall(BANK) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales", corrected_after_s=1.0)
            await caller.begins_to_hear(SALES)
            await caller.hangs_up()
            await caller.waits(2.0)
            assert not [event for event in caller.events if isinstance(event, CallerCorrected)]

    run(call())


def test_a_dialog_is_told() -> None:
    found: list[TurnCorrected] = []

    async def dialog(call: Call) -> None:
        turns = call.turns()
        answer = await call.ask("Sales or support?", choices={"sales": ["sales"], "support": ["support"]})
        assert (answer.choice, answer.is_final) == ("sales", False)
        async for event in turns:
            if isinstance(event, TurnCorrected):
                found.append(event)
                return

    async def call() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.hears("Sales or support?")
            await caller.says("support", misheard="sales", corrected_after_s=0.9)
            async with asyncio.timeout(5):
                await caller.over.wait()

    run(call())
    assert [(each.was.text, each.answer.choice) for each in found] == [("sales", "support")]


PAYING = """
name: paying
start: ask
no_input: {attempts: 3, then: bye}
no_match: {attempts: 3, reprompts: [Pardon.], then: bye}
steps:
  ask:
    ask: Shall we charge your card?
    choices:
      yes: {phrases: ["yes"], next: paid}
      no: {phrases: ["no"], next: bye}
  paid: {say: We have charged your card with four hundred pounds, next: bye}
  bye: {hang_up: Goodbye.}
"""


@pytest.fixture
def asks_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bot with the usual settings does."""
    monkeypatch.setattr(api_call, "Understanding", partial(Understanding, confirm_below=0.6))


def heard(caller: SimulatedCall) -> list[str]:
    return [each.text for each in caller.transcript if each.who == "bot"]


@pytest.mark.usefixtures("asks_back")
def test_a_late_yes_to_did_you_say_no_pays_nothing() -> None:
    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(PAYING.encode(), "paying.yaml"))) as caller:
            await caller.hears("Shall we charge your card?")
            await caller.says("no doubt", misheard="no way")
            await caller.hears("Did you say no?")
            await caller.says("yes", misheard="uh")
            await caller.begins_to_hear("Pardon.")
            await caller.waits(2.0)
            assert not any("charged" in text for text in heard(caller))

    run(call())


@pytest.mark.usefixtures("asks_back")
def test_a_late_final_that_is_uncertain_pays_nothing() -> None:
    async def call() -> None:
        async with SimulatedCall(flow_dialog(parse_flow(PAYING.encode(), "paying.yaml"))) as caller:
            await caller.hears("Shall we charge your card?")
            await caller.says("I don't want to say yes", misheard="I don't", corrected_after_s=0.1)
            await caller.begins_to_hear("Pardon.")
            await caller.waits(2.0)
            assert not any("charged" in text for text in heard(caller))

    run(call())
