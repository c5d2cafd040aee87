"""The witness that distinguishes the bot's stalls from the machine's."""

import os
import signal
import time

import pytest

from bench.witness import SAME_MOMENT_S, Witnesses, merged


def test_what_two_cores_saw_at_once_is_one_moment() -> None:
    assert merged([(10.0, 0.03), (20.0, 0.01), (10.0 + SAME_MOMENT_S / 2, 0.04)]) == [(10.05, 0.04), (20.0, 0.01)]


@pytest.mark.skipif(os.geteuid() != 0, reason="a real-time priority is root's")
def test_a_moment_in_which_a_witness_could_not_run_is_reported() -> None:
    with Witnesses({0}) as witnesses:
        (pid,) = witnesses.pids
        os.kill(pid, signal.SIGSTOP)
        stopped = time.monotonic()
        while time.monotonic() - stopped < 0.2:
            time.sleep(0.01)
        gone_on = time.monotonic()
        os.kill(pid, signal.SIGCONT)
    assert witnesses.moments is not None
    at, late = max(witnesses.moments, key=lambda moment: moment[1])
    assert late >= 0.15
    assert at >= gone_on
