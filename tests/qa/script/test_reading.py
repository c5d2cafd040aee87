"""Call scripts are read as a whole, with each problem at its line."""

from pathlib import Path

import pytest

from offhook.qa.script.expect import Limit, RequestExpectation, SipExpectation
from offhook.qa.script.reading import load_script, parse_script
from offhook.qa.script.script import HttpAnswer, HttpDouble
from offhook.qa.script.steps import (
    ChangeMind,
    HangUp,
    Hold,
    Interrupt,
    Noise,
    Press,
    Say,
    Speech,
    Wait,
    WaitFor,
)
from offhook.usererror import UserError

ALL = """
name: everything
seed: 7
call: {target: "sip:100@127.0.0.1:5070", transport: TCP, codec: pcma, srtp: true, from: "+1555", max_s: 30,
       headers: {X-Ticket: 17}, voice: mary, pause_ms: 900}
line:
  up: {loss_percent: 3, burst_packets: 2}
  down: {jitter_ms: 40, delay_ms: 10}
  level_db: -6
  echo_db: 20
  noise_dbfs: -50
prompts:
  greeting: greeting.wav
  menu: {text: "Press one.", voice: bob}
http: {port: 8099, answers: [{path: /orders, method: post, status: 201, body: ok}]}
steps:
  - wait_for: speech
  - wait_for: ringback
  - wait_for: {prompt: greeting, within_ms: 3000}
  - wait_for: {words: good morning}
  - wait_for: {silence_ms: 2000}
  - wait_for: {keys: "12"}
  - say: hello there
  - say: {wav: greeting.wav, level_db: -10}
  - press: 0012
  - interrupt: {after_ms: 900, say: stop}
  - interrupt: {after_words: 3, press: "#"}
  - change_mind: {say: opening hours, after_ms: 400, then: my balance}
  - mumble: 700
  - noise: -35
  - noise: off
  - hold: 1500
  - wait: 250
  - wait_for: end
  - hang_up
expect:
  response_ms: 1500
  level_dbfs: {at_least: -40, at_most: -10}
  prompts: [greeting, menu]
  heard: good morning
  codec: pcma
  ended_by: bot
  bot_keys: "12"
  transfer_to: "+1666"
  sip: [{message: 180}, {message: BYE, headers: {Reason: Q.850}, at_most: 1}]
  requests: [{path: /orders, method: post, body: "17", at_most: 1}]
  record: {ended_by: caller}
  caller_said: [hello]
  keys_received: 4
"""


def script_beside(folder: Path, text: str) -> Path:
    (folder / "greeting.wav").write_bytes(b"RIFF")
    path = folder / "call.yaml"
    path.write_text(text)
    return path


def test_everything_that_a_script_can_say(tmp_path: Path) -> None:
    script = load_script(script_beside(tmp_path, ALL))
    wav = str(tmp_path / "greeting.wav")
    assert script.steps == (
        WaitFor("speech"),
        WaitFor("tone", "ringback"),
        WaitFor("prompt", "greeting", 3_000),
        WaitFor("words", "good morning"),
        WaitFor("silence", "", 10_000, 2_000),
        WaitFor("keys", "12"),
        Say(Speech("hello there")),
        Say(Speech(wav=wav, level_db=-10.0)),
        Press("0012"),
        Interrupt(900, Speech("stop")),
        Interrupt(1_080, keys="#"),
        ChangeMind(Speech("opening hours"), 400, Speech("my balance")),
        Say(Speech(mumble_ms=700, level_db=-12.0)),
        Noise(-35.0),
        Noise(None),
        Hold(1_500),
        Wait(250),
        WaitFor("end"),
        HangUp(),
    )
    assert script.lines[:3] == (17, 18, 19)
    assert script.http == HttpDouble(8_099, (HttpAnswer("/orders", "POST", 201, "ok"),))
    assert script.expect.requests == (RequestExpectation("/orders", "POST", "17", 1, 1),)
    assert (script.name, script.seed, script.needs_words) == ("everything", 7, True)
    assert script.prompts == {"greeting": Speech(wav=wav), "menu": Speech("Press one.", voice="bob")}
    call, line, expect = script.call, script.line, script.expect
    assert (call.transport, call.codec, call.srtp, call.caller) == ("tcp", "PCMA", True, "+1555")
    assert (call.headers, call.max_s, call.pause_ms) == ((("X-Ticket", "17"),), 30.0, 900)
    assert (line.up.loss_percent, line.down.jitter_ms, line.echo_db, line.noise_dbfs) == (3, 40, 20, -50)
    assert expect.limits == {"response_ms": Limit(at_most=1_500), "level_dbfs": Limit(-40, -10)}
    assert (expect.codec, expect.keys_received, expect.heard) == ("PCMA", 4, ("good morning",))
    assert expect.sip == (SipExpectation("180"), SipExpectation("BYE", {"Reason": "Q.850"}, 1, 1))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("steps: []", "1:8", "`steps` is not a list"),
        ("name: x", "1:1", "a script has no `steps`"),
        ("steps:\n  - sai: x", "2:5", "there is no step `sai`"),
        ("steps:\n  - {say: x, press: 1}", "2:5", "a step is not one action"),
        ("steps:\n  - wait_for: spech", "2:15", "`wait_for` cannot be `spech`"),
        ("steps:\n  - wait_for: {tone: hum}", "2:22", "there is no tone `hum`"),
        ("steps:\n  - wait_for: {words: a, tone: beep}", "2:15", "`wait_for` waits for one thing"),
        ("steps:\n  - wait_for: {end: true, early: true}", "2:34", "`end` is never early"),
        ("steps:\n  - wait_for: {speech: true, early: true, within_ms: 90}", "2:54", "`within_ms` has no effect"),
        ("steps:\n  - wait: 9\n  - wait_for: {speech: true, early: yes}", "3:5", "an `early` wait comes too late"),
        ("call: {dtmf: sip}\nsteps: [hang_up]", "1:14", "`dtmf` is `sip`"),
        ("call: {target: 'ws://x/y', dtmf: info}\nsteps: [hang_up]", "1:34", "`dtmf` has no effect"),
        ("steps:\n  - wait_for: {prompt: hi}", "2:5", "there is no prompt `hi`"),
        ("steps:\n  - press: 12x", "2:12", "`press` has other characters than keys"),
        ("steps:\n  - say: nobody.wav", "2:10", "`say` has no file"),
        ("steps:\n  - say: {level_db: 3}", "2:10", "`say` says nothing certain"),
        ("steps:\n  - interrupt: {say: x}", "2:16", "`interrupt` does not say when"),
        ("steps:\n  - interrupt: {after_ms: 1}", "2:16", "`interrupt` does not say how"),
        ("steps:\n  - interrupt: {after_ms: 1, after_words: 1, say: x}", "2:16", "`interrupt` says when twice"),
        ("steps:\n  - interrupt: {after_ms: 1, say: x, press: 1}", "2:16", "`interrupt` says how twice"),
        ("steps: [hang_up]\nexpect: {codec: opus}", "2:17", "`codec` can never be `opus`"),
        ('steps: [hang_up]\ncall: {target: "ws://a", transport: tls}', "2:37", "`transport` has no effect"),
        ('steps: [hang_up]\ncall: {target: "wss://a", srtp: true}', "2:33", "`srtp` has no effect"),
        ("steps:\n  - change_mind: {say: x, then: y}", "2:18", "`change_mind` has no `after_ms`"),
        ("steps:\n  - noise: 5", "2:12", "`noise` is 5"),
        ("steps:\n  - wait: soon", "2:11", "`wait` is not a number"),
        ("steps: [hang_up]\nexpect: {respons_ms: 3}", "2:10", "unknown key `respons_ms` in `expect`"),
        ("steps: [hang_up]\nexpect: {gap_ms: {}}", "2:18", "`gap_ms` limits nothing"),
        ("steps: [hang_up]\nexpect: {gap_ms: {at_least: 3, at_most: 2}}", "2:18", "`gap_ms` can never be"),
        ("steps: [hang_up]\nexpect: {status: 200}", "2:18", "`status` cannot be 200"),
        ("steps: [hang_up]\nexpect: {status: 486, ended_by: bot}", "2:33", "`ended_by` can never be"),
        ("steps: [hang_up]\nexpect: {ended_by: me}", "2:20", "`ended_by` is `me`"),
        ("steps: [hang_up]\nexpect: {sip: [{message: ok}]}", "2:26", "`ok` is no message"),
        ("steps: [hang_up]\nexpect: {requests: [{method: GET}]}", "2:21", "an item of `requests` has no `path`"),
        ("steps: [hang_up]\nhttp: {port: 70000}", "2:14", "`port` is 70000"),
        ("steps: [hang_up]\nhttp: {port: 80, answers: x}", "2:27", "`answers` is not a list"),
        ("steps: [hang_up]\nexpect: {prompts: [x]}", "2:19", "there is no prompt `x`"),
        ("steps: [hang_up]\ncall: {codec: opus}", "2:15", "`codec` is `opus`"),
        ("steps: [hang_up]\ncall: {max_s: 0}", "2:15", "`max_s` is 0"),
        ("steps: [hang_up]\nline: {up: {loss_percent: 101}}", "2:12", "`up` is no line that can be"),
    ],
)
def test_a_mistake_is_found_at_its_place_with_what_to_type(text: str, where: str, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_script(text.encode(), "call.yaml")
    (problem,) = caught.value.problems
    assert (problem.where, problem.what) == (f"call.yaml:{where}", what)
    assert problem.why and problem.todo


@pytest.mark.parametrize(
    ("step", "why", "todo"),
    [
        ("wait: 2s", "it is `2s`", "type `2000`"),
        ("wait: 2.5", "it is `2.5`", "type `2500`"),
        ("mumble: 1.5 s", "it is `1.5 s`", "type `1500`"),
        ("hold: 1 min", "it is `1 min`", "type `60000`"),
        ("hold:", "it has no value", "type a whole number of milliseconds such as `2000`"),
        ("wait_for: {words: a, within_ms: 1h}", "it is `1h`", "type a whole number of milliseconds such as `2000`"),
        ("interrupt: {after_ms: soon, say: x}", "it is `soon`", "type a whole number of milliseconds such as `2000`"),
        ("wait: 900000", "it goes from 0 to 600000 ms", "type a whole number of milliseconds such as `2000`"),
        ("press: 12x", "'x' is not on a phone", 'type `press: "12#"`: 0-9 * # A-D'),
    ],
)
def test_what_to_type_is_in_the_keys_own_unit(step: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_script(f"steps:\n  - {step}\n".encode(), "call.yaml")
    (problem,) = caught.value.problems
    assert (problem.why, problem.todo) == (why, todo)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(UserError) as caught:
        parse_script(b"steps:\n  - press: x\n  - hangup\nexpect: {gap: 1}\n", "call.yaml")
    assert [each.where for each in caught.value.problems] == ["call.yaml:2:12", "call.yaml:3:5", "call.yaml:4:10"]
