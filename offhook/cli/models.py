"""`offhook models`: the models of local engines, on this machine and in the catalogue."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from offhook.cli.options import AsJson, ConfigFile
from offhook.models.add import Wanted
from offhook.models.add import add as add_model
from offhook.models.catalogue import ADVISER, ENGINES, VOICES, Entry, catalogue
from offhook.models.download import OnProgress
from offhook.models.store import Model, ModelStore
from offhook.pipeline.tts.piper_voices import files_in
from offhook.settings.config import Config
from offhook.usererror import UserError, did_you_mean

app = typer.Typer(help="List, add and remove the models of local engines.", no_args_is_help=True)

EngineFilter = Annotated[
    str | None, typer.Option("--engine", help=f"Only models of one: {', '.join(ENGINES)}.", metavar="ENGINE")
]
LanguageFilter = Annotated[
    str | None, typer.Option("--language", help="Only models that serve for a language.", metavar="TAG")
]


@app.command("list")
def list_models(
    config: ConfigFile = None,
    engine: EngineFilter = None,
    language: LanguageFilter = None,
    *,
    here: Annotated[bool, typer.Option("--here", help="Only those on this machine.", metavar="")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the models on this machine, and those that `add` knows by name."""
    if engine is not None and engine not in ENGINES:
        why = f"these have some: {', '.join(ENGINES)}"
        raise UserError(f"there is no engine {engine!r} with models", why, did_you_mean(engine, ENGINES), "--engine")
    rows = [_of_model(model) for model in _store(config).models()]
    installed = {row["name"] for row in rows}
    if not here:
        rows += [_of_entry(entry) for entry in catalogue().values() if entry.name not in installed]
    rows = [row for row in rows if engine in (None, row["engine"]) and _serves(row["languages"], language)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo("none; `offhook models list` has those that can be added" if here else "none")
        return
    for line in _table(rows):
        typer.echo(line)


@app.command("add")
def add(
    model: Annotated[str, typer.Argument(help="A name from the list, a URL, an archive or a folder.", metavar="MODEL")],
    config: ConfigFile = None,
    mirror: Annotated[
        str | None,
        typer.Option("--from", help="Where to fetch the list's files instead: `models.mirror`.", metavar="URL|FOLDER"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Another name for it.", metavar="NAME")] = None,
    language: Annotated[
        str | None, typer.Option(help="Its language, if it is not from the list.", metavar="TAG")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="The checksum of the archive.", metavar="HEX")] = None,
) -> None:
    """Fetch a model and unpack it. A broken transfer goes on where it stopped, also with the next `add`."""
    settings = Config.load(config).models
    languages = (language,) if language else None
    wanted = Wanted(model, name, languages, sha256, mirror or settings.mirror)
    with _progress(model) as on_progress:
        added = add_model(ModelStore(settings.dir), wanted, on_progress)
    typer.echo(f"added {added.name} ({added.about.engine}) in {added.folder}")
    if added.about.sha256:
        typer.echo(f"SHA-256 {added.about.sha256}")
    if added.about.licence:
        typer.echo(f"licence {added.about.licence}: {added.about.source}")
    typer.echo(f"next:  {_next(added)}")


@app.command("remove")
def remove(
    model: Annotated[str, typer.Argument(help="A name from `offhook models list --here`.", metavar="NAME")],
    config: ConfigFile = None,
) -> None:
    """Delete a model from this machine."""
    _store(config).remove(model)
    typer.echo(f"removed {model}")


@app.command("where")
def where(
    model: Annotated[str | None, typer.Argument(help="A model on this machine.", metavar="NAME")] = None,
    config: ConfigFile = None,
) -> None:
    """Print the folder of the models, or of one."""
    store = _store(config)
    if model is None:
        typer.echo(store.folder)
        return
    found = store.find(model)
    if found is None:
        todo = f"offhook models add {model}" if model in catalogue() else "offhook models list"
        raise UserError(f"the model {model!r} is not here", f"{store.folder} has no such folder", todo)
    typer.echo(found.folder)


def _next(added: Model) -> str:
    engine = added.about.engine
    if engine == ADVISER:
        return f'`adviser = "{ADVISER}"` below `[turn]`'
    if engine not in VOICES:
        return f'`model = "{added.name}"` below `[asr.{engine}]`'
    if engine == "piper":
        return f'offhook say --engine piper --voice {next(iter(files_in(added.folder)))} "Hello."'
    return f'offhook say --engine {engine} "Hello.", or `model = "{added.name}"` below `[tts.{engine}]`'


def _store(config: Path | None) -> ModelStore:
    return ModelStore(Config.load(config).models.dir)


def _of_model(model: Model) -> dict[str, object]:
    size = sum(path.stat().st_size for path in model.folder.rglob("*") if path.is_file())
    about = model.about
    return {
        "name": model.name,
        "engine": about.engine,
        "languages": list(about.languages),
        "size_mb": -(-size // 1_000_000),
        "licence": about.licence,
        "source": about.source,
        "note": "",
        "sha256": about.sha256,
        "here": True,
    }


def _of_entry(entry: Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "engine": entry.engine,
        "languages": list(entry.languages),
        "size_mb": entry.size_mb or None,
        "licence": entry.licence,
        "source": entry.page,
        "note": entry.note,
        "sha256": next((file.sha256 for file in entry.files if file.sha256), ""),
        "here": False,
    }


def _serves(languages: object, wanted: str | None) -> bool:
    base = (wanted or "").partition("-")[0].lower()
    own = languages if isinstance(languages, list) else []
    return not base or not own or any(str(each).partition("-")[0].lower() == base for each in own)


def _table(rows: list[dict[str, object]]) -> Iterator[str]:
    head = ("", "NAME", "ENGINE", "LANGUAGE", "MB", "LICENCE", "")
    cells = [
        (
            "here" if row["here"] else "",
            str(row["name"]),
            str(row["engine"]),
            " ".join(map(str, row["languages"] if isinstance(row["languages"], list) else [])) or "many",
            str(row["size_mb"] or "?"),
            str(row["licence"] or "?"),
            str(row["note"]),
        )
        for row in rows
    ]
    widths = [max(len(row[at]) for row in (head, *cells)) for at in range(len(head))]
    for row in (head, *cells):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


@contextmanager
def _progress(title: str) -> Iterator[OnProgress]:
    """A bar on a terminal, otherwise a line for each tenth, on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _Lines:
    """Progress for a log."""

    def __init__(self) -> None:
        self._tenth = 0

    def __call__(self, done: int, total: int | None) -> None:
        tenth = 10 * done // total if total else done // 50_000_000
        if tenth > self._tenth:
            share = f"{10 * tenth} %" if total else f"{done // 1_000_000} MB"
            typer.echo(f"fetched {share}", err=True)
        self._tenth = tenth
