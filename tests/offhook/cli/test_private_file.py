"""Files that commands write."""

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from offhook.cli.private_file import private_file


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
