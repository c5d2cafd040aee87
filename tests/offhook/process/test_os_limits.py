"""The system's limits."""

import os
import subprocess
import sys

from offhook.process.os_limits import (
    DESCRIPTORS_A_CALL,
    DESCRIPTORS_RESERVED,
    MEMORY_A_CALL_BYTES,
    MEMORY_RESERVED_BYTES,
    calls_by_descriptors,
    calls_by_memory,
    cores,
)


def test_cores_are_those_that_this_process_may_use() -> None:
    program = "from offhook.process.os_limits import cores; print(cores())"
    pinned = f"import os; os.sched_setaffinity(0, {{next(iter(os.sched_getaffinity(0)))}}); {program}"
    done = subprocess.run([sys.executable, "-c", pinned], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) == 1
    assert cores() == len(os.sched_getaffinity(0))


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    program = (
        "import resource; from offhook.process.os_limits import raise_descriptor_limit as up;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300));"
        "print(up(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["300", "300"]


def test_calls_that_descriptors_suffice_for() -> None:
    used = len(os.listdir("/proc/self/fd"))
    calls = calls_by_descriptors(used + DESCRIPTORS_RESERVED + 7 * DESCRIPTORS_A_CALL)
    assert calls in (6, 7)  # listing them takes one
    assert calls_by_descriptors(10) == 0


def test_calls_that_the_address_space_suffices_for() -> None:
    room = MEMORY_RESERVED_BYTES + 20 * MEMORY_A_CALL_BYTES
    program = (
        "import resource; from offhook.process.os_limits import calls_by_memory as calls;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        f"resource.setrlimit(resource.RLIMIT_AS, (used + {room}, -1));"
        "print(calls()); resource.setrlimit(resource.RLIMIT_AS, (used, -1)); print(calls())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    some, none = map(int, done.stdout.split())
    assert 18 <= some <= 20
    assert none == 0
    assert calls_by_memory() is None
