"""The names that PJSIP sends to, of a Contact or a Route: found by our own resolver, while calls go on.

PJSIP itself would ask the operating system, and all calls would wait for the answer.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from offhook.carriers.dns_records import dns_records
from offhook.settings.config import Config
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.sip.net.resolver import Resolver

LOOKUP_S = 10.0
"""For one name. PJSIP's transactions have 32 s (RFC 3261 §17)."""

MOST_LOOKUPS = 64
"""At once, of different names: strangers write names as they like."""

THREADS = 8
"""In which the operating system is asked. They are nobody else's, who would wait for strangers' names."""

Asked = tuple[str, int, str]
"""(name, port, transport)."""

Found = Callable[[object, str | None, int], None]
"""(what waits, a numeric address or None, the port.)"""

log = structlog.get_logger("offhook.pjsip")


class Names:
    """Of a process whose SIP is at `address`. `on_found` is called once for each that is asked for, never from within
    `ask`."""

    def __init__(self, config: Config, address: Address, on_found: Found) -> None:
        self._on_found = on_found
        self._executor = ThreadPoolExecutor(THREADS, "names")
        records = dns_records(config.sip, self._executor)
        self._resolver = Resolver(records, Transport, ipv6=":" in address.host)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[Asked, list[object]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, name: bytes, port: int, transport: str, lookup: object) -> None:
        """Look a name up; port 0: none is given. `transport` is one of `Transport`, or empty."""
        asked = _text(name).lower(), port, transport
        if asked in self._waiting:
            self._waiting[asked].append(lookup)
            return
        if len(self._waiting) >= MOST_LOOKUPS:
            log.info("a name is not looked up", name=_text(name), why=f"{MOST_LOOKUPS} are being looked up")
            asyncio.get_running_loop().call_soon(self._on_found, lookup, None, 0)
            return
        self._waiting[asked] = [lookup]
        task = asyncio.get_running_loop().create_task(self._look_up(asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Give up all that are being looked up."""
        for task in self._tasks:
            task.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, asked: Asked) -> None:
        name, port, transport = asked
        at: Address | None = None
        try:
            way = Transport(transport) if transport else None
            async with asyncio.timeout(LOOKUP_S):
                found = await self._resolver.find(name, port or None, way)
            at = found.targets[0].address if found.targets else None
        except TimeoutError:
            log.info("a name is not found", name=name, why=f"there is no answer after {LOOKUP_S:g} s")
        finally:
            for lookup in self._waiting.pop(asked):
                self._on_found(lookup, None if at is None else at.host, 0 if at is None else at.port)


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace")
