"""`collect_secret`: its ways, and that a flow can do nothing with a secret but send it once."""

from dataclasses import replace
from typing import Any

import pytest

from offhook.pipeline.dialog.actions import Fetch, Fetched, SecretTaken, TakeSecret
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.log import LogStep
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.secret.entry import SecretKind, SecretOutcome, SecretRule

PIN = CollectSecret("pin", "Your PIN, please.", "pin", SecretRule(SecretKind.PIN, 4, 4), "check", "bye", "bye")
CHECK = RequestStep("check", "bye", "bye", secrets={"pin": "pin"})
BYE = End("bye", "Goodbye.")


def flow_of(*steps: Step) -> Flow:
    return Flow("test", steps[0].name, {step.name: step for step in (*steps, BYE)})


def walked(step: CollectSecret, *outcomes: SecretOutcome | None) -> list[tuple[str, str]]:
    runner = FlowRunner(flow_of(step, CHECK))
    runner.start()
    for outcome in outcomes:
        runner.after(SecretTaken(outcome))
    return runner.walked()[1:]


def test_the_runner_never_has_the_secret() -> None:
    runner = FlowRunner(flow_of(PIN, CHECK))
    taken = runner.start()
    assert isinstance(taken, TakeSecret)
    assert (taken.secret, taken.rule, taken.prompt.text) == ("pin", PIN.rule, "Your PIN, please.")
    fetch = runner.after(SecretTaken(SecretOutcome.ENTERED))
    assert isinstance(fetch, Fetch)
    assert (dict(fetch.values), dict(fetch.secrets)) == ({}, {"pin": "pin"})
    runner.after(Fetched(True))
    assert runner.dump()["collected"] == {}


NO_INPUT, NO_MATCH = SecretOutcome.NO_INPUT, SecretOutcome.NO_MATCH


@pytest.mark.parametrize(
    ("outcomes", "ways"),
    [
        ((SecretOutcome.ENTERED,), ["next"]),
        ((None,), ["refused"]),
        ((NO_INPUT, NO_MATCH, NO_INPUT), ["again", "again", "otherwise"]),
        ((NO_MATCH, SecretOutcome.ENTERED), ["again", "next"]),
    ],
)
def test_the_ways_on(outcomes: tuple[SecretOutcome | None, ...], ways: list[str]) -> None:
    assert [by for _, by in walked(PIN, *outcomes)] == ways
    assert set(ways) <= {*PIN.edges(), "refused"}


def test_it_is_asked_for_again_in_other_words() -> None:
    runner = FlowRunner(flow_of(replace(PIN, reprompt="Four digits, please."), CHECK))
    runner.start()
    again = runner.after(SecretTaken(NO_MATCH))
    assert isinstance(again, TakeSecret) and again.prompt.text == "Four digits, please."


def test_silence_and_mistakes_have_their_own_words() -> None:
    step = replace(
        PIN, reprompt="Again.", no_input=("Are you there?",), no_match=("Four digits.", "Just four."), attempts=6
    )
    runner = FlowRunner(flow_of(step, CHECK))
    runner.start()
    said = []
    for outcome in (NO_INPUT, NO_MATCH, NO_INPUT, NO_MATCH, NO_MATCH):
        again = runner.after(SecretTaken(outcome))
        assert isinstance(again, TakeSecret)
        said.append(again.prompt.text)
    assert said == ["Are you there?", "Four digits.", "Are you there?", "Just four.", "Just four."]


def problems(*steps: Step) -> list[str]:
    with pytest.raises(FlowError) as caught:
        flow_of(*steps)
    for problem in caught.value.problems:
        assert problem.what and problem.why and problem.todo and problem.path[0] == "steps"
    return [problem.what for problem in caught.value.problems]


USED = "the secret `pin` cannot be used here"


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (Say("more", "It is {pin}.", "bye"), USED),
        (Say("more", "It ends in {last(pin, 2)}.", "bye"), USED),
        (LogStep("more", "{pin}", "bye"), USED),
        (Set("more", {"kept": "pin"}, "bye"), USED),
        (Set("more", {"pin": "1"}, "bye"), "`pin` is stored here, and a secret elsewhere"),
        (RequestStep("more", "bye", "bye", send={"pin": "pin"}), USED),
        (RequestStep("more", "bye", "bye", places=("pin",)), USED),
        (RequestStep("more", "bye", "bye", meanwhile="Checking {pin}."), USED),
        (RequestStep("more", "bye", "bye", headers={"X-Pin": "{pin}"}), USED),
        (PythonStep("more", "bye", "bye", arguments={"number": "pin"}), USED),
        (QueueStep("more", "support", "bye", announce="It is {pin}."), USED),
        (QueueStep("more", "support", "bye", summary="It is {pin}."), USED),
        (TransferStep("more", ("{pin}",), "bye"), USED),
        (RequestStep("more", "bye", "bye", secrets={"again": "pin"}), "the secret `pin` is sent twice"),
        (RequestStep("more", "bye", "bye", secrets={"other": "other"}), "`other` is no secret of this flow"),
        (RequestStep("more", "bye", "bye", secrets={"a": "last(pin, 2)"}), "`last(pin, 2)` is no secret of this flow"),
    ],
)
def test_a_secret_goes_nowhere_else(step: Any, what: str) -> None:
    assert what in problems(PIN, replace(CHECK, next="more"), step)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"retries": 1}, "a request with secrets is not tried again"),
        ({"may_carry_secrets": False}, "the request of `check` cannot carry secrets"),
        ({"send": {"pin": '"1"'}}, "`pin` is sent twice"),
        ({"secrets": {}}, "the secret `pin` goes nowhere"),
    ],
)
def test_a_request_that_is_not_fit_for_it(changes: dict[str, Any], what: str) -> None:
    assert what in problems(PIN, replace(CHECK, **changes))


def test_it_has_been_keyed_on_every_way_to_the_request() -> None:
    first = Set("first", {"x": "1"}, "branch")
    say = Say("branch", "Hello.", "check")
    both = replace(PIN, otherwise="branch")
    assert "variable `pin` may have no value here" in problems(replace(first, next="pin"), both, say, CHECK)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rule": SecretRule(SecretKind.PIN, 3, 3)}, "a secret of 3 to 3 digits is no `pin`"),
        ({"rule": SecretRule(SecretKind.PIN, 4, 4, clear="#")}, "`#` cannot be the clear"),
        ({"rule": SecretRule(SecretKind.PIN, 4, 4, terminator="5")}, "`5` cannot be the terminator"),
        ({"rule": SecretRule(SecretKind.PIN, 4, 4, inter_digit_ms=1)}, "inter_digit_ms is 1"),
        ({"rule": SecretRule(SecretKind.PIN, 4, 4, no_input_ms=1)}, "timeout_s is 0.001"),
        ({"attempts": 0}, "attempts is 0"),
        ({"attempts": 2, "no_input": ("Hello?", "Are you there?")}, "reprompt 2 is never spoken"),
        ({"attempts": 1, "no_match": ("Once more.",)}, "reprompt 1 is never spoken"),
        ({"no_match": ("Was it {pin}?",)}, USED),
        ({"into": "call"}, "`call` cannot be stored in"),
    ],
)
def test_what_is_wrong_with_the_step(changes: dict[str, Any], what: str) -> None:
    assert what in problems(replace(PIN, **changes), CHECK)
