"""Who else has the keys is in the log from the start on."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.encryption.key_holders import check_keys
from offhook.usererror import UserError
from tests.offhook.encryption.keyfile import key_file


def test_keys_that_others_get_are_in_the_log(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    keys.chmod(0o604)
    with capture_logs() as logs:
        check_keys(True, keys, tmp_path)
    assert [(each["event"], each["why"]) for each in logs] == [
        (f"{keys} has keys, and others on this machine may read it", "its mode is 604"),
        (f"{keys} is beside what it encrypts", "who gets the folder, or a backup of it, has both"),
    ]
    assert all(each["todo"] for each in logs)


def test_keys_of_the_bot_alone_are_not(tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    keys.chmod(0o600)
    with capture_logs() as logs:
        check_keys(True, keys, tmp_path / "data")
        check_keys(False, None, tmp_path / "data")
    assert logs == []


def test_keys_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the key file cannot be read"):
        check_keys(True, tmp_path / "none", tmp_path)
