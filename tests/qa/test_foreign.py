"""Call scripts against an IVR that knows nothing of offhook: each of its faults is named, and nothing is said of a good
call."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from offhook.qa.result import Result
from tests.qa.foreign.calls import call_each
from tests.qa.prompts import copied_to

CLEAN = 4
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the IVR's (its name there), what it does, the kind of the finding that names it, and kinds of what
    follows from it. Anything else must not be found."""

    name: str
    does: str
    found: str
    follows: tuple[str, ...] = ()


FAULTS = (
    Fault("late", "every answer comes 1.5 s later", "response_ms"),
    Fault("clipped", "prompts lack their first 200 ms", "prompt_start_missing_ms", ("wrong_prompt",)),
    Fault("gap", "nothing is sent for 60 ms within each prompt", "gap_ms"),
    Fault("wrong_prompt", "another prompt is played", "wrong_prompt"),
    Fault("dtmf_lost", "every second key is not noticed", "keys_lost"),
    Fault("dtmf_doubled", "every key counts twice", "keys_doubled"),
    Fault("deaf", "it goes on while the caller speaks", "barge_in_ms", ("silent", "response_ms")),
    Fault("no_bye", "it does not hang up", "no_bye"),
    Fault("wrong_codec", "PCMA is sent where PCMU was agreed on", "codec"),
    Fault("said_twice", "an answer is said twice", "repeated_ms"),
    Fault("drift", "its clock is 3000 ppm slow", "drift_ppm"),
    Fault("one_way", "nothing is sent", "one_way_audio", ("step",)),
)

SCRIPT = """
name: keys and speech
call: {max_s: 14}
prompts: {greeting: greeting.wav, hours: hours.wav, balance: balance.wav, goodbye: goodbye.wav}
steps:
  - interrupt: {after_ms: 1200, say: balance.wav}
  - wait_for: {prompt: hours, within_ms: 4000}
  - press: "*1234"
  - wait_for: {keys: "1234", within_ms: 2500}
  - press: "9"
  - wait_for: {prompt: goodbye, within_ms: 4000}
  - wait_for: {end: true, within_ms: 2000}
expect:
  answer_ms: 2000
  response_ms: 1500
  barge_in_ms: 600
  gap_ms: 45
  prompt_start_missing_ms: 90
  prompts: [greeting, hours, goodbye]
  codec: PCMU
  bot_keys: "1234"
  ended_by: bot
  loss_percent: 1
  repeated_ms: 0
  drift_ppm: 1000
  sip: [{message: 180}, {message: BYE, at_most: 1}]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """Each call to an IVR of its own."""
    folder = copied_to(tmp_path_factory.mktemp("ivr"))
    faulty = [each.name for each in FAULTS]
    names = [*faulty, *(f"clean {number}" for number in range(CLEAN))]
    ivrs = {name: start(folder, name if name in faulty else "") for name in names}

    try:
        yield call_each(SCRIPT, folder, {name: port(ivr) for name, ivr in ivrs.items()}, AT_ONCE)
    finally:
        for ivr in ivrs.values():
            ivr.kill()
            ivr.communicate()


def start(folder: Path, fault: str) -> "subprocess.Popen[str]":
    program = Path(__file__).with_name("ivr.py")
    return subprocess.Popen([sys.executable, str(program), str(folder), fault], stdout=subprocess.PIPE, text=True)


def port(ivr: "subprocess.Popen[str]") -> int:
    """Its port, once it has started."""
    assert ivr.stdout is not None
    return int(ivr.stdout.readline())


@pytest.mark.parametrize("fault", FAULTS, ids=[each.name for each in FAULTS])
def test_the_fault_is_named_and_no_other(results: dict[str, Result], fault: Fault) -> None:
    result = results[fault.name]
    kinds = {each.kind for each in result.findings}
    assert fault.found in kinds, f"{fault.does}: {result.text()}"
    assert kinds <= {fault.found, *fault.follows}, f"{fault.does}: {result.text()}"
    assert any(each.kind == fault.found and each.what in result.text() for each in result.findings)


@pytest.mark.parametrize("number", range(CLEAN))
def test_nothing_is_found_in_a_good_call(results: dict[str, Result], number: int) -> None:
    good = results[f"clean {number}"]
    assert good.passed, good.text()
    call = good.details["call"]
    assert [name for turn in call["turns"] for name, _ in turn["prompts"]] == ["greeting", "hours", "goodbye"]
    assert call["steps_done"] == 7 and call["media"]["codecs"].keys() == {"PCMU"}


NO_PAUSE = """
call: {max_s: 14}
prompts: {greeting: greeting.wav, hours: hours.wav, goodbye: goodbye.wav}
steps:
  - wait: 1500
  - press: "1"
  - wait_for: {prompt: hours, within_ms: 5000}
  - press: "9"
  - wait_for: {prompt: goodbye, within_ms: 5000}
  - wait_for: {end: true, within_ms: 2000}
expect: {response_ms: 900, barge_in_ms: 900, prompts: [hours, goodbye]}
"""


def test_an_answer_without_a_pause_is_told_by_its_prompt(tmp_path: Path) -> None:
    """The greeting, which the key ends, and the answer to the key are one turn."""
    folder = copied_to(tmp_path)
    ivr = start(folder, "no_pause")
    try:
        result = call_each(NO_PAUSE, folder, {"no pause": port(ivr)}, 1)["no pause"]
    finally:
        ivr.kill()
        ivr.communicate()
    assert result.passed, result.text()
    first, *_ = result.details["call"]["turns"]
    (key, _) = result.details["call"]["sounds"]
    assert first["began_s"] < key["began_s"] and "hours" in [name for name, _ in first["prompts"]], "one turn"
    response, _ = result.details["figures"]["response_ms"]
    assert key["began_s"] <= response["at_s"] <= key["ended_s"] + 0.9
    barge_in, *_ = result.details["figures"]["barge_in_ms"]
    assert barge_in["value"] < 1_000 * (first["ended_s"] - key["began_s"]) - 500, "the answer is no part of it"
