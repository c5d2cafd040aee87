"""Steps of a flow that ask a server: in simulated calls, with a real server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from structlog.testing import capture_logs

from offhook.api.flow_dialog import FlowAgent, FlowDialog, flow_dialog
from offhook.api.flow_requests import value_in
from offhook.http_request import HttpRequest
from offhook.pipeline.dialog.limits import MAX_REQUESTS, MAX_REQUESTS_AT_ONCE
from offhook.settings.flow_file import parse_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.usererror import UserError

FLOW = """
name: orders
start: number
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  number: {{collect: Your order number please., into: number, digits: 4, next: ask}}
  ask:
    request: http://127.0.0.1:{port}/orders/{{number}}
    method: {method}
    headers: {{Authorization: "Bearer ${{ORDERS_KEY}}"}}
    send: {{digits: length(number), day: '"2026-12-24"'}}
    into: order
    meanwhile: I am looking for it.
    timeout_s: {timeout_s}
    retries: {retries}
    allow_private: true
    next: found
    otherwise: sorry
  found: {{say: "It is {{order.state}}, for {{order.total}} euros.", next: bye}}
  sorry: {{say: I cannot find out., next: bye}}
  bye: {{hang_up: Goodbye.}}
"""


MEANWHILE = "I am looking for it."


class Server:
    """Answers with `answers`, one after the other; `requests` has what was asked."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answers: list[Callable[[], bytes]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length")]
        self.requests.append(head + (await reader.readexactly(length[0])).decode() if length else head)
        answer = self.answers.pop(0)()
        if not answer:
            await reader.read()  # until the other side gives up
        writer.write(answer)
        writer.close()


def ok(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def mute() -> bytes:
    return b""


SENT = ok({"state": "sent", "total": 12.50})
BROKEN = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setenv("ORDERS_KEY", "s3cret")
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


async def told(
    server: Server,
    method: str = "GET",
    timeout_s: float = 5.0,
    retries: int = 0,
    flow: str = FLOW,
    meanwhile: bool = False,
) -> list[str]:
    """What the bot says behind the number; without what it says `meanwhile`, which a busy machine may take too long
    for."""
    text = flow.format(port=server.port, method=method, timeout_s=timeout_s, retries=retries)
    async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "flow.yaml"))) as caller:
        await caller.hears("Your order number please.")
        await caller.presses("0471")
        async with asyncio.timeout(30):
            await caller.over.wait()
        said = [line.text for line in caller.transcript if line.who == "bot"][1:]
    return said if meanwhile else [text for text in said if text != MEANWHILE]


async def test_an_answer_is_spoken(server: Server) -> None:
    server.answers = [lambda: SENT]
    assert await told(server) == ["It is sent, for 12.5 euros.", "Goodbye."]
    (request,) = server.requests
    assert request.startswith("GET /orders/0471?digits=4&day=2026-12-24 HTTP/1.1\r\n")
    assert "Authorization: Bearer s3cret\r\n" in request


SEND = """send: {{digits: length(number), day: '"2026-12-24"'}}"""
NESTED = """json:
      customer: {{number: "{{number}}", digits: "{{length(number)}}", key: "${{ORDERS_KEY}}"}}
      items: ["{{number}} of {{length(number)}}", 3, -2.5, true, null, "01067", 2026-12-24, [], "{{{{x}}}}",
        "{{nothing}}"]"""
FORM = """form:
      {{number: "{{number}}", note: "Order {{number}} & more", digits: "{{length(number)}}",
      amount: 250.40, post_code: 01067, member: no, tag: [a, "b"], left_out: "{{nothing}}"}}"""


async def test_a_body_within_which_values_stand(server: Server) -> None:
    server.answers = [lambda: SENT]
    assert await told(server, "POST", flow=FLOW.replace(SEND, NESTED)) == ["It is sent, for 12.5 euros.", "Goodbye."]
    head, _, body = server.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /orders/0471 HTTP/1.1\r\n") and "Content-Type: application/json\r\n" in head
    assert json.loads(body) == {
        "customer": {"number": "0471", "digits": 4, "key": "s3cret"},
        "items": ["0471 of 4", 3, -2.5, True, None, "01067", "2026-12-24", [], "{x}", None],
    }


async def test_a_list_is_a_body(server: Server) -> None:
    server.answers = [lambda: SENT]
    await told(server, "PUT", flow=FLOW.replace(SEND, """json: ["{{number}}"]"""))
    assert json.loads(server.requests[0].partition("\r\n\r\n")[2]) == ["0471"]


async def test_a_form(server: Server) -> None:
    server.answers = [lambda: SENT]
    await told(server, "POST", flow=FLOW.replace(SEND, FORM))
    head, _, body = server.requests[0].partition("\r\n\r\n")
    assert "Content-Type: application/x-www-form-urlencoded\r\n" in head
    assert body == "number=0471&note=Order+0471+%26+more&digits=4&amount=250.40&post_code=01067&member=no&tag=a&tag=b"


async def test_values_are_sent_as_json(server: Server) -> None:
    server.answers = [lambda: SENT]
    await told(server, "POST")
    head, _, body = server.requests[0].partition("\r\n\r\n")
    assert head.startswith("POST /orders/0471 HTTP/1.1\r\n")
    assert json.loads(body) == {"digits": 4, "day": "2026-12-24"}


HEADERS = 'headers: {{Authorization: "Bearer ${{ORDERS_KEY}}"'


def with_headers(more: str) -> str:
    assert FLOW.count(HEADERS) == 1
    return FLOW.replace(HEADERS, f"{HEADERS}, {more}")


async def test_headers_have_values_of_the_call(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_KEY", "{s3}cret")
    server.answers = [lambda: SENT]
    both = "'${{ORDERS_KEY}} {{{{}}}} {{number}}/{{length(number) + 1}}'"
    more = f"X-Caller: '{{{{call.caller}}}}', X-Id: '{{{{call.id}}}}', X-Both: {both}"
    assert await told(server, flow=with_headers(more)) == ["It is sent, for 12.5 euros.", "Goodbye."]
    (request,) = server.requests
    assert "X-Caller: sip:caller@example.com\r\nX-Id: simulated\r\n" in request
    assert "X-Both: {s3}cret {} 0471/5\r\n" in request
    assert "Authorization: Bearer {s3}cret\r\n" in request


@pytest.mark.parametrize("value", ["nothing", "call.trunk", "first('\u00fc', 1)"])
async def test_a_value_that_no_header_can_have_is_not_sent(server: Server, value: str) -> None:
    assert (await told(server, flow=with_headers(f'X-Value: "{{{{{value}}}}}"')))[0] == "I cannot find out."
    assert server.requests == []


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("X-A: '{{numbr}}'", "there is no variable `numbr`"),
        ("X-A: '{{number +}}'", "`number +` cannot be evaluated"),
        ("X-A: '{{number}} }}'", "a single } at character 10"),
        ("Host: '{{number}}'", "header `Host` of step `ask` is the request's own"),
        ("X-A: '{{number}}\u00fc'", "header `X-A` of step `ask` cannot be sent"),
    ],
)
def test_what_is_wrong_with_a_header_is_found_by_the_check(
    header: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_KEY", "s3cret")
    text = with_headers(header).format(port=1, method="GET", timeout_s=5, retries=0)
    with pytest.raises(UserError) as caught:
        parse_flow(text.encode(), "flow.yaml")
    (problem,) = caught.value.problems
    assert what in problem.what and problem.where.startswith("flow.yaml:11:")


@pytest.mark.parametrize("answer", [lambda: BROKEN, lambda: ok("x")[:-1], lambda: b"HTTP/1.1 200 OK\r\n\r\n{"])
async def test_another_try_may_help(answer: Callable[[], bytes], server: Server) -> None:
    server.answers = [answer, lambda: SENT]
    assert await told(server, retries=1) == ["It is sent, for 12.5 euros.", "Goodbye."]


def status(code: int) -> bytes:
    return b"HTTP/1.1 %d Oh\r\nContent-Length: 0\r\n\r\n" % code


@pytest.mark.parametrize(
    ("method", "code", "tries"),
    [
        *(("GET", 500, 3), ("GET", 429, 3), ("GET", 404, 1), ("GET", 301, 1)),
        *(("PUT", 503, 3), ("DELETE", 500, 3), ("POST", 500, 1), ("PATCH", 500, 1), ("POST", 429, 3)),
        *(("POST, retry: always", 500, 3), ("POST, retry: always", 404, 1)),
    ],
)
async def test_what_may_help_and_does_no_harm_is_tried_again(
    method: str, code: int, tries: int, server: Server
) -> None:
    server.answers = [lambda: status(code)] * 3
    method, always = method.partition(",")[::2]
    both = f"{method}\n    retry: always" if always else method
    assert await told(server, both, retries=2) == ["I cannot find out.", "Goodbye."]
    assert len(server.requests) == tries


STATUSES = FLOW.replace(
    "    otherwise: sorry\n", "    on_status: {{404: unknown, 429: busy, 302: moved}}\n    otherwise: sorry\n"
).replace(
    "  bye:",
    "  unknown: {{say: I do not know it., next: bye}}\n  busy: {{say: There are too many., next: bye}}\n"
    "  moved: {{say: It has moved., next: bye}}\n  bye:",
)


@pytest.mark.parametrize(
    ("code", "said"),
    [(404, "I do not know it."), (302, "It has moved."), (410, "I cannot find out."), (500, "I cannot find out.")],
)
async def test_a_status_may_have_a_step_of_its_own(code: int, said: str, server: Server) -> None:
    server.answers = [lambda: status(code)]
    assert await told(server, flow=STATUSES) == [said, "Goodbye."]


async def test_that_follows_when_no_try_is_left(server: Server) -> None:
    server.answers = [lambda: BROKEN, lambda: status(429)]
    assert await told(server, retries=1, flow=STATUSES) == ["There are too many.", "Goodbye."]
    server.answers = [lambda: status(429), mute]
    assert await told(server, timeout_s=0.2, retries=1, flow=STATUSES) == ["I cannot find out.", "Goodbye."]
    server.answers = [lambda: status(429), lambda: SENT]
    assert await told(server, retries=1, flow=STATUSES) == ["It is sent, for 12.5 euros.", "Goodbye."]


async def test_parts_of_the_answer_are_kept_by_their_paths(server: Server) -> None:
    into = "into: {{state: delivery.state, total: 'items[-1][\"net price\"]'}}"
    text = FLOW.replace("into: order", into).replace("order.state", "state").replace("order.total", "total")
    server.answers = [lambda: ok({"delivery": {"state": "sent"}, "items": [{}, {"net price": 12.5}]})]
    assert (await told(server, flow=text))[0] == "It is sent, for 12.5 euros."
    server.answers = [lambda: ok({"delivery": "soon"})]
    assert (await told(server, flow=text))[0] == "It is , for  euros."
    server.answers = [lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"]  # which has no parts
    assert (await told(server, flow=text))[0] == "I cannot find out."


@pytest.mark.parametrize("answer", [lambda: BROKEN, lambda: b"HTTP/1.1 200 OK\r\n\r\n[", mute])
async def test_without_an_answer_the_other_step_follows(answer: Callable[[], bytes], server: Server) -> None:
    server.answers = [answer, answer]
    assert await told(server, timeout_s=0.2, retries=1) == ["I cannot find out.", "Goodbye."]
    assert len(server.requests) == 2


async def test_who_waits_hears_why(server: Server) -> None:
    server.answers = [mute]
    assert await told(server, timeout_s=3, meanwhile=True) == [MEANWHILE, "I cannot find out.", "Goodbye."]


async def test_what_is_not_in_the_answer_is_spoken_as_nothing(server: Server) -> None:
    server.answers = [lambda: ok([1])]
    assert (await told(server))[0] == "It is , for  euros."


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("http://127.0.0.1:1/orders/{number}", "ftp://x", "`request` of step `ask` is `ftp://x`"),
        ("http://127.0.0.1:1/orders/{number}", "http://127.0.0.1:1/{nmber}", "there is no variable `nmber`"),
        ("ORDERS_KEY", "NO_KEY", "`${NO_KEY}` has no value"),
        ("allow_private: true", "allow_private: false", "`request` of step `ask` is `http://127.0.0.1"),
        ("timeout_s: 5", "timeout_s: 5000", "timeout_s is 5000"),
        ("length(number)", "size(number)", "`digits` of step `ask` cannot be evaluated"),
        ("into: order", "into: 7up", "`7up` is not a valid variable name"),
        ("into: order", "into: {7up: state}", "`7up` is not a valid variable name"),
        ("into: order", "into: {state: the state}", "`the state` is no path in an answer"),
        ("into: order", "into: {}", "`into` of step `ask` keeps nothing"),
        ("timeout_s: 5", "on_status: {200: sorry}", "`200` is no status that a server refuses with"),
        ("timeout_s: 5", "on_status: {404: sory}", "there is no step `sory`"),
        ("/{number}\n", "/{class}\n", "`class` cannot be evaluated"),
        ("/{number}\n", "/{yes}\n", "`yes` cannot be a name"),
        ("/{number}\n", "/{call.caller}\n", "`request` of step `ask` is `http://127.0.0.1:1/orders/{call.caller}`"),
        ("/{number}\n", "/{number}#here\n", "`request` of step `ask` is"),
        ("Authorization: ", "Host: ", "header `Host` of step `ask` is the request's own"),
        ("Authorization: ", "content-length: ", "header `content-length` of step `ask` is the request's own"),
    ],
)
def test_what_is_wrong_is_found_before_the_call(old: str, new: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_KEY", "s3cret")
    text = FLOW.format(port=1, method="GET", timeout_s=5, retries=0)
    assert old in text
    with pytest.raises(UserError) as failed:
        parse_flow(text.replace(old, new).encode(), "flow.yaml")
    assert any(problem.what.startswith(what) for problem in failed.value.problems)


@pytest.mark.parametrize("key", ["two\nlines", "ended\n", "ret\rurn", "nul\x00", "k\xe9y"])
def test_a_header_cannot_be_split_by_the_environment(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"ORDERS_KEY": key})
    text = FLOW.format(port=1, method="GET", timeout_s=5, retries=0)
    with pytest.raises(UserError) as failed:
        parse_flow(text.encode(), "flow.yaml")
    (problem,) = failed.value.problems
    assert problem.what == "header `Authorization` of step `ask` cannot be sent"
    assert key.strip() not in str(failed.value)


def test_halves_of_characters_are_left_out_of_answers() -> None:
    value = value_in(r'{"na\udc00me": ["so\ud83d on", {"face": "\ud83d\ude00"}, 7], "x": "\\ud83d"}')
    assert value == {"name": ["so on", {"face": "\U0001f600"}, 7], "x": "\\ud83d"}


async def test_a_huge_number_and_a_huge_text_do_not_end_the_call(server: Server) -> None:
    body = b'{"state":"' + b"so<b>on\\u0000 " + b"x" * 100_000 + b'","total":1e999999}'
    server.answers = [lambda: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]
    text = FLOW.format(port=server.port, method="GET", timeout_s=5, retries=0)
    async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "flow.yaml"))) as caller:
        await caller.hears("Your order number please.")
        await caller.presses("0471")
        await caller.begins_to_hear("It is so b on")
        await caller.hangs_up()


async def test_the_log_has_nothing_of_the_answer(server: Server) -> None:
    body = b"no order 0471"
    server.answers = [lambda: b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]
    with capture_logs() as logs:
        assert await told(server) == ["I cannot find out.", "Goodbye."]
    (failed,) = (each for each in logs if each["event"] == "a request failed")
    assert failed["why"] == "HTTP 404"
    assert "0471" not in str(failed)


async def test_who_hangs_up_leaves_no_request(server: Server) -> None:
    server.answers = [mute]
    text = FLOW.format(port=server.port, method="GET", timeout_s=60, retries=5)
    async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "flow.yaml"))) as caller:
        await caller.hears("Your order number please.")
        await caller.presses("0471")
        await caller.hears(MEANWHILE)
        await caller.hangs_up()
        async with asyncio.timeout(30):
            await caller.over.wait()
    assert not [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "_answer"]
    assert len(server.requests) == 1


CHARGING = """
name: paying
start: ask
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  ask:
    ask: Sales or support?
    choices:
      pay: {{phrases: [sales], next: mark}}
      keep: {{phrases: [support], next: kept}}
  mark: {{set: {{sum: "400"}}, next: charge}}
  charge:
    request: http://127.0.0.1:{port}/charge
    method: {method}
    send: {{sum: sum}}
    timeout_s: 20
    allow_private: true
    next: charged
    otherwise: charged
  charged: {{say: It is done., next: bye}}
  kept: {{say: We keep your money where it is., next: bye}}
  bye: {{hang_up: Goodbye.}}
"""


async def charged(server: Server, method: str, misheard: str, meant: str) -> list[str]:
    text = CHARGING.format(port=server.port, method=method)
    async with SimulatedCall(flow_dialog(parse_flow(text.encode(), "flow.yaml"))) as caller:
        await caller.hears("Sales or support?")
        await caller.says(meant, misheard=misheard)
        async with asyncio.timeout(60):
            await caller.over.wait()
        return [said.text for said in caller.transcript if said.who == "bot"][1:]


async def test_a_late_no_sends_nothing_that_cannot_be_taken_back(server: Server) -> None:
    assert (await charged(server, "POST", "sales", "support"))[-2:] == ["We keep your money where it is.", "Goodbye."]
    assert server.requests == []


async def test_an_answer_that_stays_is_sent_once(server: Server) -> None:
    server.answers = [lambda: SENT]
    assert (await charged(server, "POST", "sales", "the sales team"))[-2:] == ["It is done.", "Goodbye."]
    assert len(server.requests) == 1


async def test_a_late_no_gives_up_what_is_only_asked(server: Server) -> None:
    server.answers = [mute]
    assert (await charged(server, "GET", "sales", "support"))[-2:] == ["We keep your money where it is.", "Goodbye."]


@pytest.mark.parametrize(("pause", "most"), [("", MAX_REQUESTS_AT_ONCE), ("wait", MAX_REQUESTS)])
def test_a_loop_of_requests_is_no_flood(pause: str, most: int) -> None:
    asked: list[str] = []

    async def send(request: HttpRequest, values: Mapping[str, object]) -> str:
        asked.append(request.url)
        return '{"ready": false}'

    between = "{wait: 0.1, next: ask}" if pause else "{set: {n: 1}, next: ask}"
    text = f"""
name: poll
start: ask
steps:
  ask: {{request: "https://api.example.com/state", into: state, next: is_ready, otherwise: bye}}
  is_ready: {{if: state.ready, then: bye, else: again}}
  again: {between}
  bye: {{hang_up: Goodbye.}}
"""

    async def call() -> None:
        async with SimulatedCall(FlowDialog(FlowAgent(parse_flow(text.encode(), "poll.yaml"), send=send))) as caller:
            await caller.hears("Goodbye.", within_s=600)

    run(call())
    assert len(asked) == most
