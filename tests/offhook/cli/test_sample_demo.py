"""`offhook demo --flow NAME`: which samples there are, and which call of each is placed."""

import pytest
from typer.testing import CliRunner

from offhook.cli.main import app
from offhook.cli.sample_demo import keyed_case, sample_demo, samples
from offhook.settings.config import Config
from offhook.usererror import UserError


def test_the_samples_are_listed_with_what_they_are() -> None:
    shown = CliRunner().invoke(app, ["demo", "--flows"])
    assert shown.exit_code == 0
    assert [line.partition(":")[0] for line in shown.stdout.splitlines()] == list(samples())
    assert "clinic: A clinic: appointments are made" in shown.stdout and "docs/flows.md" not in shown.stdout


@pytest.mark.parametrize("name", samples())
def test_each_has_a_call_by_keys(name: str) -> None:
    case = keyed_case(name)
    assert any(move.does == "presses" for move in case.talk)
    assert not any(move.does == "says" for move in case.talk)


def test_the_call_needs_nothing_that_the_demo_lacks() -> None:
    """Several tests of this sample are by keys, in most of which an agent or the queue has a part."""
    assert keyed_case("support").name == "after hours, and no message"
    for name in samples():
        case = keyed_case(name)
        assert not (case.queue_ends or case.transfer_ends or case.switches) and case.secrets


async def test_a_sample_that_there_is_not() -> None:
    with pytest.raises(UserError) as caught:
        await sample_demo(Config(), "clinik", stay=False, as_json=True)
    (problem,) = caught.value.problems
    assert problem.what == "there is no sample flow `clinik`" and "restaurant" in problem.why
    assert "did you mean `clinic`?" in problem.todo
