"""Detects stalls of the machine: a process with the highest priority is late only if its core was taken away.

Now and then the host does not run a virtual machine for tens of milliseconds. What a bot or a caller measures then is
caused by the host, and neither can tell. So on each core that they use, a process with a higher real-time priority
sleeps in steps of `STEP_S` and records when it woke up late.
"""

import json
import os
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

STEP_S = 0.005
LATE_S = 0.008
PRIORITY = 50
"""Of SCHED_FIFO; the bot's pump asks for the lowest."""

SAME_MOMENT_S = 0.1

Moment = tuple[float, float]
"""The end (monotonic seconds) and the lateness (s)."""


def watch(core: int) -> list[Moment]:
    """Watch until standard input ends. Raises OSError if the priority is not allowed."""
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    over = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=await_end, daemon=True).start()
    print("ready", flush=True)
    moments = []
    due = time.monotonic()
    while not over.is_set():
        due += STEP_S
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        if now - due > LATE_S:
            moments.append((now, now - due))
            due = now
    return moments


def merged(moments: list[Moment]) -> list[Moment]:
    """Moments seen on several cores joined into one, with the longest lateness."""
    result: list[Moment] = []
    for at, late in sorted(moments):
        if result and at - result[-1][0] < SAME_MOMENT_S:
            result[-1] = (at, max(late, result[-1][1]))
        else:
            result.append((at, late))
    return result


class Witnesses:
    """One process on each of `cores`, during the `with`; `moments` afterwards, None if the priority is not allowed."""

    def __init__(self, cores: set[int]) -> None:
        self._cores = sorted(cores)
        self._processes: list[subprocess.Popen[str]] = []
        self.moments: list[Moment] | None = None

    def __enter__(self) -> Self:
        for core in self._cores:
            command = [sys.executable, "-m", "bench.witness", str(core)]
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
            self._processes.append(process)
        for process in self._processes:
            assert process.stdout is not None
            process.stdout.readline()  # it watches, or has failed
        return self

    @property
    def pids(self) -> list[int]:
        """The processes' ids."""
        return [process.pid for process in self._processes]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        said = [process.communicate()[0] for process in self._processes]
        if all(process.returncode == 0 for process in self._processes):
            self.moments = merged([(at, late) for text in said for at, late in json.loads(text)])


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]))))
