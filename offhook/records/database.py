"""The records' database: SQLite by default, any other by its SQLAlchemy URL.

SQLite runs with `journal_mode=WAL` and `synchronous=FULL`. With NORMAL a committed record would survive a crash of the
process but not a loss of power. The cost, one fsync for each commit, is borne by the writer's thread, once for all
waiting records.

An SQLite file that is removed or replaced under a running bot would go on to be written without a name, and everything
in it be lost at the end: each transaction checks that the name still leads to the open file, and makes a new one if
not. A file that is damaged is moved aside.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from offhook.observe.log import get_logger
from offhook.records.schema import ADDED, SCHEMA_VERSION, metadata, version_table
from offhook.usererror import UserError

log = get_logger(__name__)

BUSY_TIMEOUT_S = 5.0
"""How long the start waits for other programs that write to the database."""
WRITER_BUSY_TIMEOUT_S = 0.25
"""How long a transaction does: after it, its changes are kept on disk beside the database."""
READERS_S = 2.0
"""Time for queries in progress before a file that was replaced is closed."""

_DAMAGED = ("malformed", "not a database")
"""In the messages of SQLITE_CORRUPT and SQLITE_NOTADB."""

_EXAMPLE = "for example `sqlite:////var/lib/offhook/calls.db` or `postgresql+psycopg://user@host/offhook`"


class RecordsDatabase:
    """An open database. `on_seen` is called by `seen`, `on_new` in the first transaction of a file made anew."""

    def __init__(self, url: URL, engine: Engine) -> None:
        self.engine = engine
        self.on_seen: Callable[[], None] = lambda: None
        self.on_new: Callable[[Connection], None] = lambda conn: None
        self.after_commit: list[Callable[[], None]] = []
        """Called once, after the transaction in which they are added, unless it fails."""
        self._shown = url.render_as_string(hide_password=True)
        self._url = url
        self.path = _file_of(url)
        self._log_path = None if self.path is None else self.path.with_name(f"{self.path.name}-wal")
        self._file, self._log = _stat(self.path), _stat(self._log_path)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open it, creating it if missing. `url` may also be the plain path of an SQLite file. Raises UserError."""
        parsed = _parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        try:
            if (path := _file_of(parsed)) is not None:
                _make_private(path)
            engine = _make_engine(parsed)
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise _cannot_open(shown, error) from error
        try:
            _make_tables(engine, shown)
        except SQLAlchemyError as error:
            engine.dispose()
            raise _cannot_open(shown, error) from error
        except UserError:
            engine.dispose()
            raise
        return cls(parsed, engine)

    @contextmanager
    def write(self, busy_s: float = WRITER_BUSY_TIMEOUT_S) -> Iterator[Connection]:
        """A transaction of the writer, which waits `busy_s` for those of others. Raises SQLAlchemyError, OSError."""
        if self.path is not None and self._file is not None and _is_emptied(self.path):
            self._move_aside()
        if _stat(self.path) != self._file:
            self._make_anew()
        options = {"offhook_writes": True, "offhook_busy_ms": round(1000 * busy_s)}
        self.after_commit.clear()
        with self.engine.execution_options(**options).begin() as conn:
            yield conn
        self._log = _stat(self._log_path)
        for callback in self.after_commit:
            callback()

    def failed(self, error: Exception) -> None:
        """A transaction failed: move a damaged file aside. Raises as `write`."""
        if self.path is None or not isinstance(error, DBAPIError) or not any(each in str(error) for each in _DAMAGED):
            return
        self._move_aside()

    def _move_aside(self) -> None:
        """Keep a damaged file, with its log, to be repaired. Raises OSError."""
        aside = f"{self.path}.damaged-{int(time.time())}"
        log.error("the records' database is damaged; it was moved aside", path=str(self.path), to=aside)
        # Before connections are closed: SQLite then leaves a file that has lost its name as it is.
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.rename(f"{self.path}{suffix}", f"{aside}{suffix}")

    def closed_after(self, error: Exception) -> UserError:
        """Close it; the error for the user."""
        self.engine.dispose()
        return _cannot_open(self._shown, error)

    def seen(self) -> None:
        """Called every few seconds by the writer."""
        self.on_seen()

    def _make_anew(self) -> None:
        """The name leads to another file, or to none. Raises SQLAlchemyError, OSError."""
        assert self.path is not None, "only files can be replaced"
        log.error("the records' database was removed or replaced; earlier records are not in it", path=str(self.path))
        # Before the new file has a log of its own: the last connection to the old one removes the log by its name.
        self._close_connections()
        if self._log is not None and _stat(self._log_path) == self._log:
            # SQLite leaves the log of a file that has lost its name, and would apply it to the new one.
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        _make_private(self.path)
        try:
            _make_tables(self.engine, self._shown)
        except UserError as error:
            raise OSError(error.render()) from error
        with self.engine.execution_options(offhook_writes=True).begin() as conn:
            self.on_new(conn)
        self._file = _stat(self.path)

    def _close_connections(self) -> None:
        with suppress(SQLAlchemyError), self.engine.connect() as conn:
            # So that the old file, which may be a backup now, is complete.
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        pool, until = self.engine.pool, time.monotonic() + READERS_S
        self.engine.dispose()
        while getattr(pool, "checkedout", int)() and time.monotonic() < until:
            time.sleep(0.01)


def open_to_read(url: str) -> Engine:
    """An engine for a database that somebody else writes; nothing is created. Raises UserError."""
    parsed = _parse_url(url)
    path = _file_of(parsed)
    if path is not None and not path.is_file():
        raise UserError(f"there are no records in {path}", "the file does not exist", "dir = … below [records]")
    try:
        if path is None:
            return create_engine(parsed)
        # SQLite knows "read only" in URIs alone, and SQLAlchemy would take its name's special characters apart.
        uri = f"file:{quote(str(path.resolve()))}?mode=ro"
        return create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=NullPool)
    except (SQLAlchemyError, ImportError) as error:
        raise _cannot_open(parsed.render_as_string(hide_password=True), error) from error


def open_to_change(url: str) -> Engine:
    """An engine for a database that is there, and that a bot may be writing, too; one of an earlier version gets the
    tables and columns that it lacks. Raises UserError."""
    open_to_read(url).dispose()
    return RecordsDatabase.open(url).engine.execution_options(offhook_writes=True)


def _stat(path: Path | None) -> tuple[int, int] | None:
    """Which file it is; None for none."""
    try:
        found = os.stat(path) if path is not None else None
    except FileNotFoundError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _is_emptied(path: Path) -> bool:
    """Whether somebody cut it to nothing: an open database has at least a page."""
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def _file_of(url: URL) -> Path | None:
    """The file of an SQLite database; None for a server's, and for SQLite's own `file:` URIs."""
    if url.get_backend_name() != "sqlite":
        return None
    path = Path(str(url.database))
    return None if path.name.startswith("file:") else path


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url) if "://" in url else URL.create("sqlite", database=url)
        parsed.get_dialect()
    except (ArgumentError, SQLAlchemyError, ValueError) as error:
        raise UserError("the records' database URL cannot be used", str(error), _EXAMPLE) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UserError(
            "the records' database has no file",
            "an SQLite database in memory would not survive this process",
            _EXAMPLE,
        )
    return parsed


def _cannot_open(shown: str, error: Exception) -> UserError:
    what = f"cannot open the records' database {shown}"
    if isinstance(error, ImportError):
        return UserError(what, "its driver is not installed", f"pip install {error.name}")
    return UserError(what, str(error.orig) if isinstance(error, DBAPIError) else str(error), _EXAMPLE)


def _make_private(path: Path) -> None:
    """Make the file private. SQLite gives -wal and -shm the mode of the main file."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # The driver would begin transactions itself, too late for ours to wait for the lock.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        # A transaction that reads and then writes fails at once if another wrote meanwhile; IMMEDIATE waits.
        options = conn.get_execution_options()
        writes = options.get("offhook_writes")
        busy_ms = options.get("offhook_busy_ms", round(1000 * BUSY_TIMEOUT_S))
        conn.exec_driver_sql(f"PRAGMA busy_timeout={busy_ms}")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_tables(engine: Engine, shown: str) -> None:
    with engine.execution_options(offhook_writes=True).begin() as conn:
        metadata.create_all(conn)
        found = conn.execute(select(version_table.c.version)).scalars().first()
        if found is None:
            conn.execute(version_table.insert().values(version=SCHEMA_VERSION))
        elif found in ADDED:
            _add_columns(conn, found)
        elif found != SCHEMA_VERSION:
            raise UserError(
                f"the records' database {shown} has version {found}",
                f"this program reads and writes version {SCHEMA_VERSION}",
                "start with another database, or with the program that wrote this one",
            )


def _add_columns(conn: Connection, version: int) -> None:
    """Take over the tables of an earlier version."""
    for table in {column.table for column in ADDED[version]}:
        there = {each["name"] for each in inspect(conn).get_columns(table.name)}  # all, if it has just been made
        for column in ADDED[version]:
            if column.table is table and column.name not in there:
                kind = column.type.compile(conn.dialect)
                conn.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
        for index in table.indexes:
            index.create(conn, checkfirst=True)
    conn.execute(version_table.update().values(version=SCHEMA_VERSION))
