"""How many calls, for how long, and what happens at the end of the process."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import Sipp, sipp
from tests.e2e.phone import Phone, RtpPeer

pytestmark = pytest.mark.peer


def wait_for_call(bot: BotProcess) -> None:
    bot.wait_for(lambda: any(record["end"] is None for record in bot.records()))


def test_the_call_beyond_the_last_is_busy(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__MAX_CALLS="1")
    with Sipp("uac_holds_on.xml", tmp_path, "-d", "2500", target=bot.address) as first:
        wait_for_call(bot)
        assert bot.readiness() == (429, "full")
        sipp("uac_busy.xml", tmp_path, bot.address, user="bot").check()
        first.wait().check()
    assert bot.record(first.port)["end_reason"] == "caller hung up"
    assert len(bot.records()) == 1
    assert bot.metric_of("offhook_calls_total", direction="inbound", outcome="busy", transport="udp") == 1
    bot.wait_for(lambda: bot.readiness() == (200, "ready"))
    sipp("uac_holds_on.xml", tmp_path, bot.address, "-d", "200").check()


def test_sigterm_lets_the_call_end_and_takes_no_other(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines")
    with (
        RtpPeer() as media,
        Sipp("uac_holds_on.xml", tmp_path, "-d", "4000", target=bot.address, rtp_port=media.port) as held,
    ):
        wait_for_call(bot)
        bot.process.send_signal(signal.SIGTERM)
        bot.wait_for(lambda: bot.readiness() == (503, "draining"))
        sipp("uac_draining.xml", tmp_path, bot.address).check()
        with Phone((bot.host, bot.port)) as prober:  # a proxy that asks whether it may send calls
            assert prober.ask(prober.request("OPTIONS")).status == 503
        assert bot.process.poll() is None
        before = len(media.arrivals)
        bot.wait_for(lambda: len(media.arrivals) > before + 25)
        outcome = held.wait().check()
    assert outcome.received("BYE") == 0
    assert bot.process.wait(5) == 0
    record = bot.record(held.port)
    assert record["end_reason"] == "caller hung up"
    assert 3.9 < record["billsec"] < 5


def test_the_second_sigint_hangs_up_at_once(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines")
    with Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "10000", target=bot.address) as waiting:
        wait_for_call(bot)
        bot.process.send_signal(signal.SIGINT)
        bot.wait_for(lambda: bot.readiness() == (503, "draining"))
        assert bot.process.poll() is None
        began = time.monotonic()
        bot.process.send_signal(signal.SIGINT)
        assert bot.process.wait(10) == 1
        assert time.monotonic() - began < 3
        assert waiting.wait().check().received("BYE") == 1
    record = bot.record(waiting.port)
    assert (record["ended_by"], record["end_reason"]) == ("operator", "the bot was stopped")


def test_sigterm_without_calls_is_quick(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot("--bench-engines")
    began = time.monotonic()
    assert bot.stop() == 0
    assert time.monotonic() - began < 3


def test_the_longest_call(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__MAX_CALL_S="5")
    with Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "20000", target=bot.address) as waiting:
        waiting.wait().check()
    record = bot.record(waiting.port)
    assert record["ended_by"] == "operator"
    assert record["end_reason"] == "the call lasted 5 s, the most that is allowed"
    assert 10.7 < record["billsec"] < 14.5, "the greeting, of 10.8 s, was heard to its end"


def test_silence_of_the_far_end(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RTP__MEDIA_TIMEOUT_S="1", OFFHOOK_CALLS__DEAD_AIR_S="0")
    with (
        RtpPeer() as media,
        Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "8000", target=bot.address, rtp_port=media.port) as waiting,
    ):
        wait_for_call(bot)
        bot.wait_for(lambda: len(media.arrivals) > 5)
        media.target = media.sources[0]
        time.sleep(0.5)
        media.target = None
        waiting.wait().check()
    record = bot.record(waiting.port)
    assert (record["ended_by"], record["end_reason"]) == ("network", "no media for 1 s")
    assert 1.4 < record["billsec"] < 3
