"""Steps that call a function: what it returns, and what follows when it fails, hangs or returns something else."""

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.agents.tool_threads import MAX_OF_TOOL, AllBusyError
from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent, FlowDialog, flow_dialog
from offhook.api.flow_functions import in_process
from offhook.flow_function import MAX_CHARS, FlowFunction, WrongResultError, result_in
from offhook.pipeline.dialog.expression.types import Type
from offhook.pipeline.dialog.limits import MAX_REQUESTS_AT_ONCE
from offhook.pipeline.understanding.amounts import Money
from offhook.settings.flow_file import parse_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run

pytestmark = pytest.mark.real_time

MODULE = """
import asyncio
import threading
from contextlib import suppress
from datetime import date

released = threading.Event()
ran_in = []

def status(number: str) -> str:
    ran_in.append(threading.current_thread().name)
    return "sent for " + number

async def status_later(number: str) -> str:
    await asyncio.sleep(0.01)
    return await asyncio.to_thread(status, number)

def raises(number: str) -> str:
    raise ValueError("number " + number)

async def hangs(number: str) -> str:
    await asyncio.Event().wait()

async def takes_no_notice(number: str) -> str:
    while not released.is_set():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass

def hangs_in_its_thread(number: str) -> str:
    released.wait(60)

async def ends_later(number: str) -> str:
    await asyncio.sleep(0.01)
    raise SystemExit(1)

def lies(number: str) -> str:
    return 5

def cancels(number: str) -> str:
    raise asyncio.CancelledError

def ends(number: str) -> str:
    raise SystemExit(1)
"""
FLOW = """
name: orders
start: number
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  number: {{collect: Your order number please., into: number, digits: 4, next: ask}}
  ask:
    python: some_orders:{function}
    with: {{number: number}}
    into: state
    meanwhile: I am looking for it.
    timeout_s: {timeout_s}
    next: found
    otherwise: sorry
  found: {{say: "It is {{state}}.", next: bye}}
  sorry: {{say: I cannot find out., next: bye}}
  bye: {{hang_up: Goodbye.}}
"""
FAILED = ["I cannot find out.", "Goodbye."]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "some_orders.py").write_text(MODULE)
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    if (module := sys.modules.pop("some_orders", None)) is not None:
        module.released.set()


async def told(folder: Path, function: str, timeout_s: float = 5.0) -> list[str]:
    """What the bot says behind the number."""
    flow = parse_flow(FLOW.format(function=function, timeout_s=timeout_s).encode(), str(folder / "flow.yaml"))
    async with SimulatedCall(flow_dialog(flow)) as caller:
        await caller.hears("Your order number please.")
        await caller.presses("0471")
        async with asyncio.timeout(30):
            await caller.over.wait()
        return [said.text for said in caller.transcript if said.who == "bot"][1:]


@pytest.mark.parametrize("function", ["status", "status_later"])
async def test_what_it_returns_is_spoken(folder: Path, function: str) -> None:
    assert await told(folder, function) == ["It is sent for 0471.", "Goodbye."]
    assert threading.main_thread().name not in sys.modules["some_orders"].ran_in


@pytest.mark.parametrize("function", ["raises", "lies", "cancels", "ends", "ends_later"])
async def test_one_that_fails_leads_on(folder: Path, function: str) -> None:
    with capture_logs() as logs:
        assert await told(folder, function) == FAILED
    (line,) = (each for each in logs if each["event"] == "a function failed")
    assert line["step"] == "ask" and line["function"] == f"some_orders:{function}"
    assert "0471" not in str(line), "an exception's text may have what the caller has typed"


@pytest.mark.parametrize("function", ["hangs", "takes_no_notice", "hangs_in_its_thread"])
async def test_one_that_hangs_is_covered_and_given_up(folder: Path, function: str) -> None:
    said = await told(folder, function, timeout_s=2.0)
    sys.modules["some_orders"].released.set()  # or the loop of this test would not end
    assert said == ["I am looking for it.", *FAILED]


async def test_those_that_take_no_notice_are_counted() -> None:
    call: Any = None
    ended = asyncio.Event()

    async def stays() -> None:
        while not ended.is_set():
            with suppress(asyncio.CancelledError):
                await ended.wait()

    function = FlowFunction.of("m:stays", stays)
    given_up = [asyncio.ensure_future(in_process(call, function, {})) for _ in range(MAX_OF_TOOL)]
    for _ in range(2):  # they begin, and take no notice
        await asyncio.sleep(0)
        for each in given_up:
            each.cancel()
    with pytest.raises(AllBusyError):
        await in_process(call, function, {})
    ended.set()
    await asyncio.wait(given_up)
    assert await in_process(call, function, {}) is None


async def test_the_caller_may_hang_up_meanwhile(folder: Path) -> None:
    flow = parse_flow(FLOW.format(function="hangs", timeout_s=60).encode(), str(folder / "flow.yaml"))
    async with SimulatedCall(flow_dialog(flow)) as caller:
        await caller.hears("Your order number please.")
        await caller.presses("0471")
        await caller.hears("I am looking for it.")
        await caller.hangs_up()
    assert caller.over.is_set()


def test_values_become_the_functions_own() -> None:
    def takes(whole: int, part: float, text: str, anything: object) -> None: ...

    function = FlowFunction.of("m:takes", takes)
    given = {"whole": Decimal("5.0"), "part": Decimal("2.5"), "text": "x", "anything": Money(Decimal(3), "EUR")}
    assert function.arguments(given) == {"whole": 5, "part": 2.5, "text": "x", "anything": Decimal(3)}
    for name, value in (("whole", Decimal("5.5")), ("text", 5), ("text", None), ("whole", "5")):
        with pytest.raises(WrongResultError, match=f"`{name}` is"):
            function.arguments({**given, name: value})


@pytest.mark.parametrize(
    ("value", "wanted", "kept"),
    [
        (2.5, Type.NUMBER, Decimal("2.5")),
        ((1, [True, None]), Type.LIST, [1, [True, None]]),
        ({1: {"a": "b"}}, Type.OBJECT, {"1": {"a": "b"}}),
        ("2026-12-24", Type.DATE, date(2026, 12, 24)),
        (None, Type.ANY, None),
    ],
)
def test_what_it_returns_becomes_the_flows(value: object, wanted: Type, kept: object) -> None:
    assert result_in(value, wanted, {}) == kept


def test_several_results() -> None:
    wanted = {"state": Type.TEXT, "total": Type.NUMBER}
    assert result_in({"state": "sent", "total": 1, "more": 2}, Type.ANY, wanted) == {"state": "sent", "total": 1}


@pytest.mark.parametrize(
    ("value", "wanted", "results", "why"),
    [
        (5, Type.TEXT, {}, "it is a number, in place of a text"),
        (None, Type.TEXT, {}, "it is nothing, in place of a text"),
        (True, Type.NUMBER, {}, "it is a yes or no, in place of a number"),
        ("soon", Type.DATE, {}, "it is no date"),
        (object(), Type.ANY, {}, "its result has a object"),
        ([[[]]] * 1, Type.TEXT, {}, "it is a list"),
        (float("nan"), Type.NUMBER, {}, "a number that is none"),
        (10**40, Type.NUMBER, {}, "more than 40 digits"),
        ("x" * (MAX_CHARS + 1), Type.TEXT, {}, "more than"),
        ([0] * MAX_CHARS, Type.LIST, {}, "more than"),
        ("sent", Type.ANY, {"state": Type.TEXT}, "it has returned a str"),
        ({}, Type.ANY, {"state": Type.TEXT}, "its result has no `state`"),
        ({"state": 1}, Type.ANY, {"state": Type.TEXT}, "`state` is a number"),
    ],
)
def test_what_it_must_not_return(value: object, wanted: Type, results: dict[str, Type], why: str) -> None:
    with pytest.raises(WrongResultError, match=why):
        result_in(value, wanted, results)


def test_a_result_without_an_end() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(WrongResultError, match="nested more than"):
        result_in(endless, Type.ANY, {})


def test_a_loop_of_functions_is_no_flood(folder: Path) -> None:
    text = """
name: poll
start: ask
steps:
  ask: {python: "some_orders:status", with: {number: '"0471"'}, into: state, next: is_ready, otherwise: bye}
  is_ready: {if: state == "ready", then: bye, else: note}
  note: {log: Not yet., next: keep}
  keep: {record_call: on, next: ask}
  bye: {hang_up: Goodbye.}
"""
    called: list[str] = []

    async def call_function(call: Call, function: FlowFunction, arguments: Mapping[str, object]) -> object:
        called.append(function.name)
        return "sent"

    async def call() -> None:
        flow = parse_flow(text.encode(), str(folder / "flow.yaml"))
        async with SimulatedCall(FlowDialog(FlowAgent(flow, call_function=call_function))) as caller:
            await caller.hears("Goodbye.", within_s=600)

    run(call())
    assert len(called) == MAX_REQUESTS_AT_ONCE
