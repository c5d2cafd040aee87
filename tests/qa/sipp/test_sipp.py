"""SIPp's conventions: scenarios, options, what its files say, its exit status. A shell script stands for it."""

import os
from pathlib import Path

import pytest

from offhook.cli.running_bot import RunningBot
from offhook.qa.sipp.library import library, scenario_of, scenarios
from offhook.qa.sipp.program import Sipp, SippRun, first_errors, free_port
from offhook.qa.sipp.run import SippSettings, run_scenario, summary
from offhook.usererror import UserError

CALLER = '<?xml version="1.0"?>\n<!-- It calls. sipp -d MS. -->\n<scenario name="x"><send/></scenario>\n'
CALLEE = '<scenario name="y"><!-- <send> --><recv request="INVITE"/></scenario>\n'
PROGRAM = """#!/bin/sh
echo "$@" > "{folder}/arguments"
while [ $# -gt 0 ]; do
  case "$1" in
    -stf) echo "TotalCallCreated;SuccessfulCall(C);FailedCall(C);Retransmissions(C);" > "$2"
          echo "1;0;0;0;" >> "$2"; echo "3;2;1;4;" >> "$2" ;;
    -error_file) echo "2026 The following events occurred:" > "$2"; echo "unexpected 486" >> "$2" ;;
    -screen_file) echo "a screen" > "$2" ;;
  esac
  shift
done
exit {status}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "caller.xml").write_text(CALLER)
    (tmp_path / "callee.xml").write_text(CALLEE)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def sipp(folder: Path, status: int) -> None:
    program = folder / "bin" / "sipp"
    program.write_text(PROGRAM.format(folder=folder, status=status))
    program.chmod(0o755)


def test_scenarios_are_files_folders_and_names(folder: Path) -> None:
    caller, callee = scenario_of(folder / "caller.xml"), scenario_of(folder / "callee.xml")
    assert (caller.name, caller.is_called, caller.about) == ("caller", False, "It calls. sipp -d MS.")
    assert callee.is_called, "what is in a comment is not played"
    assert scenarios(str(folder)) == [callee, caller]
    assert scenarios(str(folder / "caller.xml")) == [caller]
    assert [each.name for each in scenarios("uac_hold")] == ["uac_hold"]


def test_what_is_no_scenario(folder: Path) -> None:
    (folder / "other.xml").write_text("<html/>")
    for what, problem in (
        (str(folder / "bin"), "has no scenarios"),
        (str(folder / "other.xml"), "is no SIPp scenario"),
        ("uac_hodl", "uac_hodl cannot be run"),
    ):
        with pytest.raises(UserError, match=problem):
            scenarios(what)


def test_every_scenario_of_the_library_says_what_it_demands() -> None:
    found = library()
    assert len(found) > 30
    assert all(len(each.about) > 15 for each in found)
    assert {each.is_called for each in found} == {True, False}
    described = (found[0].path.parent / "README.md").read_text()
    assert [each.name for each in found if f"| `{each.name}` | {each.about} |" not in described] == []


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(0, "all calls were successful"), (1, "at least one call failed"), (97, "ended by a command"), (253, "RTP")],
)
def test_statistics_errors_screen_and_status(folder: Path, status: int, meaning: str) -> None:
    sipp(folder, status)
    result, ended = run_scenario(scenario_of(folder / "caller.xml"), SippSettings("127.0.0.1:5060"))
    assert ended == status
    details = result.details["sipp"]
    assert details["statistics"] == {"calls": 3, "successful": 2, "failed": 1, "retransmissions": 4}
    assert details["screen"] == "a screen\n" and "unexpected 486" in details["errors"]
    assert result.passed is (status == 0)
    if status:
        (finding,) = result.findings
        assert meaning in finding.what and f"with {status}" in finding.what
        assert "unexpected 486" in finding.why


def test_errors_have_no_secrets_and_an_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.qa.sipp.program.MAX_TEXT_BYTES", 200)
    sipp(folder, 1)
    program = folder / "bin" / "sipp"
    message = r"INVITE sip:x SIP/2.0\\r\\nAuthorization: Bearer t0ken\\r\\n"
    many = f'; printf "{message}" >> "$2"; head -c 500 /dev/zero >> "$2" ;;\n    -screen'
    program.write_text(program.read_text().replace(" ;;\n    -screen", many))
    result, _ = run_scenario(scenario_of(folder / "caller.xml"), SippSettings("127.0.0.1:5060"))
    errors = result.details["sipp"]["errors"]
    assert "Authorization:****" in errors and "t0ken" not in errors and len(errors) == 200
    assert "t0ken" not in result.text()


def test_the_users_options_go_before_ours(folder: Path) -> None:
    sipp(folder, 0)
    options = ("-m", "10", "-r", "5", "-inf", "users.csv", "-key", "rtp_port", "4000", "-timeout", "5m")
    Sipp(scenario_of(folder / "caller.xml"), "127.0.0.1:5060", options).wait()
    said = (folder / "arguments").read_text().split()
    assert said[0] == "127.0.0.1:5060" and said[-len(options) :] == list(options)
    assert (said.count("-m"), said.count("-timeout"), said.count("rtp_port")) == (1, 1, 1)
    assert "-i" in said and "-timeout_error" not in said
    run = Sipp(scenario_of(folder / "callee.xml"), None, ()).wait()
    said = (folder / "arguments").read_text().split()
    assert said[0] == "-sf" and "-timeout_error" in said and run.status == 0


def test_one_that_goes_on_after_its_time_out_is_ended_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without -timeout_error it waits for its calls, which may be for ever."""
    monkeypatch.setattr("offhook.qa.sipp.program.GRACE_S", 0.2)
    sipp(folder, 0)
    program = folder / "bin" / "sipp"
    program.write_text(program.read_text().replace("exit 0", "exec sleep 60"))
    result, status = run_scenario(
        scenario_of(folder / "caller.xml"), SippSettings("127.0.0.1:5060", options=("-timeout", "1s"))
    )
    assert status == 97
    (finding,) = result.findings
    assert "ended with 97" in finding.what and "-timeout_error" in finding.why


def test_without_sipp(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder / "bin"))
    with pytest.raises(UserError, match="SIPp cannot be run"):
        Sipp(scenario_of(folder / "caller.xml"), "127.0.0.1:5060", ())


def test_what_sipp_says_is_for_people_and_says_where_nobody_is() -> None:
    said = (
        "The following events occurred:\n2026-11-29\t13:19:37.916069\t1795958377.916069: Aborting call on UDP "
        "retransmission timeout for Call-ID '1-2@127.0.0.1'\n"
    )
    found = first_errors(SippRun(1, 2, {"unexpected": 0}, said, target="127.0.0.1:9"))
    assert found.startswith("nothing came back from 127.0.0.1:9: Aborting call on UDP retransmission timeout")
    assert "look at --target" in found and "1795958377" not in found and "\t" not in found
    found = first_errors(SippRun(1, 2, {"unexpected": 1}, "2026-11-29\t13:19:37.9\t17.9: unexpected 486\n"))
    assert found == "unexpected 486"


def test_its_own_calls_are_known_by_their_call_ids() -> None:
    run = SippRun(0, 4711)
    assert run.has_call("3-4711@127.0.0.1")
    assert not run.has_call("3-14711@127.0.0.1") and not run.has_call("4711@127.0.0.1")
    assert free_port(8) % 2 == 0


def test_what_a_record_adds() -> None:
    record = {
        "uniqueid": "a",
        "call_id": "1-2@x",
        "transcript": [{"at_s": 1.0, "who": "bot", "text": "Hello."}],
        "timeline": [{"kind": "answer", "keys": 3}, {"kind": "answer", "keys": 1}],
        "rtp": {"lost": 2.0},
    }
    found = summary(record)
    assert (found["keys"], found["rtp"], found["transcript"][0]["text"]) == (4, {"lost": 2.0}, "Hello.")


def test_whom_sipp_is_called_by_is_not_looked_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller chooses the Call-ID, and offhook's own has records elsewhere: waiting for them is in vain."""
    asked: list[str] = []

    def records_of(*_: object) -> list[object]:
        asked.append(name)
        return []

    monkeypatch.setattr("offhook.qa.sipp.run.records_of", records_of)
    sipp(folder, 0)
    for name in ("callee", "caller"):
        pages = RunningBot("http://127.0.0.1:9", None)
        run_scenario(scenario_of(folder / f"{name}.xml"), SippSettings("127.0.0.1:5060", pages))
    assert asked == ["caller"]


@pytest.mark.parametrize("timeout", ["²", "1²s", "x", "5.5m"])
def test_a_time_out_that_cannot_be_read_is_sipps_affair(folder: Path, timeout: str) -> None:
    sipp(folder, 0)
    assert Sipp(scenario_of(folder / "caller.xml"), "127.0.0.1:5060", ("-timeout", timeout)).wait().status == 0
