"""What is the same script, and what another one; which runs of one agree."""

import pytest

from offhook.qa.script.reading import parse_script
from offhook.qa.verdict.identity import clips_hash, script_hash
from offhook.qa.verdict.judge import Deviation
from offhook.qa.verdict.repeats import flaky

SCRIPT = """
name: balance
call: {target: "sip:100@127.0.0.1:5060", codec: PCMU}
prompts: {pin: {text: Please enter your PIN.}}
steps:
  - wait_for: {prompt: pin}
  - say: hello
  - press: "12"
  - wait: 500
"""


def hashed(text: str, where: str = "x.yaml") -> str:
    return script_hash(parse_script(text.encode(), where))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"12"', '"13"'),
        ("wait: 500", "wait: 501"),
        ("wait: 500", "mumble: 500"),
        ("PCMU", "PCMA"),
        ("Please enter", "Enter"),
        ("name: balance", "name: balance\nseed: 2"),
        ("name: balance", "name: balance\nline: {down: {jitter_ms: 5}}"),
    ],
)
def test_what_decides_how_a_call_goes_makes_another_script(old: str, new: str) -> None:
    assert hashed(SCRIPT) != hashed(SCRIPT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: balance", "name: another"),
        ("5060", "5070"),
        ("steps:", "expect: {response_ms: 500}\nsteps:"),
        ("  - press", "  # a comment\n  - press"),
    ],
)
def test_who_is_called_and_what_is_expected_do_not(old: str, new: str) -> None:
    assert hashed(SCRIPT) == hashed(SCRIPT.replace(old, new))
    assert hashed(SCRIPT) == hashed(SCRIPT, "folder/other.yaml")


def test_clips_count_in_their_order_and_places() -> None:
    found = {clips_hash(each) for each in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"abc"], [])}
    assert len(found) == 5
    assert clips_hash([b"ab", b"c"]) == clips_hash([b"ab", b"c"])


def test_runs_that_disagree_are_flaky() -> None:
    late, early = Deviation("response_ms", "late", "by 5 ms"), Deviation("response_ms", "late", "by 9 ms")
    assert flaky([()]) is None
    assert flaky([(), (), ()]) is None
    assert flaky([(late,), (early, late)]) is None, "they agree on what is wrong"
    found = flaky([(), (late,), (), (late, Deviation("no_bye", "x", "y"))])
    assert found is not None and found.kind == "flaky" and "4 runs" in found.what
    assert found.why == "found: 2 times nothing, 1 times response_ms, 1 times no_bye and response_ms"
