"""The plug-in in a project of somebody's: pytest is run there, as its own process, and calls are real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.qa.prompts import copied_to

pytest_plugins = ("pytester",)

PLUGIN = ("-p", "no:offhook", "-p", "offhook.qa.pytest_plugin", "-p", "no:cacheprovider")
"""By its module, whatever this environment has installed."""

IVR = Path(__file__).with_name("ivr.py")
CONFTEST = f"""
import subprocess, sys
import pytest

@pytest.fixture(scope="session")
def offhook_bot(pytestconfig):
    command = [sys.executable, {str(IVR)!r}, str(pytestconfig.rootpath)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as ivr:
        yield "127.0.0.1:" + ivr.stdout.readline().strip()
        ivr.kill()
"""
PROMPTS = {"greeting": "greeting.wav", "hours": "hours.wav", "balance": "balance.wav"}
STEPS = ["wait_for: {prompt: greeting}", {"press": "1"}]


def project(pytester: pytest.Pytester, text: str) -> None:
    copied_to(pytester.path)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_calls=f"PROMPTS, STEPS = {PROMPTS!r}, {STEPS!r}\n{text}")


@pytest.mark.real_time
def test_calls_that_pass_and_one_that_fails(pytester: pytest.Pytester) -> None:
    """Steps, a script's file beside the test, a wrong prompt; two processes, each with a bot of its own."""
    project(
        pytester,
        """
def test_steps(offhook_call):
    call = offhook_call([*STEPS, {"wait_for": {"prompt": "hours"}}, "hang_up"], prompts=PROMPTS,
                        expect={"codec": "PCMU", "ended_by": "caller"})
    assert call.passed, call.text()
    assert call.details["call"]["steps_done"] == 3

def test_file(offhook_call, tmp_path):
    call = offhook_call("goodbye.yaml")
    assert call.passed, call.text()
    assert not list(tmp_path.rglob("*.wav"))

def test_wrong(offhook_call):
    assert offhook_call([*STEPS, "wait_for: {prompt: balance}", "hang_up"], prompts=PROMPTS).passed
""",
    )
    (pytester.path / "goodbye.yaml").write_text(
        "prompts: {goodbye: goodbye.wav}\nsteps:\n  - wait_for: speech\n  - press: '9'\n"
        "  - wait_for: {prompt: goodbye}\n  - wait_for: end\nexpect: {ended_by: bot}\n"
    )
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "2", "--basetemp", "temp", timeout=120)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Captured offhook call*",
            "FAILED  test_wrong *",
            "*the prompt 'balance' was not heard (*test_calls.py:14)",
            "*why: heard instead: the prompt 'hours'",
            "*it was step 3 of 4",
        ]
    )
    heard = sorted(each.name for each in pytester.path.glob("temp/**/heard-1/*.wav"))
    assert heard == ["test_calls-heard.wav", "test_calls-turn-1.wav", "test_calls-turn-2.wav"]


@pytest.mark.real_time
def test_what_cannot_be_called_is_explained_and_no_traceback_is_shown(pytester: pytest.Pytester) -> None:
    project(
        pytester,
        """
import asyncio, pathlib, pytest

@pytest.fixture
def offhook_bot():
    return None

def test_nobody(offhook_call):
    offhook_call(["hang_up"])

def test_unreadable(offhook_call):
    offhook_call([{"wait_for": "speach"}], target="127.0.0.1:9")

def test_twice(offhook_call):
    offhook_call("hours.yaml", expect={"codec": "PCMU"})

def test_path(offhook_call):
    offhook_call([{"say": pathlib.Path("x.wav")}])

def test_records(offhook_call):
    offhook_call(["hang_up"], expect={"bot_said": ["hello"]}, target="127.0.0.1:9")

def test_loop(offhook_call):
    async def place():
        offhook_call(["hang_up"], target="127.0.0.1:9")
    asyncio.run(place())
""",
    )
    result = pytester.runpytest_subprocess(*PLUGIN, timeout=120)
    result.assert_outcomes(failed=6)
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.fnmatch_lines(
        [
            "nobody is called",
            "*type: --offhook-target HOST:PORT, --offhook-bot FILE, *",
            "*test_calls.py:12: `wait_for` cannot be `speach`",
            "*did you mean `speech`?",
            "a file takes no other keys",
            "the script cannot be read",
            "*Path*",
            "*what is expected of the bot's record cannot be known",
            "*type: --offhook-http HOST:PORT, the bot's pages; or --offhook-bot FILE",
            "the call cannot be placed",
            "*asyncio.to_thread*",
        ]
    )


@pytest.mark.real_time
def test_a_bot_that_does_not_start_is_an_error_of_its_tests_alone(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\noffhook_bot = bot.py\n")
    pytester.makepyfile(
        bot="raise SystemExit('no key')",
        test_calls="def test_call(offhook_call): offhook_call(['hang_up'])\ndef test_other(): pass",
    )
    result = pytester.runpytest_subprocess(*PLUGIN, timeout=120)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*bot.py does not start", "*why:*no key"])


def test_a_project_that_places_no_calls_loads_nothing() -> None:
    code = (
        "import json, sys, pytest; before = set(sys.modules); import offhook.qa.pytest_plugin; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == ["offhook", "offhook.qa", "offhook.qa.pytest_plugin"]
