"""Who else than the bot has the keys of what is kept."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from offhook.encryption.keys import key_for
from offhook.observe.log import get_logger
from offhook.usererror import Problem

log = get_logger(__name__)


def check_keys(encrypt: bool, path: Path | None, folder: Path) -> None:
    """Before anything is kept in `folder`: that the keys can be used. Who else has them is in the log. Raises
    UserError."""
    key_for(encrypt, path)
    if path is not None:
        for problem in held_by_others(path, folder):
            log.warning(problem.what, why=problem.why, todo=problem.todo)


def held_by_others(path: Path, folder: Path) -> Iterator[Problem]:
    """Who may read the file, or gets `folder`, which has what they encrypt, has the keys, too. Raises OSError."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    is_our_group = status.st_gid in (os.getegid(), *os.getgroups())
    if mode & (stat.S_IROTH if is_our_group else stat.S_IRGRP | stat.S_IROTH):
        what = f"{path} has keys, and others on this machine may read it"
        todo = f"chown USER {path} && chmod 600 {path}, where USER runs the bot"
        yield Problem(what, f"its mode is {mode:o}", todo)
    if path.resolve().is_relative_to(folder.resolve()):
        what = f"{path} is beside what it encrypts"
        why = "who gets the folder, or a backup of it, has both"
        yield Problem(what, why, f"mv {path} somewhere else, and name it there as `key_file`")
