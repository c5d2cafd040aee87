"""Secrets of a flow in simulated calls, with a real server on loopback."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent, flow_dialog
from offhook.api.flow_requests import masked
from offhook.http_request import HttpRequest, HttpRequestError, tls_context
from offhook.pipeline.secret.digits import MAX_KEYS, SecretKeys
from offhook.pipeline.trace import BargedIn, KeyPressed, SecretKeyed
from offhook.settings.flow_file import parse_flow
from offhook.testing import run
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.simulated_line import SimulatedLine
from offhook.usererror import UserError
from tests.offhook.api.test_flow_requests import Server, ok

pytestmark = pytest.mark.real_time

FLOW = """
name: payment
start: greeting
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  greeting: {{say: You can pay now., next: card}}
  card:
    collect_secret: Your card number, and then the pound key.
    as: card
    into: card
    reprompt: Once more, please.
    next: expiry
    otherwise: sorry
    refused: person
  expiry:
    collect_secret: Month and year.
    as: expiry
    into: expiry
    next: pay
    otherwise: sorry
    refused: person
  pay:
    request: http://127.0.0.1:{port}/payments
    method: POST
    allow_private: true
    send: {{amount: "12"}}
    secret: {{number: card, expiry: expiry}}
    into: paid
    next: paid
    otherwise: sorry
  paid: {{ask: "{{paid.state}}. Anything else?", choices: {{no: {{phrases: [no], key: 2, next: bye}}}}}}
  sorry: {{say: That did not work., next: bye}}
  person: {{say: A person will take your card., next: bye}}
  bye: {{hang_up: Goodbye.}}
"""
CARD, EXPIRY = "4000056655665556", "1131"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytearray]:
    """The memory of every secret that is made."""
    found: list[bytearray] = []

    class Noted(bytearray):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            found.append(self)

    monkeypatch.setattr("offhook.pipeline.secret.digits.bytearray", Noted, raising=False)
    return found


def call_of(server: Server, line: SimulatedLine | None = None) -> SimulatedCall:
    flow = parse_flow(FLOW.format(port=server.port).encode(), "flow.yaml")
    return SimulatedCall(flow_dialog(flow), recorded=True, line=line)


def said(caller: SimulatedCall) -> list[str]:
    return [each.text for each in caller.transcript if each.who == "bot"]


async def over(caller: SimulatedCall) -> None:
    async with asyncio.timeout(60):
        await caller.over.wait()


async def test_the_server_alone_gets_it(
    server: Server, made: list[bytearray], caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [lambda: ok({"state": "Paid"})]
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logged:
        async with call_of(server) as caller:
            await caller.hears("Your card number, and then the pound key.")
            await caller.presses(f"{CARD}#", every_s=0.05)
            await caller.hears("Month and year.")
            await caller.presses(EXPIRY)
            await caller.hears("Paid. Anything else?")
            await caller.presses("2")
            await over(caller)
            assert caller.event_log is not None
            kept = f"{caller.events} {caller.event_log.take()} {caller.transcript} {logged} {caplog.text}"
            keys = [each for each in caller.events if isinstance(each, KeyPressed)]
    (request,) = server.requests
    assert json.loads(request.partition("\r\n\r\n")[2]) == {"amount": 12, "number": CARD, "expiry": EXPIRY}
    assert CARD not in kept and EXPIRY not in kept
    assert len(keys) == 1  # the 2, when the call was not shielded any more
    assert len(made) >= 3 and all(bytes(each) == bytes(MAX_KEYS) for each in made)


async def test_keys_ahead_of_the_prompts(server: Server) -> None:
    server.answers = [lambda: ok({"state": "Paid"})]
    async with call_of(server) as caller:
        await caller.begins_to_hear("You can pay now.")
        await caller.presses(f"{CARD}#{EXPIRY}", every_s=0.05)
        await caller.hears("Paid. Anything else?")
    assert json.loads(server.requests[0].partition("\r\n\r\n")[2])["expiry"] == EXPIRY


@pytest.mark.parametrize("turns", range(8))
async def test_keys_that_come_while_the_prompt_is_stopped(server: Server, turns: int) -> None:
    server.answers = [lambda: ok({"state": "Paid"})]
    async with call_of(server) as caller:
        await caller.begins_to_hear("Your card number, and then the pound key.")
        caller.line.press(CARD[0])
        for _ in range(turns):
            await asyncio.sleep(0)
        await caller.presses(f"{CARD[1:]}#", every_s=0)
        await caller.hears("Month and year.")
        await caller.presses(EXPIRY, every_s=0)
        await caller.hears("Paid. Anything else?")
        cut = [each for each in caller.events if isinstance(each, BargedIn)]
    assert json.loads(server.requests[0].partition("\r\n\r\n")[2])["number"] == CARD
    assert [each.silent_ms for each in cut] == [0]


async def wrong_twice() -> None:
    nobody = Server()
    nobody.port = 9
    async with call_of(nobody) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses("4000056655665557#")
        await caller.hears("Once more, please.")
        await caller.hears("Once more, please.", within_s=10.0)  # nothing was pressed
        await caller.hears("That did not work.", within_s=10.0)


def test_what_cannot_be_right_is_asked_for_again() -> None:
    run(wrong_twice())


LONG = "Your card number, and then the pound key. The star key deletes what you have keyed."


async def begins_cleanly(into: str) -> None:
    flow = FLOW.replace("Your card number, and then the pound key.", LONG)
    flow = flow.replace("reprompt: Once more, please.", "reprompt: Once more, please.\n    timeout_s: 2")
    async with SimulatedCall(flow_dialog(parse_flow(flow.format(port=9).encode(), "flow.yaml"))) as caller:
        await caller.begins_to_hear(into)
        await caller.presses("*")
        begun_s = caller.now
        await caller.begins_to_hear(LONG[:10])
        assert await caller.hears(LONG[:10]) == LONG
        assert caller.now - begun_s > 2.5
        await caller.waits(1.5)
        await caller.presses(f"{CARD}#", every_s=0.05)
        await caller.hears("Month and year.")
        assert "Once more, please." not in said(caller)


@pytest.mark.parametrize("into", ["You can pay now.", "Your card"])
def test_a_star_in_a_long_prompt_takes_nothing_of_the_time_to_key(into: str) -> None:
    run(begins_cleanly(into))


SORRY = "sorry: {{say: That did not work., next: "
OTHER = "  other: {{ask: 'Anything else?', choices: {{no: {{phrases: [no], key: 0, next: bye}}}}}}\n"
NOBODY_PAYS = FLOW.replace(f"{SORRY}bye", f"{SORRY}other") + OTHER


async def keys_on_after_the_last_attempt() -> None:
    flow = NOBODY_PAYS.replace("reprompt: Once more, please.", "attempts: 1").format(port=9)
    async with SimulatedCall(flow_dialog(parse_flow(flow.encode(), "flow.yaml"))) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(CARD[:8], every_s=0.05)
        await caller.begins_to_hear("That did not work.", within_s=10.0)
        await caller.presses(CARD[8:], every_s=0.5)
        assert not any(isinstance(each, KeyPressed) for each in caller.events)
        await caller.hears("Anything else?")
        await caller.presses("0")
        await over(caller)
        assert len([each for each in caller.events if isinstance(each, KeyPressed)]) == 1
        assert said(caller)[-3:] == ["That did not work.", "Anything else?", "Goodbye."]


def test_who_keys_on_after_the_last_attempt_is_heard_by_nobody() -> None:
    run(keys_on_after_the_last_attempt())


async def goes_on_in_python() -> None:
    flow = FLOW.replace("reprompt: Once more, please.", "attempts: 1").format(port=9)
    agent = FlowAgent(parse_flow(flow.encode(), "flow.yaml"))

    async def dialog(call: Call) -> None:
        await agent.run(call)
        await call.say("Now you are heard.")
        await call.say("Press a key.")

    async with SimulatedCall(dialog) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(CARD[:8], every_s=0.05)
        await caller.hears("Goodbye.", within_s=10.0)
        await caller.presses(CARD[8:], every_s=0.5)
        await caller.hears("Now you are heard.")
        await caller.presses("5")
        assert len([each for each in caller.events if isinstance(each, KeyPressed)]) == 1


def test_who_is_with_a_program_afterwards_is_heard_again() -> None:
    run(goes_on_in_python())


async def slips_once() -> None:
    twice = "reprompt: Once more, please.\n    attempts: 2"
    flow = NOBODY_PAYS.replace("reprompt: Once more, please.", twice)
    async with SimulatedCall(flow_dialog(parse_flow(flow.format(port=9).encode(), "flow.yaml"))) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(f"34{CARD[2:]}#")  # a number of fifteen digits, by its first two; the rest is no entry
        await caller.hears("Once more, please.")
        await caller.presses(f"{CARD}#")
        await caller.hears("Month and year.")
        kept = [(each.secret, each.outcome) for each in caller.events if isinstance(each, SecretKeyed)]
        assert kept == [("card", "no_match"), ("card", "entered")]


def test_a_slip_costs_one_attempt() -> None:
    run(slips_once())


PAUSED = """  greeting: {{say: You can pay now., next: pause}}
  pause: {{record_call: pause, next: note}}
  note: {{log: The caller pays., next: card}}
"""


async def test_what_takes_no_time_does_not_end_it(server: Server) -> None:
    server.answers = [lambda: ok({"state": "Paid"})]
    flow = FLOW.replace("  greeting: {{say: You can pay now., next: card}}\n", PAUSED).format(port=server.port)
    async with SimulatedCall(flow_dialog(parse_flow(flow.encode(), "flow.yaml"))) as caller:
        await caller.begins_to_hear("You can pay now.")
        await caller.presses(f"{CARD}#{EXPIRY}", every_s=0.05)
        await caller.hears("Paid. Anything else?")
    assert json.loads(server.requests[0].partition("\r\n\r\n")[2])["number"] == CARD


async def test_without_a_promise_it_is_not_asked_for(server: Server) -> None:
    line = SimulatedLine()
    del line.shield
    with capture_logs() as logged:
        async with call_of(server, line) as caller:
            await over(caller)
            assert said(caller) == ["You can pay now.", "A person will take your card.", "Goodbye."]
    assert any(each["event"] == "a secret was not asked for" and each["why"] for each in logged)


async def test_a_caller_who_hangs_up_leaves_nothing(server: Server, made: list[bytearray]) -> None:
    async with call_of(server) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(f"{CARD}#11", every_s=0.05)
        await caller.hears("Month and year.")
    assert len(made) >= 3 and all(bytes(each) == bytes(MAX_KEYS) for each in made)


async def test_the_answer_does_not_bring_it_back(server: Server) -> None:
    server.answers = [lambda: ok({"state": f"Paid with {CARD}"})]
    async with call_of(server) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(f"{CARD}#{EXPIRY}", every_s=0.05)
        await caller.hears(f"Paid with {'*' * len(CARD)}. Anything else?")


def secret(digits: str) -> SecretKeys:
    keys = SecretKeys()
    assert all(map(keys.append, digits))
    return keys


async def test_an_answer_that_has_it_as_a_number_counts(server: Server) -> None:
    server.answers = [lambda: ok({"state": int(CARD)})]
    async with call_of(server) as caller:
        await caller.hears("Your card number, and then the pound key.")
        await caller.presses(f"{CARD}#{EXPIRY}", every_s=0.05)
        await caller.hears(f"{'*' * len(CARD)}. Anything else?")


STARS = "*" * len(CARD)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"account": int(CARD)}, {"account": STARS}),
        ([f"Paid by 4000 0566 5566 5556, {CARD}."], [f"Paid by {STARS}, {STARS}."]),
        ({"4000-0566-5566-5556": {"4.0.0.0 - 056655665556": True}}, {STARS: {STARS: True}}),
        (f"4{CARD}", f"4{STARS}"),
        (Decimal("4.000056655665556E+15"), STARS),
        (Decimal("4000056655665556.25"), f"{STARS}.25"),
        (["4000 0566 5566 555", "4000 0566\n5566 5556", 4711, Decimal("12.5"), None, ""], None),
    ],
)
def test_answers_without_it(answer: object, kept: object) -> None:
    found = masked(answer, [secret(CARD), secret("471"), SecretKeys()])
    assert found == (answer if kept is None else kept)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("https://example.com/"),
        HttpRequest("https://example.com/{card}", "POST"),
        HttpRequest("http://example.com/", "POST"),
        HttpRequest("http://192.0.0.9/", "POST", allow_private=True),  # which is public (RFC 7723)
    ],
)
async def test_it_is_sent_in_no_other_way(request_: HttpRequest) -> None:
    with pytest.raises(HttpRequestError, match="a secret") as refused:
        await request_.send({"card": secret(CARD)})
    assert CARD not in str(refused.value)


def test_the_file_says_what_cannot_be() -> None:
    text = FLOW.format(port=1).replace("method: POST", "method: GET").replace("secret: {number: card, ", "secret: {")
    with pytest.raises(UserError) as wrong:
        parse_flow(text.encode(), "flow.yaml")
    assert {each.what for each in wrong.value.problems} == {
        "the request of `pay` cannot carry secrets",
        "the secret `card` goes nowhere",
    }


def test_what_people_see_of_a_request_is_without_it() -> None:
    request = HttpRequest("https://example.com/{shop}", "POST")
    values = {"card": secret(CARD), "shop": "north", "sum": 12}
    assert request.content(values) == {"card": STARS, "sum": 12}
    assert request.address(values) == "https://example.com/north"
    form = HttpRequest("https://example.com/", "POST", form=True)
    assert form.content({"a": "b", "c": ["1", "2"]}) == {"a": "b", "c": ["1", "2"]}


def test_no_file_gets_the_keys_of_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls_context.cache_clear()
    try:
        assert not tls_context().keylog_filename
    finally:
        tls_context.cache_clear()
