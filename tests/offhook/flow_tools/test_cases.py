"""Tests of flows: what they find, and what is wrong with the tests themselves."""

from pathlib import Path
from socket import socket

import pytest

from offhook.flow_tools.case_file import load_cases
from offhook.flow_tools.no_secrets import NoSecrets
from offhook.flow_tools.play import play
from offhook.settings.flow_file import load_flow
from offhook.usererror import UserError

FLOW = """
name: shop
start: menu
no_input: {attempts: 2, then: bye}
no_match: {attempts: 2, reprompts: "Parcel, or a person?", then: person}
steps:
  menu:
    ask: Welcome. Parcel, or a person?
    choices:
      parcel: {phrases: [parcel, my parcel], key: 1, next: ask}
      person: {phrases: [a person], key: 2, next: person}
  ask:
    request: https://api.example.com/parcels
    into: parcel
    timeout_s: 3
    next: sent
    otherwise: person
  sent: {say: "It comes on {parcel.day}, in {days_until(parcel_day)} days.", next: bye}
  person: {transfer: desk, otherwise: bye}
  bye: {hang_up: Goodbye., reason: done}
""".replace(", in {days_until(parcel_day)} days", "")
TALK = "talk: [{hears: Welcome}, {says: my parcel}, {hears: comes on Monday}]"
ANSWERS = "requests: {GET https://api.example.com/parcels: {json: {day: Monday}}}"


def findings(tmp_path: Path, case: str, flow: str = FLOW) -> list[str]:
    """The kinds of what is found by one case."""
    (tmp_path / "shop.yaml").write_text(flow)
    path = tmp_path / "shop.test.yaml"
    path.write_text(f"cases:\n  one: {{{case}}}\n")
    file = load_cases(path)
    result, _ = play(load_flow(file.flow), file, file.cases[0])
    return [each.kind for each in result.findings]


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("ends: bot hangs up", []),
        ("ends: transferred", ["ended"]),
        ("transferred_to: desk", ["transferred"]),
        ("steps: [menu, ask, sent, bye]", []),
        ("steps: [menu, sent, bye]", ["steps"]),
        ("requests: [GET https://api.example.com/parcels]", []),
        ("requests: []", ["requests"]),
        ("requests: [{GET https://api.example.com/parcels: {}}]", []),
        ("requests: [{GET https://api.example.com/parcels: {json: {day: 1}}}]", ["requests"]),
        ("never_said: [Monday]", ["said"]),
        ("never_said: [Tuesday]", []),
        ("reason: done", []),
        ("reason: paid", ["reason"]),
    ],
)
def test_what_is_expected_of_a_call(tmp_path: Path, expected: str, found: list[str]) -> None:
    ends = "" if expected.startswith(("ends", "transferred")) else ", ends: bot hangs up"
    assert findings(tmp_path, f"{ANSWERS}, {TALK}, expect: {{{expected}{ends}}}") == found


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (f"{ANSWERS}, {TALK.replace('Monday', 'Tuesday')}", ["not_heard"]),
        (f"{TALK}", ["not_heard", "no_answer"]),  # nobody answers the request, and there is no day
        ("talk: [{hears: Welcome}, {presses: '2'}, {waits: 5}, {says: hello}]", ["over"]),
        ("talk: [{hears: Welcome}, {hears: Welcome}, {hears: Goodbye}], expect: {ends: bot hangs up}", []),
        ("talk: [{begins_to_hear: Welcome}, {says: a person}], expect: {transferred_to: desk}", []),
        ("transfers: no, talk: [{hears: Welcome}, {says: a person}, {hears: Goodbye}]", []),
        ("talk: [{hears: Welcome}, hangs_up], expect: {ends: caller hangs up}", []),
        ("talk: [{hears: Welcome}, {hangs_up: }], expect: {ends: caller hangs up}", []),
        (
            "requests: {GET https://api.example.com/parcels: nothing}, talk: [{hears: Welcome}, {presses: '1'}],"
            " expect: {transferred_to: desk}",
            [],
        ),
        (
            "requests: {GET https://api.example.com/parcels: {status: 500}}, talk: [{hears: Welcome}, {presses: '1'}],"
            " expect: {transferred_to: desk}",
            [],
        ),
    ],
)
def test_how_calls_go(tmp_path: Path, case: str, found: list[str]) -> None:
    assert findings(tmp_path, case) == found


def test_what_was_said_in_place_of_a_text_is_shown_from_there_on(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(FLOW)
    path = tmp_path / "shop.test.yaml"
    path.write_text(f"cases:\n  one: {{{ANSWERS}, {TALK.replace('Monday', 'Tuesday')}}}\n")
    file = load_cases(path)
    result, _ = play(load_flow(file.flow), file, file.cases[0])
    (found,) = result.findings
    assert found.why == "caller: my parcel | bot: It comes on Monday. | bot: Goodbye."


def test_a_status_leads_to_its_step(tmp_path: Path) -> None:
    flow = FLOW.replace("    timeout_s: 3\n", "    timeout_s: 3\n    on_status: {404: bye}\n")
    refused = "requests: {GET https://api.example.com/parcels: {status: 404}}"
    talk = "talk: [{hears: Welcome}, {says: my parcel}, {hears: Goodbye}]"
    assert findings(tmp_path, f"{refused}, {talk}, expect: {{steps: [menu, ask, bye]}}", flow) == []


def test_a_message_is_left(tmp_path: Path) -> None:
    flow = """
name: mailbox
start: leave
steps:
  leave: {record: Please leave a message., into: message, review: true, next: thanks, otherwise: none}
  thanks: {hang_up: "{message.seconds} seconds, {message.file}."}
  none: {hang_up: There is none.}
"""
    said = "{hears: leave a message}, {says: please call me back tomorrow at noon}, {hears: To hear}"
    for talk in (
        f"{said}, {{presses: '2'}}, {{hears: seconds}}",
        f"{said}, {{presses: '4'}}, {{hears: is none}}",
        "{hears: leave a message}, {hears: is none}",
    ):
        assert findings(tmp_path, f"talk: [{talk}], expect: {{ends: bot hangs up}}", flow) == []
    assert not list(tmp_path.glob("*.wav"))


def test_a_server_answers_otherwise_the_next_time(tmp_path: Path) -> None:
    flow = """
name: pin
start: pin
no_input: {then: bye}
no_match: {then: bye}
steps:
  pin: {collect: Your PIN., into: pin, digits: 4, next: check}
  check: {request: "https://bank.example.com/pin", into: found, next: right, otherwise: down}
  right: {if: found.ok, then: bye, else: wrong}
  wrong: {say: Once more., next: pin}
  down: {say: It is down., next: pin}
  bye: {hang_up: Goodbye.}
"""
    answers = "[{json: {ok: false}}, {status: 500}, {json: {ok: LAST}}]"
    case = f"requests: {{GET https://bank.example.com/pin: {answers}}}, talk: ["
    for said in ("Your PIN", "Once more", "It is down"):
        case += f"{{hears: {said}}}, {{presses: '1234#'}}, "
    again = "{hears: Once more}, {presses: '1234#'}, {hears: Once more}]"
    assert findings(tmp_path, case.replace("LAST", "false") + again, flow) == []
    assert findings(tmp_path, case.replace("LAST", "true") + "{hears: Goodbye}]", flow) == []


def test_a_message_counts_as_kept_and_nothing_comes_from_the_net(tmp_path: Path) -> None:
    flow = """
name: mailbox
start: music
steps:
  music: {play: "https://radio.example.com/live.wav", for_s: 60, next: leave, otherwise: lost}
  leave: {record: Please leave a message., into: message, next: thanks, otherwise: lost}
  thanks: {hang_up: "Thank you, {message.file}."}
  lost: {hang_up: Nothing came of it.}
"""
    talk = "{hears: leave a message}, {waits: 1}, {says: this is a rather long message}, {hears: Thank you}"
    assert findings(tmp_path, f"talk: [{talk}], expect: {{steps: [music, leave, thanks]}}", flow) == []


ORDER = """
name: table
start: order
steps:
  order:
    request: https://api.example.com/tables
    method: POST
    headers: {Authorization: "Bearer ${TABLE_KEY}", X-Caller: "{call.caller}"}
    send: {people: 4, names: '["Ann", "Bo"]', smoking: no}
    next: bye
    otherwise: bye
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize(
    ("expected", "why"),
    [
        ("json: {people: 4.0, names: [Ann, Bo], smoking: false}", None),
        ("headers: {authorization: 'Bearer ${TABLE_KEY}', X-Caller: caller}", None),
        ("headers: {X-Caller: caller}, json: {smoking: false, names: [Ann, Bo], people: 4}", None),
        ("json: {people: 5, names: [Ann, Bo], smoking: false}", 'expected: {"people": 5, "names": ["Ann", "Bo"]'),
        ("json: {people: 4, names: [Ann], smoking: false}", 'expected: {"people": 4, "names": ["Ann"]'),
        ("json: {people: 4, names: [Ann, Bo], smoking: 0}", "expected: "),
        ("json: {people: 4}", 'expected: {"people": 4}'),
        ("headers: {X-Caller: other}", "expected: `other`"),
        ("headers: {X-Other: caller}", "expected: `caller`"),
    ],
)
def test_what_a_request_sends_is_seen(tmp_path: Path, expected: str, why: str | None) -> None:
    what = "POST https://api.example.com/tables"
    case = f"caller: caller, requests: {{{what}: {{}}}}, talk: [{{hears: Goodbye}}]"
    (tmp_path / "shop.yaml").write_text(ORDER)
    path = tmp_path / "shop.test.yaml"
    path.write_text(
        f"cases:\n  one: {{{case}, expect: {{ends: bot hangs up, requests: [{{{what}: {{{expected}}}}}]}}}}\n"
    )
    file = load_cases(path)
    result, _ = play(load_flow(file.flow, environ=NoSecrets()), file, file.cases[0])
    if why is None:
        assert result.findings == ()
    else:
        (found,) = result.findings
        assert found.kind == "requests" and found.why.startswith(why)


@pytest.mark.parametrize(
    ("body", "expected", "says"),
    [
        ('json: {a: {b: ["{call.caller}"]}}', "json: {a: {b: [caller]}}", None),
        ('json: {a: {b: ["{call.caller}"]}}', "json: {a: {b: [other]}}", "other JSON"),
        ('form: {a: "{call.caller}", b: 2}', "form: {a: caller, b: 2}", None),
        ('form: {a: "{call.caller}", b: [2, 3]}', "form: {a: caller, b: [2, 3]}", None),
        ("form: {a: 250.40, b: [no, 01067]}", "form: {a: 250.40, b: [no, 01067]}", None),
        ("form: {a: 250.40}", "form: {a: 250.4}", "other fields"),
        ('form: {a: "{call.caller}"}', "form: {a: other}", "other fields"),
        ('form: {a: "{call.caller}"}', "json: {a: caller}", "as a form"),
        ('json: {a: "{call.caller}"}', "form: {a: caller}", "without a form"),
    ],
)
def test_the_body_of_a_request_is_seen(tmp_path: Path, body: str, expected: str, says: str | None) -> None:
    what = "POST https://api.example.com/orders"
    flow = f"""
name: orders
start: ask
steps:
  ask: {{request: "https://api.example.com/orders", method: POST, {body}, next: bye, otherwise: bye}}
  bye: {{hang_up: Goodbye.}}
"""
    (tmp_path / "shop.yaml").write_text(flow)
    path = tmp_path / "shop.test.yaml"
    path.write_text(
        f"cases: {{one: {{caller: caller, requests: {{{what}: {{}}}}, talk: [{{hears: Goodbye}}],"
        f" expect: {{requests: [{{{what}: {{{expected}}}}}]}}}}}}"
    )
    file = load_cases(path)
    result, _ = play(load_flow(file.flow), file, file.cases[0])
    if says is None:
        assert result.findings == ()
    else:
        (found,) = result.findings
        assert says in found.what


def test_the_clock_stands_where_the_case_puts_it(tmp_path: Path) -> None:
    flow = """
name: clock
start: which
steps:
  which: {if: 'weekday(today()) == "saturday"', then: closed, else: open}
  closed: {hang_up: We are closed.}
  open: {hang_up: We are open.}
"""
    for now, text in (("2026-12-19 12:00", "closed"), ("2026-12-21 12:00", "open")):
        assert findings(tmp_path, f"now: {now}, talk: [{{hears: {text}}}]", flow) == []


def test_no_stream_is_fetched(tmp_path: Path) -> None:
    with socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/live.wav"
        flow = f"""
name: music
start: music
steps:
  music: {{play: "{address}", allow_private: yes, for_s: 5, next: played, otherwise: bye}}
  played: {{say: It was played., next: bye}}
  bye: {{hang_up: Goodbye.}}
"""
        assert findings(tmp_path, "talk: [{hears: It was played}, {hears: Goodbye}]", flow) == []
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_model_is_asked(tmp_path: Path) -> None:
    flow = """
name: visit
start: book
steps:
  book: {agent: Find out a day., with: none.yaml, outcomes: {booked: {next: booked}}, otherwise: sorry}
  booked: {hang_up: See you.}
  sorry: {hang_up: Nobody can help you now.}
"""
    assert findings(tmp_path, "talk: [{hears: Nobody can help}], expect: {steps: [book, sorry]}", flow) == []


def test_a_flow_that_goes_in_circles_fails_its_test(tmp_path: Path) -> None:
    flow = """
name: circle
start: one
steps:
  one: {set: {x: 1}, next: two}
  two: {if: x > 0, then: one, else: bye}
  bye: {hang_up: Goodbye.}
"""
    assert findings(tmp_path, "talk: [{hears: Goodbye}]", flow) in (["failed"], ["not_heard"])


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("cases: {}", 1, "there are no cases"),
        ("case: 1", 1, "unknown key `case`"),
        ("cases:\n  one: {talk: [{say: hello}]}", 2, "did you mean `says`?"),
        ("cases:\n  one:\n    talk:\n      - {hears: a, says: b}", 4, "make a line of each"),
        ("cases:\n  one: {talk: [{presses: 1x}]}", 2, "cannot be pressed"),
        ("cases:\n  one: {talk: [{waits: 0}]}", 2, "nobody can wait 0 s"),
        ("cases:\n  one: {talk: [{sets: emergency}]}", 2, "type `sets: emergency on`"),
        ("cases:\n  one: {talk: hello}", 2, "is no list"),
        ("cases:\n  one: {talk: [], expect: {ends: hangup}}", 2, "did you mean"),
        ("cases:\n  one: {talk: [], now: noon}", 2, "is no time"),
        ("requests: {GET /parcels: {json: 1}}\ncases:\n  one: {talk: []}", 1, "is no request"),
        ("requests: {GET https://a/b: {json: {a: !!int x}}}\ncases:\n  one: {talk: []}", 1, "`x` is no value of JSON"),
        ("requests: {GET https://a/b: {json: !!binary eHh4}}\ncases:\n  one: {talk: []}", 1, "is no value of JSON"),
        ("requests: {GET https://a/b: {json: [!own x]}}\ncases:\n  one: {talk: []}", 1, "is no value of JSON"),
        ("requests: {GET https://a/b: {json: .nan}}\ncases:\n  one: {talk: []}", 1, "is no value of JSON"),
        (f"requests: {{GET https://a/b: {{json: {'9' * 5000}}}}}\ncases:\n  one: {{talk: []}}", 1, "no value of JSON"),
        ("requests: {GET https://a/b: []}\ncases:\n  one: {talk: []}", 1, "has no answers"),
        ("requests: {GET https://a/b: [{json: 1}, {status: 99}]}\ncases:\n  one: {talk: []}", 1, "no status 99"),
        ("cases:\n  one: {talk: [], expect: {requests: [GET /parcels]}}", 2, "`GET /parcels` is no request"),
        ("cases:\n  one: {talk: [], expect: {requests: [{GET /parcels: {}}]}}", 2, "`GET /parcels` is no request"),
        ("cases:\n  one: {talk: [], expect: {requests: [{}]}}", 2, "has 0 keys"),
        ("cases:\n  one: {talk: [], expect: {requests: [{GET https://a/b: {jsn: 1}}]}}", 2, "did you mean `json`?"),
        ("requests: {GET https://a/b: {status: 99}}\ncases:\n  one: {talk: []}", 1, "there is no status 99"),
    ],
)
def test_mistakes_in_tests(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "a.test.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load_cases(path)
    assert f"a.test.yaml:{line}:" in error.value.render() and says in error.value.render()


def test_a_test_of_another_name_says_which_flow_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "calls.yaml"
    path.write_text("cases:\n  one: {talk: []}")
    with pytest.raises(UserError, match="has no `flow`"):
        load_cases(path)
    path.write_text("flow: ../shop.yaml\ncases:\n  one: {talk: []}")
    assert load_cases(path).flow == tmp_path / ".." / "shop.yaml"


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    flow = """
name: pay
start: card
no_input: {then: bye}
no_match: {then: bye}
steps:
  card: {collect_secret: Your card number., as: card, into: card, next: pay, otherwise: bye, refused: bye}
  pay: {request: "https://api.example.com/pay", method: POST, secret: {number: card}, next: bye, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""
    (tmp_path / "pay.yaml").write_text(flow)
    path = tmp_path / "pay.test.yaml"
    pay = "POST https://api.example.com/pay"
    path.write_text(f"""
requests: {{{pay}: {{json: {{}}}}}}
cases:
  paid:
    talk: [{{hears: card number}}, {{presses: "4000056655665556#"}}, {{hears: Goodbye}}]
    expect: {{ends: bot hangs up, requests: [{{{pay}: {{json: {{number: "4000056655665556"}}}}}}]}}
""")
    file = load_cases(path)
    result, _ = play(load_flow(file.flow), file, file.cases[0])
    (found,) = result.findings
    assert found.what == f'{pay} was sent with other JSON: {{"number": "{16 * "*"}"}}'


SUPPORT = """
name: support
start: wait
no_input: {then: bye}
no_match: {then: bye}
steps:
  wait: {queue: support, next: after, otherwise: sorry, on_failure: {left: menu, timeout: desk}}
  menu: {ask: Press one to wait again., choices: {again: {phrases: [again], key: 1, next: wait}}}
  desk: {transfer: desk, next: after, otherwise: sorry, on_failure: {busy: menu}}
  after: {hang_up: Thank you.}
  sorry: {hang_up: Nobody is there.}
  bye: {hang_up: Goodbye.}
"""


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("queues: {support: back}, talk: [{hears: Thank you}], expect: {ends: bot hangs up}", []),
        ("queues: {support: no_agents}, talk: [{hears: Nobody}], expect: {ends: bot hangs up}", []),
        ("talk: [], expect: {transferred_to: support}", []),
        (
            "queues: {support: [left, taken]}, talk: [{hears: wait again}, {presses: '1'}],"
            " expect: {ends: transferred, transferred_to: support, steps: [wait, menu, wait]}",
            [],
        ),
        (
            "queues: {support: timeout}, transfers: {desk: [busy, back]},"
            " talk: [{hears: wait again}, {presses: '1'}, {hears: Thank you}], expect: {ends: bot hangs up}",
            [],
        ),
        ("queues: {support: timeout}, transfers: no, talk: [{hears: Nobody}]", []),
        ("queues: {suport: left}, talk: [{hears: wait again}]", ["queues"]),
        ("transfers: no, talk: [{hears: Nobody}]", []),
    ],
)
def test_how_waits_and_transfers_end(tmp_path: Path, case: str, found: list[str]) -> None:
    assert findings(tmp_path, case, SUPPORT) == found


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("transfers: {anna: busy}, talk: [], expect: {transferred_to: ben}", []),
        ("transfers: {anna: busy, ben: no_answer}, talk: [{hears: Nobody}], expect: {steps: [desk, sorry]}", []),
        ("transfers: {anna: declined, ben: busy}, talk: [{hears: busy}], expect: {steps: [desk, busy]}", []),
    ],
)
def test_how_a_transfer_to_several_ends(tmp_path: Path, case: str, found: list[str]) -> None:
    flow = """
name: shop
start: desk
steps:
  desk: {transfer: [anna, ben], otherwise: sorry, on_failure: {busy: busy}}
  busy: {hang_up: They are busy.}
  sorry: {hang_up: Nobody is there.}
"""
    assert findings(tmp_path, case, flow) == found


DESK = """
name: desk
start: take
steps:
  take: {take: support, announce: The next one., next: talked, otherwise: nobody, wait_s: 20, end_key: "*"}
  talked: {say: Well done., next: take}
  nobody: {hang_up: Nobody waits.}
"""


@pytest.mark.parametrize(
    ("case", "found"),
    [
        ("queues: {support: [back, back, timeout]}, expect: {steps: [take, talked, take, talked, take, nobody]}", []),
        ("expect: {steps: [take, nobody], ends: bot hangs up}", []),
        ("queues: {support: not_possible}, expect: {steps: [take, nobody]}", []),
        ("queues: {sales: back}", ["queues"]),
    ],
)
def test_who_is_taken_by_an_agent(tmp_path: Path, case: str, found: list[str]) -> None:
    assert findings(tmp_path, f"talk: [{{hears: The next one}}, {{hears: Nobody waits}}], {case}", DESK) == found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("step", "more"),
    [
        ("take: support", "queues: {support: back}"),
        ("queue: support", "queues: {support: back}"),
        ("transfer: desk", "transfers: {desk: back}"),
    ],
)
def test_who_talks_again_and_again_comes_to_the_end_of_the_test(tmp_path: Path, step: str, more: str) -> None:
    flow = f"""
name: circle
start: talk
steps:
  talk: {{{step}, next: talk, otherwise: nobody}}
  nobody: {{hang_up: Nobody is there.}}
"""
    assert findings(tmp_path, f"talk: [{{hears: Nobody}}], {more}", flow) == ["not_heard"]
    assert findings(tmp_path, f"talk: [], expect: {{ends: bot hangs up}}, {more}", flow) == ["ended"]


LINE = """
name: line
start: hello
switches:
  emergency: {means: Nobody is there.}
  weather: {means: Which., values: [fair, snow storm]}
steps:
  hello: {say: Welcome to our line., next: look}
  look: {if: switches.emergency, then: closed, else: outside}
  outside: {if: switches.weather == "snow storm", then: closed, else: there}
  closed: {hang_up: We are closed.}
  there: {hang_up: We are there.}
"""


@pytest.mark.parametrize(
    ("talk", "found"),
    [
        ("[{hears: We are there}]", []),
        ("[{begins_to_hear: Welcome}, {sets: emergency on}, {hears: We are closed}]", []),
        ("[{begins_to_hear: Welcome}, {sets: weather snow storm}, {hears: We are closed}]", []),
        ("[{sets: emergency on}, {begins_to_hear: Welcome}, {sets: emergency off}, {hears: We are there}]", []),
        ("[{sets: emergency on}, {hears: We are closed}], switches: {weather: fair}", []),
        ("[{sets: emergncy on}, {hears: We are closed}]", ["switches"]),
        ("[{sets: emergency maybe}, {hears: We are closed}]", ["switches"]),
    ],
)
def test_a_switch_is_set_while_the_call_goes_on(tmp_path: Path, talk: str, found: list[str]) -> None:
    assert findings(tmp_path, f"talk: {talk}", LINE) == found


def test_an_end_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.test.yaml"
    path.write_text("cases: {one: {queues: {support: bussy}, transfers: {desk: bussy}, talk: [{hears: Hello}]}}")
    with pytest.raises(UserError) as refused:
        load_cases(path)
    whats = {each.what for each in refused.value.problems}
    assert whats == {"`support` cannot end with `bussy`", "`desk` cannot end with `bussy`"}
    assert "did you mean `busy`?" in [each.todo for each in refused.value.problems]


def test_a_secret_is_not_asked_for(tmp_path: Path) -> None:
    flow = """
name: pin
start: pin
steps:
  pin: {collect_secret: Your PIN., as: pin, into: pin, digits: 4, next: check, otherwise: bye, refused: person}
  check: {request: "https://bank.example.com/pin", method: POST, secret: {pin: pin}, next: bye, otherwise: bye}
  person: {transfer: desk, otherwise: bye}
  bye: {hang_up: Goodbye.}
"""
    assert findings(tmp_path, "secrets: no, talk: [], expect: {transferred_to: desk, steps: [pin, person]}", flow) == []
