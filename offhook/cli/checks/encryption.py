"""The keys of what is kept of calls."""

import stat
from collections.abc import Iterator

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
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            what = f"{path} has keys, and others on this machine may read it"
            found.append(Finding.warning("keys", what, f"its mode is {mode:o}", f"chmod 600 {path}"))
    yield from found
