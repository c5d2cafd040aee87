"""Connections to one vendor: opened before they are needed, kept alive, renewed, and used again.

    pool = Pool(limits, keep_alive='{"type":"KeepAlive"}', goodbye='{"type":"CloseStream"}')
    await pool.start(target)            # raises VendorRefusedError for a wrong key; an outage is no reason not to start
    connection = pool.take(target)      # at once: a spare one, or one that is being opened
    pool.give_back(connection)          # it is as good as new: nothing of the last turn can still arrive on it
    pool.drop(connection)               # it is not
    await pool.close()

For one event loop. A connection that breaks while nobody uses it is replaced; one in use tells its receiver.
"""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any
from weakref import WeakSet

import structlog

from offhook.pipeline.errors import EngineError
from offhook.vendors.connection import Connection, Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.websocket import dial_websocket
from offhook.vendors.wire import Dial

TICK_S = 0.25
"""How often unused connections are looked after."""

SHORT_LIVED_S = 1.0
"""A vendor that accepts a connection and closes it before has refused it, and is not asked again at once."""

_log = structlog.get_logger("offhook.vendors")


class Pool:
    """See the module. Counts: `opened` connections, `reused` ones, `failed` attempts."""

    def __init__(
        self,
        limits: Limits | None = None,
        keep_alive: Message | None = None,
        goodbye: Message | None = None,
        dial: Dial = dial_websocket,
    ) -> None:
        self.limits = limits or Limits()
        self.opened = self.reused = self.failed = 0
        self.is_closed = False
        self._dial = dial
        self.unreached: EngineError | None = None
        """Why the vendor could not be reached at the start."""
        self._keep_alive = keep_alive
        self._goodbye = () if goodbye is None else (goodbye,)
        self._wanted: list[Target] = []
        self._idle: list[Connection] = []  # the most recently used last
        self._in_use: WeakSet[Connection] = WeakSet()
        self._leaving: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._housekeeping: asyncio.Task[None] | None = None
        self._failures = 0  # in a row
        self._retry_at = 0.0
        self._refused: VendorRefusedError | None = None

    async def start(self, *targets: Target, unreached: EngineError | None = None) -> None:
        """Keep spare connections to `targets`, the first of which is tried now, unless an attempt has just failed
        (`unreached`). Raises VendorRefusedError."""
        self.is_closed = False
        for target in targets:
            self.want(target)
        self.unreached = unreached
        if unreached is not None:
            self._note_failure(unreached)
        for target in targets[: 1 if unreached is None else 0]:
            connection = self._open(target)
            self._idle.append(connection)
            try:
                await connection.opened()
            except VendorRefusedError:
                await self.close()
                raise
            except EngineError as error:
                self._idle.remove(connection)
                self.unreached = error
                self._note_failure(error)
        if self._housekeeping is None:
            self._housekeeping = asyncio.create_task(self._keep_house())

    def want(self, target: Target) -> None:
        """Keep spare connections to this one, too."""
        if target not in self._wanted:
            self._wanted.append(target)

    async def close(self) -> None:
        """Close all; those in use fail. Idempotent."""
        self.is_closed = True
        housekeeping, self._housekeeping = self._housekeeping, None
        if housekeeping is not None:
            housekeeping.cancel()
        self._wanted.clear()
        for connection in self._idle:
            self.drop(connection)
        self._idle.clear()
        for connection in list(self._in_use):
            connection.fail(EngineError(connection.target.name, "working", "the engine was closed"))
        while self._leaving:
            await next(iter(self._leaving)).gone()

    def take(self, target: Target) -> Connection:
        """A connection for one user. It may not be open yet, and fails like any other if it cannot be opened."""
        for at in range(len(self._idle) - 1, -1, -1):
            connection = self._idle[at]
            if connection.target == target and self._is_good(connection):
                del self._idle[at]
                self.reused += connection.sent_bytes > 0
                break
        else:
            connection = self._open(target)
        self._in_use.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Nobody uses it any more, and it can be used again. One that is too old is closed."""
        connection.receiver = None
        connection.idle_since = monotonic()
        self._in_use.discard(connection)
        if self._housekeeping is not None and self._is_good(connection):
            self._idle.append(connection)
        else:
            self.drop(connection)

    def drop(self, connection: Connection) -> None:
        """Nobody uses it any more, and nobody may."""
        connection.close(*self._goodbye)
        self._in_use.discard(connection)
        self._leaving.add(connection)
        self._run(self._see_off(connection))

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        counts = {"opened": self.opened, "reused": self.reused, "failed": self.failed}
        return {**counts, "idle": len(self._idle), "leaving": len(self._leaving), "refused": str(self._refused or "")}

    def _open(self, target: Target) -> Connection:
        self.opened += 1
        return Connection(target, self.limits, self._dial)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_off(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self.limits.close_s + self.limits.write_s):
                await connection.gone()
        except TimeoutError:
            connection.fail(EngineError(connection.target.name, "closing", "the vendor did not close"))
            await connection.gone()
        finally:
            self._leaving.discard(connection)

    def _is_good(self, connection: Connection) -> bool:
        return connection.is_usable and connection.age_s < self.limits.max_age_s

    async def _keep_house(self) -> None:
        while True:
            now = monotonic()
            for connection in list(self._idle):
                self._look_after(connection, now)
            if now >= self._retry_at:
                for target in self._wanted:
                    self._top_up(target)
            await asyncio.sleep(TICK_S)

    def _look_after(self, connection: Connection, now: float) -> None:
        limits = self.limits
        if not connection.is_usable:
            self._idle.remove(connection)
            if connection.error is not None and connection.age_s < SHORT_LIVED_S:
                self._note_failure(connection.error)
            return
        if connection.age_s >= SHORT_LIVED_S:
            self._failures, self._refused = 0, None
        unused_s = now - connection.used_at
        if (
            not self._is_good(connection)
            or (self._keep_alive is None and unused_s >= limits.unused_s)
            or (self._is_surplus(connection) and now - connection.idle_since >= limits.idle_s)
        ):
            self._discard(connection)
        elif self._keep_alive is not None and unused_s >= limits.keep_alive_s and connection.is_open:
            connection.send(self._keep_alive)

    def _is_surplus(self, connection: Connection) -> bool:
        same = [each for each in self._idle if each.target == connection.target]
        return connection.target not in self._wanted or len(same) > self.limits.spare

    def _top_up(self, target: Target) -> None:
        idle = [connection for connection in self._idle if connection.target == target]
        for _ in range(self.limits.spare - len(idle)):
            self._idle.insert(0, self._open(target))
            self._idle[0].idle_since = monotonic()

    def _discard(self, connection: Connection) -> None:
        self._idle.remove(connection)
        self.drop(connection)

    def _note_failure(self, error: EngineError) -> None:
        self.failed += 1
        delay_s = min(self.limits.retry_max_s, self.limits.retry_min_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._retry_at = monotonic() + delay_s
        self._refused = error if isinstance(error, VendorRefusedError) else None
        _log.warning("vendor_unreachable", engine=error.engine, why=error.why, retry_s=round(delay_s, 2))
