"""`offhook`, whose flows note what their steps take: python -m bench.timed_steps FILE serve …

The rest of the command is that of `offhook`. Each resumption of a flow's coroutine is timed, by the CPU time of its
thread: what the flow does between two of its waits, and nothing of what the event loop does meanwhile. FILE gets
a line for each call, when its flow has ended: a JSON list of milliseconds, one for each turn of the caller.
"""

import json
import os
import sys
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from time import thread_time
from typing import Any

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent
from offhook.cli.main import main
from offhook.pipeline.turn.events import TurnEvent, TurnOver

Run = Callable[[FlowAgent, Call], Coroutine[Any, Any, Outcome]]


class Timed:
    """Awaits `work`, and adds what it takes by itself to the turn that it follows."""

    def __init__(self, work: Coroutine[Any, Any, Outcome]) -> None:
        self._work = work
        self._spent_s: list[float] = [0.0]  # before the first turn, and after each

    @property
    def turns_ms(self) -> list[float]:
        """What each turn has taken."""
        return [round(1_000 * spent_s, 4) for spent_s in self._spent_s[1:]]

    def on_event(self, event: TurnEvent) -> None:
        """A turn of the caller is over: what follows is its."""
        if isinstance(event, TurnOver):
            self._spent_s.append(0.0)

    def __await__(self) -> Generator[Any, Any, Outcome]:
        steps: Any = self._work.__await__()
        resume, value = steps.send, None
        while True:
            began_s = thread_time()
            try:
                waits_for = resume(value)
            except StopIteration as ended:
                outcome: Outcome = ended.value
                return outcome
            finally:
                self._spent_s[-1] += thread_time() - began_s
            try:
                resume, value = steps.send, (yield waits_for)
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001  # raised by what is awaited, for the flow to handle
                resume, value = steps.throw, error


def timed(run: Run, file: Path) -> Run:
    """`FlowAgent.run`, noting what it takes."""

    async def run_timed(agent: FlowAgent, call: Call) -> Outcome:
        work = Timed(run(agent, call))
        unsubscribe = call.audio.subscribe(work.on_event)
        try:
            return await work
        finally:
            unsubscribe()
            line = json.dumps(work.turns_ms) + "\n"
            to = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(to, line.encode())
            os.close(to)

    return run_timed


if __name__ == "__main__":
    FlowAgent.run = timed(FlowAgent.run, Path(sys.argv.pop(1)).absolute())  # type: ignore[assignment, method-assign]
    main()
