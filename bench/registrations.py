"""What it costs to keep many accounts registered: python -m bench.registrations [--accounts 1000] [--expires 60]

A registrar in a process of its own asks for a password and grants what is asked for. The node registers all accounts,
each a trunk of its own, and refreshes them for a while; its CPU time is measured once all of them are registered. With
`--expires 60` each is refreshed every 30 s, nineteen times as often as with the default of 600 s: both are printed.
"""

import argparse
import asyncio
import logging
import multiprocessing
import re
import socket
import time
from multiprocessing.connection import Connection

import structlog

from offhook.observe.metrics import Metrics
from offhook.process.trunks import Trunks
from offhook.settings.trunks import TrunkConfig
from offhook.sip.auth.client import Account
from offhook.sip.events import Event, Registered, RegistrationEvent
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.registration.client import EARLY_S
from offhook.sip.settings import UaSettings

HOST = "127.0.0.1"
ECHOED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n", re.MULTILINE)
CONTACT = re.compile(rb"^Contact: [^\r]*\r\n", re.MULTILINE)
CHALLENGE = b'WWW-Authenticate: Digest realm="bench", nonce="n%d", algorithm=SHA-256, qop="auth"\r\n'


def registrar(ready: Connection) -> None:
    """Answers every REGISTER, until it is killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((HOST, 0))
        ready.send(sock.getsockname()[1])
        for number in range(1 << 40):
            data, source = sock.recvfrom(65_535)
            if not data.startswith(b"REGISTER"):
                continue
            proven = b"\r\nAuthorization: " in data
            first = b"SIP/2.0 200 OK\r\n" if proven else b"SIP/2.0 401 Unauthorized\r\n"
            more = b"".join(CONTACT.findall(data)) if proven else CHALLENGE % number
            head = b"".join(ECHOED.findall(data)).replace(b"\r\nCall-ID", b";tag=r\r\nCall-ID", 1)
            sock.sendto(first + head + more + b"Content-Length: 0\r\n\r\n", source)


async def measure(accounts: int, expires_s: int, seconds: float, port: int) -> None:
    """Print what the node's CPU did."""
    configs = {
        f"t{number}": TrunkConfig(
            host=HOST, port=port, user=f"u{number}", password="secret", registration=True, expires_s=expires_s
        )
        for number in range(accounts)
    }
    trunks = Trunks(configs, Metrics(), lambda networks: None)
    there: dict[str, bool] = {}
    all_there = asyncio.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, RegistrationEvent):
            trunks.on_event(event)
            there[event.account] = isinstance(event, Registered)
            if sum(there.values()) == accounts:
                all_there.set()

    known = tuple(Account(each.user or "", each.password or "", frozenset({HOST})) for each in configs.values())
    endpoint = await Endpoint.open(HOST, 0, on_event, settings=UaSettings(accounts=known))
    began, cpu = time.monotonic(), time.process_time()
    trunks.start(endpoint)
    await all_there.wait()
    took_s, first_s = time.monotonic() - began, time.process_time() - cpu
    print(f"{accounts} accounts registered, with a challenge each, in {took_s:.1f} s, {first_s:.2f} s of CPU")
    sent, began, cpu = endpoint.ua.counters.sent, time.monotonic(), time.process_time()
    stall_s = await _longest_stall(seconds)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    a_second = (endpoint.ua.counters.sent - sent) / seconds
    print(f"refreshed after {_refresh_s(expires_s):.0f} s, {a_second:.1f} REGISTERs a second: {share:.2%} of a core,")
    print(f"the event loop was never held up for more than {stall_s * 1000:.0f} ms")
    usual = share * _refresh_s(expires_s) / _refresh_s(600)
    print(f"with expires_s = 600, in proportion: {usual:.2%} of a core; at most 2 % is the goal")
    endpoint.close()


async def _longest_stall(seconds: float) -> float:
    """How late the loop was at worst, looked at fifty times a second."""
    loop, worst_s = asyncio.get_running_loop(), 0.0
    end = loop.time() + seconds
    while (due := loop.time() + 0.02) < end:
        await asyncio.sleep(0.02)
        worst_s = max(worst_s, loop.time() - due)
    return worst_s


def _refresh_s(expires_s: float) -> float:
    return max(expires_s - EARLY_S, expires_s / 2)


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accounts", type=int, default=1_000)
    options.add_argument("--expires", type=int, default=60)
    options.add_argument("--seconds", type=float, default=60.0)
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=registrar, args=(its,), daemon=True)
    process.start()
    try:
        asyncio.run(measure(given.accounts, given.expires, given.seconds, ours.recv()))
    finally:
        process.kill()


if __name__ == "__main__":
    main()
