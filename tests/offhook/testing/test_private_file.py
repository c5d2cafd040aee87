"""Files that have what callers said."""

import json
from pathlib import Path

import pytest

from offhook.testing.private_file import make_folder, write_json, write_private
from offhook.usererror import UserError


def test_files_are_for_their_owner_even_if_they_were_there(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("something that is longer than what comes")
    path.chmod(0o644)
    write_json(path, {"heard": "half a character: \ud800"}, "--json")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_bytes())["heard"] == "half a character: ?"


def test_folders_are_for_their_owner_and_may_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        make_folder(folder, "--save")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_cannot_be_written_is_told_with_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written") as written:
        write_private(tmp_path / "none" / "heard.wav", b"", "--save")
    with pytest.raises(UserError, match="cannot be made") as made:
        make_folder(tmp_path / "file" / "heard", "--wav")
    assert [each.value.problems[0].where for each in (written, made)] == ["--save", "--wav"]
