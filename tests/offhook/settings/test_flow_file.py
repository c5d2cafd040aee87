import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from offhook.pipeline.dialog.flow import Ask, Collect, End, Flow, Say, TransferStep, WhoAnsweredStep
from offhook.pipeline.dialog.runner import AskFor, Connect, Delegate, FindOut, FlowRunner, HangUp, Speak
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Expectation
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.settings.flow_questions import FlowDefaults
from offhook.settings.yaml_file import MAX_FILE_BYTES
from offhook.usererror import Problem, UserError

DOCS = Path(__file__).parents[3] / "docs" / "flows.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)

GOOD = """\
name: test
start: hello
no_input: {then: bye}
no_match: {then: bye}
steps:
  hello:
    say: Hello.
    next: menu
  menu:
    ask: Yes or no?
    choices:
      yes:
        phrases: [yes, of course]
        key: 1
        next: bye
      no:
        phrases: no
        key: "#"
        next: bye
  bye:
    hang_up: Goodbye.
"""


def problems(text: str | bytes) -> list[Problem]:
    """The problems of a faulty flow file."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(UserError) as caught:
        parse_flow(data, "f.yaml")
    for problem in caught.value.problems:
        assert problem.what and problem.why and problem.todo
        assert problem.where.startswith("f.yaml")
    return list(caught.value.problems)


def only(text: str | bytes) -> Problem:
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


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
            action = runner.handed_back("", {})
        elif isinstance(action, Connect):
            action = runner.back("busy")
        elif isinstance(action, FindOut):
            action = runner.found_out("")
        else:
            action = runner.answered(Answer(AnswerKind.NO_INPUT))
    assert runner.dump()["finished"]


def test_the_manual_has_examples() -> None:
    assert len(EXAMPLES) >= 5


def test_the_manual_shows_a_real_message() -> None:
    shown = DOCS.read_text(encoding="utf-8").split("each with its line:\n\n")[1].split("\n\n")[0]
    text = EXAMPLES[0].replace("next: goodbye", "next: godbye")
    with pytest.raises(UserError) as caught:
        parse_flow(text.encode(), "flow.yaml")
    assert caught.value.render() == "\n".join(line.removeprefix("    ") for line in shown.splitlines())


# Problems and their places.


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ("    next: menu", "    nxt: menu", "8:5", "unknown key `nxt`", "did you mean `next`?"),
        ("next: menu", "next: meno", "8:11", "no step `meno`", "did you mean `menu`?"),
        ("start: hello", "start: helo", "2:8", "no step `helo`", "did you mean `hello`?"),
        ("no_match: {then: bye}", "no_match: {then: by}", "4:18", "no step `by`", "did you mean `bye`?"),
        ("name: test\n", "name: test\ncolour: red\n", "2:1", "unknown key `colour`", "one of: name, start"),
        ("    say: Hello.", "    sya: Hello.", "7:5", "step `hello` does nothing", "did you mean `say`?"),
        ("    say: Hello.", "    say:", "7:9", "the text of step `hello` is empty", "write the text"),
        ("    say: Hello.", "    say: {x}", "7:10", "is not a text", "put it in quotes"),
        ("    say: Hello.", "    say: [a]", "7:10", "is not a text", "put it in quotes"),
        ("    say: Hello.", "    say: Hi {x}.", "7:10", "no variable `x`", "variables: {x: …}"),
        ("    say: Hello.", "    say: Hi }.", "7:10", "a single }", "double it"),
        ("    say: Hello.", '    say: " "', "7:10", "the text is empty", "write what"),
        ("    say: Hello.", "    say: !!python/name:os.system x", "7:10", "has the tag", "remove the tag"),
        ("    say: Hello.", "    say: !x y", "7:10", "has the tag `!x`", "remove the tag"),
        ("    say: Hello.", "    say: Hello.\n    ask: Hm?", "7:5", "has `say` and `ask`", "make two steps"),
        ("    say: Hello.", "    say: Hello.\n    say: Hi.", "8:5", "`say` occurs twice", "remove or rename"),
        (
            "    say: Hello.",
            "    say: Hello.\n    barge_in: maybe",
            "8:15",
            "neither true nor false",
            "`true`",
        ),
        ("    next: menu", "    next: hello", "8:11", "repeat for ever: hello → hello", "`ask`"),
        ("        key: 1", "        key: x", "14:14", "`x` is not a key", "key: 1"),
        ("        key: 1", "        key: '#'", "18:14", "key # stands for `yes` and for `no`", "another"),
        (
            "        key: 1",
            "        key: #",
            "14:13",
            "`key` of choice `yes` of step `menu` is empty",
            "quotes",
        ),
        ("        key: 1", "        key: *", "14:15", "not YAML", 'in quotes: `key: "*"`'),
        ("[yes, of course]", "[yes, no]", "17:18", "phrase `no` appears for `yes` and for `no`", "remove"),
        ("[yes, of course]", "[yes, press 1]", "13:24", "`press 1` cannot be recognised", "write it out"),
        ("[yes, of course]", "[yes, [a]]", "13:18", "has a list in it", "type `[one, two]`"),
        ("    hang_up: Goodbye.", "    hang_up: {a: b}", "21:14", "is not a text", "put it in quotes"),
        ("  bye:\n    hang_up: Goodbye.\n", "  bye:\n", "20:7", "step `bye` is not a mapping", "indent"),
        ("  bye:\n", "  lost: {hang_up: }\n  bye:\n", "20:3", "step `lost` is never reached", "next: lost"),
        ("  bye:\n", "  menu:\n", "20:3", "`menu` occurs twice", "rename"),
        ("no_input: {then: bye}\n", "", "9:10", "step `menu` has no `no_input`", "{then: …}"),
        ("no_match: {then: bye}", "no_match: {tehn: bye}", "4:12", "unknown key `tehn`", "`then`"),
        (
            "no_match: {then: bye}",
            "no_match: {then: bye, attempts: 0}",
            "4:33",
            "attempts is 0",
            "`attempts: 1` or more",
        ),
        (
            "no_match: {then: bye}",
            "no_match: {then: bye, attempts: x}",
            "4:33",
            "is not a number",
            "a whole number such as `3`",
        ),
        (
            "no_match: {then: bye}",
            "no_match: {then: bye, attempts: 1.5}",
            "4:33",
            "is not a whole number",
            "type `2`",
        ),
        (
            "no_match: {then: bye}",
            "no_match: {then: bye, attempts: 2, reprompts: [a, b]}",
            "4:51",
            "reprompt 2 is never spoken",
            "`attempts: 3`",
        ),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    timeout_s: nan", "11:16", "is not a number", "2.5"),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    timeout_s: 0", "11:16", "timeout_s is 0", "0.5"),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    silence_ms: 9e9", "11:17", "is not a number", "whole number"),
        ("name: test", "name: test\nvariables: [a]", "2:12", "`variables` is not a mapping", "indent"),
        ("name: test", "name: test\nvariables: {a b: c}", "2:18", "`a b` is not a valid variable name", "rename"),
        ("name: test", "name: test\nwording: {sorry: x}", "2:11", "unknown key `sorry`", "one of: apology"),
        ("name: test", "name: test\nwording: {option: '{x}'}", "2:19", "no variable `x` here", "choice"),
        ("name: test", "name: test\n? [a]\n: b", "2:3", "a key of a flow is not a name", "name it"),
        ("name: test", "name: a: b", "1:8", "not YAML", "quotes"),
        ("name: test", "name: 'test", "1:7", "not YAML", "quotes"),
        ("    say: Hello.", "\tsay: Hello.", "7:1", "not YAML", "in place of the tab"),
        ("name: test", "name: test\x07", "1", "not YAML", "odd character"),
        ("name: test", 'name: "\\UFFFFFFFF"', "", "not YAML", "odd character"),
        ("name: test", "--- \nname: a\n---\nname: test", "3:1", "not YAML", "remove the `---`"),
    ],
)
def test_mistakes_are_reported_with_their_place(old: str, new: str, where: str, what: str, todo: str) -> None:
    found = problems(changed(old, new))
    places = {problem.where.removeprefix("f.yaml").removeprefix(":"): problem for problem in found}
    assert where in places, found
    assert what in places[where].what
    assert todo in places[where].todo


@pytest.mark.parametrize(
    ("old", "new", "where", "why", "todo"),
    [
        ("[yes, of course]", "support, help desk, help", "13:18", "words as they are", "`[support, help desk, help]`"),
        ("[yes, of course]", "yes / yeah", "13:18", "words as they are", "`[yes, yeah]`"),
        ("[yes, of course]", '["yes!"]', "13:19", "words as they are", "type `yes`"),
        ("[yes, of course]", '["q & a"]', "13:19", "words as they are", "type `q and a`"),
        ("[yes, of course]", '["1"]', "13:19", "what the caller says", "`key: 1`"),
        ("key: 1", "key: [2, 5]", "14:14", "a choice has one", "add a choice for `5`"),
        ("key: 1", "key: 12", "14:14", "a phone has", "with `collect`"),
        ("key: 1", "key: one", "14:14", "a phone has", "type `key: 1`"),
        ("key: 1", "key: pound", "14:14", "a phone has", "type `key: '#'`"),
        ("next: menu", "next: [menu, bye]", "8:11", "one step follows", "name one"),
        ("no_match: {then: bye}", "no_match: {then: bye, attempts: three}", "4:33", "`three`", "type `3`"),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    timeout_s: 5s", "11:16", "`5s`", "type `5`"),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    timeout_s: 1500 ms", "11:16", "`1500 ms`", "type `1.5`"),
        ("    ask: Yes or no?", "    ask: Yes or no?\n    silence_ms: 0.5 s", "11:17", "`0.5 s`", "type `500`"),
        ("say: Hello.", "say: {company} is here.", "7:20", "begins with {", '`say: "{company} is here."`'),
        ("say: Hello.", "say: [Music] Hello.", "7:18", "begins with [", '`say: "[Music] Hello."`'),
        ("say: Hello.", "say: *bold* move", "7:15", "begins with *", '`say: "*bold* move"`'),
        ("say: Hello.", "say: @home now", "7:10", "begins with @", '`say: "@home now"`'),
        ("say: Hello.", "say: - hello", "7:10", "begins with -", '`say: "- hello"`'),
        ("say: Hello.", "say: Hello: there", "7:15", "second `: `", '`say: "Hello: there"`'),
        ("say: Hello.", "say: 'Don't go.'", "7:15", "the quote '", 'the other quotes (")'),
        ("say: Hello.", 'say: "Say "yes" now"', "7:16", 'the quote "', "the other quotes (')"),
        ("    next: menu", "     next: menu", "8:10", "indented wrongly", "the line above"),
        ("    next: menu", "   next: menu", "8:4", "indented wrongly", "belong with it"),
        ("    next: menu", "    next:menu", "8:5", "neither `key: value`", "a space after the colon"),
        ("[yes, of course]", "[yes, of course", "13:18", "the [ is not closed", "add the ]"),
        ("    next: menu", "    next: menu\n    <<: {barge_in: no}", "9:5", "are not read", "write its keys out"),
        ("    next: menu", "    <<: *say\n    next: menu", "8:9", "are not read", "write its keys out"),
        ("say: Hello.", "say: Wait <break time='500ms'/> here.", "7:10", "SSML", "makes a pause"),
        ("say: Hello.", "say: This is <b>bold</b>.", "7:10", "SSML or HTML", "remove it"),
        ("hang_up: Goodbye.", "hang_up: <speak>Goodbye.</speak>", "21:14", "SSML", "remove it"),
        ("no_match: {then: bye}", "no_match: {then: bye, reprompts: <p>Eh</p>}", "4:34", "SSML", "remove it"),
        ("name: test", "name: test\nvariables: {who: <b>us</b>}", "2:18", "SSML", "remove it"),
        ("name: test", "name: test\nwording: {apology: <p>Oh.</p>}", "2:20", "SSML", "remove it"),
        ("say: Hello.", "say: Yours ends in {pin[-4:]}.", "7:10", "only all of it", "in Python"),
        ("say: Hello.", "say: It is {order.id}.", "7:10", "only all of it", "in Python"),
        ("say: Hello.", "say: It is { pin }.", "7:10", "spaces", "type `{pin}`"),
        ("say: Hello.", "say: You are {caller}.", "7:10", "knows nothing of the call", "`call.caller` in Python"),
    ],
)
def test_messages_lead_to_what_was_meant(old: str, new: str, where: str, why: str, todo: str) -> None:
    found = [problem for problem in problems(changed(old, new)) if problem.where == f"f.yaml:{where}"]
    assert len(found) == 1, problems(changed(old, new))
    assert why in found[0].why
    assert todo in found[0].todo


@pytest.mark.parametrize(
    ("key", "why", "todo"),
    [
        ("record", "cannot record an answer", "record_audio"),
        ("voicemail", "cannot record an answer", "in Python"),
        ("play", "plays no files", "`say: Hello.`"),
        ("audio", "plays no files", "`say: Hello.`"),
        ("if", "branches by what the caller answers", "in Python"),
        ("switch", "branches by what the caller answers", "in Python"),
        ("set", "only `collect` stores", "`variables`"),
        ("http", "asks no other program", "in Python"),
        ("webhook", "asks no other program", "in Python"),
        ("goto", "only leads on", "`next`"),
        ("pause", "no pauses", "a full stop"),
        ("wait", "no pauses", "a full stop"),
        ("include", "one file", "`*name`"),
        ("call_flow", "one file", "`*name`"),
        ("business_hours", "does not know the time", "in Python"),
        ("ssml", "chooses a voice and a language", "`rate_wpm`"),
        ("send_dtmf", "sends no keys", "in Python"),
        ("sms", "only talks with this caller", "in Python"),
        ("callback", "only talks with this caller", "in Python"),
        ("gather", "none of `say`", "did you mean `collect`?"),
        ("menu", "none of `say`", "did you mean `ask`?"),
        ("text", "none of `say`", "did you mean `say`?"),
        ("hangup", "none of `say`", "did you mean `hang_up`?"),
    ],
)
def test_what_no_flow_can_do_says_what_to_do_instead(key: str, why: str, todo: str) -> None:
    found = {problem.where: problem for problem in problems(changed("say: Hello.", f"{key}: Hello."))}
    assert why in found["f.yaml:7:5"].why
    assert todo in found["f.yaml:7:5"].todo


@pytest.mark.parametrize(
    ("old", "key", "todo"),
    [
        ("    next: menu", "pause", "a full stop"),
        ("    next: menu", "rate", "`rate_wpm`"),
        ("    next: menu", "speaker", "did you mean `voice`?"),
        ("    next: menu", "goto", "did you mean `next`?"),
        ("    next: menu", "interruptible", "did you mean `barge_in`?"),
        ("    next: menu", "max_visits", "`attempts`"),
        ("    ask: Yes or no?", "digits", "`call.ask(choices=…, digits=…)`"),
        ("    ask: Yes or no?", "into", "`collect`"),
        ("    ask: Yes or no?", "retries", "below `no_input` or `no_match`"),
        ("    ask: Yes or no?", "timeout", "did you mean `timeout_s`?"),
        ("name: test", "include", "`*name`"),
        ("name: test", "globals", "`*name`"),
        ("name: test", "nodes", "did you mean `steps`?"),
        ("name: test", "description", "a comment"),
    ],
)
def test_a_key_of_other_systems(old: str, key: str, todo: str) -> None:
    indent = old[: len(old) - len(old.lstrip())]
    found = [problem for problem in problems(changed(old, f"{old}\n{indent}{key}: 1")) if f"`{key}`" in problem.what]
    assert len(found) == 1
    assert todo in found[0].todo


def test_choices_and_steps_in_a_list() -> None:
    head, tail = GOOD.split("      yes:", maxsplit=1)[0], GOOD[GOOD.index("  bye:") :]
    assert "`yes: {" in problems(f"{head}      - yes\n      - no\n{tail}")[0].todo
    assert "`hello: {" in only("name: t\nstart: a\nsteps:\n  - say: Hello.\n").todo


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("say: Hello.", 'say: "Order {{ order.id }} it is."', "7:10", "`{{ order.id }}` is not a variable"),
        ("hang_up: Goodbye.", 'hang_up: "Bye, {{name}}."', "21:14", "`{{name}}` is not a variable"),
        ("say: Hello.", "say: Press # now", "7:10", "`# now` is not said"),
        ("ask: Yes or no?", "ask: Press #", "10:10", "`#` is not said"),
    ],
)
def test_what_is_hardly_meant(old: str, new: str, where: str, what: str) -> None:
    doubts: list[Problem] = []
    parse_flow(changed(old, new).encode(), "f.yaml", on_doubt=doubts.append)
    assert [(doubt.where, doubt.what) for doubt in doubts] == [(f"f.yaml:{where}", what)]


@pytest.mark.parametrize("text", ["Hello.  # the caller has just come", '"A {{ or a }} brace"', "'{{ 1 }}'"])
def test_what_may_well_be_meant(text: str) -> None:
    doubts: list[Problem] = []
    parse_flow(changed("say: Hello.", f"say: {text}").encode(), "f.yaml", on_doubt=doubts.append)
    assert doubts == []


def test_doubts_of_a_file_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(changed("say: Hello.", 'say: "Order {{ id }}."'))
    with capture_logs() as logs:
        load_flow(path)
    assert [(entry["log_level"], entry["where"]) for entry in logs] == [("warning", f"{path}:7:10")]


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ("digits: 0", "6:13", "0 digits"),
        ("digits: x", "6:13", "is not a number"),
        ("digits: {min: 5, max: 4}", "6:5", "5 to 4 digits"),
        ("digits: {min: 5}", "6:13", "has no `max`"),
        ("digits: 4\n    terminator: 5", "7:17", "`5` cannot be the terminator"),
        ("digits: 4\n    inter_digit_ms: 5", "7:21", "inter_digit_ms is 5"),
        ("digits: 4\n    spoken: perhaps", "7:13", "neither true nor false"),
    ],
)
def test_what_is_wrong_with_digits(line: str, where: str, what: str) -> None:
    head = "name: t\nstart: a\nsteps:\n  a:\n    collect: PIN?\n    "
    retry = "{attempts: 2, then: b}"
    tail = f"\n    into: pin\n    next: b\n    no_input: {retry}\n    no_match: {retry}\n  b:\n    hang_up:\n"
    problem = only(head + line + tail)
    assert problem.where == f"f.yaml:{where}"
    assert what in problem.what


@pytest.mark.parametrize("key", ["name", "start", "steps"])
def test_a_flow_cannot_do_without(key: str) -> None:
    text = "\n".join(
        line for line in "name: t\nstart: a\nsteps: {a: {hang_up: }}".splitlines() if not line.startswith(key)
    )
    problem = only(text)
    assert problem.what == f"a flow has no `{key}`"
    assert problem.where == "f.yaml:1:1"


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ("{say: Hi.}", ["next"]),
        ("{ask: Hi, no_input: {then: b}, no_match: {then: b}}", ["choices"]),
        ("{collect: Hi}", ["into", "digits", "next"]),
    ],
)
def test_a_step_cannot_do_without(step: str, missing: list[str]) -> None:
    found = problems(f"name: t\nstart: a\nsteps:\n  a: {step}\n  b: {{hang_up: }}\n")
    assert [problem.what.split()[-1] for problem in found] == [f"`{key}`" for key in missing]
    assert {problem.where for problem in found} == {"f.yaml:4:6"}


def test_several_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("next: menu", "next: meno").replace("key: 1", "kee: 1").replace("hang_up", "hangup")
    found = problems(text)
    assert [problem.where for problem in found] == ["f.yaml:8:11", "f.yaml:14:9", "f.yaml:21:5"]
    assert found[2].todo == "did you mean `hang_up`?"


def test_a_problem_of_common_retries_is_reported_once() -> None:
    text = changed("  bye:\n", "  more:\n    ask: More?\n    choices: {a: {key: 1, next: bye}}\n  bye:\n")
    text = text.replace("        key: 1\n        next: bye", "        key: 1\n        next: more")
    problem = only(text.replace("no_input: {then: bye}", "no_input: {then: bey}"))
    assert problem.where == "f.yaml:3:18"


def test_not_all_of_a_thousand_problems_are_reported() -> None:
    lines = "".join(f"  s{i}: {{hi: 1}}\n" for i in range(400))
    assert len(problems(f"name: t\nstart: s0\nsteps:\n{lines}")) == 50


def test_problems_are_three_lines_each() -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(changed("next: menu", "next: meno").encode(), "f.yaml")
    assert caught.value.render().splitlines()[:3] == [
        "f.yaml:8:11: there is no step `meno`",
        "  why:  every branch must lead to a step",
        "  type: did you mean `menu`?",
    ]


# Hostile files.


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file(text: str) -> None:
    assert only(text).what in ("the file is empty", "a flow is not a mapping (`key: value` lines)")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    assert only(text).where == "f.yaml:1:1"


def test_a_file_that_is_no_text() -> None:
    problem = only(b"name: x\nstart: \xff\xfe\n")
    assert (problem.where, problem.what) == ("f.yaml:2", "the flow is not text")
    assert "0xff" in problem.why


def test_a_byte_order_mark_is_borne() -> None:
    assert parse_flow(b"\xef\xbb\xbf" + GOOD.encode(), "f.yaml").name == "test"


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 60)]
    assert "with its aliases" in only("\n".join(lines)).why


def test_an_alias_that_holds_itself_is_refused() -> None:
    problem = only("name: t\nstart: a\nsteps: &s\n  a: *s\n")
    assert problem.what == "an alias contains itself"


def test_an_alias_to_nothing() -> None:
    assert only("name: *t\n").where == "f.yaml:1:7"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert only("steps: " * (opening in "[{a: ") + opening * 50_000).what in (
        "the file is nested too deeply",
        "this is not YAML",
    )


def test_too_many_steps() -> None:
    lines = "".join(f"  s{i}: {{hang_up: }}\n" for i in range(501))
    assert only(f"name: t\nstart: s0\nsteps:\n{lines}").what == "the flow has 501 steps"


def test_no_steps() -> None:
    assert only("name: t\nstart: a\nsteps: {}\n").what == "the flow has no steps"


def test_control_characters_do_not_reach_the_terminal() -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(changed("next: menu", 'next: "\\e[2J"').encode(), "f.yaml")
    assert "\x1b" not in caught.value.render()
    assert "\\x1b[2J" in caught.value.render()


def test_a_flow_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(GOOD)
    assert load_flow(path).name == "test"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    found = {}
    for path in (tmp_path / "none.yaml", tmp_path, big, tmp_path / "a\0b"):
        with pytest.raises(UserError) as caught:
            load_flow(path)
        found[path.name] = caught.value.problems[0]
        assert caught.value.problems[0].where == str(path)
    assert found["none.yaml"].why == "there is no file of this name"
    assert found[tmp_path.name].what == "the flow is not a file"
    assert found["big.yaml"].why == "at most 256 KiB are read"


def _loads_or_tells(data: bytes) -> None:
    try:
        assert isinstance(parse_flow(data, "f.yaml"), Flow)
    except UserError as error:
        assert error.problems


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_but_user_errors_leaves_the_loader(data: st.DataObject) -> None:
    lines = GOOD.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    mutation = data.draw(st.sampled_from(["drop", "repeat", "swap", "insert"]))
    if mutation == "drop":
        del lines[at]
    elif mutation == "repeat":
        lines.insert(at, lines[at])
    elif mutation == "swap":
        other = data.draw(st.integers(0, len(lines) - 1))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        noise = data.draw(st.text(alphabet="{}[]:#&*!|>'\"%@`,?- \t\\xUab1~\n", max_size=12))
        lines[at] = lines[at].rstrip("\n") + noise + "\n"
    _loads_or_tells("".join(lines).encode())


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
def test_nothing_but_user_errors_for_noise(data: bytes) -> None:
    with pytest.raises(UserError):
        parse_flow(data, "f.yaml")


# The sample flow.


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
    assert isinstance(runner.answered(Answer(AnswerKind.SPEECH)), AskFor)
    pin = runner.answered(Answer(AnswerKind.SPEECH, text="check my balance"))
    assert isinstance(pin, AskFor)
    assert pin.question.digits is not None
    assert (pin.question.digits.minimum, pin.question.digits.maximum) == (4, 4)
    balance = runner.answered(Answer(AnswerKind.DTMF, digits="1204"))
    assert isinstance(balance, Speak)
    assert balance.prompt.barge_in
    assert "two thousand" in balance.prompt.text
    more = runner.answered(Answer(AnswerKind.SPEECH))
    assert isinstance(more, AskFor)
    assert more.prompt.text.startswith("Is there anything else")
    hours = runner.answered(Answer(AnswerKind.SPEECH, text="when are you open"))
    assert isinstance(hours, Speak)
    assert "Saturday" in hours.prompt.text
    assert runner.answered(Answer(AnswerKind.SPEECH)) == more
    assert isinstance(runner.answered(Answer(AnswerKind.DTMF, digits="3")), HangUp)


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
        "desk", "reception", "sorry", failures, "sorry", "I'm connecting you.", "It is about a tyre.", "attended", 20.0
    )


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
