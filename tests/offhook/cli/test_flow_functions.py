"""Functions and switches in the tests of a flow, and in calls by typing."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offhook.cli.main import app

FLOW = """
name: shop
start: look
switches: {emergency: {means: Closed at once.}}
steps:
  look: {python: the_shop:status, into: {state: text, total: number}, next: open, otherwise: sorry, timeout_s: 1}
  open: {if: switches.emergency, then: closed, else: told}
  told: {hang_up: "It is {state}, for {total + 1}."}
  closed: {hang_up: We are closed.}
  sorry: {hang_up: I cannot find out.}
"""
CASES = """
functions: {the_shop:status: {returns: {state: sent, total: 2.5}}}
cases:
  told: {talk: [{hears: "It is sent, for 3.5."}], expect: {ends: bot hangs up}}
  closed: {switches: {emergency: on}, talk: [{hears: We are closed.}]}
  raises: {functions: {the_shop:status: raises}, talk: [{hears: I cannot find out.}]}
  hangs: {functions: {the_shop:status: nothing}, talk: [{hears: I cannot find out.}]}
  lies: {functions: {the_shop:status: {returns: 5}}, talk: [{hears: I cannot find out.}]}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "the_shop.py").write_text("def status():\n    raise AssertionError('tests call no function')\n")
    (tmp_path / "shop.yaml").write_text(FLOW)
    (tmp_path / "shop.test.yaml").write_text(CASES)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("the_shop", None)


def test_cases_say_what_functions_return(shop: Path) -> None:
    done = CliRunner().invoke(app, ["flow", "test", str(shop)])
    assert done.exit_code == 0, done.stdout
    assert "5 passed, 0 failed" in done.stdout and "100" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("functions: {the_shop:status: {returns: {state: sent, total: 2.5}}}\n", "", "no result of the_shop:status"),
        ("{emergency: on}", "{emergncy: on}", "there is no switch `emergncy`"),
        ("{emergency: on}", "{emergency: red}", "`emergency` is never `red`"),
    ],
)
def test_a_case_that_lacks_something(shop: Path, old: str, new: str, said: str) -> None:
    assert CASES.count(old) == 1
    (shop / "shop.test.yaml").write_text(CASES.replace(old, new))
    done = CliRunner().invoke(app, ["flow", "test", str(shop)])
    assert done.exit_code == 1 and said in done.stdout


def test_who_types_is_the_function_too(shop: Path) -> None:
    typed = CliRunner().invoke(app, ["flow", "run", str(shop / "shop.yaml")], input='{"state": "lost", "total": 1}\n')
    assert "the_shop:status()" in typed.stdout and "It is lost, for 2." in typed.stdout
    options = ["flow", "run", str(shop / "shop.yaml"), "--switch", "emergency=on"]
    assert "We are closed." in CliRunner().invoke(app, options, input='{"state": "lost", "total": 1}\n').stdout
