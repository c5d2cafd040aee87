"""Personas in call scripts."""

from pathlib import Path

import pytest

from offhook.qa.script.persona import ModelAddress, Persona
from offhook.qa.script.reading import is_script, parse_script
from offhook.usererror import UserError

SCRIPT = b"""
name: an impatient customer moves an appointment
persona:
  goal: move the appointment of Tuesday
  temperament: impatient, interrupts
  facts: {name: Maria Lopez, birthday: 4 May 1981, pin: 0012}
  limits: {turns: 12}
  model: {base_url: "http://127.0.0.1:8000/v1", name: any, api_key_env: SHOP_KEY}
adviser: {question: "Was the customer treated politely?"}
expect: {ended_by: caller}
"""


def test_a_persona_stands_in_place_of_steps() -> None:
    script = parse_script(SCRIPT, "call.yaml")
    assert script.persona == Persona(
        "move the appointment of Tuesday",
        "impatient, interrupts",
        (("name", "Maria Lopez"), ("birthday", "4 May 1981"), ("pin", "0012")),
        12,
        ModelAddress("any", "http://127.0.0.1:8000/v1", "SHOP_KEY"),
    )
    assert script.question == "Was the customer treated politely?"
    assert script.needs_words and not script.steps
    assert parse_script(b"persona: {goal: x}", "call.yaml").persona == Persona("x")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("name: x", "1:1", "a script has no `steps`"),
        ("persona: {goal: x}\nsteps: [hang_up]", "1:10", "`persona` and `steps` exclude each other"),
        ("persona: x", "1:10", "`persona` is not a mapping (`key: value` lines)"),
        ("persona: {temperament: x}", "1:10", "`persona` has no `goal`"),
        ('persona: {goal: ""}', "1:17", "`goal` is empty"),
        (f"persona: {{goal: {'x' * 2001}}}", "1:17", "`goal` is too long"),
        ("persona: {goal: x, limit: {}}", "1:20", "unknown key `limit` in `persona`"),
        ("persona: {goal: x, facts: [a]}", "1:27", "`facts` is not a mapping (`key: value` lines)"),
        ("persona: {goal: x, limits: {turns: 0}}", "1:36", "`turns` is 0"),
        ("persona: {goal: x, limits: {turns: 101}}", "1:36", "`turns` is 101"),
        ("persona: {goal: x, model: {base_url: http://a}}", "1:27", "`model` has no `name`"),
        ("persona: {goal: x, model: {name: x, base_url: localhost}}", "1:47", "`base_url` is no address"),
        ("persona: {goal: x, model: {name: x, api_key_env: sk-1}}", "1:50", "`api_key_env` is no name"),
        ("steps: [hang_up]\nadviser: {question: x}", "2:10", "`adviser` has no effect"),
        ("persona: {goal: x}\nadviser: {}", "2:10", "`adviser` has no `question`"),
    ],
)
def test_what_is_wrong_has_its_place(text: str, place: str, what: str) -> None:
    with pytest.raises(UserError) as error:
        parse_script(text.encode(), "call.yaml")
    first = error.value.problems[0]
    assert (first.where, first.what) == (f"call.yaml:{place}", what)
    assert first.why and first.todo


def test_a_key_is_not_shown() -> None:
    with pytest.raises(UserError) as error:
        parse_script(b"persona: {goal: x, model: {name: x, api_key_env: sk-secret}}", "call.yaml")
    assert "sk-secret" not in error.value.render()


def test_a_recording_is_no_script() -> None:
    assert is_script(Path("a.yaml")) and not is_script(Path("a.persona.yaml"))
