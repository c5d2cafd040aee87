"""What is wrong with a flow's file, where, and what to do about it."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.pipeline.dialog.hints import PYTHON
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.settings.flow_hints import instead
from offhook.settings.flow_steps.kinds import KINDS
from offhook.usererror import Problem, UserError
from tests.offhook.settings.flow_yaml import GOOD, changed, only, problems


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ("    next: menu", "    nxt: menu", "8:5", "unknown key `nxt`", "did you mean `next`?"),
        ("next: menu", "next: meno", "8:11", "no step `meno`", "did you mean `menu`?"),
        ("start: hello", "start: helo", "2:8", "no step `helo`", "did you mean `hello`?"),
        ("no_match: {then: bye}", "no_match: {then: by}", "4:18", "no step `by`", "did you mean `bye`?"),
        ("name: test\n", "name: test\npaint: red\n", "2:1", "unknown key `paint`", "one of: name, start"),
        ("    say: Hello.", "    sya: Hello.", "7:5", "step `hello` does nothing", "did you mean `say`?"),
        ("    say: Hello.", "    say:", "7:9", "the text of step `hello` is empty", "write the text"),
        ("    say: Hello.", "    say: {x}", "7:10", "is not a text", "put it in quotes"),
        ("    say: Hello.", "    say: [[a]]", "7:11", "is not a text", "put it in quotes"),
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
        (
            "    hang_up: Goodbye.",
            "    hang_up: Goodbye.\n    reason: paid {amount}",
            "22:13",
            "`paid {amount}` would not be filled in",
            "`log` step",
        ),
        (
            "    hang_up: Goodbye.",
            f"    hang_up:\n    reason: {'a' * 101}",
            "22:13",
            "the reason has 101 characters",
            "a word or two",
        ),
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
        ("key: 1", "key: [2, x]", "14:18", "a phone has", "type `key: 1`, `key: [1, 2]`"),
        ("key: 1", "key: 12345", "14:14", "4 digits at most", "with `collect`"),
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
        ("hang_up: Goodbye.", "hang_up: <voice>Goodbye.</voice>", "21:14", "SSML", "remove it"),
        ("no_match: {then: bye}", "no_match: {then: bye, reprompts: <p>Eh</p>}", "4:34", "SSML", "remove it"),
        ("name: test", "name: test\nvariables: {who: <b>us</b>}", "2:18", "SSML", "remove it"),
        (
            "name: test",
            "name: test\nwording: {option: '{1}'}",
            "2:19",
            "only {choice} and {key}",
            "one of: choice, key",
        ),
        ("name: test", "name: test\nwording: {apology: <p>Oh.</p>}", "2:20", "SSML", "remove it"),
        ("say: Hello.", "say: Yours ends in {pin[-4:]}.", "7:10", "not of this language", "`last(pin, 4)`"),
        ("say: Hello.", "say: It is {order.id}.", "7:10", "no step stores it", "set it"),
        ("say: Hello.", "say: It is { pin }.", "7:10", "no step stores it", "set it"),
        ("say: Hello.", "say: You are {caller}.", "7:10", "has other names", "type `call.caller`"),
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
        ("voicemail", "none of `say`", "did you mean `record`?"),
        ("enqueue", "none of `say`", "did you mean `queue`?"),
        ("email", "messages of callers are mailed", "`record: …`"),
        ("stop_recording", "none of `say`", "did you mean `record_call`?"),
        ("audio", "none of `say`", "did you mean `play`?"),
        ("elif", "a condition has two ways", "`switch: …`"),
        ("random", "only texts", "order: random"),
        ("variable", "by `set`", "`variables`"),
        ("http", "none of `say`", "did you mean `request`?"),
        ("function", "none of `say`", "did you mean `python`?"),
        ("goto", "only leads on", "`next`"),
        ("pause", "none of `say`", "did you mean `wait`?"),
        ("include", "none of `say`", "did you mean `call`?"),
        ("call_flow", "none of `say`", "did you mean `call`?"),
        ("business_hours", "are the flow's", "`if: hours.shop`"),
        ("ssml", "in the text itself", "`<speak>…</speak>`"),
        ("volume", "only sounds", "`volume_db: -6`"),
        ("emotion", "chooses a voice and a language", "`rate_wpm`"),
        ("send_dtmf", "none of `say`", "did you mean `press`?"),
        ("sms", "only talks with this caller", "in Python"),
        ("callback", "callers wait in a step of its own", "call_back_key"),
        ("conference", "only talks with this caller", "in Python"),
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
        ("    next: menu", "debug", "`log: …`"),
        ("    next: menu", "reject", "before the answer"),
        ("    next: menu", "speaker", "did you mean `voice`?"),
        ("    next: menu", "goto", "did you mean `next`?"),
        ("    next: menu", "interruptible", "did you mean `barge_in`?"),
        ("    next: menu", "max_visits", "did you mean `visits`?"),
        ("    ask: Yes or no?", "digits", "`collect: …` with `digits: 4`"),
        ("    ask: Yes or no?", "into", "`collect`"),
        ("    ask: Yes or no?", "retries", "below `no_input` or `no_match`"),
        ("    ask: Yes or no?", "timeout", "did you mean `timeout_s`?"),
        ("name: test", "include", "did you mean `flows`?"),
        ("name: test", "globals", "did you mean `commands`?"),
        ("name: test", "nodes", "did you mean `steps`?"),
        ("name: test", "description", "a comment"),
    ],
)
def test_a_key_of_other_systems(old: str, key: str, todo: str) -> None:
    indent = old[: len(old) - len(old.lstrip())]
    found = [problem for problem in problems(changed(old, f"{old}\n{indent}{key}: 1")) if f"`{key}`" in problem.what]
    assert len(found) == 1
    assert todo in found[0].todo


@pytest.mark.parametrize(
    ("step", "key", "todo"),
    [
        ("record: Please speak., into: message, otherwise: bye", "maxLength", "did you mean `most_s`?"),
        ("record: Please speak., into: message, otherwise: bye", "finishOnKey", "did you mean `end_key`?"),
        ("play: music.wav", "repeat", "did you mean `loop`?"),
        ("play: music.wav", "volume", "did you mean `volume_db`?"),
        ("transfer: desk, otherwise: bye", "user_to_user", "in Python"),
        ("queue: support, otherwise: bye", "waitUrl", "below `[queues.NAME]`"),
        ("queue: support, otherwise: bye", "hold_music", "`while_waiting`"),
    ],
)
def test_a_key_of_other_systems_in_steps_of_sound_and_transfer(step: str, key: str, todo: str) -> None:
    text = f"name: t\nstart: a\nsteps:\n  a: {{{step}, {key}: 1, next: bye}}\n  bye: {{hang_up: Goodbye.}}\n"
    assert todo in only(text).todo


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


def test_no_kind_of_step_is_said_to_be_pythons() -> None:
    said = {word: found for word in KINDS if (found := instead(word, ())) is not None}
    assert "queue" in said
    assert [word for word, (_, todo) in said.items() if todo == PYTHON] == []
