"""`offhook records`: erases what there is of a caller, exports calls, and decrypts their files."""

import json
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from offhook.cli import records_encrypted
from offhook.cli.options import AsJson, ConfigFile
from offhook.cli.records_files import OPTION, make_folder_for, write_files
from offhook.private_file import private_file
from offhook.records.database import open_to_change, open_to_read
from offhook.records.erase import Erased, Found, Search, erase, search
from offhook.records.export import FORMATS, export
from offhook.records.forget import wall_time
from offhook.records.search import CallFilter
from offhook.settings.config import Config
from offhook.settings.routes import dialled_number
from offhook.usererror import UserError, did_you_mean

LEFT = 1

app = typer.Typer(help="Erase, export and decrypt what is kept of calls.", no_args_is_help=True)
app.command()(records_encrypted.key)
app.command()(records_encrypted.decrypt)
app.command()(records_encrypted.check)

_NUMBER = typer.Option("--number", help="The caller's, or who was called: +15551234567, or a name.", metavar="NUMBER")


@app.command("erase")
def erase_caller(
    number: Annotated[str, _NUMBER],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is.", metavar="")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Erase all that is kept of a number's calls: records, transcripts, SIP messages, what others have not got yet of
    them, recordings, messages, captures, event logs.

    0: all of it is erased; 1: something is left, such as a call that goes on. Other numbers that may be the same are
    named and not erased.
    """
    records = Config.load(config).records
    folder, url = records.dir.resolve(), records.database
    _check(number)
    engine = open_to_read(url) if dry_run else open_to_change(url)
    try:
        found = search(engine, folder, number, dialled_number)
        erased = Erased(list(found.calls)) if dry_run else erase(engine, folder, found)
    finally:
        engine.dispose()
    typer.echo(json.dumps(_as_dict(found, erased), indent=2) if as_json else _as_text(found, erased, dry_run=dry_run))
    raise typer.Exit(LEFT if erased.left or found.waiting else 0)


@app.command("export")
def export_calls(
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.", metavar="FORMAT")] = "csv",
    number: Annotated[str | None, _NUMBER] = None,
    since: Annotated[datetime | None, typer.Option(help="Calls that began then or later, UTC.", metavar="TIME")] = None,
    until: Annotated[datetime | None, typer.Option(help="Calls that began before, UTC.", metavar="TIME")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; standard output without it.", metavar="FILE")
    ] = None,
    files: Annotated[
        Path | None, typer.Option(OPTION, help="A folder for their sound, decrypted; with --number.", metavar="DIR")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write calls for other programs, newest first: as a table (csv, parquet), or whole, with transcripts (jsonl); with
    --files the recordings and messages of a number's calls, too.

    0: all of it is written; 1: a file has no end, is damaged, or cannot be decrypted.
    """
    if form not in FORMATS:
        raise UserError(f"there is no format {form!r}", "calls have these", did_you_mean(form, FORMATS), "--format")
    if files is not None and number is None:
        raise UserError("whose sound is it?", "files are those of one caller", "--number +15551234567", OPTION)
    records = Config.load(config).records
    folder, found = records.dir.resolve(), list[Found]()
    if files is not None:
        make_folder_for(files, folder)
    wanted = CallFilter(since=_as_kept(since), until=_as_kept(until))
    engine = open_to_read(records.database)
    try:
        if number is not None:
            found = _calls_of(engine, folder, number, wanted)
            wanted = replace(wanted, calls=frozenset(call.uniqueid for call in found))
        if output is None:
            count = export(engine, wanted, form, sys.stdout.buffer)
        else:
            with private_file(output) as file:
                count = export(engine, wanted, form, file)
    except OSError as error:
        what = f"{output or 'standard output'} cannot be written"
        raise UserError(what, error.strerror or str(error), "name another file", "--output") from error
    finally:
        engine.dispose()
    typer.echo(f"wrote {count} calls" + (f" to {output}" if output is not None else ""), err=True)
    if files is not None:
        count, troubles = write_files(found, files, records.key_file)
        typer.echo("\n".join([*troubles, f"wrote {count} files to {files}"]), err=True)
        raise typer.Exit(LEFT if troubles else 0)


def _check(number: str) -> None:
    if not dialled_number(number).strip("+"):
        raise UserError(f"{number!r} is no number", "there is nothing in it", "--number +15551234567", "--number")


def _calls_of(engine: Engine, folder: Path, number: str, wanted: CallFilter) -> list[Found]:
    """The calls that would be erased with a number, of the time that is wanted."""
    _check(number)
    found = search(engine, folder, number, dialled_number)
    if found.similar:
        typer.echo(f"not exported, but perhaps the same number: {', '.join(found.similar)}", err=True)
    since, until = wanted.since or "", wanted.until
    return [call for call in found.calls if since <= call.start and (until is None or call.start < until)]


def _as_kept(moment: datetime | None) -> str | None:
    return None if moment is None else wall_time(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _kinds(call: Found) -> str:
    counts = Counter(kind for kind, _ in call.files)
    files = [f"{count} {kind}" for kind, count in sorted(counts.items())]
    return ", ".join(["record, words, SIP messages, outbox", *files])


def _as_text(found: Search, erased: Erased, *, dry_run: bool) -> str:
    lines = [f"{call.uniqueid}  {call.start}  {_kinds(call)}" for call in erased.calls]
    lines += [f"{call.uniqueid}  {call.start}  LEFT: {why}" for call, why in erased.left]
    lines += [f"{path}  LEFT: {why}; erase again after that" for path, why in found.waiting]
    if found.events:
        lines.append(f"{len(found.events)} events of call-backs, which others have not got yet")
    if found.similar:
        lines.append(f"not erased, but perhaps the same number: {', '.join(found.similar)}")
    lines.append(f"{len(erased.calls)} calls {'would be erased' if dry_run else 'erased'}, {len(erased.left)} left")
    return "\n".join(lines)


def _as_dict(found: Search, erased: Erased) -> dict[str, object]:
    def call(each: Found) -> dict[str, object]:
        return {"id": each.uniqueid, "start": each.start, "files": [str(path) for _, path in each.files]}

    return {
        "erased": [call(each) for each in erased.calls],
        "left": [{**call(each), "why": why} for each, why in erased.left],
        "events": len(found.events),
        "waiting": [str(path) for path in dict.fromkeys(path for path, _ in found.waiting)],
        "similar": list(found.similar),
    }
