"""Files that have what callers said."""

import json
import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from offhook.private_file import make_folder, private_file, write_json, write_private
from offhook.usererror import UserError


def test_it_is_there_once_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "november.csv"
    path.write_bytes(b"of before")
    path.chmod(0o644)
    with private_file(path) as file:
        file.write(b"of now")
        assert path.read_bytes() == b"of before"
    assert path.read_bytes() == b"of now"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_there_stays_where_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "november.csv"
    path.write_bytes(b"of before")
    with pytest.raises(ValueError, match="the database is locked"), private_file(path) as file:
        file.write(b"half")
        raise ValueError("the database is locked")
    assert path.read_bytes() == b"of before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(path)
    with private_file(link) as file:
        file.write(b"content")
    assert link.is_symlink() and path.read_bytes() == b"content"


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with private_file(pipe) as file:
        file.write(b"content")
    reader.join(10)
    assert read == [b"content"] and stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "file"):
        with pytest.raises(OSError, match=r"directory"), private_file(path):
            pass


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
