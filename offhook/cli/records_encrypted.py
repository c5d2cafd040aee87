"""`offhook records key`, `decrypt` and `check`: what is encrypted of calls, and its keys."""

import os
import stat
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from offhook.cli.options import ConfigFile
from offhook.encryption.chunks import UnreadableError
from offhook.encryption.keys import new_key, parse_keys, read_keys
from offhook.encryption.reader import Ending, Kept, key_id_of, open_kept
from offhook.private_file import private_file
from offhook.process.whole_file import write_whole
from offhook.records.kept_files import FILE_KINDS, entries
from offhook.settings.config import Config
from offhook.usererror import UserError

UNREADABLE = 1
PIECE_BYTES = 65_536

_CUT = "it has no end: it is still written, its process was killed, or somebody has cut it"


def key(
    file: Annotated[Path, typer.Argument(help="The key file, made if it is not there.", metavar="FILE")],
) -> None:
    """Make a key, as the first of a key file: it encrypts from the next start on, and those that were there decrypt.

    Keep a copy of the file elsewhere: without it nothing can be decrypted.
    """
    path = file.resolve()
    made = new_key()
    text = f"# {made.id.hex()}, made {datetime.now(UTC):%Y-%m-%d}\n{made.line}\n"
    like: os.stat_result | None = None
    try:
        if path.exists():
            like = path.stat()  # it belongs to the user that runs the bot, not to who types this
            text += _text_of(path)
            parse_keys(text, str(path))
        write_whole(path, text.encode("ascii"), like=like)
        written = path.stat()
    except OSError as error:
        is_theirs = like is not None and isinstance(error, PermissionError)
        todo = f"sudo offhook records key {path}" if is_theirs else "name a file that this user may write"
        raise UserError("the key is not written", error.strerror or str(error), todo, str(path)) from error
    typer.echo(f"the key {made.id.hex()} is the first in {path}")
    if os.geteuid() == written.st_uid == 0 and not written.st_mode & stat.S_IRGRP:
        typer.echo(f"the file is root's: `chown USER {path}`, where USER runs the bot")


def _text_of(path: Path) -> str:
    """What a key file has, comments included. Raises OSError where this user may not read it, UserError where it is
    none."""
    path.open("rb").close()
    read_keys(path)
    return path.read_text(encoding="ascii")


def decrypt(
    file: Annotated[Path, typer.Argument(help="A recording, message, capture or event log.", metavar="FILE")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; standard output without it.", metavar="FILE")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Decrypt a file, with the keys of `records.key_file`.

    0: all of it is written; 1: it has no end or is damaged, and what is before that is written.
    """
    key_file = Config.load(config).records.key_file
    try:
        kept = open_kept(file, key_file)
    except OSError as error:
        todo = "`key_file = …` below [records], and --config FILE"
        raise UserError("the file cannot be decrypted", error.strerror or str(error), todo, str(file)) from error
    with kept:
        if output is not None and output.exists() and output.samefile(file):
            why = "what of it is damaged, or cut off, would be gone"
            raise UserError("the file would be written over itself", why, "name another file", "--output")
        trouble = _written(kept, output)
    if trouble:
        typer.echo(f"{file}: {trouble}", err=True)
        raise typer.Exit(UNREADABLE)


def check(config: ConfigFile = None) -> None:
    """Decrypt all recordings, messages, captures and event logs, without keeping anything of it: whether they are
    whole, and how many there are of each key.

    0: nothing is damaged; 1: some files are, cannot be read, or their keys are missing. Files of calls that go on have
    no end yet.
    """
    records = Config.load(config).records
    counts: Counter[str] = Counter()
    is_bad = False
    for kind in dict.fromkeys(each.folder for each in FILE_KINDS):
        for entry in entries(records.dir.resolve() / kind):
            if all(each.call_of(entry.name) is None for each in FILE_KINDS):
                continue
            try:
                used, trouble, is_damaged = _checked(Path(entry.path), records.key_file)
            except FileNotFoundError:
                continue  # its time was over meanwhile
            except OSError as error:
                used, trouble, is_damaged = "that cannot be read", error.strerror or str(error), True
            counts[used] += 1
            is_bad = is_bad or is_damaged
            if trouble:
                typer.echo(f"{entry.path}: {trouble}")
    for used, count in sorted(counts.items()):
        typer.echo(f"{count} files {used}")
    raise typer.Exit(UNREADABLE if is_bad else 0)


def _checked(path: Path, key_file: Path | None) -> tuple[str, str, bool]:
    """By what it is encrypted, what is wrong with it, and whether that is damage. Raises OSError where the disk does
    not give it."""
    key_id = key_id_of(path)
    if key_id is None:
        return "in the clear", "", False
    used = f"encrypted with the key {key_id.hex()}"
    try:
        with open_kept(path, key_file) as kept:
            while kept.file.read(PIECE_BYTES):
                pass
            return used, _CUT if kept.ending is Ending.CUT else "", False
    except UnreadableError as error:
        return used, str(error), True


def _written(kept: Kept, output: Path | None) -> str:
    """Write what can be read; why that is not all. Raises UserError where it cannot be written."""
    try:
        if output is None:
            return copied(kept, sys.stdout.buffer)
        with private_file(output) as file:
            return copied(kept, file)
    except OSError as error:
        what = f"{output or 'standard output'} cannot be written"
        raise UserError(what, error.strerror or str(error), "name another file", "--output") from error


def copied(kept: Kept, to: BinaryIO) -> str:
    """Write what can be read of a file; why that is not all, empty where it is. Raises OSError of `to`."""
    left = kept.size
    while left or kept.ending is Ending.DAMAGED:
        try:
            piece = kept.file.read1(min(PIECE_BYTES, left) or 1)
        except OSError as error:  # it is damaged, or the disk is
            return error.strerror or str(error)
        if not piece:
            break
        left -= len(piece)
        to.write(piece)
    to.flush()
    return _CUT if kept.ending is Ending.CUT else ""
