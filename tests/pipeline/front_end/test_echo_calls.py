"""The echo guard's figures: seeded calls through the real detector. `pytest -s` prints them."""

import numpy as np
import pytest

from tests.pipeline.front_end.calls import in_bursts, new_ears, report, run, simulate

CALLS = 100
CUT_WITHIN_MS = 350


def test_without_the_guard_every_echo_is_taken_for_a_caller() -> None:
    assert all(run(simulate(seed), None).starts() for seed in range(10))


def test_no_echo_is_taken_for_a_caller() -> None:
    started, seconds, ears_s = [], 0.0, 0.0
    for seed in range(CALLS):
        call = simulate(seed)
        outcome = run(call, new_ears())
        seconds += len(call.heard) / 8_000
        ears_s += outcome.ears_s
        if outcome.events:
            started.append(call.what)
    report(
        f"echo: {len(started)} false starts in {CALLS} calls; the ears took {1000 * ears_s / seconds:.1f} ms a second"
    )
    assert not started


@pytest.mark.parametrize("when", ["over", "early"])
def test_who_speaks_over_the_echo_is_heard_in_time(when: str) -> None:
    late_ms, missed = [], []
    calls = CALLS if when == "over" else CALLS // 2
    for seed in range(1_000, 1_000 + calls):
        call = simulate(seed, caller=when)
        assert call.caller_at is not None
        starts = run(call, new_ears()).starts()
        after = [at for at in starts if at >= call.caller_at]
        late_ms.append((after[0] - call.caller_at) / 8 if after else float("inf"))
        if late_ms[-1] > CUT_WITHIN_MS or starts[0] < call.caller_at:
            missed.append(call.what)
    p50, p95 = np.percentile(late_ms, [50, 95])
    report(f"double-talk, {when}: {calls - len(missed)} of {calls} cut in time, p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    assert len(missed) <= calls // 20, missed


def test_without_echo_the_guard_changes_next_to_nothing() -> None:
    same, with_ms, without_ms = 0, [], []
    for seed in range(2_000, 2_000 + CALLS // 2):
        call = simulate(seed, echo_dbfs=None, caller="over", losses=(0.0,))
        assert call.caller_at is not None
        guarded, plain = run(call, new_ears()), run(call, None)
        same += guarded.events == plain.events
        with_ms.append((guarded.starts()[0] - call.caller_at) / 8)
        without_ms.append((plain.starts()[0] - call.caller_at) / 8)
    with_p, without_p = np.percentile(with_ms, [50, 95]), np.percentile(without_ms, [50, 95])
    report(
        f"no echo: {same} of {CALLS // 2} calls the same; start p50, p95 {with_p} ms, without the guard {without_p} ms"
    )
    assert same >= 0.9 * (CALLS // 2)
    assert with_p[1] <= without_p[1] + 32


def test_an_answer_behind_the_prompt_is_heard_and_the_echos_tail_is_not() -> None:
    answers = 0
    for seed in range(3_000, 3_000 + CALLS // 2):
        call = simulate(seed, caller="after")
        assert call.caller_at is not None
        outcome = run(call, new_ears())
        assert not [at for at in outcome.starts() if at < call.caller_at], call.what
        answers += any(at - call.caller_at < 8 * 450 for at in outcome.confirmations())
    assert answers >= 0.95 * (CALLS // 2)


def test_an_echo_that_moves_is_found_again() -> None:
    started = []
    for seed in range(4_000, 4_000 + CALLS // 2):
        moved_ms = float(np.random.default_rng(seed).uniform(-60, 60))
        call = simulate(seed, moved_ms=moved_ms, losses=(0.0,))
        if run(call, new_ears()).events:
            started.append(call.what)
    report(f"moved echo: {len(started)} false starts in {CALLS // 2} calls")
    assert len(started) <= CALLS // 20


def test_an_echo_of_which_every_seventh_packet_is_missing_in_bursts_is_mostly_no_caller() -> None:
    started, calls = [], CALLS // 4
    for seed in range(calls):
        call = simulate(seed, losses=(0.0,))
        call.heard = in_bursts(call.heard, np.random.default_rng((seed, 5_000)), 10)
        if run(call, new_ears()).events:
            started.append(call.what)
    report(f"200 ms lost, again and again: {len(started)} false starts in {calls} calls")
    assert len(started) <= calls // 5, started
