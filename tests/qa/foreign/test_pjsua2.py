"""Scripts against an IVR written with PJSIP: good calls pass, and each planted fault is found."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from offhook.qa.result import Result
from tests.e2e.peers import free_udp_ports
from tests.qa.foreign.calls import call_each, kinds
from tests.qa.prompts import copied_to

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("pjsua2") is None, reason="there is no wheel of pjsua2-python for this system"),
]

SCRIPT = """
call: {max_s: 20}
prompts: {greeting: greeting.wav, hours: hours.wav, balance: balance.wav, goodbye: goodbye.wav}
steps:
  - interrupt: {after_ms: 1200, press: "1"}
  - wait_for: {prompt: hours, within_ms: 4000}
  - press: "*"
  - wait_for: {keys: "1234", within_ms: 4000}
  - press: "9"
  - wait_for: {prompt: goodbye, within_ms: 4000}
  - wait_for: {end: true, within_ms: 4000}
expect:
  response_ms: 1600
  barge_in_ms: 900
  prompts: [greeting, hours, goodbye]
  codec: PCMU
  bot_keys: "1234"
  ended_by: bot
"""
FAULTS = {
    "late": "response_ms",
    "wrong_prompt": "wrong_prompt",
    "deaf": "barge_in_ms",
    "keys_lost": "keys_lost",
    "no_bye": "no_bye",
}
"""The IVR's faults, and the finding that names each."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All calls at once, each to an IVR of its own."""
    folder = copied_to(tmp_path_factory.mktemp("pjsua2"))
    ports = {name: free_udp_ports() for name in ("", *FAULTS)}
    program = Path(__file__).with_name("ivr_pjsua2.py")
    ivrs = [
        subprocess.Popen([sys.executable, program, str(port), folder, name], stdout=subprocess.PIPE, text=True)
        for name, port in ports.items()
    ]
    try:
        for ivr in ivrs:
            assert ivr.stdout is not None
            assert "ready\n" in ivr.stdout, "it is ended by something else"
        yield call_each(SCRIPT, folder, ports)
    finally:
        for ivr in ivrs:
            ivr.kill()
            ivr.communicate()


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_named(results: dict[str, Result], fault: str) -> None:
    assert FAULTS[fault] in kinds(results[fault]), results[fault].text()


def test_nothing_is_found_in_a_good_call(results: dict[str, Result]) -> None:
    assert results[""].passed, results[""].text()
    assert results[""].details["call"]["steps_done"] == 7
