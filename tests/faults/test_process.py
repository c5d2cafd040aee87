"""The process is held up, the clock is set: calls go on, and nothing is made up for in a burst."""

import signal
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, RtpPeer
from tests.faults.test_ends import invited

SHIMS = Path(__file__).with_name("shims.py")
ROOT = Path(__file__).resolve().parents[2]
STOP_S = 5.0
SLACK_S = 0.045
"""Beyond the 20 ms between two packets: this machine may be busy with other tests."""


def shim(name: str) -> list[str]:
    addresses = ["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--bench-engines", "--workers", "1"]
    return [sys.executable, str(SHIMS), name, "serve", *addresses]


def hang_up(phone: Phone, media: RtpPeer, to_tag: str) -> None:
    media.target = None
    assert phone.ask(phone.request("BYE", cseq=2, to_tag=to_tag)).status == 200


def most_in(times: list[float], window_s: float) -> int:
    """The most packets that came within any window of this length."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] < at - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_a_blocked_event_loop_does_not_disturb_the_audio(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot(command=shim("block"), PYTHONPATH=str(ROOT))
    with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
        to_tag = invited(phone, media)
        bot.wait_for(lambda: len(media.arrivals) > 150)
        times = [at for at, _ in media.arrivals[:150]]
        hang_up(phone, media, to_tag)
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.02 + SLACK_S
    assert most_in(times, 0.1) <= 8
    # That it was blocked at all the bot knows itself.
    assert bot.metric_of("offhook_event_loop_lag_seconds_bucket", le="0.1") < bot.metric(
        "offhook_event_loop_lag_seconds_count"
    )
    # And where: the careless line is in the log.
    assert bot.metric("offhook_event_loop_stalls_total") >= 1
    # (A busy machine may be slow enough at the start for a line of its own.)
    lines = [line for line in bot.log().splitlines() if "the event loop is stalled" in line]
    assert any("shims.py" in line and "time.sleep(BLOCK_S)" in line for line in lines)


def test_a_suspended_machine_goes_on_without_a_burst(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot()
    processes = [psutil.Process(bot.process.pid)]
    processes += processes[0].children(recursive=True)
    with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
        to_tag = invited(phone, media)
        bot.wait_for(lambda: len(media.arrivals) > 50)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        time.sleep(STOP_S)  # the fault, not a wait
        resumed_at = time.monotonic()
        for process in reversed(processes):
            process.send_signal(signal.SIGCONT)
        before = len(media.arrivals)
        bot.wait_for(lambda: len(media.arrivals) > before + 50)
        hang_up(phone, media, to_tag)
    after = [at for at, _ in media.arrivals if at >= resumed_at]
    # Five seconds would be 250 packets; at most two are made up for.
    assert most_in(after, 0.1) <= 10
    record = bot.record(phone.port)
    assert record["end_reason"] == "caller hung up"


def test_the_wall_clock_may_be_set(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot(command=shim("clock"), PYTHONPATH=str(ROOT))
    with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
        began = time.monotonic()
        to_tag = invited(phone, media)
        bot.wait_for(lambda: time.monotonic() - began > 8.0, 15)
        hang_up(phone, media, to_tag)
        took_s = time.monotonic() - began
    record = bot.record(phone.port)
    assert record["end_reason"] == "caller hung up"
    assert record["duration"] == pytest.approx(took_s, abs=1.0)
    assert record["billsec"] == pytest.approx(took_s, abs=1.0)
