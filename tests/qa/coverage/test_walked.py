"""What calls have walked of a flow, by its runner's own account; and what would walk the rest."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.actions import (
    Action,
    AskFor,
    CameBack,
    Connect,
    Delegate,
    FindOut,
    FoundOut,
    HandedBack,
    HangUp,
)
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.events import Answer, AnswerKind
from offhook.qa.coverage.hints import ways_to
from offhook.qa.coverage.report import as_dict, covered, lines
from offhook.qa.coverage.walked import Edge, Entered, coverage_of, edges_of, walk_of
from offhook.qa.result import Result
from offhook.settings.flow_file import load_flow, parse_flow

BANK_FILE = Path(str(files("offhook").joinpath("assets", "flows", "bank.yaml")))
BANK = load_flow(BANK_FILE)
EVERY_KIND = """
name: all
start: who
no_input: {attempts: 1, then: bye}
no_match: {attempts: 2, then: bye}
steps:
  who: {who_answered: {human: menu, voicemail: bye}, otherwise: menu}
  menu:
    ask: Sales or support?
    choices:
      sales: {phrases: [sales], key: 1, next: desk}
      support: {phrases: [support], next: visit}
  desk: {transfer: "+15550100", on_failure: {busy: bye}, otherwise: menu, next: day}
  visit:
    agent: Find out when.
    with: AGENT
    outcomes: {booked: {next: bye}}
    otherwise: menu
  day: {collect: "When?", as: date, into: day, next: bye}
  bye: {hang_up: Goodbye.}
"""
ANSWERS = st.sampled_from(
    [
        Answer(AnswerKind.DTMF, digits="1", choice=""),
        Answer(AnswerKind.DTMF, digits="2"),
        Answer(AnswerKind.DTMF, digits="3"),
        Answer(AnswerKind.DTMF, digits="4711"),
        Answer(AnswerKind.SPEECH, text="opening hours"),
        Answer(AnswerKind.SPEECH, text="support"),
        Answer(AnswerKind.NO_INPUT),
        Answer(AnswerKind.NO_MATCH),
        Answer(AnswerKind.FAILED),
    ]
)


def every_kind(folder: Path) -> Flow:
    agent = folder / "agent.yaml"
    agent.write_text("instructions: Be kind.\n")
    return parse_flow(EVERY_KIND.replace("AGENT", agent.name).encode(), str(folder / "flow.yaml"))


def step_on(runner: FlowRunner, action: Action, answer: Answer, name: str) -> Action:
    match action:
        case Delegate():
            return runner.after(HandedBack(name))
        case Connect():
            return runner.after(CameBack(name))
        case FindOut():
            return runner.after(FoundOut(name))
        case _:
            return runner.after(answer)


def walked(flow: Flow, answers: list[Answer], names: list[str]) -> list[Entered]:
    """The walk of a call, each step of which is an edge of the flow."""
    runner = FlowRunner(flow)
    action = runner.start()
    walk = [Entered(*each) for each in runner.walked()]
    for answer, name in zip(answers, names, strict=False):
        if isinstance(action, HangUp):
            break
        before, asked = runner.step, isinstance(action, AskFor)
        action = step_on(runner, action, answer, name)
        for step, by in runner.walked():
            walk.append(Entered(step, by))
            if not asked or answer.kind is not AnswerKind.FAILED:
                assert flow.steps[before].edges()[by] == step
            else:
                assert by == "failed"
    return walk


NAMES = st.lists(st.sampled_from(["", "booked", "human", "voicemail", "busy"]), min_size=12, max_size=12)


@given(st.lists(ANSWERS, max_size=12), NAMES)
def test_every_step_of_a_call_of_the_sample_flow_is_an_edge(answers: list[Answer], names: list[str]) -> None:
    walk = walked(BANK, answers, names)
    found = coverage_of(BANK, [walk])
    assert sum(found.steps.values()) == len(walk) and walk[0] == Entered(BANK.start, "")
    assert sum(found.edges.values()) == sum(each.by not in ("", "failed") for each in walk)


@given(st.lists(ANSWERS, max_size=12), NAMES)
def test_every_kind_of_step_names_its_edges(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Answer], names: list[str]
) -> None:
    flow = every_kind(tmp_path_factory.getbasetemp())
    walk = walked(flow, answers, names)
    assert sum(coverage_of(flow, [walk]).edges.values()) == sum(each.by not in ("", "failed") for each in walk)


def test_edges_of_retries_depend_on_the_attempts(tmp_path: Path) -> None:
    flow = every_kind(tmp_path)
    assert flow.steps["menu"].edges() == {
        "choices.sales": "desk",
        "choices.support": "visit",
        "no_input.then": "bye",
        "no_match.then": "bye",
        "no_match": "menu",
    }
    assert flow.steps["bye"].edges() == {}


def test_a_late_final_leads_back_to_the_question() -> None:
    """menu -> hours, and then it was the balance."""
    walk = [
        Entered("menu", "next"),
        Entered("hours", "choices.opening_hours"),
        Entered("account", "choices.balance"),
        Entered("menu", "no_input.then"),
    ]
    found = coverage_of(BANK, [walk])
    assert found.edges[Edge("menu", "choices.balance", "account")] == 1
    assert found.edges[Edge("account", "no_input.then", "menu")] == 1 and found.edges_walked == 3


def test_what_would_walk_an_edge(tmp_path: Path) -> None:
    flow = every_kind(tmp_path)
    ways = {f"{edge.step} {edge.by}": way for edge, way in ways_to(flow).items()}
    assert ways["who who_answered.human"] == ["let the one who is called be human"]
    to_menu = ways["menu no_match"][:-1]
    assert ways["menu no_match"] == [*to_menu, "say something else"]
    assert ways["menu no_match.then"] == [*to_menu, "say something else, 2 times"]
    assert ways["menu no_input.then"] == [*to_menu, "say nothing for 5 s"]
    assert ways["menu choices.sales"] == [*to_menu, 'press: "1" or say: sales']
    assert ways["desk on_failure.busy"][-1] == "let the transfer fail (busy)"
    assert ways["visit outcomes.booked"][-1] == "let the agent hand back booked"
    assert ways["day next"][-1] == "say a date for day"
    bank = {f"{edge.step} {edge.by}": way for edge, way in ways_to(BANK).items()}
    assert bank["account next"] == ['press: "1" or say: balance', "press 4 digits"]
    assert bank["hours next"] == ['press: "2" or say: opening hours']
    assert bank["greeting next"] == []


def test_a_status_of_a_server_is_an_edge() -> None:
    text = """
name: f
start: ask
steps:
  ask: {request: "https://example.com/", on_status: {404: unknown}, next: bye, otherwise: bye}
  unknown: {hang_up: }
  bye: {hang_up: }
"""
    flow = parse_flow(text.encode(), "f.yaml")
    assert ways_to(flow)[Edge("ask", "on_status.404", "unknown")] == ["let the server answer with status 404"]


def record(*states: tuple[str, str]) -> dict[str, object]:
    timeline = [{"kind": "state", "at": 0.1, "name": name, "by": by} for name, by in states]
    return {"timeline": [{"kind": "answered", "at": 0.0}, *timeline, {"kind": "ended", "at": 3.0}]}


def test_the_walk_of_a_record_that_names_no_way() -> None:
    old = {"timeline": [{"kind": "state", "at": 0.1, "name": "menu"}]}
    assert walk_of(old) == [Entered("menu", "")] and walk_of({}) == []


def test_a_run_is_covered_by_its_calls_and_fails_below_what_is_wanted() -> None:
    first = Result("a", "a", 1.0, (), {"call": {"record": record(("greeting", ""), ("menu", "next"))}})
    second = Result(
        "b", "b", 1.0, (), {"calls": [{"steps": walk_of(record(("menu", ""), ("goodbye", "choices.goodbye")))}]}
    )
    unheard = Result("c", "c", 1.0, (), {"call": {"record": None}})
    found = covered(BANK, str(BANK_FILE), [first, second, unheard], None)
    coverage = found.details["coverage"]
    assert found.passed and coverage["steps"]["menu"] == 2 and coverage["steps"]["trouble"] == 0
    total = len(BANK.steps) + len(edges_of(BANK))
    assert coverage["percent"] == round(100 * (3 + 2) / total, 2)
    walked_edges = [(each["step"], each["by"]) for each in coverage["edges"] if each["walked"]]
    assert walked_edges == [("greeting", "next"), ("menu", "choices.goodbye")]
    assert "  step trouble" in found.notes and f"of {len(BANK.steps)} steps" in found.notes[0]
    (failed,) = covered(BANK, str(BANK_FILE), [first], 50).findings
    assert failed.kind == "coverage" and "50 %" in failed.what
    assert covered(BANK, str(BANK_FILE), [first], 1).passed


def test_all_is_walked() -> None:
    flow = parse_flow(b"name: x\nstart: bye\nsteps:\n  bye: {hang_up: Goodbye.}\n", "x.yaml")
    found = coverage_of(flow, [[Entered("bye", "")]])
    assert found.percent == 100 and not found.missing
    assert lines(found) == ["walked: 1 of 1 steps, 0 of 0 edges (100.0 %)"] and as_dict(found)["edges"] == []


def test_the_steps_of_sub_flows_and_limits_of_visits_have_edges_and_ways() -> None:
    flow = parse_flow(SUB_FLOWS.encode(), "f.yaml")
    called = Edge("who", "call", "who/number")
    returned = Edge("who/found", "outcomes.found", "menu")
    limit = Edge("menu", "visits.then", "bye")
    assert {called, returned, limit} <= set(edges_of(flow))
    assert not any(edge.by.startswith("commands") for edge in edges_of(flow))
    ways = ways_to(flow)
    assert ways[returned] == ["press 4 digits"]
    assert ways[limit] == ["press 4 digits", "come to menu more than 2 times"]
    runner = FlowRunner(flow)
    runner.start()
    runner.after(Answer(AnswerKind.DTMF, digits="1234"))
    found = coverage_of(flow, [[Entered(*each) for each in runner.walked()]])
    assert found.edges[called] == found.edges[returned] == found.steps["who/number"] == 1


SUB_FLOWS = """
name: parts
start: who
no_input: {then: bye}
no_match: {then: bye}
commands: {leave: {phrases: [leave], next: bye}}
flows:
  identify:
    start: number
    no_input: {then: found}
    no_match: {then: found}
    steps:
      number: {collect: Your number., into: account, digits: 4, next: found}
      found: {return: found}
steps:
  who: {call: identify, outcomes: {found: menu}}
  menu: {ask: Again., choices: {yes: {phrases: [yes], key: 1, next: who}}, visits: {most: 2, then: bye}}
  bye: {hang_up: Goodbye.}
"""
