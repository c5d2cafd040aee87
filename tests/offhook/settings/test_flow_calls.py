"""Sub-flows in files: read for each call, with their positions, and refused where they cannot be."""

from pathlib import Path

import pytest

from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.limits import MAX_DEPTH, MAX_STEPS
from offhook.pipeline.dialog.spoken_ssml import sources
from offhook.pipeline.dialog.ssml import is_ssml
from offhook.pipeline.dialog.steps.call import CallStep
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.understanding.phones import Phone
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.testing.wav_file import wav
from offhook.usererror import Problem, UserError

MAIN = """\
name: bank
start: who
flows:
  identify: parts/identify.yaml
no_input: {then: bye}
no_match: {then: bye}
steps:
  who:
    call: identify
    with: {tries: 3}
    results: [account]
    outcomes: {found: said}
    next: bye
  said: {say: "Account {account}.", next: bye}
  bye: {hang_up: Goodbye.}
"""
IDENTIFY = """\
parameters: {tries: number}
results: {account: text}
language: en-GB
start: number
no_input: {then: failed}
no_match: {then: failed}
steps:
  number: {collect: "Your number? {tries} tries.", into: account, digits: 4, next: found}
  found: {return: found}
  failed: {return: failed}
"""


def load(folder: Path, main: str = MAIN, **parts: str) -> Flow:
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "flow.yaml").write_text(main)
    for name, text in {"identify": IDENTIFY, **parts}.items():
        (folder / "parts" / f"{name}.yaml").write_text(text)
    return load_flow(folder / "flow.yaml")


def problems(folder: Path, main: str = MAIN, **parts: str) -> list[Problem]:
    with pytest.raises(UserError) as caught:
        load(folder, main, **parts)
    return list(caught.value.problems)


def only(folder: Path, main: str = MAIN, **parts: str) -> Problem:
    found = problems(folder, main, **parts)
    assert len(found) == 1, found
    assert found[0].what and found[0].why and found[0].todo
    return found[0]


def test_the_steps_of_a_sub_flow_are_named_behind_the_step_that_calls_it(tmp_path: Path) -> None:
    flow = load(tmp_path)
    assert list(flow.steps) == ["who", "who/number", "who/found", "who/failed", "said", "bye"]
    call = flow.steps["who"]
    assert isinstance(call, CallStep)
    assert call.sub_flow.file == str(tmp_path / "parts" / "identify.yaml")
    assert call.sub_flow.outcomes == ("found", "failed")
    assert flow.steps["who/number"].language == "en-GB"
    assert flow.steps["said"].language is None
    assert flow.steps["who/number"].edges()["no_input.then"] == "who/failed"


def test_a_sub_flow_may_stand_in_the_flow_itself_and_call_others() -> None:
    text = MAIN.replace(
        "  identify: parts/identify.yaml\n",
        """\
  identify:
    parameters: {tries: number}
    results: {account: text}
    start: first
    no_input: {then: lost}
    no_match: {then: lost}
    steps:
      first: {collect: Your number., into: account, digits: 4, next: check}
      check: {call: pin, next: found}
      found: {return: found}
      lost: {return: lost}
  pin:
    start: enter
    no_input: {then: done}
    no_match: {then: done}
    steps:
      enter: {collect: Your PIN., into: pin, digits: 4, next: done}
      done: {return: done}
""",
    )
    flow = parse_flow(text.encode(), "bank.yaml")
    assert "who/check/enter" in flow.steps
    assert flow.steps["who/check/done"].edges() == {"next": "who/found"}


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "todo"),
    [
        ("call: identify", "call: identfy", "flow.yaml:9:11", "no sub-flow `identfy`", "did you mean `identify`?"),
        ("tries: 3", "tires: 3", "flow.yaml:10:19", "no parameter `tires`", "did you mean `tries`?"),
        ("tries: 3", "tries: '\"3\"'", "flow.yaml:10:19", '`"3"` is a text', "number("),
        ("[account]", "[acount]", "flow.yaml:11:5", "no result `acount`", "did you mean `account`?"),
        ("found: said", "fond: said", "flow.yaml:12:22", "never returns `fond`", "did you mean `found`?"),
        ("found: said", "found: sayd", "flow.yaml:12:23", "no step `sayd`", "did you mean `said`?"),
        ("parts/identify.yaml", "parts/none.yaml", "flow.yaml:4:13", "cannot be read", "ls -l"),
        ("  who:\n", "  a/b: {hang_up: }\n  who:\n", "flow.yaml:8:3", "`a/b` cannot be a step's name", "a_b"),
        ("flows:\n", "include:\n", "flow.yaml:3:1", "unknown key `include`", "did you mean `flows`?"),
        ("  identify:", "  other: x.yaml\n  identify:", "flow.yaml:4:10", "`other` is never called", "remove it"),
        ("  bye: {hang", "  lost: {return: x}\n  bye: {hang", "flow.yaml:15:18", "returns to nobody", "hang_up"),
    ],
)
def test_a_problem_of_a_call_has_its_place(
    old: str, new: str, where: str, what: str, todo: str, tmp_path: Path
) -> None:
    assert MAIN.count(old) == 1
    found = next(each for each in problems(tmp_path, MAIN.replace(old, new)) if what in each.what)
    assert found.where == f"{tmp_path}/{where}"
    assert todo in found.todo


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("start: number", "start: numbr", "4:8", "no step `numbr`"),
        ("next: found", "next: fund", "8:84", "no step `fund`"),
        ("no_input: {then: failed}", "no_input: {then: faild}", "5:18", "no step `faild`"),
        ("no_input: {then: failed}\n", "", "7:21", "step `number` has no `no_input`"),
        ("{tries} tries", "{limit} tries", "8:21", "no variable `limit`"),
        ("tries: number", "tries: nummer", "1:21", "`nummer` is not a type"),
        ("tries: number", "2nd: number", "1:14", "`2nd` is not a valid variable name"),
        ("account: text", "account: number", "2:20", "the result `account` is a text"),
        ("account: text", "account: text, name: text", "2:32", "the result `name` never has a value"),
        ("results:", "result:", "2:1", "unknown key `result`"),
        ("  failed: {return: failed}", "  failed: {return: }", "10:19", "is empty"),
        ("steps:\n", "steps:\n  lost: {return: found}\n", "8:3", "step `who/lost` is never reached"),
        ("start: number", "start: [", "4:8", "not YAML"),
    ],
)
def test_a_problem_in_a_sub_flow_has_its_place_in_its_own_file(
    old: str, new: str, where: str, what: str, tmp_path: Path
) -> None:
    assert IDENTIFY.count(old) == 1
    found = problems(tmp_path, identify=IDENTIFY.replace(old, new))
    assert [each.where for each in found if what in each.what] == [f"{tmp_path}/parts/identify.yaml:{where}"], found


def test_a_problem_is_said_once_however_often_the_sub_flow_is_called(tmp_path: Path) -> None:
    twice = MAIN.replace(
        "next: bye}\n  bye", "next: other}\n  other: {call: identify, with: {tries: 1}, next: bye}\n  bye"
    )
    found = only(tmp_path, twice, identify=IDENTIFY.replace("{tries} tries", "{limit} tries"))
    assert found.what == "there is no variable `limit`"


def test_a_sub_flow_does_not_call_itself(tmp_path: Path) -> None:
    other = """\
start: ask
flows: {identify: identify.yaml}
steps:
  ask: {call: identify, with: {tries: 1}, next: done}
  done: {return: done}
"""
    identify = IDENTIFY.replace("digits: 4, next: found", "digits: 4, next: more").replace(
        "steps:\n", "flows: {other: other.yaml}\nsteps:\n  more: {call: other, next: found}\n"
    )
    found = problems(tmp_path, identify=identify, other=other)
    assert found[0].what == "the sub-flow `identify` calls itself"
    assert found[0].why == "identify → other → identify would never end"


def test_calls_are_so_deep_at_most_and_steps_so_many(tmp_path: Path) -> None:
    def chain(depth: int, calls: int) -> str:
        names = [f"f{at}" for at in range(depth)]
        flows = []
        for name, called in zip(names, [*names[1:], ""], strict=True):
            inner = [f"s{n}: {{call: {called}, next: s{n + 1}}}" for n in range(calls)] if called else []
            inner = inner or ["s0: {say: Hello., next: s1}"]
            flows.append(f"  {name}: {{start: s0, steps: {{{', '.join(inner)}, s{len(inner)}: {{return: done}}}}}}")
        steps = "steps: {a: {call: f0, next: z}, z: {hang_up: }}"
        return "\n".join(["name: deep", "start: a", "flows:", *flows, steps])

    assert len(parse_flow(chain(MAX_DEPTH, 1).encode(), "f.yaml").steps) < MAX_STEPS
    with pytest.raises(UserError, match=f"{MAX_DEPTH + 1} deep"):
        parse_flow(chain(MAX_DEPTH + 1, 1).encode(), "f.yaml")
    with pytest.raises(UserError, match=f"more than {MAX_STEPS} steps"):
        parse_flow(chain(MAX_DEPTH, 2).encode(), "f.yaml")


def test_visits(tmp_path: Path) -> None:
    text = MAIN.replace("  said: {say", "  said: {visits: {most: 3, then: bye}, say")
    visits = load(tmp_path, text).steps["said"].visits
    assert visits is not None
    assert (visits.most, visits.then) == (3, "bye")
    assert only(tmp_path, text.replace("most: 3", "most: 0")).where.endswith("flow.yaml:14:25")
    assert "no `then`" in only(tmp_path, text.replace(", then: bye}", "}")).what


def test_a_sub_flow_dials_and_is_as_sure_as_the_flow(tmp_path: Path) -> None:
    main = MAIN.replace("start: who", "start: who\ncountry: US\nconfirm_below: 0.8")
    asks = IDENTIFY.replace("digits: 4", "as: phone")
    number = load(tmp_path, main, identify=asks).steps["who/number"]
    assert isinstance(number, Collect)
    assert (number.value, number.confirm_below) == (Phone("US"), 0.8)
    own = load(tmp_path, main, identify=f"confirm_below: 0.5\n{asks}").steps["who/number"]
    assert isinstance(own, Collect) and own.confirm_below == 0.5


def test_a_sub_flow_in_a_file_has_the_texts_of_the_flow_and_its_own_before_them(tmp_path: Path) -> None:
    texts = "texts: {again: Once more., hello: Hello.}\nstart: who"
    main = MAIN.replace("start: who", texts)
    part = IDENTIFY.replace("{then: failed}\nsteps", "{reprompts: [{text: again}, {text: hello}], then: failed}\nsteps")
    own = part.replace("start: number", "texts: {hello: Good day.}\nstart: number")
    for text, said in ((part, ("Once more.", "Hello.")), (own, ("Once more.", "Good day."))):
        number = load(tmp_path, main, identify=text).steps["who/number"]
        assert isinstance(number, Collect) and number.no_match.reprompts == said
    wrong = only(tmp_path, main.replace("again: Once more.", "again: [Once]"), identify=part)
    assert wrong.where.endswith("flow.yaml:2:16"), "where the text is written"


def test_recordings_are_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for folder, seconds in ((tmp_path, 1), (tmp_path / "parts", 2)):
        (folder / "hello.wav").write_bytes(wav(bytes(16_000 * seconds)))
    named = "texts: {hi: {file: hello.wav, text: Hi.}}\nstart: who"
    main = MAIN.replace("start: who", named).replace('say: "Account {account}."', "say: {text: hi}")
    part = IDENTIFY.replace("  found: {return", "  found: {play: hello.wav, next: marked}\n  end: {return")
    part += "  marked: {say: '<speak>Hi. <audio src=\"hello.wav\">Hi.</audio></speak>', next: theirs}\n"
    part += "  theirs: {say: {text: hi}, next: own}\n  own: {say: {file: hello.wav, text: Hello.}, next: end}\n"
    flow = load(tmp_path, main, identify=part.replace("{return: found}", "{return: found}"))
    assert {name: sound.seconds for name, sound in flow.sounds.items()} == {"hello.wav": 1.0, "parts/hello.wav": 2.0}
    sounds = {name: sources(text) for name, step in flow.steps.items() for _, text in step.texts() if is_ssml(text)}
    assert sounds == {
        "said": ("hello.wav",),
        "who/marked": ("parts/hello.wav",),
        "who/theirs": ("hello.wav",),
        "who/own": ("parts/hello.wav",),
    }
    assert [name for _, name in flow.steps["who/found"].sounds()] == ["parts/hello.wav"]
