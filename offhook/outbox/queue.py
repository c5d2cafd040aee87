"""The queue of one receiver: its events from the outbox, in the order of each call.

Theory of operation. The database is the queue. A round reads which calls have an event that is due; each of them, at
most `at_once` at a time, gets a task that delivers the call's events one after the other and stops at the first
failure, which holds up that call alone. What became of each is written together with other writes within half a second,
and until then the call is left alone: a process that is killed meanwhile delivers again what arrived in that time,
under the same id. A receiver that fails ten times in a row is left alone for a while, one that is gone (410) until
events are sent by hand (`offhook outbox retry`), or the next start. What is sent by hand goes at once in any case.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from offhook.outbox.receiver import BREAK_AFTER, Attempt, Receiver, Result, break_s, retry_delay_s
from offhook.records import RecordStore
from offhook.records.outbox import (
    MAX_WAITING,
    MAX_WAITING_BYTES,
    NEARLY_FULL,
    OutboxRow,
    delivered,
    failed,
    fullness,
    give_up_old,
    waiting_calls,
    waiting_of,
    waiting_size,
)

log = structlog.get_logger("offhook.outbox")

LOOK_S = 5.0
"""How often the database is looked at if nothing is reported, for what others have changed."""
LOOK_AGAIN_S = 0.05
"""How soon at most after the last time: each delivery reports something."""
SWEEP_S = 30.0
"""How often what is too old is given up."""
MAX_READ = 500
"""Calls that a round reads."""
MAX_UNNOTED = 500
"""Calls whose deliveries cannot be noted, as the database cannot be written: more are not begun."""


class ReceiverQueue:
    """Delivers to one receiver while `run` runs. `wall` is Unix time in seconds."""

    def __init__(self, store: RecordStore, receiver: Receiver, wall: Callable[[], float] = time.time) -> None:
        self.receiver = receiver
        self.name = receiver.subscription.receiver
        self.outcomes: Counter[str] = Counter()
        """How many attempts came out how (`Result`), and how many events were given up."""
        self.problem = ""
        """Why the latest attempt failed; empty after one that did not."""
        self._store = store
        self._wall = wall
        self._wake = asyncio.Event()
        self._ready: deque[str] = deque()
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._paused_until = 0.0
        self._gone = False
        self._nearly_full = False
        self._swept_at = self._looked_at = float("-inf")

    @property
    def state(self) -> str:
        """`gone`, `paused`, or `open`."""
        if self._gone:
            return "gone"
        return "paused" if self._wall() < self._paused_until else "open"

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way, or about to be."""
        return not (self._tasks or self._ready or self._busy or self._wake.is_set())

    def wake(self) -> None:
        """There may be something new."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                wait_s = await self._round()
            except SQLAlchemyError as error:
                log.warning("the outbox cannot be read", receiver=self.name, why=str(error))
                wait_s = LOOK_S
            except Exception:  # an error of ours ends a round, and no receiver
                log.exception("events are not delivered", receiver=self.name)
                wait_s = LOOK_S
            # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with what it waits for.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def stop(self) -> None:
        """Break off what is on its way; it will be sent again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _round(self) -> float:
        """Begin what can be begun; returns after how many seconds the next round is worth while."""
        now = self._wall()
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            self._give_up(now)
        if (rest_s := self._rest_s()) > 0:
            self._wake.clear()
            return rest_s
        next_due = float("inf")
        if not self._ready:
            if (soon_s := self._looked_at + LOOK_AGAIN_S - time.monotonic()) > 0:
                await asyncio.sleep(soon_s)
            self._looked_at = time.monotonic()
            self._wake.clear()
            next_due = await self._look(now)
        while self._ready and len(self._tasks) < self.receiver.at_once:
            uniqueid = self._ready.popleft()
            self._busy.add(uniqueid)
            task = asyncio.get_running_loop().create_task(self._deliver(uniqueid))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        if self._ready:
            self._wake.clear()  # a task that ends wakes us
        return max(0.0, min(LOOK_S, next_due - self._wall()))

    def _rest_s(self) -> float:
        """How long nothing is begun: until the receiver is not left alone any more, or it is time to look for what is
        sent by hand."""
        if not self._store.healthy and len(self._busy) >= MAX_UNNOTED:
            return LOOK_S
        if self.state != "paused":
            return 0.0
        self._ready.clear()
        return min(self._looked_at + LOOK_S - time.monotonic(), self._paused_until - self._wall())

    async def _look(self, now: float) -> float:
        """Read which calls are due; returns when the next one is."""
        limit = MAX_READ + len(self._busy)
        query = partial(waiting_calls, owner=self._store.owner, receiver=self.name, limit=limit)
        found = await asyncio.to_thread(self._store.read, query)
        is_paused = self.state == "paused"
        if self._gone or is_paused:
            found = [(uniqueid, due) for uniqueid, due in found if due == 0]  # sent by hand
            self._gone = self._gone and not found
        waiting = [(uniqueid, due) for uniqueid, due in found if uniqueid not in self._busy]
        self._ready.extend(uniqueid for uniqueid, due in waiting if due <= now)
        return next((due for _, due in waiting if due > now), self._paused_until if is_paused else float("inf"))

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _deliver(self, uniqueid: str) -> None:
        """The call's events, until one fails."""
        settled: list[Future[bool]] = []
        try:
            query = partial(waiting_of, owner=self._store.owner, receiver=self.name, uniqueid=uniqueid)
            for row in await asyncio.to_thread(self._store.read, query):
                if row.due > self._wall() or self._gone or not await self._try(row, settled):
                    break
        except SQLAlchemyError as error:
            log.warning("the outbox cannot be read", receiver=self.name, why=str(error))
        finally:
            self._leave_alone(uniqueid, settled)

    def _leave_alone(self, uniqueid: str, settled: list["Future[bool]"]) -> None:
        """The call is ours until what became of its events is written. Where it cannot be, they would be delivered
        again at once."""
        loop, left, is_lost = asyncio.get_running_loop(), len(settled), False

        def free() -> None:
            self._busy.discard(uniqueid)
            self._wake.set()

        def free_once_healthy() -> None:
            if self._store.healthy:
                free()
            else:
                loop.call_later(LOOK_S, free_once_healthy)

        def count(is_noted: bool) -> None:
            nonlocal left, is_lost
            left, is_lost = left - 1, is_lost or not is_noted
            if not left and is_lost:
                loop.call_later(LOOK_S, free_once_healthy)
            elif not left:
                free()

        if not settled:
            free()
        for future in settled:
            future.add_done_callback(lambda done: _unless_closed(loop, partial(count, done.result())))

    async def _try(self, row: OutboxRow, settled: list["Future[bool]"]) -> bool:
        """Try once; whether it has arrived."""
        try:
            async with asyncio.timeout(self.receiver.timeout_s):
                attempt = await self.receiver.deliver(row)
        except TimeoutError:
            attempt = Attempt(Result.FAILED, f"no answer within {self.receiver.timeout_s:g} s")
        except Exception as error:  # a failure like any other, with its pauses
            log.exception("an event was not delivered", receiver=self.name, id=row.id)
            attempt = Attempt(Result.FAILED, f"an error of the bot ({type(error).__name__})")
        self.outcomes[attempt.result] += 1
        if attempt.result is Result.DELIVERED:
            self._note_success()
            settled.append(self._store.settle(partial(delivered, seq=row.seq)))
            return True
        self._note_failure(row, attempt)
        attempts = row.attempts + 1
        due = self._wall() + retry_delay_s(attempts, self.receiver.longest_retry_s, random.uniform)
        settled.append(
            self._store.settle(partial(failed, seq=row.seq, attempts=attempts, due=due, problem=attempt.why))
        )
        return False

    def _note_success(self) -> None:
        if self._failures >= BREAK_AFTER:
            log.info("a receiver takes events again", receiver=self.name)
        self._failures, self.problem = 0, ""

    def _note_failure(self, row: OutboxRow, attempt: Attempt) -> None:
        self.problem = attempt.why
        if attempt.says_nothing:
            if not row.attempts:
                log.warning("an event waits", receiver=self.name, id=row.id, why=attempt.why)
            return
        self._failures += 1
        pause_s = max(attempt.pause_s, break_s(self._failures))
        self._paused_until = max(self._paused_until, self._wall() + pause_s)
        log.debug("an event was not delivered", receiver=self.name, id=row.id, why=attempt.why)
        if self._failures == BREAK_AFTER:
            log.warning("a receiver does not take events; they are kept", receiver=self.name, why=attempt.why)
        if attempt.result is Result.GONE and not self._gone:
            self._gone = True
            self._ready.clear()
            log.error("a receiver wants no events any more; they are kept", receiver=self.name, why=attempt.why)

    def _give_up(self, now: float) -> None:
        before = now - self.receiver.give_up_s
        owner, name, unsent = self._store.owner, self.name, self._gone
        swept: list[tuple[int, int, int]] = []

        def job(conn: Connection) -> None:
            count = give_up_old(conn, owner, name, before, unsent=unsent, now=now)
            swept.append((count, *waiting_size(conn, owner, name)))

        def done() -> None:
            if swept:
                self._note_swept(*swept[-1])

        loop = asyncio.get_running_loop()
        self._store.settle(job).add_done_callback(lambda _: _unless_closed(loop, done))

    def _note_swept(self, given_up: int, waiting: int, waiting_bytes: int) -> None:
        """So many events were given up, and so many wait after that."""
        if given_up:
            self.outcomes["given_up"] += given_up
            log.error("events were given up", receiver=self.name, events=given_up, why=self.problem)
        was_nearly_full, self._nearly_full = self._nearly_full, fullness(waiting, waiting_bytes) >= NEARLY_FULL
        if self._nearly_full and not was_nearly_full:
            log.warning(
                "events for a receiver have almost no room left; the oldest of more are given up",
                receiver=self.name,
                waiting=waiting,
                of=MAX_WAITING,
                mib=waiting_bytes >> 20,
                of_mib=MAX_WAITING_BYTES >> 20,
            )


def _unless_closed(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call it on the loop; from another thread, which may outlive the loop."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
