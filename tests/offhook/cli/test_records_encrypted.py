"""`offhook records key`, `decrypt` and `check`."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offhook.cli.main import app
from offhook.encryption.keys import MAX_KEYS, Key, new_key, read_keys
from offhook.encryption.reader import EncryptedReader, Kept, open_kept
from offhook.records.encrypted import growing_file
from offhook.usererror import UserError

CALL = "a" * 32


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "records.keys"
    monkeypatch.setenv("OFFHOOK_RECORDS__DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OFFHOOK_RECORDS__KEY_FILE", str(path))
    assert offhook("key", str(path)).exit_code == 0
    return path


def offhook(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["records", *arguments])


def kept(path: Path, key: Key | None, *pieces: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = growing_file(path, key)
    for piece in pieces:
        file.append(piece)
    file.close()
    return path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_each_key_is_the_first_and_the_old_ones_stay(keys: Path) -> None:
    (first,) = read_keys(keys)
    shown = offhook("key", str(keys))
    second, before = read_keys(keys)
    assert before == first and second != first
    assert second.id.hex() in shown.stdout and second.line not in shown.output
    assert f"# {second.id.hex()}, made 20" in keys.read_text()
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


def test_who_may_read_the_keys_may_read_a_new_one(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda fd, user, group: given.append((user, group)))
    keys.chmod(0o644)
    before = keys.stat()
    assert offhook("key", str(keys)).exit_code == 0
    assert given == [(before.st_uid, before.st_gid)]
    assert stat.S_IMODE(keys.stat().st_mode) == 0o640
    assert len(read_keys(keys)) == 2


def test_a_key_file_of_another_user_stays_as_it_was(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(fd: int, user: int, group: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = keys.read_bytes()
    monkeypatch.setattr(os, "fchown", refused)
    failed = offhook("key", str(keys))
    assert isinstance(failed.exception, UserError)
    (problem,) = failed.exception.problems
    assert (problem.why, problem.todo) == ("Operation not permitted", f"sudo offhook records key {keys}")
    assert keys.read_bytes() == before
    assert [each.name for each in keys.parent.iterdir()] == [keys.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_root_takes_the_file_from_nobody(tmp_path: Path) -> None:
    path, user = tmp_path / "k", 4711
    what_to_type = f"chown USER {path}"
    assert what_to_type in offhook("key", str(path)).stdout
    os.chown(path, user, user)
    assert what_to_type not in offhook("key", str(path)).stdout
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (user, user, 0o600)
    os.chown(path, 0, user)
    path.chmod(0o640)
    assert what_to_type not in offhook("key", str(path)).stdout
    assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (user, 0o640)


def test_a_file_has_so_many_keys_and_no_more(keys: Path) -> None:
    line = f"# {bytes(8).hex()}, made 2026-11-30\n"
    keys.write_text("".join(f"{line}{new_key().line}\n" for _ in range(MAX_KEYS - 1)))
    assert offhook("key", str(keys)).exit_code == 0
    assert len(read_keys(keys)) == MAX_KEYS
    before = keys.read_bytes()
    failed = offhook("key", str(keys))
    assert isinstance(failed.exception, UserError) and "too many keys" in str(failed.exception)
    assert keys.read_bytes() == before


def test_a_file_that_is_no_key_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("do not lose this")
    failed = offhook("key", str(path))
    assert isinstance(failed.exception, UserError) and "is no key" in str(failed.exception)
    assert path.read_text() == "do not lose this"
    failed = offhook("key", str(tmp_path / "nowhere" / "k"))
    assert isinstance(failed.exception, UserError) and "No such file" in str(failed.exception)


def test_a_file_is_decrypted(keys: Path, tmp_path: Path) -> None:
    path = kept(tmp_path / "x.pcap", read_keys(keys)[0], b"one ", b"two" * 50_000)
    shown = offhook("decrypt", str(path))
    assert (shown.exit_code, shown.stdout_bytes) == (0, b"one " + b"two" * 50_000)
    output = tmp_path / "out"
    assert offhook("decrypt", str(path), "-o", str(output)).exit_code == 0
    assert output.read_bytes() == shown.stdout_bytes
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert offhook("decrypt", str(kept(tmp_path / "clear", None, b"clear"))).stdout_bytes == b"clear"


def test_what_is_before_the_damage_is_written_and_the_status_says_so(keys: Path, tmp_path: Path) -> None:
    path = kept(tmp_path / "x.pcap", read_keys(keys)[0], b"one ", b"two", b"three")
    whole = path.read_bytes()
    cut(path)
    shown = offhook("decrypt", str(path))
    assert (shown.exit_code, shown.stdout_bytes) == (1, b"one twothree")
    assert "no end" in shown.stderr
    for at, before in ((56 + 24 + 10, b"one "), (-1, b"one twothree"), (56 + 24 + 1, b"one ")):
        path.write_bytes(whole)
        damage(path, at)
        shown = offhook("decrypt", str(path))
        assert (shown.exit_code, shown.stdout_bytes) == (1, before), at
        assert "damaged behind" in shown.stderr


def test_what_cannot_be_decrypted_is_explained(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path / "x.wav", Key(bytes(32)), b"one")
    failed = offhook("decrypt", str(path))
    assert isinstance(failed.exception, UserError)
    (problem,) = failed.exception.problems
    assert problem.why == f"it is encrypted with the key {Key(bytes(32)).id.hex()}, which is not in the key file"
    assert isinstance(offhook("decrypt", str(tmp_path / "gone")).exception, UserError)
    monkeypatch.delenv("OFFHOOK_RECORDS__KEY_FILE")
    assert "no `key_file`" in str(offhook("decrypt", str(path)).exception)


def test_all_files_are_checked(keys: Path, tmp_path: Path) -> None:
    data, (key,) = tmp_path / "data", read_keys(keys)
    recording = kept(data / "recordings" / f"{CALL}.wav", key, b"recording")
    kept(data / "recordings" / f"{CALL}-message-1.wav", None, b"clear")
    capture = kept(data / "captures" / f"{CALL}.truncated.pcap", key, b"capture")
    kept(data / "events" / f"{CALL}.jsonl", key, b"events")
    kept(data / "events" / "notes.jsonl", key, b"not of a call")
    shown = offhook("check")
    counts = [f"3 files encrypted with the key {key.id.hex()}", "1 files in the clear"]
    assert (shown.exit_code, shown.stdout.splitlines()) == (0, counts)
    cut(recording)
    shown = offhook("check")
    assert shown.exit_code == 0 and f"{recording}: it has no end" in shown.stdout
    damage(capture, 70)
    shown = offhook("check")
    assert shown.exit_code == 1 and f"{capture}: it is damaged" in shown.stdout
    offhook("key", str(keys))
    assert offhook("check").stdout == shown.stdout
    keys.write_text(read_keys(keys)[0].line)
    shown = offhook("check")
    assert shown.exit_code == 1 and shown.stdout.count("not in the key file") == 3


def test_a_file_is_not_decrypted_over_itself(keys: Path, tmp_path: Path) -> None:
    path = kept(tmp_path / "x.wav", read_keys(keys)[0], b"one")
    before, same, link = path.read_bytes(), tmp_path / "same", tmp_path / "link"
    same.hardlink_to(path)
    link.symlink_to(path)
    for output in (path, same, link):
        failed = offhook("decrypt", str(path), "-o", str(output))
        assert isinstance(failed.exception, UserError) and "over itself" in str(failed.exception)
        assert path.read_bytes() == before


def test_an_output_that_was_there_stays_without_the_key(keys: Path, tmp_path: Path) -> None:
    path, output = kept(tmp_path / "x.wav", Key(bytes(32)), b"one"), tmp_path / "out"
    output.write_bytes(b"of before")
    assert isinstance(offhook("decrypt", str(path), "-o", str(output)).exception, UserError)
    assert output.read_bytes() == b"of before"


def test_a_file_that_the_disk_does_not_give_ends_no_check(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = read_keys(keys)
    paths = [kept(tmp_path / "data" / "recordings" / f"{digit * 32}.wav", key, b"sound") for digit in "abc"]

    def broken(path: Path, key_file: Path | None) -> Kept:
        if path == paths[1]:
            raise OSError(5, "Input/output error")
        return open_kept(path, key_file)

    monkeypatch.setattr("offhook.cli.records_encrypted.open_kept", broken)
    shown = offhook("check")
    assert shown.exit_code == 1 and f"{paths[1]}: Input/output error" in shown.stdout
    assert "1 files that cannot be read" in shown.stdout
    assert f"2 files encrypted with the key {key.id.hex()}" in shown.stdout


def test_what_the_disk_does_not_give_is_not_laid_to_the_output(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(reader: EncryptedReader, buffer: bytearray) -> int:
        raise OSError(5, "Input/output error")

    path, output = kept(tmp_path / "x.pcap", read_keys(keys)[0], b"one"), tmp_path / "out"
    monkeypatch.setattr(EncryptedReader, "readinto", broken)
    shown = offhook("decrypt", str(path), "-o", str(output))
    assert (shown.exit_code, output.read_bytes()) == (1, b"")
    assert f"{path}: Input/output error" in shown.stderr
