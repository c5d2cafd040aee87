"""The QA kit as a user runs it: call scripts and SIPp scenarios against offhook, with its records, JUnit and JSON."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from offhook.qa.script.reading import parse_script
from offhook.telephony.codec.g711 import PCMU
from offhook.testing.audio_files import read_speech
from tests.certificates import Authority
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp
from tests.qa.prompts import copied_to

ASSETS = Path(str(files("offhook").joinpath("assets")))
BANK = f"""
name: balance
prompts:
  greeting: {{text: "Thank you for calling Example Bank."}}
  account: {{text: "Please enter the last four digits of your account number."}}
steps:
  - wait_for: {{prompt: greeting}}
  - say: {ASSETS}/caller/check-my-balance.wav
  - wait_for: {{prompt: account}}
  - press: "4711"
  - interrupt: {{after_ms: 3500, say: {ASSETS}/caller/goodbye.wav}}
  - wait_for: speech
  - wait_for: end
expect:
  ended_by: bot
  response_ms: 6000
  barge_in_ms: 2500
  prompts: [greeting, account]
  prompt_start_missing_ms: 120
  codec: PCMU
  bot_said: [thank you for calling, last four digits, your current account, goodbye]
  caller_said: [check my balance, goodbye]
  keys_received: 4
  record: {{ended_by: bot, disposition: answered}}
  sip: [{{message: 200}}, {{message: BYE, at_most: 1}}]
"""
SHORT = """
name: short
call: {transport: TRANSPORT, srtp: SRTP, codec: PCMA}
steps:
  - interrupt: {after_ms: 1200, say: SAID}
  - hold: 300
  - mumble: 400
  - hang_up
expect: {ended_by: caller, codec: PCMA, speech_s: {at_least: 1}, barge_in_ms: 2500}
"""


def qa(directory: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and what was printed."""
    return offhook_qa(directory, "run", *arguments)


def offhook_qa(directory: Path, *arguments: str, timeout_s: float = 120) -> tuple[int, str]:
    command = [sys.executable, "-m", "offhook", "qa", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=timeout_s, check=False)
    return done.returncode, done.stdout + done.stderr


def results_of(path: Path) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(path.read_text())["results"]}


@pytest.mark.peer
def test_a_bot_is_started_called_by_scripts_and_by_sipp_and_judged(tmp_path: Path) -> None:
    (tmp_path / "balance.yaml").write_text(BANK)
    (tmp_path / "wrong.yaml").write_text("steps:\n  - wait: 1000\n  - hang_up\nexpect: {keys_received: 2}\n")
    status, said = qa(
        tmp_path,
        *("balance.yaml", "wrong.yaml", "uac_hold", "uac_keys_by_info", "uas_busy"),
        *("--bot", str(ASSETS / "flows" / "bank.yaml"), "--junit", "out.xml", "--json", "out.json"),
    )
    results = results_of(tmp_path / "out.json")
    assert results["balance"]["passed"], said
    assert results["balance"]["call"]["record"]["transcript"]
    assert [each["kind"] for each in results["wrong"]["findings"]] == ["keys_lost"], said
    assert status == 1
    for name in ("uac_hold", "uac_keys_by_info", "uas_busy"):
        assert results[name]["passed"], said
    (call,) = results["uac_keys_by_info"]["calls"]
    assert call["transcript"] and call["rtp"] and call["keys"] > 0, said
    assert results["uac_hold"]["sipp"]["statistics"]["successful"] == 1
    assert results["uas_busy"]["outcome"].startswith("busy"), said
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("5", "1")


def test_the_same_script_over_tls_with_srtp_over_tcp_and_over_a_stream(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(f"IP:{HOST}", "bot.test")
    bot = start_bot(
        "--bench-engines",
        OFFHOOK_SIP__TLS_CERTIFICATE=str(issued.certificate),
        OFFHOOK_SIP__TLS_KEY=str(issued.key),
        OFFHOOK_SIP__TLS_PORT="0",
        OFFHOOK_RTP__SRTP="preferred",
    )
    short = SHORT.replace("SAID", str(ASSETS / "caller" / "goodbye.wav"))
    scripts = {
        "tls": ("tls", "true", f"{HOST}:{bot.tls_port}"),
        "tcp": ("tcp", "false", bot.address),
        "udp": ("udp", "true", bot.address),
        "stream": ("udp", "false", f"ws://{bot.http}/twilio/media"),
    }
    for name, (transport, srtp, target) in scripts.items():
        text = short.replace("TRANSPORT", transport).replace("SRTP", srtp).replace("name: short", f"name: {name}")
        if name == "stream":
            text = text.replace(", codec: PCMA, speech_s", ", speech_s")
        (tmp_path / f"{name}.yaml").write_text(text.replace("call: {", f'call: {{target: "{target}", '))
    status, said = qa(
        tmp_path,
        *(f"{name}.yaml" for name in scripts),
        *("--http", bot.http, "--ca", str(authority.certificate), "--json", "out.json"),
    )
    assert status == 0, said
    results = results_of(tmp_path / "out.json")
    for name, result in results.items():
        call = result["call"]
        assert call["turns"] and call["media"]["packets"] > 50, name
        assert call["record"]["transport"] == {"stream": "ws"}.get(name, name)
        assert call["record"]["ended_by"] == "caller"
    assert [results[name]["call"]["record"]["rtp"]["srtp"] for name in ("tls", "tcp", "udp")] == [1, 0, 1]
    status, said = offhook_qa(tmp_path, "record", results["udp"]["call"]["record"]["uniqueid"], "--http", bot.http)
    assert status == 0 and parse_script(said.encode(), "recorded.yaml").expect.ended_by == "caller"


@pytest.mark.peer
def test_an_ivr_written_in_sipp(tmp_path: Path) -> None:
    prompts = copied_to(tmp_path)
    for name in ("greeting", "hours"):
        (tmp_path / f"{name}.ulaw").write_bytes(PCMU.encode(read_speech(prompts / f"{name}.wav")))
    (tmp_path / "ivr.yaml").write_text(
        "prompts: {greeting: greeting.wav, hours: hours.wav, balance: balance.wav}\n"
        "steps:\n  - wait_for: {prompt: greeting}\n  - press: '1'\n  - wait_for: {prompt: hours}\n"
        "  - wait_for: end\n"
        "expect: {sip: [{message: 180}, {message: BYE}], codec: PCMU, prompt_start_missing_ms: 90}\n"
    )
    with Sipp("uas_ivr.xml", tmp_path, "-d", "6500") as ivr:
        status, said = qa(tmp_path, "ivr.yaml", "--target", f"{HOST}:{ivr.port}")
        assert status == 0, said
        ivr.wait().check()


def test_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "call.yaml").write_text("call: {ring_s: 1}\nsteps: [hang_up]\n")
    status, said = qa(tmp_path, "call.yaml", "--target", f"{HOST}:9")
    assert status == 1 and "the call was not answered" in said
