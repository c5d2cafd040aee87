"""A call that is run again from its log decides as it did."""

import asyncio
import json
import random
from pathlib import Path
from time import process_time
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.api.call import Call
from offhook.cli.replay import what_if
from offhook.flight.reader import FlightLog, read_log
from offhook.flight.replay import replay
from offhook.flight.what_if import RecordedCall
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.events import Choice, DigitRule, Interruption, Question, TurnSoFar, Verdict
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.tables import Floor
from offhook.pipeline.understanding.kinds import Date, Digits
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.usererror import UserError
from tests.offhook.flight.logs import read_back

MENU = {"balance": Choice("balance", ("balance", "my balance"), "1"), "hours": Choice("hours", ("opening hours",), "2")}


async def bank(call: Call) -> None:
    await call.say("Welcome to the bank.", interruption=Interruption(min_ms=400))
    while True:
        answer = await call.ask("Balance or opening hours?", choices=list(MENU.values()))
        await call.say(f"You said {answer.choice}.", interruption=Interruption(keys="9"))
        answer = await call.ask("Your PIN, please.", digits=DigitRule(4, 4))
        day = await call.ask("When do you want to come?", value=Date())
        code = await call.ask("And the code?", value=Digits(2, 6))
        await call.say(f"Thank you, {answer.digits} {day.value} {code.value}.", barge_in=False)


async def listener(call: Call) -> None:
    turns = call.turns()
    call.expect()
    saying = call.start_saying("How can I help?")
    saying.finish()
    async for event in turns:
        text = getattr(event, "text", "")
        if type(event).__name__ == "TurnOver":
            saying.cancel()
            saying = call.start_saying(f"You said {text}, and")
            saying.append(" that is all I know about it.")
            saying.finish()


async def clerk(call: Call) -> None:
    def judge(said: str, unsaid: str, words: str) -> Literal["interrupt", "continue"] | None:
        return "continue" if "uh" in words else "interrupt" if "hours" in words else None

    call.on_overlap = judge
    await call.ask("What is your customer number, please?", expect="digits(2..4)", silence_ms=700)
    call.covers_silence = False
    day = await call.ask("And when do you want to come?", value=Date(), expect="date")
    call.covers_silence = True
    await asyncio.sleep(2.5)  # as in a slow database
    hot = Interruption(by="hotwords", hotwords=("opening hours",))
    await call.ask(f"For {day.value} there is a table by the window, or is it too cold for you?", interruption=hot)
    call.on_overlap = None
    call.expect()
    await call.say("Please wait while I write all of this down.", interruption=Interruption(ignore_back_channels=True))
    await asyncio.sleep(6.0)


class Hasty:
    """A policy of the user's own, which the log cannot describe."""

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        wanted_ms = 300 if turn.partial.endswith("hours") else 700
        if turn.silence_ms >= wanted_ms:
            return Verdict("over")
        return Verdict("likely" if turn.silence_ms >= 200 else "wait", 200 if turn.silence_ms < 200 else wanted_ms)


ACTS = st.one_of(
    st.tuples(
        st.just("says"),
        st.sampled_from(["balance", "opening hours", "uh", "mm-hm", "something else", "tomorrow", "42"]),
    ),
    st.tuples(st.just("presses"), st.sampled_from(["1", "2", "4711", "9", "#", "0815#", "12"])),
    st.tuples(st.just("types"), st.sampled_from(["opening hours", "4711", "1", "who are you?"])),
    st.tuples(st.just("waits"), st.floats(0.05, 4.0)),
)


async def talk(agent: object, acts: list[tuple[str, object]], endpoint: object = None) -> SimulatedCall:
    turn = TurnSettings(filler_ms=1_200, ignore_back_channels=True)
    async with SimulatedCall(agent, endpoint=endpoint, settings=turn, recorded=True) as caller:  # type: ignore[arg-type]
        for act, what in acts:
            await getattr(caller, act)(what)
            await caller.waits(0.01)  # no two lines are typed at once
        await caller.waits(2.0)
    return caller


@pytest.mark.parametrize("agent", [bank, listener, clerk])
@pytest.mark.parametrize("endpoint", [None, Hasty(), AnswerPolicy(likely_ms=200)], ids=["silence", "own", "answer"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(acts=st.lists(ACTS, max_size=12))
def test_every_decision_is_the_same(
    agent: object, endpoint: object, acts: list[tuple[str, object]], tmp_path: Path
) -> None:
    caller = run(talk(agent, acts, endpoint))
    assert caller.event_log is not None
    log = read_back(caller.event_log, tmp_path)
    found = replay(log)
    assert found.difference is None
    assert sum(len(step.outputs) for step in found.steps) == sum(row[0] == "o" for row in log.rows)
    assert found.steps[-1].after is Floor.CLOSED


def test_keyed_digits_are_not_in_the_log(tmp_path: Path) -> None:
    acts: list[tuple[str, object]] = [
        ("waits", 4.0),
        ("presses", "2"),
        ("waits", 5.0),
        ("presses", "4711"),
        ("waits", 3.0),
        ("says", "tomorrow"),
        ("waits", 5.0),
        ("types", "998877"),
    ]
    caller = run(talk(bank, acts))
    assert caller.event_log is not None
    log = read_back(caller.event_log, tmp_path)
    text = (tmp_path / "call.jsonl").read_text()
    assert replay(log).identical
    spoken = [row for row in log.rows if row[0] == "e" and row[1]["~"] in ("BotSpoke", "BotHeard")]
    assert spoken  # what the bot says is in the record, whatever it is
    quiet = [row for row in log.rows if row not in spoken and row[0] in ("i", "o", "k", "e")]
    keyed = [row for row in quiet if row[:2] == ["i", "key"]]
    assert [row[2][0] for row in keyed] == ["2", "d", "d", "d", "d"]
    assert "4711" not in str([row for row in quiet if row[:2] != ["i", "say"]])
    assert "998877" not in str([row for row in quiet if row[:2] != ["i", "say"]]) and '"dddd"' in text


def test_an_entry_that_goes_to_another_question_is_replayed_without_its_digits(tmp_path: Path) -> None:
    answers: list[str] = []

    async def agent(call: Call) -> None:
        call.expect(Question(digits=DigitRule(1, 10)))
        await asyncio.sleep(1.2)
        answers.append((await call.ask("Your PIN, please.", digits=DigitRule(4, 4))).digits)

    caller = run(talk(agent, [("waits", 0.5), ("presses", "47"), ("waits", 1.0), ("presses", "11")]))
    assert answers == ["4711"]
    assert caller.event_log is not None
    log = read_back(caller.event_log, tmp_path)
    assert ["k", "take_back", 2] in log.rows
    assert replay(log).identical


def minute(tmp_path: Path) -> FlightLog:
    """A call of more than 60 s."""
    acts = [("waits", 3.0), *[("says", "opening hours"), ("waits", 1.5), ("says", "mm-hm"), ("waits", 1.5)] * 15]
    caller = run(talk(listener, acts, AnswerPolicy(likely_ms=200)))
    assert caller.event_log is not None and caller.now > 60
    return read_back(caller.event_log, tmp_path)


@pytest.mark.alone
def test_a_minute_is_replayed_in_a_fraction_of_a_second(tmp_path: Path) -> None:
    log = minute(tmp_path)
    began = process_time()
    found = replay(read_log(tmp_path / "call.jsonl"))
    took_s = process_time() - began
    assert found.identical and found.seconds > 60 and len(log.frames()) > 1_000
    assert took_s < 1.0  # a twentieth of it on an idle core


def test_what_if_follows_what_was_said(tmp_path: Path) -> None:
    """With the policy that ends turns by the answer, the forced finals are heard again."""

    async def number(call: Call) -> None:
        await call.ask("Your number?", expect="digits(4)")
        await call.ask("And the name?")

    acts: list[tuple[str, object]] = [("waits", 2.0), ("says", "4 7 1 1"), ("waits", 4.0), ("says", "Smith")]
    caller = run(talk(number, acts, AnswerPolicy(likely_ms=200)))
    assert caller.event_log is not None
    call = RecordedCall(read_back(caller.event_log, tmp_path))
    first, second = what_if(call, {"turn.silence_ms": 900})["turns"]
    assert first["was"]["wait_ms"] < 200 and first["would_be"] == first["was"]  # a whole answer: no silence is awaited
    assert second["would_be"]["wait_ms"] > second["was"]["wait_ms"] + 300


def test_a_log_that_was_cut_off_is_replayed_as_far_as_it_goes(tmp_path: Path) -> None:
    minute(tmp_path)
    path = tmp_path / "call.jsonl"
    content = path.read_bytes()
    for keep in (0.3, 0.6, 0.9):
        path.write_bytes(content[: int(keep * len(content))])
        log = read_log(path)
        assert log.truncated and replay(log).identical


def test_a_damaged_log_is_refused_or_differs_and_never_breaks(tmp_path: Path) -> None:
    log, chance = minute(tmp_path), random.Random(4)
    path = tmp_path / "damaged.jsonl"
    header = (tmp_path / "call.jsonl").read_bytes().splitlines()[0] + b"\n"
    junk: tuple[Any, ...] = (None, "x", -1, [], {}, ["i"], {"~": "Question"}, {"~": "Question", "odd": 1}, 1e300, True)
    refused = 0
    for _ in range(150):
        rows = json.loads(json.dumps(log.rows))
        row = rows[chance.randrange(len(rows))]
        part = row[2] if row[0] == "i" and chance.random() < 0.7 else row
        part[chance.randrange(len(part))] = chance.choice(junk)
        path.write_bytes(header + b"".join(json.dumps(each).encode() + b"\n" for each in rows))
        try:
            replay(read_log(path))
        except UserError as error:
            refused += 1
            assert "row" in error.render() or "line" in error.render() or "header" in error.render()
    assert refused > 30
