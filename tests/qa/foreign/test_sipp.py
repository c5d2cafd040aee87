"""Scripts against an IVR and an exchange written in SIPp: good calls pass, and each planted fault is found."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from offhook.qa.result import Result
from offhook.telephony.codec.g711 import PCMU
from offhook.testing.audio_files import read_speech
from tests.e2e.peers import Sipp
from tests.qa.foreign.calls import call_each, kinds
from tests.qa.prompts import FILES, copied_to

pytestmark = pytest.mark.peer

HERE = Path(__file__).parent
SCRIPT = """
call: {dtmf: info, max_s: 20}
prompts: {greeting: greeting.wav, hours: hours.wav, balance: balance.wav, goodbye: goodbye.wav}
steps:
  - wait_for: {prompt: greeting}
  - press: "1"
  - wait_for: {prompt: hours, within_ms: 4000}
  - press: "2"
  - wait_for: {prompt: balance, within_ms: 4000}
  - press: "9"
  - wait_for: {prompt: goodbye, within_ms: 4000}
  - wait_for: {end: true, within_ms: 4000}
expect:
  response_ms: 1200
  prompts: [greeting, hours, balance, goodbye]
  prompt_start_missing_ms: 90
  codec: PCMU
  ended_by: bot
  sip: [{message: 180}, {message: BYE, at_most: 1}]
"""
PLAY = '<nop condexec="one"><action><exec rtp_stream="hours.ulaw,1,0"/></action></nop>'
FAULTS = {
    "late": ('<pause milliseconds="200"/>', '<pause milliseconds="2000"/>', "response_ms"),
    "wrong prompt": (PLAY, PLAY.replace("hours", "goodbye"), "wrong_prompt"),
    "clipped": (PLAY, PLAY.replace("hours", "clipped"), "prompt_start_missing_ms"),
    "silent": (PLAY, '<nop condexec="one"><action><log message="-"/></action></nop>', "silent"),
    "wrong codec": (PLAY, PLAY.replace(",1,0", ",1,8"), "codec"),
    "keys refused": ("SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n", None, "key_refused"),
    "no BYE": ('<pause milliseconds="1500"/>', '<pause milliseconds="9000"/>', "no_bye"),
}
"""What is replaced in the IVR, by what, and the finding that names it."""


def recordings(folder: Path) -> Path:
    """The prompts as WAV files and as SIPp plays them; of `clipped` the first 200 ms are missing."""
    copied_to(folder)
    for name in FILES:
        (folder / f"{name}.ulaw").write_bytes(PCMU.encode(read_speech(folder / f"{name}.wav")))
    loud = PCMU.encode(read_speech(folder / "hours.wav").lstrip(b"\0"))
    (folder / "clipped.ulaw").write_bytes(loud[2_400:])
    return folder


def scenario(folder: Path, fault: str) -> Path:
    """The IVR with this fault; "" for none."""
    text = (HERE / "ivr_sipp.xml").read_text()
    if fault:
        old, new, _ = FAULTS[fault]
        assert text.count(old) == 1, old
        text = text.replace(old, old.replace("200 OK", "415 No") if new is None else new)
    (folder / "with_faults").mkdir(exist_ok=True)
    path = folder / "with_faults" / f"{fault.replace(' ', '_') or 'clean'}.xml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """All calls at once, each to a SIPp of its own."""
    folder = recordings(tmp_path_factory.mktemp("sipp"))
    with ExitStack() as stack:
        ivrs = {name: stack.enter_context(Sipp(str(scenario(folder, name)), folder)) for name in ("", *FAULTS)}
        yield call_each(SCRIPT, folder, {name: ivr.port for name, ivr in ivrs.items()})


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_named(results: dict[str, Result], fault: str) -> None:
    assert FAULTS[fault][2] in kinds(results[fault]), results[fault].text()


def test_nothing_is_found_in_a_good_call(results: dict[str, Result]) -> None:
    assert results[""].passed, results[""].text()
    assert results[""].details["call"]["steps_done"] == 8


@pytest.mark.parametrize(
    ("prompt", "status", "found"),
    [("greeting", 480, []), ("hours", 480, ["wrong_prompt"]), ("greeting", 486, ["status"])],
)
def test_an_announcement_before_a_refusal(tmp_path: Path, prompt: str, status: int, found: list[str]) -> None:
    folder = recordings(tmp_path)
    script = (
        f"prompts: {{said: {prompt}.wav}}\nsteps:\n  - wait_for: {{prompt: said, early: true}}\n  - hang_up\n"
        f"expect: {{status: {status}}}\n"
    )
    with Sipp(str(HERE / "announcement_sipp.xml"), folder, "-d", "4000") as exchange:
        result = call_each(script, folder, {"": exchange.port})[""]
        assert kinds(result) == found, result.text()
        exchange.wait().check()


def test_keys_that_it_has_no_events_for_are_not_pressed_in_vain(tmp_path: Path) -> None:
    """Its description has PCMU alone."""
    folder = recordings(tmp_path)
    script = "steps:\n  - wait_for: speech\n  - press: '1'\n  - wait_for: speech\n"
    with Sipp(str(HERE / "ivr_sipp.xml"), folder) as ivr:
        result = call_each(script, folder, {"": ivr.port})[""]
    assert kinds(result) == ["no_events"], result.text()
    assert "`call: {dtmf: inband}`" in result.findings[0].why
