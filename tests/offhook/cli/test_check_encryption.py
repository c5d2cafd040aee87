"""`offhook check`: the keys of what is kept."""

from pathlib import Path

from offhook.cli.checks import encryption
from offhook.cli.checks.finding import Level
from offhook.settings.config import Config, RecordsConfig
from tests.offhook.encryption.keyfile import key_file


def test_keys(tmp_path: Path) -> None:
    assert list(encryption.check(Config())) == []
    keys = key_file(tmp_path)
    keys.chmod(0o600)
    (fine,) = encryption.check(Config(records=RecordsConfig(encrypt=True, key_file=keys)))
    assert fine.level is Level.OK and "get the key" in fine.problem.what
    (old,) = encryption.check(Config(records=RecordsConfig(key_file=keys)))
    assert old.level is Level.OK and "not encrypted" in old.problem.what
    keys.chmod(0o640)
    _, open_to_others = encryption.check(Config(records=RecordsConfig(encrypt=True, key_file=keys)))
    assert (open_to_others.level, open_to_others.problem.todo) == (Level.WARNING, f"chmod 600 {keys}")
    keys.unlink()
    (gone,) = encryption.check(Config(records=RecordsConfig(encrypt=True, key_file=keys)))
    assert gone.level is Level.SETTINGS and gone.problem.what == "the key file cannot be read"
