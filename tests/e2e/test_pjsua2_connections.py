"""More connections and calls at once than PJSIP's build has sockets: its process goes on, and so do calls."""

import json
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, Response
from tests.e2e.test_pjsua2_offers import AUDIO, Wrong, bot, pytestmark

__all__ = ["bot", "pytestmark"]

CALLS = 300
AT_ONCE, APART_S = 50, 0.005
IDLE = 80
"""More than the 64 sockets of the wheel's build."""
QUIET_S = 32.0
"""socket_room.c: a connection that has been silent for longer makes place."""
WAIT_S = 2.0
STUCK_S = 30.0
"""Enough to fill what the two sockets take, and then three seconds."""
BURST = 20
SOON_S = 0.5
"""A connection that finds no place among those that wait is tried again after a second (RFC 6298 §2)."""


@pytest.fixture
def few_sockets(bot: BotProcess) -> Iterator[BotProcess]:
    """At the end of the test it has refused some."""
    most = sockets(bot)["most"]
    if most > IDLE:
        pytest.skip(f"this build of PJSIP has {most} sockets")
    yield bot
    assert sockets(bot)["refused"] > 0
    bot.wait_for(lambda: "connections or calls were refused" in bot.log())


def sockets(made: BotProcess) -> dict[str, int]:
    (status,) = json.loads(made.get("/api/status"))["workers"]
    found: dict[str, int] = status["host"]["carriers"]["pjsua2"]["pjsip"]["sockets"]
    return found


def answers(made: BotProcess) -> bool:
    """Whether it does, over a connection."""
    with suppress(OSError), socket.create_connection((made.host, made.port), WAIT_S) as connection:
        with Phone((made.host, made.port)) as phone:
            connection.sendall(phone.request("OPTIONS").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
        return connection.recv(65_535).startswith(b"SIP/2.0 ")
    return False


def to_invite(phone: Phone) -> list[Response]:
    """The responses to its INVITE, up to a final one."""
    found: list[Response] = []
    while not found or found[-1].status < 200:
        if (response := phone.receive()).header("CSeq").endswith("INVITE"):
            found.append(response)
    return found


@pytest.mark.real_time
def test_connections_that_come_and_go(few_sockets: BotProcess) -> None:
    def scanned() -> bool:
        for _ in range(AT_ONCE):
            with suppress(OSError):  # more than wait to be accepted
                socket.create_connection((few_sockets.host, few_sockets.port), APART_S).close()
            time.sleep(APART_S)  # until that one is accepted
        return sockets(few_sockets)["refused"] >= AT_ONCE

    few_sockets.wait_for(scanned, 60.0)
    few_sockets.wait_for(lambda: answers(few_sockets))


@pytest.mark.real_time
def test_connections_that_say_nothing(few_sockets: BotProcess) -> None:
    with ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(socket.create_connection((few_sockets.host, few_sockets.port), WAIT_S))
        few_sockets.wait_for(lambda: sockets(few_sockets)["refused"] > 0)
        with Wrong((few_sockets.host, few_sockets.port)) as phone:  # calls by UDP have sockets of their own
            assert phone.invite(AUDIO) == 200
            phone.acknowledge()
            assert phone.ask_in_call("BYE") == 200
        few_sockets.wait_for(lambda: answers(few_sockets), 2 * QUIET_S)


@pytest.mark.real_time
def test_a_connection_that_takes_no_answers(bot: BotProcess) -> None:
    """PJSIP keeps for it what it asks for, without a bound."""
    with Phone((bot.host, bot.port)) as phone, socket.create_connection((bot.host, bot.port), WAIT_S) as connection:
        request = phone.request("MESSAGE").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        end = time.monotonic() + STUCK_S
        with pytest.raises(OSError):
            while time.monotonic() < end:
                connection.sendall(request)


def flood(connection: socket.socket, data: bytes, over: threading.Event) -> None:
    """Send it again and again, and take what comes."""
    connection.setblocking(False)
    at = 0
    while not over.is_set():
        with suppress(BlockingIOError):
            at = (at + connection.send(data[at:])) % len(data)
        with suppress(BlockingIOError):
            connection.recv(1 << 20)


@pytest.mark.real_time
def test_a_connection_that_never_pauses(bot: BotProcess) -> None:
    """The others have their turn."""
    over = threading.Event()
    with Phone((bot.host, bot.port)) as phone, socket.create_connection((bot.host, bot.port), WAIT_S) as connection:
        requests = 50 * phone.request("MESSAGE").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
        sender = threading.Thread(target=flood, args=(connection, requests, over))
        sender.start()
        try:
            for number in range(2, 5):
                assert phone.insist(phone.request("OPTIONS", cseq=number)).status == 200
        finally:
            over.set()
            sender.join()


def test_calls_that_come_and_go(bot: BotProcess) -> None:
    """The sockets of each are kept for a while: there are none for others, who are told to come later. A second copy
    of an INVITE is no other call."""
    with ExitStack() as stack:
        phones = [stack.enter_context(Phone((bot.host, bot.port))) for _ in range(CALLS)]
        for phone in phones:
            branch = f"z9hG4bK-1{phone.call_id}"
            invite = phone.request("INVITE", branch=branch, body=AUDIO)
            for request in (invite, invite, phone.request("CANCEL", branch=branch)):
                phone.send(request)
            time.sleep(APART_S)  # more at once than a socket's buffer takes are lost
        responses = [to_invite(phone) for phone in phones]
    assert {each[-1].status for each in responses} <= {486, 487, 503}
    later = [each for each in responses if each[-1].status == 503]
    assert later or sockets(bot)["most"] > IDLE
    assert all(len(each) == 1 for each in later), "a call that was taken is refused"
    assert all(each[-1].header("Retry-After").isdecimal() for each in later)
    bot.wait_for(lambda: sockets(bot)["used"] < sockets(bot)["most"] / 2)
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0)


@pytest.mark.parametrize("secure", [False, True])
def test_connections_that_come_at_once_are_all_taken(
    start_bot: Callable[..., BotProcess], tmp_path: Path, secure: bool
) -> None:
    issued = Authority(tmp_path).issue("bot.test")
    own = {"CERTIFICATE": str(issued.certificate), "KEY": str(issued.key), "PORT": "0"}
    made = start_bot(
        "--bench-engines", OFFHOOK_SIP__BACKEND="pjsua2", **{f"OFFHOOK_SIP__TLS_{key}": own[key] for key in own}
    )
    used = sockets(made)["used"]
    (worker,) = json.loads(made.get("/api/status"))["workers"]
    poll, connected = select.poll(), 0
    with ExitStack() as stack:
        with _standing_still(int(worker["pid"])):  # none is accepted meanwhile
            for _ in range(BURST):
                each = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                each.setblocking(False)
                each.connect_ex((made.host, made.tls_port if secure else made.port))
                poll.register(each, select.POLLOUT)
            while connected < BURST and (found := poll.poll(SOON_S * 1_000)):
                connected += len(found)
                for descriptor, _ in found:
                    poll.unregister(descriptor)
        assert connected == BURST
        made.wait_for(lambda: sockets(made)["used"] == used + BURST)


@contextmanager
def _standing_still(process: int) -> Iterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
