"""The verdict on calls that are made up."""

from dataclasses import replace
from typing import Any

import pytest

from offhook.qa.script.reading import parse_script
from offhook.qa.script.runner import Failure
from offhook.qa.verdict.judge import judge
from offhook.qa.verdict.measures import figures
from offhook.qa.verdict.observed import (
    BotTurn,
    CallerSound,
    Gap,
    HttpRequest,
    MediaFigures,
    Message,
    ObservedCall,
    Repeated,
)

GOOD = ObservedCall(
    answered_s=0.1,
    ended_s=10.0,
    ended_by="bot",
    why="remote_bye",
    turns=(
        BotTurn(0.3, 2.0, -20.0, (("greeting", 0.0),), "good morning"),
        BotTurn(3.5, 5.2, -20.0, (("menu", 20.0),), "press one for balance"),
        BotTurn(6.6, 9.0, -20.0, (), "goodbye"),
    ),
    sounds=(CallerSound("speech", "hello", 2.5, 3.0), CallerSound("keys", "1", 5.0, 5.9)),
    keys="12",
    media=MediaFigures(400, codecs={"PCMU": 400}, agreed="PCMU", sent=500, jitter_ms=2.0, drift_ppm=-20.0),
    messages=(
        Message(0.02, True, "SIP/2.0 180 Ringing\r\nX-Node: a7\r\n\r\n"),
        Message(0.1, True, "SIP/2.0 200 OK\r\n\r\n"),
        Message(0.1, False, "ACK sip:x SIP/2.0\r\n\r\n"),
        Message(10.0, True, "BYE sip:x SIP/2.0\r\nReason: Q.850;cause=16\r\n\r\n"),
    ),
    record={
        "ended_by": "bot",
        "transcript": [{"who": "bot", "text": "Good morning."}, {"who": "caller", "text": "hello"}],
        "timeline": [{"kind": "answer", "keys": 1}, {"kind": "turn"}],
    },
    steps_done=1,
)

ORDERED = (HttpRequest(3.0, "POST", "/orders?x=1", '{"number": 17}'),)


def kinds(expect: str, call: ObservedCall = GOOD) -> list[str]:
    script = parse_script(f"steps: [hang_up]\nprompts: {{greeting: hi, menu: one}}\n{expect}".encode(), "x.yaml")
    return [each.kind for each in judge(script, call)]


ALL = """
expect:
  answer_ms: 200
  first_sound_ms: 300
  response_ms: {at_least: 400, at_most: 800}
  barge_in_ms: 300
  gap_ms: 40
  prompt_start_missing_ms: 60
  clipping_percent: 1
  level_dbfs: {at_least: -30}
  loss_percent: 1
  jitter_ms: 10
  drift_ppm: 200
  repeated_ms: 0
  speech_s: {at_least: 5}
  prompts: [greeting, menu]
  heard: [good morning, goodbye]
  codec: PCMU
  ended_by: bot
  bot_keys: "12"
  sip: [{message: 180, headers: {X-Node: a7}}, {message: BYE, headers: {reason: cause=16}, at_most: 1}]
  record: {ended_by: bot}
  bot_said: [good morning]
  caller_said: [Hello]
  keys_received: 1
"""


def test_a_good_call_passes_whatever_is_expected() -> None:
    assert kinds(ALL) == []
    assert kinds("") == []


@pytest.mark.parametrize(
    ("expect", "change", "expected"),
    [
        ("", {"answered_s": None, "why": "486 Busy Here", "status": 486}, ["not_answered"]),
        ("", {"media": MediaFigures(sent=500)}, ["one_way_audio"]),
        ("", {"media": replace(GOOD.media, codecs={"PCMA": 400})}, ["codec"]),
        ("expect: {codec: PCMA}", {}, ["codec"]),
        ("", {"failure": Failure(0, "x", "y", "wrong_prompt")}, ["wrong_prompt"]),
        ("", {"ended_by": "network", "why": "timeout"}, ["ended"]),
        ("expect: {ended_by: bot}", {"ended_by": "caller"}, ["no_bye"]),
        ("expect: {ended_by: caller}", {}, ["ended"]),
        ("expect: {response_ms: 600}", {}, ["response_ms"]),
        ("expect: {barge_in_ms: 100}", {}, ["barge_in_ms"]),
        ("expect: {barge_in_ms: 100}", {"sounds": ()}, ["barge_in_ms"]),
        ("expect: {gap_ms: 40}", {"gaps": (Gap(4.0, 61.0, True),)}, ["gap_ms"]),
        ("expect: {prompt_start_missing_ms: 10}", {}, ["prompt_start_missing_ms"]),
        ("expect: {level_dbfs: {at_least: -10}}", {}, ["level_dbfs"] * 3),
        ("expect: {drift_ppm: 200}", {"media": replace(GOOD.media, drift_ppm=-300.0)}, ["drift_ppm"]),
        ("expect: {drift_ppm: 200}", {"media": replace(GOOD.media, drift_ppm=300.0, drift_error_ppm=60.0)}, []),
        ("expect: {drift_ppm: 200}", {"media": replace(GOOD.media, drift_ppm=None)}, ["drift_ppm"]),
        ("expect: {repeated_ms: 0}", {"repeated": (Repeated(4.0, 900.0),)}, ["repeated_ms"]),
        ("expect: {prompts: [menu, greeting]}", {}, ["prompts"]),
        ("expect: {heard: [goodbye, good morning]}", {}, ["heard"]),
        ("expect: {bot_keys: '12'}", {"keys": "1122"}, ["keys_doubled"]),
        ("expect: {bot_keys: '12'}", {"keys": "2"}, ["keys_lost"]),
        ("expect: {transfer_to: '+1666'}", {}, ["transfer"]),
        ("expect: {transfer_to: '+1666'}", {"transfer_to": "sip:+1666@x"}, []),
        ("expect: {sip: [{message: 183}]}", {}, ["sip"]),
        ("expect: {sip: [{message: 180, headers: {X-Node: b}}]}", {}, ["sip"]),
        ("expect: {sip: [{message: ACK}]}", {}, ["sip"]),
        ("expect: {sip: [{message: BYE, at_least: 0, at_most: 0}]}", {}, ["sip"]),
        ("expect: {requests: [{path: /orders, method: POST, body: '17'}]}", {}, ["requests"]),
        ("expect: {requests: [{path: /orders, method: POST, body: '17'}]}", {"requests": ORDERED}, []),
        ("expect: {requests: [{path: /orders, at_most: 1}]}", {"requests": 2 * ORDERED}, ["requests"]),
        ("expect: {requests: [{path: /orders, body: '18'}]}", {"requests": ORDERED}, ["requests"]),
        ("expect: {record: {ended_by: caller}}", {}, ["record"]),
        ("expect: {record: {ended_by: bot}}", {"record": None}, ["record"]),
        ("expect: {bot_said: [evening]}", {}, ["bot_said"]),
        ("expect: {caller_said: [goodbye]}", {}, ["caller_said"]),
        ("expect: {keys_received: 2}", {}, ["keys_lost"]),
        ("expect: {keys_received: 0}", {}, ["keys"]),
    ],
)
def test_what_is_wrong_is_named(expect: str, change: dict[str, Any], expected: list[str]) -> None:
    assert kinds(expect, replace(GOOD, **change)) == expected


def test_no_answer_is_found_unless_the_call_ended_too_soon_for_one() -> None:
    silent = replace(GOOD, turns=GOOD.turns[:2])
    assert kinds("expect: {response_ms: {at_most: 1000}}", silent) == ["no_response"]
    assert kinds("expect: {response_ms: {at_most: 1000}}", replace(silent, ended_s=6.2)) == []


ONE_TURN = replace(
    GOOD,
    turns=(BotTurn(0.3, 9.0, -20.0, (("greeting", 0.0), ("menu", 0.0)), None, (0.31, 4.2)),),
    sounds=(CallerSound("keys", "1", 3.5, 3.6),),
)
"""The greeting, a key, and the answer to it, without a pause between them."""


def test_an_answer_without_a_pause_begins_where_its_prompt_does() -> None:
    assert [each.value for each in figures(ONE_TURN, "response_ms")] == pytest.approx([600.0])
    assert [each.value for each in figures(ONE_TURN, "barge_in_ms")] == pytest.approx([700.0])
    assert kinds("expect: {response_ms: 700, barge_in_ms: 800}", ONE_TURN) == []
    assert kinds("expect: {response_ms: 500}", ONE_TURN) == ["response_ms"]
    at_once = replace(ONE_TURN, turns=(replace(ONE_TURN.turns[0], prompts_began_s=(0.31, 3.55)),))
    assert [each.value for each in figures(at_once, "response_ms")] == [0.0], "before the key was released"


def test_a_key_within_the_first_sound_of_the_far_end_is_answered_by_the_prompt_after_it() -> None:
    turn = replace(ONE_TURN.turns[0], prompts=(("menu", 0.0),), prompts_began_s=(0.38,))
    early = replace(ONE_TURN, turns=(turn,), sounds=(CallerSound("keys", "1", 0.33, 0.43),))
    assert [each.value for each in figures(early, "response_ms")] == [0.0]
    assert kinds("expect: {response_ms: 500}", early) == []


def test_an_answer_that_cannot_be_told_is_not_taken_for_one_in_time() -> None:
    turn = replace(ONE_TURN.turns[0], prompts=(("greeting", 0.0),), prompts_began_s=(0.31,))
    unknown = replace(ONE_TURN, turns=(turn,))
    script = parse_script(b"steps: [hang_up]\nexpect: {response_ms: 5000}", "x.yaml")
    (found,) = judge(script, unknown)
    assert found.kind == "response_ms" and "was not measured" in found.what and "`prompts`" in found.why
    assert kinds("expect: {response_ms: 5000}", replace(unknown, turns=(turn, BotTurn(9.8, 9.9, -20.0)))) == [
        "response_ms"
    ], "the next turn is later than allowed"
    assert kinds("expect: {response_ms: 7000}", replace(unknown, turns=(turn, BotTurn(9.8, 9.9, -20.0)))) == []


def test_secrets_of_messages_are_in_no_finding() -> None:
    challenge = (
        'INVITE sip:x SIP/2.0\r\nX-Token: s3cret-a7\r\nAuthorization: Digest username="u", response="abcdef"\r\n\r\n'
    )
    call = replace(GOOD, messages=(Message(0.1, True, challenge),), transfer_to="sip:bob:pa55word@x")
    script = parse_script(
        b"steps: [hang_up]\nexpect:\n  transfer_to: alice\n"
        b"  sip: [{message: INVITE, headers: {X-Token: b8, Authorization: nobody}}]",
        "x.yaml",
    )
    found = judge(script, call)
    assert [each.kind for each in found] == ["transfer", "sip"]
    said = " ".join(each.what + each.why for each in found)
    assert "came with other headers: X-Token: ***" in said and "sip:bob:" in said
    assert not any(secret in said for secret in ("s3cret", "abcdef", "pa55word"))
    expected = b"steps: [hang_up]\nexpect: {sip: [{message: INVITE, headers: {X-Token: s3cret-a7}}]}"
    assert judge(parse_script(expected, "x.yaml"), call) == [], "what came is compared as it came"


def test_after_a_failed_step_nothing_is_said_of_what_it_prevented() -> None:
    failed = replace(GOOD, failure=Failure(0, "x", "y", "silent"), turns=GOOD.turns[:1], keys="", record=None)
    assert kinds(ALL.replace("speech_s: {at_least: 5}", ""), failed) == ["silent"]


def test_mumbling_needs_no_answer_and_interrupts_nobody() -> None:
    mumbled = replace(GOOD, sounds=(CallerSound("mumble", "", 4.0, 4.5), CallerSound("mumble", "", 9.1, 9.5)))
    assert kinds("expect: {response_ms: {at_most: 100}}", mumbled) == []


def test_a_call_that_is_to_be_refused_is_judged_by_its_status() -> None:
    refused = replace(GOOD, answered_s=None, status=486, why="486 Busy Here", record=None)
    assert kinds("expect: {status: 486}", refused) == []
    assert kinds("expect: {status: 480}", refused) == ["status"]
    assert kinds("expect: {status: 486}") == ["status"], "it was answered"
    assert kinds("expect: {status: 486}", replace(refused, status=None)) == ["status"]
