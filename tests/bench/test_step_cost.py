"""What `python -m bench.step_cost` counts."""

import asyncio
import json
from pathlib import Path
from time import thread_time

from bench.large_flows import large_flow
from bench.step_cost import FLOW, own_ms, steps_ms
from bench.timed_steps import Timed, timed
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.turn.events import NoInput, TurnOver
from offhook.settings.flow_file import parse_flow
from offhook.testing import SimulatedCall, run

OVER = TurnOver(Answer(AnswerKind.DTMF), 0.0, 0.0)


def test_a_step_is_from_the_key_or_the_final_to_the_next_utterance() -> None:
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "answered": 0.4, "sent": 20.0}}) == ("keys", 0.4)
    spoken = {"speech-ended": 0.0, "turn-ended": 500.0, "transcribed": 500.5, "answered": 501.0}
    assert steps_ms({"marks_ms": spoken}) == ("words", 0.5)
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "turn-ended": 500.0}}) is None
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "turn-ended": 500.0, "answered": 510.0}}) is None


def test_the_flows_of_the_benchmarks_can_be_run() -> None:
    assert parse_flow(FLOW.encode(), "steps.yaml").start == "begin"
    assert len(parse_flow(large_flow(12), "large.yaml").steps) == 12


def test_what_is_done_between_two_waits_is_of_the_turn_before() -> None:
    took_s: list[float] = []

    async def work() -> Outcome:
        for seconds in (0.02, 0.01, 0.0):
            began = thread_time()
            while thread_time() < began + seconds:
                pass
            took_s.append(thread_time() - began)
            await asyncio.sleep(0)
        return Outcome("done")

    async def drive() -> Outcome:
        work_timed = Timed(work())
        others = asyncio.create_task(spin(), name="work that is not the flow's")
        work_timed.on_event(NoInput(1))
        work_timed.on_event(OVER)
        outcome = await work_timed
        await others
        (turn_ms,) = work_timed.turns_ms
        assert 1_000 * sum(took_s) <= turn_ms < 1_000 * sum(took_s) + 10
        return outcome

    async def spin() -> None:
        for _ in range(3):
            began = thread_time()
            while thread_time() < began + 0.01:
                pass
            await asyncio.sleep(0)

    assert asyncio.run(drive()) == Outcome("done")


def test_a_flow_notes_each_of_its_turns_and_goes_on_as_it_does(tmp_path: Path) -> None:
    flow, file = FlowAgent(parse_flow(FLOW.encode(), "steps.yaml")), tmp_path / "timed.jsonl"
    run_timed = timed(FlowAgent.run, file)

    class Noted:
        async def run(self, call: Call) -> Outcome:
            return await run_timed(flow, call)

    async def conversation() -> None:
        async with SimulatedCall(Noted()) as caller:
            for count in (1, 2):
                await caller.hears(f"Question {count}")
                await caller.presses("1")
            await caller.hears("Question 3, after balance")

    run(conversation())
    turns_ms = own_ms(file)
    assert len(turns_ms) == 2 and all(ms > 0 for ms in turns_ms)
    assert json.loads(file.read_text()) == turns_ms
