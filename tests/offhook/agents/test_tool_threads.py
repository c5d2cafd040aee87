"""Tools that are not `async`: one that hangs keeps nothing else waiting."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook import Call, Tool, tool
from offhook.agents.tool_threads import MAX_OF_CALL, MAX_OF_TOOL
from offhook.agents.tools import ToolError
from offhook.testing import SimulatedCall


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What hung tools wait for."""
    over = threading.Event()
    yield over
    over.set()


def call_of() -> Call:
    async def waits(call: Call) -> None: ...

    return SimulatedCall(waits).call


def hanging(over: threading.Event) -> Tool:
    @tool(name="hanging")
    def hangs() -> str:
        """Hang."""
        over.wait()
        return "over"

    return hangs


@tool
def quick(call: Call) -> str:
    """Answer."""
    return call.id


async def refused(hangs: Tool, call: Call, times: int) -> list[str]:
    """What the model learns of so many calls at once."""
    found = await asyncio.gather(*(hangs.answer_within(0.2, "", call) for _ in range(times)), return_exceptions=True)
    assert all(isinstance(each, ToolError) for each in found), found
    return [str(each) for each in found]


async def test_a_tool_that_hangs_is_refused_and_the_others_run(hung: threading.Event) -> None:
    hangs, call = hanging(hung), call_of()
    learnt = await refused(hangs, call, MAX_OF_CALL + 1)
    assert learnt == [*["no result within 0.2 s"] * MAX_OF_CALL, f"its last {MAX_OF_CALL} calls have not ended yet"]
    assert await quick.answer("", call) == call.id
    assert len(await refused(hangs, call_of(), 1)) == 1, "another call has threads of its own"
    async with asyncio.timeout(5):
        await asyncio.to_thread(lambda: None)  # nor does anything else wait


async def test_all_calls_together_have_a_limit(hung: threading.Event) -> None:
    hangs = hanging(hung)
    calls = [call_of() for _ in range(MAX_OF_TOOL // MAX_OF_CALL + 1)]
    learnt = await asyncio.gather(*(refused(hangs, call, MAX_OF_CALL) for call in calls))
    assert learnt[-1] == [f"its last {MAX_OF_TOOL} calls have not ended yet"] * MAX_OF_CALL
    hung.set()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await hangs.answer("", calls[-1]) == "over"
                break
            except ToolError:
                await asyncio.sleep(0.01)  # the threads are ending


@pytest.mark.parametrize("error", ["ValueError('x')", "StopIteration()", "SystemExit(3)", "asyncio.CancelledError()"])
async def test_whatever_it_raises_the_model_learns(error: str) -> None:
    @tool(name="raises")
    def raises() -> None:
        """Raise."""
        raise eval(error)

    with pytest.raises(ToolError, match=error.partition("(")[0].removeprefix("asyncio.")):
        await raises.answer("", call_of())


def test_one_that_hangs_does_not_hold_up_the_end_of_the_process(tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(
        "import asyncio, time\n"
        "from offhook.agents.tools import ToolError, tool_of\n"
        "class Nobody:\n    id = 'x'\n"
        "def hangs() -> None: time.sleep(600)\n"
        "async def main():\n"
        "    try:\n        await tool_of(hangs).answer_within(0.1, '', Nobody())\n"
        "    except ToolError as error:\n        print(error)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    assert done.stdout.endswith("\nno result within 0.1 s\n"), done.stderr
