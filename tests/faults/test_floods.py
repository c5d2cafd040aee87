"""One source floods the bot; those who called before go on calling, and the memory does not grow."""

import multiprocessing
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import sdp
from tests.faults.test_limits import call
from tests.faults.test_process import hang_up
from tests.faults.test_workers import Held

STRANGER = "127.0.0.66"
PER_S = 2_000
FLOOD_S = 5.0
CALLS = 40
GROWTH_BYTES = 20 << 20
BACK_S = 5.0


def _flood(target: tuple[str, int], method: str, ready: "multiprocessing.Event") -> None:  # type: ignore[valid-type]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((STRANGER, 0))
        own = f"{STRANGER}:{sock.getsockname()[1]}"
        body = sdp(9)
        ready.set()  # type: ignore[attr-defined]
        began, sent = time.monotonic(), 0
        while (passed_s := time.monotonic() - began) < FLOOD_S:
            for _ in range(int(passed_s * PER_S) - sent):
                name = secrets.token_hex(8)
                lines = [
                    f"{method} sip:bot@{target[0]} SIP/2.0",
                    f"Via: SIP/2.0/UDP {own};rport;branch=z9hG4bK{name}",
                    "Max-Forwards: 70",
                    f"From: <sip:x@{own}>;tag={name}",
                    "To: <sip:bot@example.com>",
                    f"Call-ID: {name}",
                    f"CSeq: 1 {method}",
                    f"Contact: <sip:x@{own}>",
                    "Content-Type: application/sdp",
                    f"Content-Length: {len(body)}",
                ]
                sock.sendto(("\r\n".join([*lines, "", ""]) + body).encode(), target)
                sent += 1
            time.sleep(0.002)


@contextmanager
def flood(bot: BotProcess, method: str) -> Iterator[None]:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_flood, args=((bot.host, bot.port), method, ready))
    process.start()
    try:
        assert ready.wait(5)
        yield
    finally:
        process.join(FLOOD_S + 5)
        process.kill()


def memory_bytes(bot: BotProcess) -> int:
    main = psutil.Process(bot.process.pid)
    return sum(each.memory_info().rss for each in (main, *main.children(recursive=True)))


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE"])
def test_a_flood_from_one_source(start_bot: Callable[..., BotProcess], method: str) -> None:
    bot = start_bot()
    with ExitStack() as stack:
        first = call(stack, bot)
        assert isinstance(first, Held)
        hang_up(first.phone, first.media, first.to_tag)
    before = memory_bytes(bot)
    answered = 0
    with flood(bot, method):
        for _ in range(CALLS):
            with ExitStack() as stack:
                one = call(stack, bot)
                if isinstance(one, Held):
                    answered += 1
                    hang_up(one.phone, one.media, one.to_tag)
    # Each is a new port of a known host; in the first second of a flood some may be refused.
    assert answered >= 0.9 * CALLS
    bot.wait_for(lambda: bot.readiness() == (200, "ready"), BACK_S)
    assert memory_bytes(bot) - before <= GROWTH_BYTES
    assert bot.metric("offhook_sip_unread_total") > 0
