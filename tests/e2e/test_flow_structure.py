"""Sub-flows in files, commands, keys alone and limits of visits, in calls over SIP and RTP."""

import json
from pathlib import Path

import pytest

from tests.e2e.test_qa import offhook_qa

FLOW = """
name: bank
start: menu
flows: {identify: identify.yaml}
silent: {most: 3, then: person}
no_input: {then: bye}
no_match: {then: bye, keys_only_after: 1}
commands:
  repeat: {phrases: [repeat, say that again], key: "*", do: repeat}
  operator: {phrases: [operator, a person], key: 0, next: person}
steps:
  menu:
    ask: Would you like your balance, or our opening hours?
    choices:
      balance: {phrases: [my balance], key: 1, next: who}
      hours: {phrases: [opening hours], key: 2, next: open}
    timeout_s: 2
  who: {call: identify, with: {tries: 2}, results: [account], outcomes: {found: balance}, next: person}
  balance: {say: "Account {account} has fifty dollars.", next: menu, visits: {most: 1, then: person}}
  open: {say: From nine to five., next: menu}
  person: {say: A person will be with you in a moment., next: bye}
  bye: {hang_up: Goodbye.}
"""
IDENTIFY = """
parameters: {tries: number}
results: {account: text}
start: number
no_input: {then: failed}
no_match: {then: failed}
steps:
  number: {collect: "Your number, please.", into: account, digits: 4, timeout_s: 2, next: check}
  check: {if: "account == '1234'", then: found, else: count}
  count: {set: {tries: tries - 1}, next: enough}
  enough: {if: tries > 0, then: number, else: failed}
  found: {return: found}
  failed: {return: failed}
"""
CALLS = {
    "identified": (
        ["press: '1'", "press: '*'", "press: '1111'", "press: '1234'", "press: '1'", "press: '1234'"],
        ["menu", "who", "who/number", "who/check", "who/number", "who/found", "balance", "menu", "who/found", "person"],
    ),
    "failed": (["press: '1'", "press: '1111'", "press: '2222'"], ["menu", "who/number", "who/failed", "person", "bye"]),
    "by_voice": (["say: say that again", "say: opening hours", "say: operator"], ["menu", "open", "menu", "person"]),
    "in_a_sub_flow": (["press: '1'", "say: operator"], ["menu", "who/number", "person"]),
    "by_keys": (["press: '9'", "press: '2'", "press: '0'"], ["menu", "open", "menu", "person"]),
    "silent": (["wait: 100"] * 3, ["menu", "person", "bye"]),
}


def script(done: list[str], steps: list[str]) -> str:
    """A call that does one thing after each of the bot's turns, and listens to the end."""
    acts = [line for each in done for line in ("  - wait_for: speech", f"  - {each}")]
    return "\n".join(["steps:", *acts, "  - wait_for: end", f"expect: {{steps: {json.dumps(steps)}}}", ""])


@pytest.mark.peer
def test_calls_walk_sub_flows_and_commands(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "identify.yaml").write_text(IDENTIFY)
    for name, (done, steps) in CALLS.items():
        (tmp_path / f"{name}.yaml").write_text(script(done, steps))
    names = [f"{name}.yaml" for name in CALLS]
    arguments = ("--bot", "flow.yaml", "--json", "out.json", "--coverage")
    status, said = offhook_qa(tmp_path, "run", *names, *arguments, timeout_s=300)
    assert status == 0, said
    assert "who/number: no_match.then" in said, "what was not walked of a sub-flow is named"
