"""Messages by names that nobody can guess."""

from pathlib import Path

import pytest

from offhook.records.message import save_message
from offhook.records.published import PUBLISHED, find_published, forget_published, publish


def test_a_message_is_found_until_it_is_deleted(tmp_path: Path) -> None:
    path = save_message(tmp_path, "call", bytes(320))
    name, other = publish(path), publish(path)
    assert name != other
    assert find_published(tmp_path, name) == path.resolve()
    forget_published(tmp_path)
    assert find_published(tmp_path, name) == path.resolve()
    path.unlink()
    assert find_published(tmp_path, name) is None
    forget_published(tmp_path)
    assert list((tmp_path / PUBLISHED).iterdir()) == []


def test_a_folder_without_any(tmp_path: Path) -> None:
    forget_published(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["", "RE", "../call-message-1.wav", f"RE{'0' * 32}", f"RE{'0' * 32}/..", f"re{'0' * 32}"]
)
def test_others_are_not(tmp_path: Path, name: str) -> None:
    save_message(tmp_path, "call", bytes(320))
    assert find_published(tmp_path, name) is None


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    save_message(folder, "call", bytes(320))
    (tmp_path / "secret").write_text("secret")
    (folder / PUBLISHED).mkdir()
    name = f"RE{'1' * 32}"
    (folder / PUBLISHED / name).symlink_to(tmp_path / "secret")
    assert find_published(folder, name) is None
