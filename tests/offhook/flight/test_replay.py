"""A call that is run again from its log decides as it did."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.api.call import Call
from offhook.flight.replay import replay
from offhook.pipeline.events import Choice, DigitRule, Interruption, TurnSoFar, Verdict
from offhook.pipeline.understanding.kinds import Date, Digits
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
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


class Hasty:
    """A policy of the user's own, which the log cannot describe."""

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        wanted_ms = 300 if turn.partial.endswith("hours") else 700
        if turn.silence_ms >= wanted_ms:
            return Verdict("over")
        return Verdict("likely" if turn.silence_ms >= 200 else "wait", 200 if turn.silence_ms < 200 else wanted_ms)


ACTS = st.one_of(
    st.tuples(st.just("says"), st.sampled_from(["balance", "opening hours", "uh", "something else", "tomorrow", "42"])),
    st.tuples(st.just("presses"), st.sampled_from(["1", "2", "4711", "9", "#", "0815#", "12"])),
    st.tuples(st.just("types"), st.sampled_from(["opening hours", "4711", "1", "who are you?"])),
    st.tuples(st.just("waits"), st.floats(0.05, 4.0)),
)


async def talk(agent: object, acts: list[tuple[str, object]], endpoint: object = None) -> SimulatedCall:
    async with SimulatedCall(agent, endpoint=endpoint, recorded=True) as caller:  # type: ignore[arg-type]
        for act, what in acts:
            await getattr(caller, act)(what)
            await caller.waits(0.01)  # no two lines are typed at once
        await caller.waits(2.0)
    return caller


@pytest.mark.parametrize("agent", [bank, listener])
@pytest.mark.parametrize("endpoint", [None, Hasty()], ids=["silence", "own policy"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
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
    assert found.steps[-1].name == "close"


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
