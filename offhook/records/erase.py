"""Erases what there is of a caller, by number: records, words, SIP messages, files."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, inspect, null, select
from sqlalchemy.exc import SQLAlchemyError

from offhook.records.forget import MAX_AT_ONCE, forget_calls
from offhook.records.kept_files import RECORDINGS, files_of, remove
from offhook.records.outbox import QUEUE_CALL_BACK
from offhook.records.published import forget_published
from offhook.records.schema import calls_table, outbox_table
from offhook.usererror import UserError

NumberOf = Callable[[str], str]
"""The number in a SIP or tel URI, or of a media stream, without separators."""

QUEUES = "queues.json"
"""In the records' folder: who is to be called back."""
SIMILAR_DIGITS = 7
"""Numbers whose last digits are the same may be another spelling of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call of the number: when it began, and the files that there are of it, by their kinds."""

    uniqueid: str
    start: str
    is_open: bool
    files: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What there is of a number. `similar` are other numbers in the records that may be spellings of it; `waiting`
    files that the bot itself still needs, each with why. `events` are those in the outbox, by their `seq`, of
    call-backs to the number, or for which somebody has asked from it: their calls may be others, or gone."""

    calls: tuple[Found, ...] = ()
    similar: tuple[str, ...] = ()
    waiting: tuple[tuple[Path, str], ...] = ()
    events: tuple[int, ...] = ()


@dataclass(slots=True)
class Erased:
    """What became of each call: erased, or left, with why."""

    calls: list[Found] = field(default_factory=list)
    left: list[tuple[Found, str]] = field(default_factory=list)


def search(engine: Engine, folder: Path, number: str, number_of: NumberOf) -> Search:
    """The calls from and to a number, with their legs. Raises UserError."""
    wanted = _bare(number_of(number))
    rows: list[tuple[str, str, bool]] = []
    legs: list[tuple[str, tuple[str, str, bool]]] = []
    similar: set[str] = set()
    for uniqueid, start, is_open, part_of, *parties in _all_calls(engine):
        numbers = [_bare(number_of(party)) for party in parties]
        if wanted in numbers:
            rows.append((uniqueid, start, is_open))
            continue
        if part_of is not None:
            legs.append((part_of, (uniqueid, start, is_open)))
        similar.update(each for each in numbers if _may_be(each, wanted))
    of_the_number = {uniqueid for uniqueid, _, _ in rows}
    rows += [leg for part_of, leg in legs if part_of in of_the_number]
    files: dict[str, list[tuple[str, Path]]] = {uniqueid: [] for uniqueid, _, _ in rows}
    for kind, call, path in files_of(folder, set(files)):
        files[call].append((kind.name, path))
    found = tuple(Found(*row, tuple(sorted(files[row[0]]))) for row in rows)

    def is_it(text: str) -> bool:
        return _bare(number_of(text)) == wanted

    called_back = [
        (folder / QUEUES, f"{name} is to be called back, which `offhook queue drop {name}` ends")
        for name in _promised(folder / QUEUES, is_it)
    ]
    unwritten = [path for path in sorted(folder.glob("unwritten-*.jsonl")) if path.stat().st_size > 0]
    waiting = [*((path, "records wait there for the database") for path in unwritten), *called_back]
    events = tuple(seq for seq, numbers in _call_backs(engine) if any(map(is_it, numbers)))
    return Search(found, tuple(sorted(similar)), tuple(waiting), events)


def erase(engine: Engine, folder: Path, found: Search) -> Erased:
    """Erase it, but for calls that go on. The files first: a call's record is how they are found. Raises UserError."""
    result = Erased()
    done: list[Found] = []
    for call in found.calls:
        if call.is_open:
            result.left.append((call, "the call goes on"))
        elif whys := [f"{path.name} cannot be removed: {why}" for _, path in call.files if (why := remove(path))]:
            result.left.append((call, ", ".join(whys)))
        else:
            done.append(call)
    forget_published(folder / RECORDINGS.folder)
    for first in range(0, max(len(done), len(found.events)), MAX_AT_ONCE):
        chunk, events = done[first : first + MAX_AT_ONCE], found.events[first : first + MAX_AT_ONCE]
        try:
            with engine.begin() as conn:
                _overwrite_what_is_deleted(conn)
                forget_calls(conn, [call.uniqueid for call in chunk])
                conn.execute(delete(outbox_table).where(outbox_table.c.seq.in_(events)))
        except SQLAlchemyError as error:
            raise UserError("the records are not erased", str(error), "try again; files are removed already") from error
        result.calls += chunk
    _empty_the_log(engine)
    return result


def _all_calls(engine: Engine) -> Iterator[tuple[str, str, bool, str | None, str, str]]:
    table = calls_table
    try:
        with engine.connect() as conn:
            # A database of an earlier version, which is only looked at, has no such column.
            names = {column["name"] for column in inspect(conn).get_columns(table.name)}
            part_of: ColumnElement[Any] = table.c.part_of if "part_of" in names else null()
            columns = (table.c.uniqueid, table.c.start, table.c.is_open, part_of, table.c.src, table.c.dst)
            query = select(*columns).order_by(table.c.start)
            for row in conn.execution_options(yield_per=1_000).execute(query):
                yield tuple(row)
    except SQLAlchemyError as error:
        raise UserError(
            "the records cannot be read", str(error), "dir = … below [records], or --config FILE"
        ) from error


def _call_backs(engine: Engine) -> list[tuple[int, list[str]]]:
    """Events of call-backs that others have not got, and the numbers in them: where somebody is called back, and of the
    call in which they asked for it."""
    try:
        if not inspect(engine).has_table(outbox_table.name):  # a database of an earlier version
            return []
        query = select(outbox_table.c.seq, outbox_table.c.body).where(outbox_table.c.type == QUEUE_CALL_BACK)
        with engine.connect() as conn:
            found = [(seq, json.loads(body)["data"]) for seq, body in conn.execute(query)]
    except SQLAlchemyError as error:
        raise UserError("the outbox cannot be read", str(error), "try again") from error
    return [(seq, [str(data.get(name, "")) for name in ("number", "src", "dst")]) for seq, data in found]


def _promised(path: Path, is_it: Callable[[str], bool]) -> list[str]:
    """By their names in the file of the queues, who is to be called back at a number, or has asked for that from it;
    nobody if it cannot be read."""
    try:
        promised = json.loads(path.read_bytes())["call_backs"]
        return [str(each["name"]) for each in promised if any(map(is_it, _texts(each)))]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _texts(value: Any) -> Iterator[str]:
    """All texts in plain values."""
    values = [value]
    while values:
        match values.pop():
            case dict() as table:
                values += table.values()
            case list() as row:
                values += row
            case str() as text:
                yield text


def _bare(number: str) -> str:
    """Some trunks leave the plus sign out."""
    return number.removeprefix("+").lower()


def _may_be(number: str, wanted: str) -> bool:
    both_digits = number.isdigit() and wanted.isdigit()
    return both_digits and len(number) >= SIMILAR_DIGITS and number[-SIMILAR_DIGITS:] == wanted[-SIMILAR_DIGITS:]


def _overwrite_what_is_deleted(conn: Connection) -> None:
    """SQLite leaves deleted rows readable in the file otherwise."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete = ON")


def _empty_the_log(engine: Engine) -> None:
    """SQLite's write-ahead log still has the pages as they were."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:  # outside a transaction
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
