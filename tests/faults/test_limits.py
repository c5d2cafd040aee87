"""Descriptors, memory, ports and processes run out: calls are refused before anything fails, and the others go on."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from offhook.process.os_limits import MEMORY_A_CALL_BYTES, MEMORY_RESERVED_BYTES
from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, Response, RtpPeer, sdp
from tests.faults.test_process import ROOT, hang_up, shim
from tests.faults.test_workers import Held, hold, worker_pids

MORE = 10
AGAIN_S = 10.0
ROOM_CALLS = 12
MOST_CALLS = 80
"""As many as fit into what glibc reserves for threads, should it have reserved nothing yet."""

SERVE = [sys.executable, "-m", "offhook", "serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--bench-engines"]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def call(stack: ExitStack, bot: BotProcess) -> Held | Response:
    """A call that is up, or the refusal of one."""
    phone = stack.enter_context(Phone((bot.host, bot.port)))
    media = stack.enter_context(RtpPeer())
    branch = f"z9hG4bK-{phone.port}"
    answer = phone.insist(phone.request("INVITE", branch=branch, body=sdp(media.port)))
    if answer.status != 200:
        phone.send(phone.request("ACK", branch=branch, to_tag=answer.to_tag))
        return answer
    phone.send(phone.request("ACK", to_tag=answer.to_tag))
    media.target = ("127.0.0.1", answer.media_port)
    return Held(phone, media, answer.to_tag)


def held_until_refused(stack: ExitStack, bot: BotProcess, most: int) -> list[Held]:
    held: list[Held] = []
    while isinstance(one := call(stack, bot), Held):
        held.append(one)
        assert len(held) <= most
    assert held
    return held


def refuses_and_goes_on(stack: ExitStack, bot: BotProcess, held: list[Held]) -> None:
    """Nobody else is let in, and those who are in do not notice."""
    for _ in range(MORE):
        answer = call(stack, bot)
        assert isinstance(answer, Response)
        assert answer.status in {486, 503}
        if answer.status == 503:
            assert 5 <= int(answer.header("Retry-After")) <= 15
    for one in held:
        one.hears(bot)
    assert bot.metric("offhook_calls_active") == len(held)


def ends_well(bot: BotProcess, held: list[Held]) -> None:
    """All of them, and nothing else, is in the records."""
    for one in held:
        hang_up(one.phone, one.media, one.to_tag)
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0)
    bot.wait_for(lambda: all(one["end"] is not None for one in bot.records()))
    assert [one["end_reason"] for one in bot.records()] == ["caller hung up"] * len(held)


def takes_calls_again(stack: ExitStack, bot: BotProcess, seconds: float = AGAIN_S) -> None:
    taken: list[Held] = []

    def is_taken() -> bool:
        if isinstance(one := call(stack, bot), Held):
            taken.append(one)
        return bool(taken)

    bot.wait_for(is_taken, seconds)
    taken[0].hears(bot)
    hang_up(taken[0].phone, taken[0].media, taken[0].to_tag)


def test_descriptors(start_bot: Callable[..., BotProcess], stack: ExitStack) -> None:
    """The hard limit is low, too: the bot cannot help itself."""
    bot = start_bot(command=["prlimit", "--nofile=112:112", *SERVE, "--workers", "1"])
    held = held_until_refused(stack, bot, (112 - 48) // 3)
    refuses_and_goes_on(stack, bot, held)
    ends_well(bot, held)
    takes_calls_again(stack, bot)


def worker_of(bot: BotProcess) -> psutil.Process:
    return psutil.Process(worker_pids(bot)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="where address space is limited and told")
def test_memory(start_bot: Callable[..., BotProcess], stack: ExitStack) -> None:
    """Address space for some calls beyond what the worker itself needs. The supervisor's threads reserve 64 MiB each
    unless they share arenas."""
    usual = start_bot(MALLOC_ARENA_MAX="2")
    needs = worker_of(usual).memory_info().vms
    usual.close()
    limit = needs + MEMORY_RESERVED_BYTES + ROOM_CALLS * MEMORY_A_CALL_BYTES
    bot = start_bot(command=["prlimit", f"--as={limit}:{limit}", *SERVE, "--workers", "1"], MALLOC_ARENA_MAX="2")
    held = held_until_refused(stack, bot, MOST_CALLS)
    refuses_and_goes_on(stack, bot, held)
    ends_well(bot, held)
    takes_calls_again(stack, bot)
    assert "MemoryError" not in bot.log()


def test_ports(start_bot: Callable[..., BotProcess], stack: ExitStack) -> None:
    bot = start_bot("--rtp-ports", "28900-28909")
    held = held_until_refused(stack, bot, 5)
    assert len(held) == 5
    refuses_and_goes_on(stack, bot, held)
    ends_well(bot, held)


@pytest.mark.soak
def test_ports_are_used_again_after_their_rest(start_bot: Callable[..., BotProcess], stack: ExitStack) -> None:
    bot = start_bot("--rtp-ports", "28910-28911")
    held = held_until_refused(stack, bot, 1)
    ends_well(bot, held)
    refused = call(stack, bot)
    assert isinstance(refused, Response)
    assert refused.status == 503
    takes_calls_again(stack, bot, 40)


def test_processes_and_threads(start_bot: Callable[..., BotProcess], stack: ExitStack, tmp_path: Path) -> None:
    """No more of either: calls need none. A worker that dies meanwhile comes back when there is room for it."""
    full = tmp_path / "full"
    bot = start_bot(command=shim("crowd"), PYTHONPATH=str(ROOT), FAULT_FILE=str(full))
    held = hold(stack, bot, 3)
    full.touch()
    held += hold(stack, bot, 3)
    for one in held:
        one.hears(bot)
    ends_well(bot, held)
    os.kill(worker_pids(bot)[0], signal.SIGKILL)
    bot.wait_for(lambda: "a worker cannot be forked" in bot.log())
    refused = call(stack, bot)
    assert isinstance(refused, Response)
    assert refused.status == 503
    full.unlink()
    takes_calls_again(stack, bot, 20)
