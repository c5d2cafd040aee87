"""`offhook check`: the keys of what is kept."""

import os
from pathlib import Path

import pytest

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
    keys.unlink()
    (gone,) = encryption.check(Config(records=RecordsConfig(encrypt=True, key_file=keys)))
    assert gone.level is Level.SETTINGS and gone.problem.what == "the key file cannot be read"


@pytest.mark.parametrize(
    ("mode", "groups", "is_said"),
    [(0o600, (), False), (0o640, ("its",), False), (0o640, (), True), (0o644, ("its",), True), (0o604, ("its",), True)],
)
def test_who_else_may_read_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, groups: tuple[str, ...], is_said: bool
) -> None:
    keys = key_file(tmp_path)
    keys.chmod(mode)
    group = keys.stat().st_gid
    monkeypatch.setattr(os, "getegid", lambda: group + 1)
    monkeypatch.setattr(os, "getgroups", lambda: [group for _ in groups])
    _, *warnings = encryption.check(Config(records=RecordsConfig(dir=tmp_path / "data", key_file=keys)))
    assert len(warnings) == is_said
    for each in warnings:
        assert (each.level, each.problem.why) == (Level.WARNING, f"its mode is {mode:o}")
        assert each.problem.todo.startswith(f"chown USER {keys} && chmod 600 {keys}")


def test_keys_beside_what_they_encrypt(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    keys.chmod(0o600)
    _, beside = encryption.check(Config(records=RecordsConfig(dir=tmp_path, key_file=keys)))
    assert (beside.level, beside.problem.what) == (Level.WARNING, f"{keys} is beside what it encrypts")
