"""Flows that are right: what a file may say, the manual's examples and the sample flow."""

import re
from pathlib import Path

import pytest

from offhook.pipeline.dialog.actions import (
    AskFor,
    CameBack,
    Connect,
    Delegate,
    FindOut,
    FoundOut,
    HandedBack,
    HangUp,
    Speak,
)
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.pipeline.dialog.steps.who_answered import WhoAnsweredStep
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Expectation
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.settings.flow_steps.reader import FlowDefaults
from offhook.usererror import UserError
from tests.offhook.settings.flow_yaml import GOOD, changed, only

DOCS = Path(__file__).parents[3] / "docs" / "flows.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_a_good_flow() -> None:
    flow = parse_flow(GOOD.encode(), "f.yaml")
    assert (flow.name, flow.start, list(flow.steps)) == ("test", "hello", ["hello", "menu", "bye"])
    menu = flow.steps["menu"]
    assert isinstance(menu, Ask)
    assert [(o.choice.name, o.choice.phrases, o.choice.dtmf) for o in menu.options] == [
        ("yes", ("yes", "of course"), "1"),
        ("no", ("no",), "#"),
    ]
    assert (menu.silence_ms, menu.timeout_s, menu.barge_in) == (500, 5.0, True)
    assert menu.question().min_confidence is None
    assert (menu.no_input.then, menu.no_input.attempts, menu.no_input.reprompts) == ("bye", 3, ())


def test_defaults_come_from_the_caller() -> None:
    flow = parse_flow(GOOD.encode(), "f.yaml", FlowDefaults(silence_ms=800, no_input_ms=2_500))
    menu = flow.steps["menu"]
    assert isinstance(menu, Ask)
    assert (menu.silence_ms, menu.timeout_s) == (800, 2.5)


def test_everything_a_question_may_say() -> None:
    text = """\
name: test
start: pin
variables: {bank: Our Bank}
wording: {apology: Pardon.}
steps:
  pin:
    collect: >-
      Your PIN
      for {bank}?
    into: pin
    digits: {min: 4, max: 6}
    terminator: none
    inter_digit_ms: 1000
    spoken: on
    barge_in: no
    silence_ms: 900
    min_confidence: 0.7
    timeout_s: 2.5
    no_input: {attempts: 2, reprompts: Again, then: end}
    no_match: {attempts: 3, reprompts: [One, Two], then: end}
    next: end
  end: {hang_up: }
"""
    flow = parse_flow(text.encode(), "f.yaml")
    pin = flow.steps["pin"]
    assert isinstance(pin, Collect)
    assert pin.prompt == "Your PIN for {bank}?"
    assert pin.rule == DigitRule(4, 6, "", 1_000)
    assert (pin.spoken, pin.barge_in, pin.silence_ms, pin.timeout_s) == (True, False, 900, 2.5)
    assert pin.min_confidence == pin.question().min_confidence == 0.7
    assert (pin.no_input.attempts, pin.no_input.reprompts) == (2, ("Again",))
    assert pin.no_match.reprompts == ("One", "Two")
    assert flow.steps["end"] == End("end")
    assert flow.wording is not None
    assert flow.wording.apology == "Pardon."
    assert flow.constants == {"bank": "Our Bank"}


def test_yaml_words_for_truth_are_texts_where_texts_are_meant() -> None:
    flow = parse_flow(b"name: off\nstart: no\nsteps:\n  no: {say: 12, next: yes}\n  yes: {hang_up: on}\n", "f.yaml")
    assert flow.steps["no"] == Say("no", "12", "yes")
    assert flow.steps["yes"] == End("yes", "on")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_the_examples_of_the_manual_run(number: int) -> None:
    runner = FlowRunner(parse_flow(EXAMPLES[number].encode(), "flows.md"))
    action = runner.start()
    for _ in range(50):
        if isinstance(action, HangUp):
            break
        if isinstance(action, Delegate):
            action = runner.after(HandedBack())
        elif isinstance(action, Connect):
            action = runner.after(CameBack("busy"))
        elif isinstance(action, FindOut):
            action = runner.after(FoundOut(""))
        else:
            action = runner.after(Answer(AnswerKind.NO_INPUT))
    assert runner.dump()["finished"]


def test_the_manual_has_examples() -> None:
    assert len(EXAMPLES) >= 5


def test_the_manual_shows_a_real_message() -> None:
    shown = DOCS.read_text(encoding="utf-8").split("each with its line:\n\n")[1].split("\n\n")[0]
    text = EXAMPLES[0].replace("next: goodbye", "next: godbye")
    with pytest.raises(UserError) as caught:
        parse_flow(text.encode(), "flow.yaml")
    assert caught.value.render() == "\n".join(line.removeprefix("    ") for line in shown.splitlines())


def test_every_word_of_the_sample_flow_is_in_the_dictionary() -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx")
    dictionary = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    with dictionary.open(encoding="utf-8") as file:
        known = {line.split(maxsplit=1)[0] for line in file}
    asked = [step for step in load_flow().steps.values() if isinstance(step, Ask)]
    words = {w for ask in asked for o in ask.options for phrase in o.choice.phrases for w in phrase.split()}
    assert words
    assert words <= known


def test_the_sample_flow_from_greeting_to_goodbye() -> None:
    runner = FlowRunner(load_flow())
    greeting = runner.start()
    assert isinstance(greeting, Speak)
    assert greeting.prompt.text == "Thank you for calling Example Bank."
    assert isinstance(runner.after(Answer(AnswerKind.SPEECH)), AskFor)
    account = runner.after(Answer(AnswerKind.SPEECH, text="check my balance"))
    assert isinstance(account, AskFor)
    assert account.question.digits is not None
    assert (account.question.digits.minimum, account.question.digits.maximum) == (4, 4)
    balance = runner.after(Answer(AnswerKind.DTMF, digits="1204"))
    assert isinstance(balance, Speak)
    assert balance.prompt.barge_in
    assert "two thousand" in balance.prompt.text
    more = runner.after(Answer(AnswerKind.SPEECH))
    assert isinstance(more, AskFor)
    assert more.prompt.text.startswith("Is there anything else")
    hours = runner.after(Answer(AnswerKind.SPEECH, text="when are you open"))
    assert isinstance(hours, Speak)
    assert "Saturday" in hours.prompt.text
    assert runner.after(Answer(AnswerKind.SPEECH)) == more
    assert isinstance(runner.after(Answer(AnswerKind.DTMF, digits="3")), HangUp)


def test_what_a_question_expects() -> None:
    flow = parse_flow(changed("    ask:", "    expect: yes_no\n    ask:").encode(), "f.yaml")
    menu = flow.steps["menu"]
    assert isinstance(menu, Ask)
    assert menu.question().expect == Expectation("yes_no")


def test_an_expectation_that_is_none() -> None:
    problem = only(changed("    ask:", "    expect: digits(9..4)\n    ask:"))
    assert "`expect`" in problem.what and "digits(10..16)" in problem.why


TRANSFER = b"""
name: f
start: desk
steps:
  desk:
    transfer: reception
    announce: I'm connecting you.
    summary: It is about a tyre.
    mode: attended
    ring_s: 20
    on_failure: {busy: sorry, no_answer: sorry}
    otherwise: sorry
    next: sorry
  sorry:
    hang_up: Goodbye.
"""


def test_a_transfer_step() -> None:
    step = parse_flow(TRANSFER, "f.yaml").steps["desk"]
    failures = (("busy", "sorry"), ("no_answer", "sorry"))
    assert step == TransferStep(
        "desk",
        ("reception",),
        "sorry",
        failures,
        "sorry",
        "I'm connecting you.",
        "It is about a tyre.",
        "attended",
        20.0,
    )


SEVERAL = b"""
name: shop
start: desk
steps:
  desk: {transfer: [anna, "{call.called}"], otherwise: sorry}
  sorry: {hang_up: Goodbye.}
"""


def test_several_are_called_at_the_same_time() -> None:
    step = parse_flow(SEVERAL, "f.yaml").steps["desk"]
    assert step == TransferStep("desk", ("anna", "{call.called}"), "sorry")
    for wrong, what, line in (
        (b"[anna, anna]", "`anna` is called twice at the same time", 5),
        (b"[]", "0 are called at the same time", 5),
        (b"[anna, ben], summary: A tyre.", "`summary` is for one who is called, not for several", 5),
        (b"[anna, ben], mode: attended", "`mode` is for one who is called, not for several", 5),
        (b'[anna, "{nobody}"]', "there is no variable `nobody`", 5),
        (b"{anna: ben}", "`transfer` of step `desk` is not a text", 5),
    ):
        with pytest.raises(UserError) as caught:
            parse_flow(SEVERAL.replace(b'[anna, "{call.called}"]', wrong), "f.yaml")
        (problem,) = caught.value.problems
        assert problem.what == what
        assert problem.where.startswith(f"f.yaml:{line}:")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"attended", b"warm", "`mode` of step `desk` is `warm`"),
        (b"no_answer", b"noanswer", "`noanswer` is not a reason of step `desk`"),
        (b"    otherwise: sorry\n", b"", "`transfer` step `desk` has no `otherwise`"),
        (b"busy: sorry", b"busy: nobody", "there is no step `nobody`"),
    ],
)
def test_a_transfer_step_that_cannot_be(old: bytes, new: bytes, what: str) -> None:
    with pytest.raises(UserError) as error:
        parse_flow(TRANSFER.replace(old, new), "f.yaml")
    assert what in [problem.what for problem in error.value.problems]


ANSWERED = b"""
name: f
start: who
steps:
  who:
    who_answered: {human: hello, voicemail: message}
    within_s: 4
    otherwise: bye
  hello: {say: "Hello, {answered_by}.", next: bye}
  message: {say: A message., next: bye}
  bye:
    hang_up:
"""


def test_a_step_that_finds_out_who_answered() -> None:
    step = parse_flow(ANSWERED, "f.yaml").steps["who"]
    assert step == WhoAnsweredStep("who", (("human", "hello"), ("voicemail", "message")), "bye", 4.0)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"voicemail", b"mailbox", "`mailbox` is not an answer of step `who`"),
        (b"    otherwise: bye\n", b"", "`who_answered` step `who` has no `otherwise`"),
        (b"start: who", b"start: hello", "variable `answered_by` may have no value here"),
        (b"otherwise: bye", b"otherwise: who", "a silent caller loops for ever"),
    ],
)
def test_a_step_that_finds_out_and_cannot_be(old: bytes, new: bytes, what: str) -> None:
    with pytest.raises(UserError) as error:
        parse_flow(ANSWERED.replace(old, new), "f.yaml")
    found = [problem.what for problem in error.value.problems]
    assert any(each.startswith(what) for each in found), found


SECRET = b"""
name: payment
start: pin
steps:
  pin:
    collect_secret: Your PIN, please.
    as: pin
    into: pin
    no_input: {reprompts: Please type.}
    no_match: {reprompts: [Four digits., Just four.]}
    next: pay
    otherwise: bye
    refused: bye
  pay: {request: "https://example.com/pay", method: POST, secret: {pin: pin}, next: bye, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""


def test_what_is_said_when_a_secret_is_asked_for_again() -> None:
    step = parse_flow(SECRET, "f.yaml").steps["pin"]
    assert isinstance(step, CollectSecret)
    assert (step.no_input, step.no_match) == (("Please type.",), ("Four digits.", "Just four."))
    with pytest.raises(UserError) as caught:
        parse_flow(SECRET.replace(b"{reprompts: Please type.}", b"{then: bye}"), "f.yaml")
    whats = [(each.what, each.where) for each in caught.value.problems]
    assert whats == [
        ("`no_input` of step `pin` has no `reprompts`", "f.yaml:9:15"),
        ("unknown key `then` in `no_input` of step `pin`", "f.yaml:9:16"),
    ]


BODY = b"""
name: orders
start: ask
steps:
  ask:
    request: https://example.com/orders
    method: POST
    json: {customer: {number: "{call.caller}"}}
    next: bye
    otherwise: bye
  bye: {hang_up: Goodbye.}
"""
JSON = b'json: {customer: {number: "{call.caller}"}}'


@pytest.mark.parametrize(
    ("before", "after", "what", "where"),
    [
        (JSON, b'json: {customer: [1, {number: "{call.caler}"}]}', "there is no `call.caler`", "8:35"),
        (JSON, b'json: {customer: {number: "{call.caller"}}', "a single { at character 1", "8:31"),
        (JSON, b"json: {number: {call.caller}}", "`{call.caller}` in `json` of step `ask` is no value", "8:20"),
        (JSON, b"json: {number: .nan}", "`.nan` is no value of JSON", "8:20"),
        (JSON, b"json: {at: 12:30}", "`12:30` is not written as JSON", "8:16"),
        (JSON, b"json: {post_code: 01067}", "`01067` is not written as JSON", "8:23"),
        (JSON, b"json: {phone: +4930123456}", "`+4930123456` is not written as JSON", "8:19"),
        (JSON, b"json: {country: no}", "`no` is not written as JSON", "8:21"),
        (JSON, b"json: [1_000]", "`1_000` is not written as JSON", "8:12"),
        (JSON, b"json: [0x1F]", "`0x1F` is not written as JSON", "8:12"),
        (JSON, b"json: [1e3]", "`1e3` is not written as JSON", "8:12"),
        (JSON, b"json: [.5]", "`.5` is not written as JSON", "8:12"),
        (JSON, b'json: "{call.caller}"', "`json` of step `ask` cannot be read", "8:11"),
        (JSON, b"form: {customer: {number: 1}}", "`form` of step `ask` cannot be read", "8:11"),
        (JSON, b"form: [1]", "`form` of step `ask` cannot be read", "8:11"),
        (JSON, b'form: {number: "{call.caler}"}', "there is no `call.caler`", "8:20"),
        (JSON, JSON + b'\n    send: {x: "1"}', "step `ask` has `json` and `send`", "8:11"),
        (b"method: POST\n", b"method: GET\n", "step `ask` has `json` and no method for it", "8:11"),
        (b"    method: POST\n", b"", "step `ask` has `json` and no method for it", "7:11"),
    ],
)
def test_a_body_that_cannot_be_sent(before: bytes, after: bytes, what: str, where: str) -> None:
    parse_flow(BODY, "f.yaml")
    with pytest.raises(UserError) as caught:
        parse_flow(BODY.replace(before, after), "f.yaml")
    assert [(each.what, each.where) for each in caught.value.problems] == [(what, f"f.yaml:{where}")]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("json: {shop: {name: north}}", ""),
        ('json: {pin: "1"}', "`pin` is sent twice"),
        ('json: {shop: "{pin}"}', "the secret `pin` cannot be used here"),
        ("json: [1]", "the request of `pay` cannot carry secrets"),
        ("form: {shop: north}", "the request of `pay` cannot carry secrets"),
    ],
)
def test_secrets_stand_beside_what_is_in_an_object(body: str, wrong: str) -> None:
    flow = SECRET.replace(b"secret: {pin: pin}", f"secret: {{pin: pin}}, {body}".encode())
    if not wrong:
        parse_flow(flow, "f.yaml")
        return
    with pytest.raises(UserError) as caught:
        parse_flow(flow, "f.yaml")
    assert [each.what for each in caught.value.problems] == [wrong]
