"""Removes what is kept of calls when its time is over, by kind, a little at a time and beside the calls."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from offhook.observe.log import get_logger
from offhook.records import RecordStore
from offhook.records.forget import MAX_AT_ONCE, calls_before, forget_calls, forget_words
from offhook.records.kept_files import CAPTURES, EVENTS, MESSAGES, RECORDINGS, FileKind, files_of, older_than, remove
from offhook.settings.sections import RecordsConfig

log = get_logger(__name__)

DAY_S = 86_400.0
SWEEP_S = 600.0
"""Between two sweeps; where more is left, `AGAIN_S`."""
AGAIN_S = 5.0
MAX_FILES = 500
"""Of a kind, that one sweep removes."""


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
        removed, more = await asyncio.to_thread(self._remove_files)
        calls = words = 0
        if (days := self._records.records_days) is not None:
            calls = await self._remove_calls(self._now_s() - days * DAY_S)
        if (days := self._records.transcripts_days) is not None:
            words = await self._remove_words(self._now_s() - days * DAY_S)
        if removed or calls or words:
            log.info("kept long enough, and removed", files=removed, records=calls, transcripts=words)
        return more or max(calls, words) >= MAX_AT_ONCE

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
            found = older_than(self._folder, kind, self._now_s() - days * DAY_S, MAX_FILES)
            removed += sum([remove(each) for each in found])
            more = more or len(found) >= MAX_FILES
        return removed, more

    async def _remove_calls(self, before_s: float) -> int:
        found = await asyncio.to_thread(self._store.read, lambda conn: calls_before(conn, before_s))
        if not found:
            return 0
        # The files first: of a call that has no record any more nobody would find them.
        await asyncio.to_thread(lambda: [remove(path) for _, _, path in files_of(self._folder, set(found))])
        written = self._store.change(lambda conn: forget_calls(conn, found))
        return len(found) if await asyncio.wrap_future(written) else 0

    async def _remove_words(self, before_s: float) -> int:
        counts: list[int] = []
        written = self._store.change(lambda conn: counts.append(forget_words(conn, before_s)))
        return counts[-1] if await asyncio.wrap_future(written) and counts else 0
