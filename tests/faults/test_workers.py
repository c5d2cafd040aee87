"""A worker is killed with calls in it; more callers come than there is room for: the calls of others go on."""

import json
import os
import signal
import sys
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, Response, RtpPeer, sdp
from tests.faults.conftest import bye_answer
from tests.faults.test_ends import invited
from tests.faults.test_process import hang_up

CALLS = 20
RECOVERY_S = 2.0
LOST_S = 2.0
"""Of a recording, at its end."""


@dataclass
class Held:
    """A call that is up."""

    phone: Phone
    media: RtpPeer
    to_tag: str

    def hears(self, bot: BotProcess) -> None:
        """The bot's audio goes on."""
        before = len(self.media.arrivals)
        bot.wait_for(lambda: len(self.media.arrivals) > before + 10)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def hold(stack: ExitStack, bot: BotProcess, count: int) -> list[Held]:
    held = []
    for _ in range(count):
        phone = stack.enter_context(Phone((bot.host, bot.port)))
        media = stack.enter_context(RtpPeer())
        held.append(Held(phone, media, invited(phone, media)))
    return held


def worker_pids(bot: BotProcess) -> dict[int, int]:
    lines = [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]
    return {line["worker"]: line["pid"] for line in lines if line.get("event") == "worker ready"}


def worker_of(bot: BotProcess, call: Held) -> int:
    lines = [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]
    (worker,) = (
        line["worker"] for line in lines if line.get("event") == "answered" and f":{call.phone.port}" in line["src"]
    )
    return int(worker)


def test_a_worker_is_killed_with_half_of_twenty_calls(start_bot: Callable[..., BotProcess], stack: ExitStack) -> None:
    bot = start_bot("--workers", "2", OFFHOOK_RECORDS__RECORD_AUDIO="true")
    held = hold(stack, bot, CALLS)
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == CALLS)
    doomed = [call for call in held if worker_of(bot, call) == 0]
    others = [call for call in held if call not in doomed]
    assert len(doomed) == len(others) == CALLS // 2
    for call in doomed:
        call.hears(bot)
    time.sleep(2.5)  # for the recordings to have something in them
    killed_at = time.time()
    killed = worker_pids(bot)[0]
    os.kill(killed, signal.SIGKILL)
    bot.wait_for(lambda: worker_pids(bot)[0] != killed, RECOVERY_S)
    assert json.loads(bot.get("/readyz"))["workers_ready"] == 2
    for call in doomed:
        bye = call.phone.receive()
        assert bye.text.startswith("BYE ")
        call.phone.send(bye_answer(bye))
        record = bot.record(call.phone.port)
        assert (record["ended_by"], record["end_reason"], record["disposition"]) == ("crash", "crash", "ANSWERED")
        recording = Path(str(record["recording"]))
        with wave.open(str(recording)) as sound:
            lasts_s = sound.getnframes() / sound.getframerate()
            assert len(sound.readframes(sound.getnframes())) == 4 * sound.getnframes()
        assert lasts_s > record["billsec"] - LOST_S
        assert killed_at - recording.stat().st_mtime < LOST_S
    for call in others:
        call.hears(bot)
        hang_up(call.phone, call.media, call.to_tag)
        assert bot.record(call.phone.port)["end_reason"] == "caller hung up"
    assert len(bot.records()) == CALLS


def test_a_worker_with_the_usual_engines_is_replaced_as_fast(
    start_bot: Callable[..., BotProcess], stack: ExitStack
) -> None:
    """It greets before its recogniser has loaded."""
    serve = [sys.executable, "-m", "offhook", "serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    bot = start_bot(command=[*serve, "--workers", "1"])
    killed = worker_pids(bot)[0]
    os.kill(killed, signal.SIGKILL)
    bot.wait_for(lambda: worker_pids(bot)[0] != killed, RECOVERY_S)
    for call in hold(stack, bot, 2):
        call.hears(bot)
        hang_up(call.phone, call.media, call.to_tag)


def refused(bot: BotProcess, stack: ExitStack) -> tuple[Response, float]:
    """One more call: the answer to it, and how long that took."""
    phone = stack.enter_context(Phone((bot.host, bot.port)))
    branch = f"z9hG4bK-{phone.port}"
    began = time.monotonic()
    answer = phone.ask(phone.request("INVITE", branch=branch, body=sdp(9)))
    took_s = time.monotonic() - began
    phone.send(phone.request("ACK", branch=branch, to_tag=answer.to_tag))
    return answer, took_s


def test_three_times_as_many_callers_as_there_is_room_for(
    start_bot: Callable[..., BotProcess], stack: ExitStack
) -> None:
    """Ports for ten calls, thirty callers: ten are served, as if the others were not there, and a place that is free
    again is given to the next one.
    """
    bot = start_bot("--rtp-ports", "22400-22423")
    held = hold(stack, bot, 10)
    since = time.monotonic()
    answers = [refused(bot, stack) for _ in range(20)]
    taken = [(answer, took_s) for answer, took_s in answers if answer.status == 200]
    assert len(taken) <= 2  # ports of the twelve
    for answer, _ in answers:
        if answer.status != 200:
            assert answer.status == 503
            assert 5 <= int(answer.header("Retry-After")) <= 15
    assert sorted(took_s for _, took_s in answers)[len(answers) // 2] < 0.05
    for call in held:
        call.hears(bot)
        arrivals = [at for at, _ in call.media.arrivals if at > since]
        gaps_s = sorted(later - earlier for earlier, later in pairwise(arrivals))
        assert gaps_s[len(gaps_s) * 9 // 10] < 0.04
    for call in held:
        hang_up(call.phone, call.media, call.to_tag)
        assert bot.record(call.phone.port)["end_reason"] == "caller hung up"
