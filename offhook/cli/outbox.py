"""`offhook outbox`: events of calls that others have not got yet. By the database, whether the bot runs or not."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from offhook.cli.options import AsJson, ConfigFile
from offhook.outbox.signature import PREFIX
from offhook.records.database import RecordsDatabase, open_to_read
from offhook.records.outbox import (
    MAX_WAITING,
    MAX_WAITING_BYTES,
    NEARLY_FULL,
    OutboxRow,
    drop,
    fullness,
    listed,
    retry,
    totals,
)
from offhook.settings.config import Config
from offhook.usererror import UserError

T = TypeVar("T")

MAX_LISTED = 100
SECRET_BYTES = 32

app = typer.Typer(
    help="Events of calls for webhooks and mail: what waits, and what was given up.", no_args_is_help=True
)

Receiver = Annotated[str | None, typer.Option("--receiver", help="Those for one receiver.", metavar="NAME")]
Id = Annotated[str | None, typer.Option("--id", help="One event.", metavar="ID")]
All = Annotated[bool, typer.Option("--all", help="All events.", metavar="")]


@app.command("list")
def list_(
    config: ConfigFile = None,
    receiver: Receiver = None,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="The most events.")] = MAX_LISTED,
    as_json: AsJson = False,
) -> None:
    """Show what has not been delivered, the oldest first."""

    def read(conn: Connection) -> list[OutboxRow]:
        return listed(conn, receiver, most) if inspect(conn).has_table("outbox") else []

    settings = Config.load(config)
    found = _read(settings, read)
    if as_json:
        typer.echo(json.dumps([asdict(each) | {"body": json.loads(each.body)} for each in found], indent=2))
        return
    if not found:
        typer.echo("nothing waits")
        return
    now = time.time()
    typer.echo("receiver              event                                            tried  waits: s  problem")
    for each in found:
        state = "given up" if each.given_up else f"{now - each.since:.0f}"
        typer.echo(f"{each.receiver:20}  {each.id:47}  {each.attempts:5}  {state:>8}  {each.problem or ''}".rstrip())
    for row in _read(settings, totals):
        typer.echo(_total(row))


def _total(row: Mapping[str, Any]) -> str:
    """What there is for a receiver, and how much more there can be, where that is little."""
    waiting, size = int(row["waiting"]), int(row["waiting_bytes"])
    found = f"{row['receiver']}: {waiting} wait ({size / 2**20:.1f} MiB), {row['given_up']} given up"
    if fullness(waiting, size) < NEARLY_FULL:
        return found
    return f"{found}; the oldest of more than {MAX_WAITING} or {MAX_WAITING_BYTES >> 20} MiB are given up"


@app.command("retry")
def retry_(config: ConfigFile = None, receiver: Receiver = None, id_: Id = None, everything: All = False) -> None:
    """Have events sent at once, those that were given up too, and those of a receiver that wanted none (HTTP 410)."""
    _require_choice(receiver, id_, everything, "retry")
    count = _write(Config.load(config), lambda conn: retry(conn, receiver, id_, time.time()))
    typer.echo(f"{count} to be sent")


@app.command("drop")
def drop_(config: ConfigFile = None, receiver: Receiver = None, id_: Id = None, everything: All = False) -> None:
    """Delete events without delivering them."""
    _require_choice(receiver, id_, everything, "drop")
    typer.echo(f"{_write(Config.load(config), lambda conn: drop(conn, receiver, id_))} deleted")


@app.command()
def secret() -> None:
    """Print a new secret to sign events with."""
    typer.echo(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def _require_choice(receiver: str | None, id_: str | None, everything: bool, verb: str) -> None:
    if receiver is None and id_ is None and not everything:
        todo = f"offhook outbox {verb} --receiver NAME, --id ID or --all"
        raise UserError(f"it is not said which events to {verb}", "without a choice it would be all of them", todo)


def _read(config: Config, query: Callable[[Connection], T]) -> T:
    engine: Engine = open_to_read(config.records.database)
    try:
        with closing(engine.connect()) as conn:
            return query(conn)
    except SQLAlchemyError as error:
        raise _cannot(error, "read") from error
    finally:
        engine.dispose()


def _write(config: Config, job: Callable[[Connection], int]) -> int:
    open_to_read(config.records.database).dispose()  # UserError, where there are no records
    database = RecordsDatabase.open(config.records.database)
    try:
        with database.write(busy_s=5.0) as conn:
            return job(conn)
    except (SQLAlchemyError, OSError) as error:
        raise _cannot(error, "changed") from error
    finally:
        database.engine.dispose()


def _cannot(error: Exception, verb: str) -> UserError:
    return UserError(f"the outbox cannot be {verb}", str(error).splitlines()[0], "try again, or look at `[records]`")
