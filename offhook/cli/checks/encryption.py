"""The keys of what is kept of calls."""

from collections.abc import Iterator

from offhook.cli.checks.finding import Finding, Level, noting
from offhook.encryption.key_holders import held_by_others
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
        found += [Finding.of(each, "keys", Level.WARNING) for each in held_by_others(path, config.records.dir)]
    yield from found
