import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.records import capture as module
from offhook.records.capture import MAX_WAITING_BYTES, CaptureWriter, find_capture
from offhook.usererror import UserError
from tests.offhook.records.pcapfile import Datagram, read
from tests.offhook.records.processes import run

US, THEM = ("192.0.2.1", 10_000), ("192.0.2.2", 20_000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "captures"


@pytest.fixture
def writer(directory: Path) -> Iterator[CaptureWriter]:
    one = CaptureWriter(directory)
    yield one
    assert one.close()


def new_id() -> str:
    return uuid.uuid4().hex


def test_one_file_a_call(writer: CaptureWriter, directory: Path) -> None:
    ids = [new_id() for _ in range(3)]
    captures = [writer.capture(each) for each in ids]
    for number, capture in enumerate(captures):
        capture.put(1.0, THEM, US, b"early")
        capture.keep()
        capture.put(2.0 + number, US, THEM, bytes([number]))
        capture.close()
        capture.put(9.0, US, THEM, b"after the end")
    assert writer.close()
    for number, each in enumerate(ids):
        found = find_capture(directory, each)
        assert found == (directory / f"{each}.pcap", False)
        assert read(found[0].read_bytes()) == [
            Datagram(1.0, THEM, US, b"early"),
            Datagram(2.0 + number, US, THEM, bytes([number])),
        ]
        assert stat.S_IMODE(os.stat(found[0]).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700


def test_what_comes_a_little_late_stands_in_its_place(writer: CaptureWriter, directory: Path) -> None:
    one = writer.capture(new_id())
    one.put(2.0, US, THEM, b"media")
    one.put(1.0, US, THEM, b"signalling")
    one.keep()
    assert writer.close()
    assert [each.at_s for each in read((directory / f"{one.uniqueid}.pcap").read_bytes())] == [1.0, 2.0]


def test_a_directory_that_is_gone_is_made_again(writer: CaptureWriter, directory: Path) -> None:
    directory.rename(directory.with_name("elsewhere"))
    one = writer.capture(new_id())
    one.put(1.0, US, THEM, b"media")
    one.keep()
    assert writer.close()
    assert find_capture(directory, one.uniqueid) == (directory / f"{one.uniqueid}.pcap", False)


def test_a_call_that_came_to_nothing_leaves_no_file(writer: CaptureWriter, directory: Path) -> None:
    one = writer.capture(new_id())
    one.put(1.0, US, THEM, b"refused")
    one.close()
    assert writer.close()
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("name", ["../../x", "a" * 31, "A" * 32, "", "a" * 32 + "\n", "/" + "a" * 31])
def test_no_other_name_is_taken(writer: CaptureWriter, directory: Path, name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        writer.capture(name)
    assert find_capture(directory, name) is None


def test_the_longest_capture(writer: CaptureWriter, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10_000)
    one = writer.capture(new_id())
    one.keep()
    for number in range(200):
        one.put(float(number), US, THEM, bytes(160))
    assert writer.close()
    path, truncated = find_capture(directory, one.uniqueid) or (None, None)
    assert path == directory / f"{one.uniqueid}.truncated.pcap" and truncated
    assert len(read(path.read_bytes())) == (10_000 - 24) // (16 + 28 + 160)


def test_a_disk_that_is_too_slow_costs_packets_not_memory(writer: CaptureWriter, directory: Path) -> None:
    one = writer.capture(new_id())  # not kept yet: as if nobody wrote
    for number in range(MAX_WAITING_BYTES // 224 + 100):
        one.put(float(number), US, THEM, bytes(160))
    seen, _, trouble = one.collect()
    assert 0 < sum(len(payload) for *_, payload in seen) <= MAX_WAITING_BYTES
    assert trouble == "the disk was too slow"
    one.keep()
    assert writer.close()
    assert find_capture(directory, one.uniqueid) == (directory / f"{one.uniqueid}.truncated.pcap", True)


def test_a_full_disk_truncates_and_nothing_more(directory: Path) -> None:
    output, errors = run("fill_the_disk_under_a_capture", str(directory))
    assert output == ["closed"]
    assert len(errors) == 1 and "File too large" in errors[0]
    (cut,) = directory.glob("*.truncated.pcap")
    (whole,) = set(directory.iterdir()) - {cut}
    assert len(read(whole.read_bytes())) == 1
    assert [each.at_s for each in read(cut.read_bytes())] == [0.0]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_there_is_never_overwritten(writer: CaptureWriter, directory: Path, tmp_path: Path, kind: str) -> None:
    one = writer.capture(new_id())
    place, other = directory / f"{one.uniqueid}.pcap", tmp_path / "other"
    other.write_bytes(b"precious")
    if kind == "file":
        place.write_bytes(b"precious")
    else:
        place.symlink_to(other)
    one.keep()
    one.put(1.0, US, THEM, b"x")
    assert writer.close()
    assert other.read_bytes() == place.read_bytes() == b"precious"


def test_an_impossible_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="captures' directory"):
        CaptureWriter(tmp_path / "file" / "below")
