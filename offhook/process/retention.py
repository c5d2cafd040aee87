"""Removes what is kept of calls when its time is over, by kind, a little at a time and beside the calls."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from offhook.observe.log import get_logger
from offhook.records import RecordStore
from offhook.records.forget import (
    MAX_AT_ONCE,
    calls_before,
    forget_calls,
    forget_events_without_call,
    forget_words,
)
from offhook.records.kept_files import CAPTURES, EVENTS, MESSAGES, RECORDINGS, FileKind, files_of, older_than, remove
from offhook.records.published import forget_published
from offhook.settings.sections import RecordsConfig

K = TypeVar("K")

log = get_logger(__name__)

DAY_S = 86_400.0
SWEEP_S = 600.0
"""Between two sweeps; where more is left, `AGAIN_S`."""
AGAIN_S = 5.0
MAX_FILES = 500
"""Of a kind, that one sweep removes."""
STUCK_S = 3_600.0
"""How long what could not be removed is left alone, so that it does not hold up the rest."""
MAX_STUCK = 10_000
"""Of files, and of calls, that are known to be stuck."""


class Retention:
    """`records` says for how many days what is kept; `folder` has the files. `now_s` is Unix time."""

    def __init__(
        self, store: RecordStore, folder: Path, records: RecordsConfig, now_s: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._folder = folder
        self._records = records
        self._now_s = now_s
        self._task: asyncio.Task[None] | None = None
        self._stuck_files: dict[Path, float] = {}
        self._stuck_calls: dict[str, float] = {}

    def start(self) -> None:
        """Sweep from now on, if anything has an end."""
        days = (self._records.records_days, self._records.transcripts_days, *(days for _, days in self._files()))
        if any(each is not None for each in days):
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """No more sweeps."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> bool:
        """Remove what is too old, up to the limits; whether there may be more."""
        _forget_old(self._stuck_files, self._now_s() - STUCK_S)
        _forget_old(self._stuck_calls, self._now_s() - STUCK_S)
        removed, more = await asyncio.to_thread(self._remove_files)
        calls = words = 0
        if (days := self._records.records_days) is not None:
            calls, more_calls = await self._remove_calls(self._now_s() - days * DAY_S)
            more = more or more_calls
        if (days := self._records.transcripts_days) is not None:
            words = await self._remove_words(forget_words, self._now_s() - days * DAY_S)
        ends = [each for each in (self._records.transcripts_days, self._records.records_days) if each is not None]
        if ends:
            words += await self._remove_words(forget_events_without_call, self._now_s() - min(ends) * DAY_S)
        if removed or calls:
            await asyncio.to_thread(forget_published, self._folder / RECORDINGS.folder)
        if removed or calls or words:
            log.info("kept long enough, and removed", files=removed, records=calls, transcripts=words)
        return more or words >= MAX_AT_ONCE

    async def _run(self) -> None:
        while True:
            try:
                more = await self.sweep()
            except (SQLAlchemyError, OSError) as error:
                more = False
                log.error("what is too old is not removed; it is tried again", why=str(error))
            await asyncio.sleep(AGAIN_S if more else SWEEP_S)

    def _files(self) -> Iterator[tuple[FileKind, float | None]]:
        records = self._records
        yield RECORDINGS, records.recordings_days
        yield MESSAGES, records.messages_days
        yield CAPTURES, records.captures_days
        yield EVENTS, records.events_days

    def _remove_files(self) -> tuple[int, bool]:
        """How many, and whether there may be more."""
        removed, more = 0, False
        for kind, days in self._files():
            if days is None:
                continue
            found = older_than(self._folder, kind, self._now_s() - days * DAY_S, MAX_FILES, self._stuck_files)
            left = self._remove(found)
            removed += len(found) - len(left)
            more = more or (len(found) >= MAX_FILES and len(left) < len(found))
        return removed, more

    async def _remove_calls(self, before_s: float) -> tuple[int, bool]:
        """How many, and whether there may be more."""
        stuck = self._stuck_calls
        found = await asyncio.to_thread(self._store.read, lambda conn: calls_before(conn, before_s, stuck))
        # The files first: of a call that has no record any more nobody would find them.
        left = await asyncio.to_thread(self._remove_files_of, set(found))
        _note(stuck, left, self._now_s())
        gone = [each for each in found if each not in left]
        if not gone or not await asyncio.wrap_future(self._store.change(lambda conn: forget_calls(conn, gone))):
            return 0, False
        return len(gone), len(found) >= MAX_AT_ONCE

    def _remove_files_of(self, calls: set[str]) -> set[str]:
        """Returns the calls of which a file is left."""
        found = {path: call for _, call, path in files_of(self._folder, calls)} if calls else {}
        return {found[path] for path in self._remove(found)}

    def _remove(self, paths: Iterable[Path]) -> list[Path]:
        """Returns those that are left."""
        left = {path: why for path in paths if (why := remove(path))}
        if left:
            path, why = next(iter(left.items()))
            log.error("files of calls are not removed", files=len(left), path=str(path), why=why, again_s=STUCK_S)
        _note(self._stuck_files, left, self._now_s())
        return list(left)

    async def _remove_words(self, forget: Callable[[Connection, float], int], before_s: float) -> int:
        counts: list[int] = []
        written = self._store.change(lambda conn: counts.append(forget(conn, before_s)))
        return counts[-1] if await asyncio.wrap_future(written) and counts else 0


def _note(stuck: dict[K, float], keys: Iterable[K], now_s: float) -> None:
    for key in keys:
        if len(stuck) < MAX_STUCK:
            stuck[key] = now_s


def _forget_old(stuck: dict[K, float], before_s: float) -> None:
    for key in [key for key, at_s in stuck.items() if at_s <= before_s]:
        del stuck[key]
