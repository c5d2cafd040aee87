"""Call scripts against an IVR that knows nothing of offhook: each of its faults is named, and nothing is said of a good
call."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from offhook.qa.result import Result
from offhook.qa.run import RunSettings, Speakers, prepare, run_script
from offhook.qa.script.reading import parse_script
from offhook.settings.config import Config
from tests.qa.prompts import copied_to

CLEAN = 4
FAULTS = {
    "late": "response_ms",
    "clipped": "prompt_start_missing_ms",
    "gap": "gap_ms",
    "wrong_prompt": "wrong_prompt",
    "dtmf_lost": "keys_lost",
    "dtmf_doubled": "keys_doubled",
    "deaf": "barge_in_ms",
    "no_bye": "no_bye",
    "wrong_codec": "codec",
    "one_way": "one_way_audio",
}
"""The IVR's faults, and the finding that names each."""

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
  answer_ms: 1000
  response_ms: 1500
  barge_in_ms: 600
  gap_ms: 45
  prompt_start_missing_ms: 90
  prompts: [greeting, hours, goodbye]
  codec: PCMU
  bot_keys: "1234"
  ended_by: bot
  loss_percent: 1
  sip: [{message: 180}, {message: BYE, at_most: 1}]
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All calls at once, each to an IVR of its own."""
    folder = copied_to(tmp_path_factory.mktemp("ivr"))
    script = parse_script(SCRIPT.encode(), str(folder / "call.yaml"))
    names = [*FAULTS, *(f"clean {number}" for number in range(CLEAN))]
    ivrs = {name: start(folder, name if name in FAULTS else "") for name in names}

    async def call_all() -> dict[str, Result]:
        async with AsyncExitStack() as stack:  # of voices: there are none
            prepared = await prepare(script, Speakers(Config(), stack), None)
        calls = [run_script(script, prepared, RunSettings(target(ivr))) for ivr in ivrs.values()]
        return dict(zip(names, await asyncio.gather(*calls), strict=True))

    try:
        yield asyncio.run(call_all())
    finally:
        for ivr in ivrs.values():
            ivr.kill()
            ivr.communicate()


def start(folder: Path, fault: str) -> "subprocess.Popen[str]":
    program = Path(__file__).with_name("ivr.py")
    return subprocess.Popen([sys.executable, str(program), str(folder), fault], stdout=subprocess.PIPE, text=True)


def target(ivr: "subprocess.Popen[str]") -> str:
    assert ivr.stdout is not None
    return f"127.0.0.1:{int(ivr.stdout.readline())}"


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_named(results: dict[str, Result], fault: str) -> None:
    kinds = [each.kind for each in results[fault].findings]
    assert FAULTS[fault] in kinds, results[fault].text()


@pytest.mark.parametrize("number", range(CLEAN))
def test_nothing_is_found_in_a_good_call(results: dict[str, Result], number: int) -> None:
    good = results[f"clean {number}"]
    assert good.passed, good.text()
    call = good.details["call"]
    assert [name for turn in call["turns"] for name, _ in turn["prompts"]] == ["greeting", "hours", "goodbye"]
    assert call["steps_done"] == 7 and call["media"]["codecs"].keys() == {"PCMU"}
