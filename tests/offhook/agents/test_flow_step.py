"""A step of a flow that a language model takes, and hands back with values."""

from pathlib import Path

import pytest

from offhook.agents import agent_file
from offhook.api import routing
from offhook.api.agent_lifespan import with_agents
from offhook.api.flow_dialog import flow_dialog
from offhook.api.routing import Route, default_dialog, routed
from offhook.pipeline.trace import SilenceFilled
from offhook.pipeline.turn.machine import TurnSettings
from offhook.settings.config import Config
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.testing import SimulatedCall, flow, run
from offhook.usererror import UserError
from tests.offhook.agents.models import Says, ScriptedModel, call, told

FLOW = """
name: visit
start: name
variables: {shop: the shop}
steps:
  name:
    collect: Your number, please.
    digits: 4
    into: number
    next: book
    no_input: {then: bye}
    no_match: {then: bye}
  book:
    agent: You book visits of {shop} for customer {number}.
    greeting: When would you like to come?
    with: shop.yaml
    outcomes:
      booked:
        values:
          day: {type: string, format: date}
          people: {type: integer, min: 1, max: 12}
        next: confirm
      none: {next: bye}
    otherwise: bye
  confirm:
    hang_up: Booked for {people} on {day}.
  bye:
    hang_up: Goodbye.
"""
AGENT = "instructions: Be brief.\nmodel: scripted\nbase_url: http://127.0.0.1:9/v1\n"


def call_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ScriptedModel) -> SimulatedCall:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "shop.yaml").write_text(AGENT)
    monkeypatch.setattr(agent_file, "make_model", lambda _name, _options: model)
    return SimulatedCall(flow(tmp_path / "flow.yaml"))


def test_values_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = call("hand_back", outcome="booked", values={"day": "2026-12-01", "people": 4})
    model = ScriptedModel("How many?", Says(calls=(handed,)))

    async def talk() -> None:
        async with call_of(tmp_path, monkeypatch, model) as caller:
            await caller.hears("Your number")
            await caller.presses("4711")
            await caller.hears("When would you like to come?")
            await caller.says("on the first of December")
            await caller.hears("How many?")
            await caller.says("there are four of us")
            await caller.hears("Booked for 4 on 2026-12-01.")
            await caller.over.wait()

    run(talk())
    instructions = model.requests[0].messages[0].text
    assert instructions == "Be brief.\n\nYou book visits of the shop for customer 4 7 1 1."
    assert told(model.requests[0])[1] == ("assistant", "When would you like to come?")
    assert model.started == 1


def test_the_agents_own_language_holds_within_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken: list[str] = []
    model = ScriptedModel(Says(calls=(call("hand_back", outcome="none"),)))

    async def talk() -> None:
        caller = call_of(tmp_path, monkeypatch, model)
        async with caller:
            await caller.hears("Your number")
            await caller.presses("4711")
            await caller.hears("When would you like to come?")
            spoken.append(caller.call.language)
            await caller.says("never")
            await caller.hears("Goodbye.")
            spoken.append(caller.call.language)

    monkeypatch.setitem(globals(), "AGENT", f"{AGENT}language: de\n")
    run(talk())
    assert spoken == ["de", "en-US"]


def test_a_file_without_a_model_has_that_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "shop.yaml").write_text("instructions: Be brief.\n")
    model = ScriptedModel("How many?", Says(calls=(call("hand_back", outcome="none"),)))
    monkeypatch.setattr(routing, "make_chain", lambda _settings: model)
    dialog = default_dialog(Config.model_validate({"dialog": {"flow": tmp_path / "flow.yaml"}}))

    async def talk() -> None:
        async with SimulatedCall(dialog) as caller:
            await caller.presses("4711")
            await caller.hears("When would you like to come?")
            await caller.says("on the first of December")
            await caller.hears("How many?")

    run(talk())


@pytest.mark.parametrize("end", [call("hand_back", outcome="none"), call("hang_up", reason="x"), None])
def test_other_ends_lead_elsewhere(end: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(Says("All right.", calls=() if end is None else (end,)))  # type: ignore[arg-type]

    async def talk() -> None:
        async with call_of(tmp_path, monkeypatch, model) as caller:
            await caller.hears("Your number")
            await caller.presses("4711")
            await caller.hears("When would you like to come?")
            if end is not None:
                await caller.says("I do not know yet")
            await caller.hears("Goodbye.", within_s=60)
            await caller.over.wait()

    run(talk())


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("next: confirm", "next: confrm", "22", "there is no step `confrm`"),
        ("    otherwise: bye\n", "", "14", "`agent` step `book` has no `otherwise`"),
        ("type: integer", "type: int", "21", "`int` is not a type"),
        ("      none: {next: bye}", "      none: {next: confirm}", "26", "variable `people` may have no value here"),
        ("{shop: the shop}", "{day: today, shop: x}", "20", "`day` is a constant of the flow"),
        ("customer {number}", "customer {name}", "14", "there is no variable `name`"),
    ],
)
def test_mistakes_are_said_with_their_lines(old: str, new: str, where: str, what: str) -> None:
    with pytest.raises(UserError) as error:
        parse_flow(FLOW.replace(old, new).encode(), "flow.yaml")
    found = [(each.where.split(":")[1], each.what) for each in error.value.problems]
    assert any(line == where and what in said for line, said in found), found


def test_the_agents_file_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    assert load_flow(tmp_path / "flow.yaml").steps["book"].name == "book"
    with pytest.raises(UserError, match=r"shop\.yaml"):
        flow(tmp_path / "flow.yaml")


def test_its_model_starts_with_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel("How many?")
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "shop.yaml").write_text(AGENT)
    monkeypatch.setattr(agent_file, "make_model", lambda _name, _options: model)
    dialog = flow_dialog(load_flow(tmp_path / "flow.yaml"))

    async def process() -> None:
        lifespan = with_agents(routed([Route(("+1555",), dialog)], dialog), Config())
        assert lifespan is not None
        async with lifespan():
            assert model.started == 1
        assert model.closed >= 1

    run(process())


def test_a_file_without_a_model_takes_that_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "shop.yaml").write_text("instructions: Be brief.\n")
    read, model = load_flow(tmp_path / "flow.yaml"), ScriptedModel("x")
    assert [agent.model for agent in flow_dialog(read, lambda: model).agents] == [model]
    with pytest.raises(UserError, match="no language model"):
        flow_dialog(read)


def test_a_late_model_is_covered_within_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(Says("How many?", first_s=2.5))
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "shop.yaml").write_text(AGENT)
    monkeypatch.setattr(agent_file, "make_model", lambda _name, _options: model)

    async def talk() -> SimulatedCall:
        settings = TurnSettings(ignore_back_channels=True, filler_ms=1_200)
        async with SimulatedCall(flow(tmp_path / "flow.yaml"), settings=settings) as caller:
            await caller.hears("Your number")
            await caller.presses("4711")
            await caller.hears("When would you like to come?")
            await caller.says("on the first of December")
            await caller.hears("How many?")
            return caller

    assert [event.text for event in run(talk()).events if isinstance(event, SilenceFilled)] == ["One moment, please."]
