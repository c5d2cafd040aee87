"""`offhook qa`: what is wrong before any call is placed, and what is only printed."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhook.cli.main import USAGE
from offhook.cli.qa import INTERNAL_ERROR
from offhook.pipeline.errors import EngineError
from tests.offhook.cli.conftest import Run

NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("bad.yaml", "good.yaml", "--target", NOWHERE), "bad.yaml:2:5: there is no step `sai`"),
        (("good.yaml",), "nobody is called"),
        (("uac_hol",), "uac_hol cannot be run"),
        ((), "there is nothing to run"),
        (("good.yaml", "--bot", "none.yaml"), "--bot: the bot none.yaml cannot be started"),
        (("good.yaml", "--coverage", "--target", NOWHERE), "--coverage: there is no flow to cover"),
        (("good.yaml", "--coverage-at-least", "50", "--bot", "bot.py"), "--coverage: there is no flow to cover"),
        (("good.yaml", "--coverage", "--bot", "none.yaml"), "none.yaml: the flow cannot be read"),
        (("good.yaml", "--stream", "--target", NOWHERE), "--stream: there is no stream to call"),
        (("uac_hold",), "nobody is called"),
        (("uas_busy", "--", "-p", "abc"), "-p: SIPp cannot be run"),
        (("uac_hold", "--target", NOWHERE, "--", "-p", "70000"), "-p: SIPp cannot be run"),
        (("uac_hold", "--target", NOWHERE, "--", "-p", "²"), "-p: SIPp cannot be run"),
        (("empty",), "empty: empty has nothing to run"),
        (("uas_busy",), "nobody would call uas_busy"),
        (("good.yaml", "uas_busy", "--target", NOWHERE), "--target: nobody would call uas_busy"),
        (("uas_busy", "--bot", "bot.py"), "nobody would call uas_busy"),
        (("record.yaml", "--target", NOWHERE), "record.yaml: what is expected of the bot's record cannot be known"),
        (("tls.yaml", "--target", "ws://127.0.0.1:9"), "tls.yaml: `transport` of `call` has no effect"),
        (("persona.yaml", "--target", NOWHERE), "persona.yaml: nobody can play the persona"),
        (("key.yaml", "--target", NOWHERE), "key.yaml: the persona's model needs a key"),
        (
            ("other.yaml", "--target", NOWHERE),
            "other.persona.yaml: the persona heard by another recogniser when it was recorded",
        ),
        (("changed.yaml", "--target", NOWHERE), "changed.persona.yaml: the recording is of another persona"),
        (("bob.yaml", "--target", NOWHERE), "bob.yaml: the tts engine 'auto' has no voice 'bob'"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    (tmp_path / "bad.yaml").write_text("steps:\n  - sai: x\n")
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    (tmp_path / "record.yaml").write_text("steps: [hang_up]\nexpect: {keys_received: 1}\n")
    (tmp_path / "tls.yaml").write_text("steps: [hang_up]\ncall: {transport: tls}\n")
    (tmp_path / "bob.yaml").write_text("steps: [{say: hello}, hang_up]\ncall: {voice: bob}\n")
    (tmp_path / "persona.yaml").write_text("persona: {goal: x}\n")
    (tmp_path / "key.yaml").write_text("persona: {goal: x, model: {name: x, api_key_env: NO_SUCH_KEY}}\n")
    for name, goal, recogniser in (("other", "x", "whisper"), ("changed", "y", "pocketsphinx")):
        (tmp_path / f"{name}.yaml").write_text("persona: {goal: x}\n")
        recorded = f"version: 1\nrecogniser: {recogniser}\npersona: {{goal: {goal}}}\nexchanges: []\n"
        (tmp_path / f"{name}.persona.yaml").write_text(recorded)
    (tmp_path / "empty").mkdir()
    status, _, err = run("qa", "run", *arguments)
    assert (status, err.splitlines()[0]) == (USAGE, what)
    assert "why:" in err and "type:" in err


def test_scripts_are_checked_without_a_call(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("steps: [hang_up]\n")
    (tmp_path / "bad.yaml").write_text("steps:\n  - sai: x\n  - press: y\n")
    assert run("qa", "check", "good.yaml") == (0, "good.yaml: 1 steps, 0 prompts: ok\n", "")
    status, _, err = run("qa", "check", "good.yaml", "bad.yaml")
    assert status == USAGE and err.count("why:") == 2


@pytest.mark.parametrize(
    "script",
    [
        "steps: [{say: hello}, hang_up]\ncall: {voice: bob}\n",
        "steps: [{say: {text: hello, voice: bob}}, hang_up]\n",
        "steps: [hang_up]\nprompts: {hello: {text: hello, voice: bob}}\n",
        "steps: [{say: hello}, hang_up]\ncall: {language: xx}\n",
    ],
)
def test_a_voice_that_is_not_there_is_found_without_a_call(run: Run, tmp_path: Path, script: str) -> None:
    (tmp_path / "call.yaml").write_text(script)
    status, _, err = run("qa", "check", "call.yaml")
    assert status == USAGE and err.startswith("call.yaml: ") and "why:" in err and "type:" in err
    (tmp_path / "call.yaml").write_text(script.replace("bob", "en+f3").replace("xx", "de"))
    assert run("qa", "check", "call.yaml")[0] == 0


def test_a_recorded_persona_needs_no_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "call.yaml").write_text("persona: {goal: x}\n")
    status, _, err = run("qa", "check", "call.yaml")
    assert status == USAGE and "nobody can play the persona" in err
    recorded = "version: 1\nrecogniser: pocketsphinx\npersona: {goal: x}\nexchanges: []\n"
    (tmp_path / "call.persona.yaml").write_text(recorded)
    assert run("qa", "check", ".") == (0, "call.yaml: a persona, 0 prompts: ok\n", "")
    (tmp_path / "call.persona.yaml").write_text("version: 2\n")
    status, _, err = run("qa", "check", "call.yaml")
    assert status == USAGE and err.startswith("call.persona.yaml:1:") and "record it anew" in err


def test_the_scripts_of_a_folder_are_checked(run: Run, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("b.yml", "a.yaml"):
        (calls / name).write_text("steps: [hang_up]\n")
    status, out, _ = run("qa", "check", "calls")
    assert status == 0 and [line.partition(":")[0] for line in out.splitlines()] == ["calls/a.yaml", "calls/b.yml"]
    (tmp_path / "none").mkdir()
    status, _, err = run("qa", "check", "none")
    assert status == USAGE and "*.yaml" in err


def test_the_library_is_listed(run: Run) -> None:
    status, out, _ = run("qa", "run", "--list")
    assert status == 0 and len(out.splitlines()) > 30
    assert all(len(line.split(maxsplit=1)) == 2 for line in out.splitlines())


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), OSError(5, "x")])
def test_a_mistake_in_the_program_is_no_finding(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("offhook.cli.qa_pcap._analyse", fail)
    status, _, err = run("qa", "pcap", "a.pcap")
    assert status == INTERNAL_ERROR and "Traceback" in err


def test_a_script_that_cannot_be_placed_does_not_cost_the_results_of_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nowhere.yaml").write_text('call: {target: "sip:bot@no-such-host.invalid"}\nsteps: [hang_up]\n')
    (tmp_path / "refused.yaml").write_text(f'call: {{target: "{NOWHERE}", ring_s: 1}}\nsteps: [hang_up]\n')
    status, out, _ = run(
        "qa", "run", "nowhere.yaml", "refused.yaml", "nowhere.yaml", "--json", "o.json", "--junit", "o"
    )
    assert status == 1 and "0 passed, 3 failed" in out
    results = json.loads((tmp_path / "o.json").read_text())["results"]
    assert [each["findings"][0]["kind"] for each in results] == ["not_run", "not_answered", "not_run"]
    assert "type: sip:" in results[0]["findings"][0]["why"]
    assert ElementTree.parse(tmp_path / "o").getroot().get("failures") == "3"


def test_without_a_recogniser_the_scripts_that_need_none_are_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise EngineError("vosk", "it cannot be started", "no model", "offhook models add vosk")

    monkeypatch.setattr("offhook.qa.caller.recogniser.Recogniser.__aenter__", fail)
    call = f'call: {{target: "{NOWHERE}", ring_s: 1}}\n'
    (tmp_path / "words.yaml").write_text(call + "steps:\n  - wait_for: {words: hello}\n")
    (tmp_path / "none.yaml").write_text(call + "steps: [hang_up]\n")
    status, _, _ = run("qa", "run", "words.yaml", "none.yaml", "--json", "o.json")
    results = json.loads((tmp_path / "o.json").read_text())["results"]
    assert status == 1
    assert [each["findings"][0]["kind"] for each in results] == ["not_run", "not_answered"]
    assert results[0]["findings"][0]["why"] == "no model. offhook models add vosk"
