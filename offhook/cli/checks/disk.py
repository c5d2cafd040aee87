"""The storage of records and recordings."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from offhook.cli.checks.finding import Finding, Level
from offhook.settings.config import Config, redact_url
from offhook.usererror import Problem

LEAST_FREE_BYTES = 100 << 20
LITTLE_FREE_BYTES = 1 << 30
RECORDING_BYTES_A_SECOND = 2 * 2 * 8_000
"""Stereo, 16 bits, 8 kHz."""


def check(config: Config) -> Iterator[Finding]:
    """Check that the folder is writable, has room, and any other database can be reached. Creates nothing."""
    folder = config.records.dir.resolve()
    exists = next(each for each in (folder, *folder.parents) if each.exists())
    if not exists.is_dir() or not os.access(exists, os.W_OK | os.X_OK):
        why = f"{exists} is {'not yours to write' if exists.is_dir() else 'no folder'}"
        yield _failed(f"records cannot be written to {folder}", why, "`dir = …` below `[records]`")
    else:
        yield from _room(folder, exists, config)
    if config.records.database_url is not None:
        yield _database(config.records.database_url)


def _room(folder: Path, exists: Path, config: Config) -> Iterator[Finding]:
    free = shutil.disk_usage(exists).free
    shown = f"{free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        yield _failed(
            f"there is no room for records in {folder}", shown, "`dir = …` below `[records]`, on another disk"
        )
        return
    yield Finding.ok("disk", f"{folder}: {shown}")
    writes = config.records.record_audio or config.records.capture
    if free < LITTLE_FREE_BYTES and writes:
        hours = free / RECORDING_BYTES_A_SECOND / 3600
        what, why = f"there is little room in {folder}", f"{shown}: {hours:.0f} hours of recorded calls"
        yield Finding.warning("disk", what, why, "`dir = …` below `[records]`, on a larger disk")


def _database(url: str) -> Finding:
    shown = redact_url(url)
    try:
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        return _failed(f"the database {shown} cannot be used", why, "check `database_url` below `[records]`")
    return Finding.ok("records", f"{shown} answers")


def _failed(what: str, why: str, todo: str) -> Finding:
    return Finding.of(Problem(what, why, todo), "disk", Level.MACHINE)
