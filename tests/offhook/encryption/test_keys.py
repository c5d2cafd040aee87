import os
import sys
from pathlib import Path

import pytest

from offhook.encryption.keys import MAX_FILE_BYTES, MAX_KEYS, Key, key_for, new_key, parse_keys, read_keys
from offhook.usererror import UserError
from tests.offhook.encryption.keyfile import key_file


def test_what_a_file_has_is_read_in_its_order() -> None:
    first, second = new_key(), new_key()
    text = f"# the new one\n\n  {first.line}  \n{second.line}\n"
    assert parse_keys(text, "k") == (first, second)
    assert len(first.secret) == 32 and len(first.id) == 8
    assert first.id != second.id


def test_a_key_is_not_shown() -> None:
    key = Key(b"\x5a" * 32)
    assert "ZZZ" not in repr(key) and "5a5a" not in repr(key)
    assert key.secret[:8] != key.id


@pytest.mark.parametrize(
    "line",
    [
        "offhook-key-1:tooshort",
        "offhook-key-2:" + "A" * 43,
        "A" * 43,
        "offhook-key-1:" + "A" * 44,
        "offhook-key-1:" + "+" * 43,
    ],
)
def test_what_is_no_key_is_named_by_its_line_and_not_shown(line: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_keys(f"{new_key().line}\n{line}\n", "here")
    (problem,) = raised.value.problems
    assert problem.where == "here:2"
    assert line not in str(raised.value)
    assert "offhook records key" in problem.todo


def test_a_file_without_a_key_or_with_too_many(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no key"):
        parse_keys("# nothing\n", "here")
    with pytest.raises(UserError, match="too many"):
        parse_keys(f"{new_key().line}\n" * (MAX_KEYS + 1), "here")
    (tmp_path / "large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(UserError, match=f"at most {MAX_FILE_BYTES} bytes"):
        read_keys(tmp_path / "large")


def test_a_file_that_cannot_be_read_is_refused_in_three_parts(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, why in (("gone", "No such file"), ("binary", "it is no text"), (".", "Is a directory")):
        path = tmp_path / name
        with pytest.raises(UserError) as raised:
            key_for(True, path)
        (problem,) = raised.value.problems
        assert (problem.what, problem.where) == ("the key file cannot be read", str(path))
        assert problem.why.startswith(why)
        assert "key_file" in problem.todo


def test_a_file_that_this_user_may_not_read_is_given_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(UserError) as raised:
        read_keys(tmp_path / "k")
    (problem,) = raised.value.problems
    assert problem.why == "Permission denied"
    assert problem.todo.startswith(f"chown {os.geteuid()} {tmp_path / 'k'}")


def test_the_first_encrypts_and_old_ones_are_read_without_encrypting(tmp_path: Path) -> None:
    first, second = new_key(), new_key()
    path = key_file(tmp_path, first, second)
    assert key_for(True, path) == first
    assert key_for(False, path) is None
    assert key_for(False, None) is None


def test_a_missing_package_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(UserError, match=r"offhook\[encryption\]"):
        key_for(True, key_file(tmp_path))
