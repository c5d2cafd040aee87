"""Steps that call a function of the user's own, as they are written."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.settings.flow_steps.reader import FlowDefaults
from offhook.usererror import Problem, UserError

MODULE = """
def status(number: str, count: int = 1) -> str:
    return "sent"

async def both(number) -> dict[str, object]:
    return {}

def odd(number: [int], other: "Nowhere"): ...

NUMBER = 5
"""
FLOW = """
name: shop
start: number
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  number: {{collect: Your number., into: number, digits: 4, next: look}}
  look: {{python: {python}, with: {given}, into: {into}, next: found, otherwise: bye}}
  found: {{if: {condition}, then: bye, else: bye}}
  bye: {{hang_up: Goodbye.}}
"""
GOOD = {"python": "a_shop:status", "given": "{number: number}", "into": "found", "condition": "found == 'sent'"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "a_shop.py").write_text(MODULE)
    (tmp_path / "a_broken_shop.py").write_text("x = undefined\n")
    (tmp_path / "an_ending_shop.py").write_text("raise SystemExit(3)\n")
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    for name in ("a_shop", "a_broken_shop", "an_ending_shop"):
        sys.modules.pop(name, None)


def step(folder: Path, **changes: str) -> PythonStep:
    text = FLOW.format(**{**GOOD, **changes})
    found = parse_flow(text.encode(), str(folder / "f.yaml")).steps["look"]
    assert isinstance(found, PythonStep)
    return found


def problem(folder: Path, changes: dict[str, str], defaults: FlowDefaults | None = None) -> Problem:
    text = FLOW.format(**{**GOOD, **changes})
    with pytest.raises(UserError) as failed:
        parse_flow(text.encode(), str(folder / "f.yaml"), defaults)
    (found,) = failed.value.problems
    assert found.where.startswith(f"{folder}/f.yaml:")
    return found


def test_types_are_those_of_the_annotations(folder: Path) -> None:
    found = step(folder)
    assert (found.into, found.gives, found.takes) == ("found", Type.TEXT, {"number": Type.TEXT, "count": Type.NUMBER})
    both = step(folder, python="a_shop:both", into="{state: text, total: number}", condition="total > 3")
    assert both.results == {"state": Type.TEXT, "total": Type.NUMBER} and both.into is None
    assert step(folder, python="a_shop:odd", given="{number: number, other: 1}").takes == {}


@pytest.mark.parametrize(
    ("changes", "what", "why", "todo"),
    [
        ({"python": "a_shop"}, "`a_shop` is no function", "MODULE:NAME", "type `python: shop:order_status`"),
        ({"python": "os.system('x'):y"}, "`os.system('x'):y` is no function", "MODULE:NAME", "type `python"),
        ({"python": "a_shp:status"}, "`a_shp:status` cannot", "there is no module 'a_shp'", "a_shp.py beside the flow"),
        (
            {"python": "a_shop:state"},
            "`a_shop:state` cannot",
            "a_shop has no function `state`",
            "did you mean `status`",
        ),
        ({"python": "a_shop:NUMBER"}, "`a_shop:NUMBER` cannot", "a_shop has no function `NUMBER`", "one of: "),
        ({"python": "a_broken_shop:x"}, "`a_broken_shop:x` cannot", "NameError", "a_broken_shop.py beside"),
        ({"python": "an_ending_shop:x"}, "`an_ending_shop:x` cannot", "SystemExit: 3", "an_ending_shop.py beside"),
        ({"given": "{nr: number}"}, "`a_shop:status` cannot be called with nr", "missing a required", "see `with`"),
        ({"given": "{number: number, x: 1}"}, "`a_shop:status` cannot be called with number, x", "unexpected", "see"),
        ({"given": "{number: 5}"}, "`5` is a number", "the parameter `number` is a text", "type `text(5)`"),
        ({"given": "{number: nmber}"}, "there is no variable `nmber`", "no step stores it", "did you mean `number`?"),
        ({"into": "{state: txt}"}, "`txt` is not a type", "it is one of `text`", "did you mean `text`?"),
        ({"into": "{state: text}"}, "a_shop:status has no results", "returns a text", "`into: state`"),
        ({"into": "number of"}, "`number of` is not a valid variable name", "letters", "type `into: pin`"),
        ({"condition": "found > 3"}, "`found > 3` cannot be evaluated", "`found` is a text", "`number(found)`"),
    ],
)
def test_what_is_wrong_with_functions(folder: Path, changes: dict[str, str], what: str, why: str, todo: str) -> None:
    if changes.get("into") == "{state: text}" or "into" not in changes:
        changes = {"condition": "number == ''", **changes}
    if "into" in changes and "condition" not in changes:
        changes = {**changes, "condition": "number == ''"}
    found = problem(folder, changes)
    assert found.what.startswith(what) and why in found.why and found.todo.startswith(todo)


def test_an_operator_may_forbid_functions(folder: Path) -> None:
    found = problem(folder, {}, FlowDefaults(functions=False))
    assert found.what == "step `look` calls Python" and "`flow_functions = false`" in found.why
    assert Config.load(None, {"dialog": {"flow_functions": False}}).dialog.flow_functions is False


def test_other_systems_words() -> None:
    with pytest.raises(UserError, match="did you mean `otherwise`"):
        parse_flow(FLOW.format(**GOOD).replace("otherwise", "on_error").encode(), "f.yaml")
