"""Archives, good ones and others."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.models.unpack import UnpackLimits, stem, unpack
from offhook.usererror import UserError

LIMITS = UnpackLimits(max_bytes=10_000, max_files=20)


def tar_of(path: Path, fill: Callable[[tarfile.TarFile], None], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        fill(tar)
    return path


def put(tar: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for key, value in fields.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(content) if member.isreg() else None)


def zip_of(path: Path, entries: dict[str, bytes], **modes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = modes.get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_tar_is_unpacked(tmp_path: Path, ending: str) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        put(tar, "model", b"", type=tarfile.DIRTYPE)
        put(tar, "./model/conf/a.conf", b"abc")

    kind = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}[ending]
    unpack(tar_of(tmp_path / f"a.{ending}", fill, kind), tmp_path / "out", LIMITS)
    assert (tmp_path / "out/model/conf/a.conf").read_bytes() == b"abc"


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    unpack(zip_of(tmp_path / "a.zip", {"m/": b"", "m/b": b"abc"}), tmp_path / "out", LIMITS)
    assert (tmp_path / "out/m/b").read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["../evil", "m/../../evil", "/tmp/evil", "..\\evil", "c:\\evil"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    for archive in (
        tar_of(tmp_path / "a.tar.gz", lambda tar: put(tar, name)),
        zip_of(tmp_path / "a.zip", {name: b"x"}),
    ):
        with pytest.raises(UserError, match="not unpacked"):
            unpack(archive, tmp_path / f"out-{archive.suffix}", LIMITS)
    assert not list(tmp_path.rglob("*evil*"))


def test_links_lead_nowhere_else(tmp_path: Path) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        put(tar, "m/real", b"abc")
        put(tar, "m/soft", b"", type=tarfile.SYMTYPE, linkname="real")
        put(tar, "m/hard", b"", type=tarfile.LNKTYPE, linkname="m/real")

    unpack(tar_of(tmp_path / "in.tar.gz", fill), tmp_path / "in", LIMITS)
    for name in ("soft", "hard"):
        path = tmp_path / "in/m" / name
        assert path.read_bytes() == b"abc"
        assert not path.is_symlink()

    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):

        def out(tar: tarfile.TarFile, kind: bytes = kind) -> None:
            put(tar, "m/link", b"", type=kind, linkname="/etc/passwd")

        with pytest.raises(UserError, match="not unpacked"):
            unpack(tar_of(tmp_path / "out.tar.gz", out), tmp_path / f"out{kind!r}", LIMITS)
    linked = zip_of(tmp_path / "l.zip", {"link": b"/etc/passwd"}, link=stat.S_IFLNK | 0o777)
    with pytest.raises(UserError, match="not unpacked"):
        unpack(linked, tmp_path / "zip", LIMITS)


def test_a_link_to_itself_and_a_device_are_refused(tmp_path: Path) -> None:
    for number, fields in enumerate(
        ({"type": tarfile.SYMTYPE, "linkname": "loop"}, {"type": tarfile.CHRTYPE}, {"type": tarfile.FIFOTYPE})
    ):
        archive = tar_of(tmp_path / "a.tar.gz", lambda tar, fields=fields: put(tar, "loop", b"", **fields))  # type: ignore[misc]
        with pytest.raises(UserError, match="not unpacked"):
            unpack(archive, tmp_path / str(number), LIMITS)


def test_an_archive_has_a_limited_size_whatever_it_says(tmp_path: Path) -> None:
    bomb = zip_of(tmp_path / "a.zip", {"zeros": bytes(1_000_000)})
    assert bomb.stat().st_size < 2_000
    with pytest.raises(UserError) as caught:
        unpack(bomb, tmp_path / "zip", LIMITS)
    assert "more than" in caught.value.problems[0].why

    def fill(tar: tarfile.TarFile) -> None:
        for at in range(50):
            put(tar, f"f{at}")

    many = tar_of(tmp_path / "m.tar.gz", fill)
    with pytest.raises(UserError, match="not unpacked"):
        unpack(many, tmp_path / "many", LIMITS)


def test_damaged_archives_and_other_files(tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "a.tar.gz", lambda tar: put(tar, "m/a", bytes(range(256)) * 20)).read_bytes()
    good = zip_of(tmp_path / "b.zip", {"m/a": bytes(range(256)) * 20}).read_bytes()
    middle = good[:100] + bytes([good[100] ^ 255]) + good[101:]
    for number, content in enumerate((whole[: len(whole) // 2], b"", b"hello", good[: len(good) // 2], middle)):
        path = tmp_path / f"broken{number}.zip"
        path.write_bytes(content)
        with pytest.raises(UserError, match="cannot be unpacked"):
            unpack(path, tmp_path / f"broken{number}", LIMITS)


def test_a_file_without_a_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="without a name"):
        unpack(zip_of(tmp_path / "a.zip", {"": b"x"}), tmp_path / "a", LIMITS)


def test_the_stem_of_an_archive() -> None:
    assert stem("vosk-model-small-en-us-0.15.zip") == "vosk-model-small-en-us-0.15"
    assert stem("A.TAR.BZ2") == "A"
    assert stem("model.onnx") is None
    assert stem(".zip") is None
