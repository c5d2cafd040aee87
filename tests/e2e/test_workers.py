"""Several processes: calls on all of them, and what is left when one dies or stands still."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from offhook.telephony.codec import codec_named
from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import Sipp, sipp
from tests.e2e.phone import RtpPeer

pytestmark = pytest.mark.peer


def events(bot: BotProcess, event: str) -> list[dict[str, Any]]:
    """The lines of the log with that event."""
    lines = (json.loads(line) for line in bot.log().splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == event]


def pids(bot: BotProcess) -> dict[int, int]:
    """The workers' processes, the latest of each."""
    return {line["worker"]: line["pid"] for line in events(bot, "worker ready")}


def state(bot: BotProcess) -> dict[str, Any]:
    """What /readyz says."""
    return dict(json.loads(bot.get("/readyz")))


@dataclass
class Held:
    """A call that the bot is to end."""

    sipp: Sipp
    media: RtpPeer

    def worker(self, bot: BotProcess) -> int:
        (line,) = (line for line in events(bot, "answered") if f":{self.sipp.port}" in line["src"])
        return int(line["worker"])

    def is_answered(self, bot: BotProcess) -> None:
        """Say something, and hear the bot's answer to it."""
        self.media.target = self.media.sources[0]
        self.media.say(codec_named("PCMU").encode(speech("check-my-balance")))
        time.sleep(2.5)  # the sentence, and the pause that ends a turn
        before = len(self.media.arrivals)
        bot.wait_for(lambda: len(self.media.arrivals) > before + 50)


Hold = Callable[[BotProcess, int], list[Held]]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    """Makes calls and waits until they are there."""
    with ExitStack() as stack:

        def start(bot: BotProcess, count: int) -> list[Held]:
            held, before = [], len(events(bot, "answered"))
            for number in range(before, before + count):
                media = stack.enter_context(RtpPeer())
                options = ("-recv_timeout", "40000")
                call = Sipp("uac_waits.xml", tmp_path, *options, target=bot.address, rtp_port=media.port)
                held.append(Held(stack.enter_context(call), media))
                bot.wait_for(lambda number=number: len(events(bot, "answered")) > number)  # type: ignore[misc]
            return held

        yield start


def test_a_worker_that_is_killed_takes_only_its_own_calls(
    start_bot: Callable[..., BotProcess], hold: Hold, tmp_path: Path
) -> None:
    bot = start_bot("--bench-engines", "--workers", "2", OFFHOOK_RECORDS__RECORD_AUDIO="true")
    held = hold(bot, 4)
    workers = [call.worker(bot) for call in held]
    assert sorted(workers) == [0, 0, 1, 1]
    bot.wait_for(lambda: bot.metric_of("offhook_worker_calls", worker="1") == 2)
    answered = bot.metric("offhook_sip_messages_total")
    doomed, others = ([call for call, worker in zip(held, workers, strict=True) if worker == n] for n in (0, 1))
    time.sleep(1.5)  # for the recordings to have something in them

    killed = pids(bot)[0]
    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    sipp("uac_options.xml", tmp_path, bot.address).check()
    assert time.monotonic() - began < 4  # the call in it lasts for a second
    for call in doomed:
        assert call.sipp.wait().check().received("BYE") == 1
        record = bot.record(call.sipp.port)
        assert (record["ended_by"], record["end_reason"], record["disposition"]) == ("crash", "crash", "ANSWERED")
        assert record["billsec"] > 1
        assert Path(record["recording"]).stat().st_size > 16_000
    assert bot.metric_of("offhook_calls_total", direction="inbound", outcome="crash", transport="udp") == 2
    assert bot.metric("offhook_sip_messages_total") > answered

    for call in others:
        call.is_answered(bot)
    bot.wait_for(lambda: pids(bot)[0] != killed)
    assert state(bot)["workers_ready"] == 2
    assert bot.metric_of("offhook_worker_restarts_total", worker="0") == 1
    # The new one is the emptier one.
    sipp("uac_holds_on.xml", tmp_path, bot.address, "-d", "200").check()
    assert events(bot, "answered")[-1]["worker"] == 0
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == len(others))

    bot.process.send_signal(signal.SIGINT)
    bot.wait_for(lambda: bot.readiness() == (503, "draining"))
    bot.process.send_signal(signal.SIGINT)
    for call in others:
        assert call.sipp.wait().check().received("BYE") == 1
        assert bot.record(call.sipp.port)["ended_by"] == "operator"
    assert len(bot.records()) == 6
    assert events(bot, "draining: no new calls")[0]["calls"] == len(others)
    assert events(bot, "stopping")[0]["calls_ended"] == len(others)


def test_a_worker_that_stands_still(start_bot: Callable[..., BotProcess], hold: Hold, tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", "--workers", "2")
    (call,) = hold(bot, 1)
    worker = call.worker(bot)
    stopped = pids(bot)[worker]
    os.kill(stopped, signal.SIGSTOP)
    # The first of these may still be given to the worker that stands still: it is not left there.
    for _ in range(3):
        sipp("uac_holds_on.xml", tmp_path, bot.address, "-d", "100").check()
        assert events(bot, "answered")[-1]["worker"] != worker
    bot.wait_for(lambda: bot.metric_of("offhook_worker_ready", worker=str(worker)) == 0)
    bot.wait_for(lambda: pids(bot)[worker] != stopped, 20)
    assert call.sipp.wait().check().received("BYE") == 1
    assert bot.record(call.sipp.port)["ended_by"] == "crash"
    assert state(bot)["workers_ready"] == 2


def test_a_worker_that_stood_still_for_a_while_goes_on(start_bot: Callable[..., BotProcess], hold: Hold) -> None:
    bot = start_bot("--bench-engines", "--workers", "1")
    (call,) = hold(bot, 1)
    (stopped,) = pids(bot).values()
    os.kill(stopped, signal.SIGSTOP)
    bot.wait_for(lambda: bot.readiness() == (503, "starting"))
    os.kill(stopped, signal.SIGCONT)
    bot.wait_for(lambda: bot.readiness() == (200, "ready"))
    assert pids(bot) == {0: stopped}
    assert bot.metric("offhook_calls_active") == 1
    bot.process.send_signal(signal.SIGTERM)
    bot.wait_for(lambda: bot.readiness() == (503, "draining"))
    bot.process.send_signal(signal.SIGTERM)
    assert call.sipp.wait().check().received("BYE") == 1
    assert bot.record(call.sipp.port)["ended_by"] == "operator"


def test_signals_end_no_call_without_a_bye(start_bot: Callable[..., BotProcess], hold: Hold) -> None:
    bot = start_bot("--bench-engines", "--workers", "1")
    (call,) = hold(bot, 1)
    everybody = [bot.process.pid, *(child.pid for child in psutil.Process(bot.process.pid).children(recursive=True))]
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        for pid in everybody[:3]:  # the supervisor, the fork server, the worker
            os.kill(pid, number)
    time.sleep(0.3)
    assert bot.readiness() == (200, "ready") and bot.metric("offhook_calls_active") == 1
    bot.process.send_signal(signal.SIGHUP)
    bot.wait_for(lambda: bot.readiness() == (503, "draining"))
    bot.process.send_signal(signal.SIGQUIT)
    assert call.sipp.wait().check().received("BYE") == 1
    assert bot.record(call.sipp.port)["ended_by"] == "operator"


def test_more_calls_than_the_cores_can_carry(start_bot: Callable[..., BotProcess], hold: Hold, tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", "--workers", "1", OFFHOOK_CALLS__MAX_CPU="0.01")
    held = hold(bot, 9)  # a call costs less than a hundredth of a core, and only what lasts is overload
    bot.wait_for(lambda: bot.readiness() == (429, "full"))
    outcome = sipp("uac_draining.xml", tmp_path, bot.address).check()  # 503 with Retry-After
    assert outcome.received("SIP/2.0 503") >= 1
    assert len(bot.records()) == len(held)
    held[0].is_answered(bot)
    assert bot.metric_of("offhook_calls_total", direction="inbound", outcome="rejected", transport="udp") == 1


def test_descriptors_for_a_few_calls_only(start_bot: Callable[..., BotProcess], hold: Hold, tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "offhook", "serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    bot = start_bot("--bench-engines", "--workers", "1", command=["prlimit", "--nofile=90", *serve])
    calls = 0
    while bot.readiness() == (200, "ready"):
        hold(bot, 1)
        calls += 1
    assert 2 < calls < 20
    assert bot.readiness() == (429, "full")
    sipp("uac_draining.xml", tmp_path, bot.address).check()  # 503 with Retry-After
    assert events(bot, "no media ports") == []
    assert len(bot.records()) == calls


def test_a_dialog_in_python_on_every_worker_and_the_drain_of_both(
    start_bot: Callable[..., BotProcess], tmp_path: Path
) -> None:
    program = tmp_path / "bot.py"
    program.write_text(PROGRAM)
    bot = start_bot(
        command=[sys.executable, str(program)],
        OFFHOOK_SIP__PORT="0",
        OFFHOOK_HTTP__PORT="0",
        OFFHOOK_CALLS__WORKERS="2",
        OFFHOOK_TTS__ENGINE="recorded",
        OFFHOOK_ASR__ENGINE="fixed",
    )
    with ExitStack() as stack:
        calls = []
        for number in range(2):
            calls.append(stack.enter_context(Sipp("uac_holds_on.xml", tmp_path, "-d", "3000", target=bot.address)))
            bot.wait_for(lambda number=number: len(events(bot, "answered")) > number)  # type: ignore[misc]
        assert sorted(line["worker"] for line in events(bot, "answered")) == [0, 1]
        bot.process.send_signal(signal.SIGTERM)
        bot.wait_for(lambda: bot.readiness() == (503, "draining"))
        for call in calls:
            assert call.wait().check().received("BYE") == 0
        assert bot.process.wait(10) == 0
    assert {record["end_reason"] for record in bot.records()} == {"caller hung up"}
    said = {(line["uniqueid"], line["text"]) for line in bot.transcript()}
    assert {text for _, text in said} == {"Hello from what was here before the fork."}
    assert len(said) == 2


PROGRAM = """
import sys
from offhook import Bot, Call

bot = Bot()
what = ["Hello from what was here before the fork."]

@bot.answer
async def hello(call: Call) -> None:
    await call.say(what[0])
    await call.ask(None, no_input_ms=60_000)

sys.exit(bot.run())
"""
