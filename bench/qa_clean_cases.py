"""The calls of bench.qa_clean: scripts, what carries them, the lines, and the limits that each line allows for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from offhook.qa.script.reading import parse_script
from offhook.qa.script.script import Script

CALLER = str(files("offhook").joinpath("assets", "caller"))
CARRIERS = ("PCMU", "PCMA", "stream")


@dataclass(frozen=True, slots=True)
class Steps:
    """A script without its line and its limits. `hears`: the bot has to understand speech, which loss may spoil."""

    flow: str
    hears: bool
    text: str


SCRIPTS = {
    "hours by key": Steps(
        "shop",
        False,
        """
        prompts: {question: {text: "Hello. Shall I tell you our opening hours, or where to find us?"},
                  hours: {text: "We are open from nine to five, Monday to Friday."}}
        steps: [{wait_for: {prompt: question}}, {press: "1"}, {wait_for: {prompt: hours}}, {wait_for: end}]
        expect: {prompts: [question, hours], bot_said: [nine to five, goodbye], keys_received: 1}
        """,
    ),
    "hours by speech": Steps(
        "shop",
        True,
        f"""
        prompts: {{hours: {{text: "We are open from nine to five, Monday to Friday."}}}}
        steps:
          - wait_for: speech
          - say: {CALLER}/opening-hours.wav
          - wait_for: {{prompt: hours}}
          - wait_for: end
        expect: {{bot_said: [nine to five], caller_said: [opening hours], prompts: [hours]}}
        """,
    ),
    "place by key": Steps(
        "shop",
        False,
        """
        prompts: {place: {text: "You find us at the corner of Main Street and Second Avenue."}}
        steps: [{wait_for: speech}, {press: "2"}, {wait_for: {prompt: place}}, {wait_for: end}]
        expect: {prompts: [place], keys_received: 1, bot_said: [main street]}
        """,
    ),
    "balance by speech": Steps(
        "bank",
        True,
        f"""
        prompts:
          greeting: {{text: "Thank you for calling Example Bank."}}
          account: {{text: "Please enter the last four digits of your account number."}}
        steps:
          - wait_for: {{prompt: greeting}}
          - say: {CALLER}/check-my-balance.wav
          - wait_for: {{prompt: account}}
          - press: "4711"
          - interrupt: {{after_ms: 3500, say: {CALLER}/goodbye.wav}}
          - wait_for: speech
          - wait_for: end
        expect:
          barge_in_ms: 900
          prompts: [greeting, account]
          bot_said: [thank you for calling, last four digits, your current account, goodbye]
          caller_said: [check my balance, goodbye]
          keys_received: 4
        """,
    ),
    "balance by keys": Steps(
        "bank",
        False,
        """
        prompts: {account: {text: "Please enter the last four digits of your account number."}}
        steps: [{wait_for: speech}, {press: "1"}, {wait_for: {prompt: account}}, {press: "4711"},
                {interrupt: {after_ms: 2500, press: "3"}}, {wait_for: end}]
        expect: {prompts: [account], bot_said: [last four digits, your current account, goodbye]}
        """,
    ),
}

LIMITS: Mapping[str, Any] = {
    "answer_ms": 1_000,
    "first_sound_ms": 1_500,
    "response_ms": 2_500,
    "gap_ms": 60,
    "prompt_start_missing_ms": 120,
    "clipping_percent": 1,
    "level_dbfs": {"at_least": -40, "at_most": -6},
    "loss_percent": 1,
    "jitter_ms": 15,
    "repeated_ms": 0,
    "speech_s": {"at_least": 2},
    "ended_by": "bot",
}
BY_SIP: Mapping[str, Any] = {
    "drift_ppm": 500,
    "record": {"disposition": "answered"},
    "sip": [{"message": "200"}, {"message": "BYE", "at_most": 1}],
}


class Line(NamedTuple):
    """Faults of the line (`line` of a script), and limits in place of the usual ones."""

    faults: Mapping[str, Any]
    limits: Mapping[str, Any]


LOSSY: Mapping[str, Any] = {"loss_percent": 8, "gap_ms": 110, "drift_ppm": 1_500}
LINES = {
    "clean": Line({}, {}),
    "loss": Line({"up": {"loss_percent": 2}, "down": {"loss_percent": 2}}, LOSSY),
    "loss down": Line({"down": {"loss_percent": 2}}, LOSSY),
    "jitter": Line(
        {"up": {"jitter_ms": 20}, "down": {"jitter_ms": 20, "delay_ms": 30}}, {"gap_ms": 90, "drift_ppm": 1_500}
    ),
}


class Case(NamedTuple):
    """A script, what carries it (of CARRIERS), and its line."""

    script: str
    carrier: str
    line: str

    def __str__(self) -> str:
        return ", ".join(self)


@cache
def cases() -> tuple[Case, ...]:
    """All of them: a stream has no faults of packets, and speech is not lost where it has to be understood."""
    return tuple(
        Case(script, carrier, line)
        for line in LINES
        for carrier in CARRIERS
        for script, steps in SCRIPTS.items()
        if (line == "clean" or carrier != "stream") and line != ("loss" if steps.hears else "loss down")
    )


def script_of(case: Case, seed: int) -> Script:
    """The script of a case."""
    data = yaml.safe_load(SCRIPTS[case.script].text)
    faults, limits = LINES[case.line]
    is_sip = case.carrier != "stream"
    data |= {"name": str(case), "seed": seed, "line": dict(faults)}
    data["call"] = {"codec": case.carrier, "max_s": 60} if is_sip else {"max_s": 60}
    data["expect"] = dict(LIMITS) | (dict(BY_SIP) if is_sip else {}) | data["expect"] | dict(limits)
    if is_sip:
        data["expect"]["codec"] = case.carrier
    return parse_script(yaml.safe_dump(data).encode(), str(case))
