"""Questions of flows over whole calls, in virtual time: a value or a choice, conditions, what is read back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.events import Answer, AnswerKind
from offhook.settings.flow_file import parse_flow
from offhook.testing import SimulatedCall, run

FLOW = """
name: questions
start: card
country: US
no_input: {attempts: 8, then: bye}
no_match: {attempts: 8, reprompts: [Pardon.], then: bye}
steps:
  card:
    collect: Your card?
    into: card
    digits: {min: 4, max: 8}
    spoken: true
    clear: "*"
    where: luhn(card)
    where_reprompt: That card has a mistake in it.
    confirm: yes
    choices:
      operator: {phrases: [operator], key: 0, next: operator}
      back: {key: "*", next: back}
    next: why
  why: {collect: Why do you call., as: text, into: why, next: phone}
  phone: {collect: Your phone., as: phone, into: phone, next: order}
  order: {collect: Your order., pattern: AA-99, into: order, next: told}
  told: {hang_up: "{card}, {why}, {phone}, {order}."}
  operator: {hang_up: The operator.}
  back: {hang_up: Back.}
  bye: {hang_up: Goodbye.}
"""
DIALOG = flow_dialog(parse_flow(FLOW.encode(), "questions.yaml"))

Act = Callable[[SimulatedCall], Awaitable[None]]


def keys(text: str) -> Act:
    return lambda caller: caller.presses(text)


def words(text: str) -> Act:
    return lambda caller: caller.says(text, seconds=1.0)


async def told(caller: SimulatedCall, *acts: Act) -> list[str]:
    """What the bot says, asked after and beside these acts; each is done when the bot has spoken."""
    for act in acts:
        await caller.hears("")
        await act(caller)
    async with asyncio.timeout(60):
        await caller.over.wait()
    return [said.text for said in caller.transcript if said.who == "bot"]


READ_BACK = "I understood 4 2 4 2. Is that right?"


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ((keys("0"),), ["The operator."]),
        ((words("operator"),), ["The operator."]),
        ((keys("*"),), ["Back."]),
        ((keys("4243#"), keys("0")), ["That card has a mistake in it.", "The operator."]),
        ((keys("42*0"),), ["The operator."]),
        ((keys("4242#"), keys("2"), keys("0")), [READ_BACK, "Pardon.", "The operator."]),
        ((words("four two four two"), words("no"), keys("0")), [READ_BACK, "Pardon.", "The operator."]),
        (
            (
                keys("18#"),
                keys("99*4242#"),
                words("yes"),
                words("my bill is wrong"),
                words("four one five five five five oh one two three"),
                words("A B one two"),
            ),
            [
                "Pardon.",
                READ_BACK,
                "Why do you call.",
                "Your phone.",
                "Your order.",
                "4 2 4 2, my bill is wrong, 4 1 5, 5 5 5, 0 1 2 3, A, B, 1 2.",
            ],
        ),
    ],
)
def test_a_call(acts: tuple[Act, ...], said: list[str]) -> None:
    async def call() -> None:
        async with SimulatedCall(DIALOG) as caller:
            assert await told(caller, *acts) == ["Your card?", *said]

    run(call())


def test_python_reads_back_too() -> None:
    async def dialog(call: Call) -> None:
        answer = await call.ask("Your PIN?", digits=4, confirm=True)
        await call.say(f"{answer.kind is AnswerKind.DTMF} {answer.value}.")
        await call.hangup()

    async def call() -> None:
        async with SimulatedCall(dialog) as caller:
            said = await told(caller, keys("4711"), words("yes"))
            assert said == ["Your PIN?", "I understood 4 7 1 1. Is that right?", "True 4711."]

    run(call())


RECEPTION = """
name: reception
start: whom
no_input: {attempts: 8, then: bye}
no_match: {attempts: 8, reprompts: [Pardon.], then: bye}
steps:
  whom: {collect: Whom., directory: people.csv, into: person, next: connect}
  connect: {transfer: "{person.number}", announce: "To {person}.", otherwise: sorry}
  sorry: {hang_up: "Call {person.number}."}
  bye: {hang_up: Goodbye.}
"""
PEOPLE = """name,department,number
John Smith,sales,+14155550101
John Smith,support,+14155550102
Mary Jones,sales,+14155550103
"""
WHICH = "Did you mean John Smith, sales, or John Smith, support?"


@pytest.mark.parametrize(
    ("acts", "said", "number"),
    [
        ((words("Mary Jones please"),), ["To Mary Jones."], "+14155550103"),
        ((words("merry jones"),), ["To Mary Jones."], "+14155550103"),
        ((keys("6279#"),), ["To Mary Jones."], "+14155550103"),
        ((words("john smith in support"),), ["To John Smith, support."], "+14155550102"),
        ((words("john smith"), words("support")), [WHICH, "To John Smith, support."], "+14155550102"),
        ((words("john smith"), keys("1")), [WHICH, "To John Smith, sales."], "+14155550101"),
        ((keys("76484#"), words("the second one")), [WHICH, "To John Smith, support."], "+14155550102"),
        ((words("barack obama"), keys("56637#")), ["Pardon.", "To Mary Jones."], "+14155550103"),
    ],
)
def test_dial_by_name(acts: tuple[Act, ...], said: list[str], number: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    dialog = flow_dialog(parse_flow(RECEPTION.encode(), str(tmp_path / "reception.yaml")))

    async def call() -> None:
        async with SimulatedCall(dialog, transfers=True) as caller:
            assert await told(caller, *acts) == ["Whom.", *said]
            assert caller.transferred_to == number

    run(call())


def test_python_waits_for_a_further_digit_of_a_key_as_long_as_it_is_told() -> None:
    answers: list[Answer] = []

    async def dialog(call: Call) -> None:
        choices: dict[str, list[str]] = {"first": [], "tenth": []}
        keys = {"1": "first", "10": "tenth"}
        for wait_ms in (None, 4_000):
            answers.append(await call.ask("Which floor?", choices=choices, keys=keys, inter_digit_ms=wait_ms))

    async def conversation() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.hears("Which floor?")
            await caller.presses("1")
            await caller.hears("Which floor?")
            await caller.presses("1")
            await caller.waits(2.0)
            await caller.presses("0")
            await caller.waits(1.0)

    run(conversation())
    assert [answer.choice for answer in answers] == ["first", "tenth"]


def test_python_gives_it_a_number() -> None:
    async def dialog(call: Call) -> None:
        with pytest.raises(ValueError, match="`inter_digit_ms` is at least 1"):
            await call.ask("Which floor?", keys={"1": "first"}, choices={"first": ()}, inter_digit_ms=0)

    async def conversation() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.waits(0.1)

    run(conversation())
