"""A record becomes a script that can be read, and does what the caller did."""

from typing import Any

import pytest

from offhook.qa.script.reading import parse_script
from offhook.qa.script.recorded import script_of
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, WaitFor

LINES: list[dict[str, Any]] = [
    {"at_s": 0.1, "who": "bot", "text": "Thank you for calling."},
    {"at_s": 2.0, "who": "bot", "text": 'How: can I "help" you? # 1'},
    {"at_s": 5.0, "who": "caller", "text": "check my balance"},
    {"at_s": 6.0, "who": "bot", "text": "Please enter your four digit PIN now."},
    {"at_s": 9.0, "who": "caller", "text": "[keys: 4]"},
    {"at_s": 9.1, "who": "caller", "text": "check", "final": False},
    {"at_s": 10.0, "who": "bot", "text": "The balance is", "heard": "The", "unheard": "balance is"},
    {"at_s": 13.5, "who": "caller", "text": "goodbye"},
    {"at_s": 14.0, "who": "bot", "text": "Goodbye."},
]
RECORD = {"uniqueid": "a7ef" * 8, "start": "2026-11-29T10:00:00Z", "src": "+1", "dst": "100", "transcript": LINES}


def test_a_record_becomes_a_script() -> None:
    script = parse_script(script_of(RECORD | {"ended_by": "bot"}).encode(), "recorded.yaml")
    assert script.steps == (
        WaitFor("speech"),
        Say(Speech("check my balance")),
        WaitFor("speech"),
        Press("1111"),
        Interrupt(3_500, Speech("goodbye")),
        WaitFor("speech"),
        WaitFor("end"),
    )
    assert script.expect.bot_said[1:3] == ('How: can I "help" you? #', "Please enter your four digit PIN")
    assert script.expect.caller_said == ("check my balance", "goodbye")
    assert script.expect.ended_by == "bot"


def test_who_hung_up_and_calls_without_words() -> None:
    script = parse_script(script_of(RECORD | {"ended_by": "caller", "transcript": LINES[:2]}).encode(), "x.yaml")
    assert script.steps == (HangUp(),) and script.expect.ended_by == "caller"
    with pytest.raises(ValueError, match="nothing was said"):
        script_of(RECORD | {"transcript": []})
