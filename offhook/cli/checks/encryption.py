"""The keys of what is kept of calls."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from offhook.cli.checks.finding import Finding, noting
from offhook.encryption.keys import key_for
from offhook.settings.config import Config


def check(config: Config) -> Iterator[Finding]:
    """Check that the key file can be used, and by nobody else."""
    path = config.records.key_file
    if path is None:
        return
    found: list[Finding] = []
    with noting(found, "keys"):
        key = key_for(config.records.encrypt, path)
        shown = "files of calls are not encrypted" if key is None else f"files of calls get the key {key.id.hex()}"
        found.append(Finding.ok("keys", shown))
        found.extend(_who_has_it(path, config.records.dir))
    yield from found


def _who_has_it(path: Path, folder: Path) -> Iterator[Finding]:
    """Whether somebody else than the bot has the keys, too: who may read the file, or gets `folder`."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    is_our_group = status.st_gid in (os.getegid(), *os.getgroups())
    if mode & (stat.S_IROTH if is_our_group else stat.S_IRGRP | stat.S_IROTH):
        what = f"{path} has keys, and others on this machine may read it"
        todo = f"chown USER {path} && chmod 600 {path}, where USER runs the bot"
        yield Finding.warning("keys", what, f"its mode is {mode:o}", todo)
    if path.resolve().is_relative_to(folder.resolve()):
        what = f"{path} is beside what it encrypts"
        why = "who gets the folder, or a backup of it, has both"
        yield Finding.warning("keys", what, why, f"mv {path} somewhere else, and name it there as `key_file`")
