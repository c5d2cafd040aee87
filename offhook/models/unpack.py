"""Unpacks a model's archive: tar (gzip, bzip2, xz) or zip, as wheels are, from anywhere: nothing in it is trusted."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from offhook.usererror import UserError

CHUNK_BYTES = 1 << 18
ENDINGS = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """What an archive may become."""

    max_bytes: int = 16 << 30
    max_files: int = 10_000


class _Refused(Exception):
    """Something in the archive that a model's has not: why."""


def stem(name: str) -> str | None:
    """An archive's name without its ending; None for what is not an archive by its name."""
    ending = max((each for each in ENDINGS if name.lower().endswith(each)), key=len, default=None)
    return name[: -len(ending)] or None if ending is not None else None


def unpack(archive: Path, target: Path, limits: UnpackLimits | None = None) -> None:
    """Unpack regular files and folders into the new folder `target`. Raises UserError for a damaged archive, and for
    one that reaches out of its folder, is too large, or has devices; then `target` is incomplete.

    A link within the archive becomes a copy; other links are refused.
    """
    limits = limits or UnpackLimits()
    target.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _write(target, _zip_members(opened), limits)
        else:
            with tarfile.open(archive) as tar:
                _write(target, _tar_members(tar), limits)
    except _Refused as error:
        raise UserError(f"{archive.name} is not unpacked", str(error), "an archive from another place") from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError) as error:
        why = f"it is damaged, or not an archive: {error}"
        raise UserError(f"{archive.name} cannot be unpacked", why, "fetch it again") from error
    except OSError as error:
        raise UserError(f"{archive.name} cannot be unpacked", str(error), "fetch it again") from error


_Member = tuple[str, IO[bytes] | None]
"""A name, and the content; None for a folder."""


def _zip_members(opened: zipfile.ZipFile) -> Iterator[_Member]:
    for info in opened.infolist():
        mode = info.external_attr >> 16
        if not info.filename:
            raise _Refused("it has a file without a name")
        if info.flag_bits & 1:
            raise _Refused(f"{info.filename} is encrypted")
        if stat.S_ISLNK(mode):
            raise _Refused(f"{info.filename} is a link")
        yield info.filename, None if info.is_dir() else opened.open(info)


def _tar_members(tar: tarfile.TarFile) -> Iterator[_Member]:
    for member in tar:
        if member.isdir():
            yield member.name, None
        elif member.isfile() or member.issym() or member.islnk():
            try:
                content = tar.extractfile(member)  # of a link: what it leads to within the archive
            except (KeyError, RecursionError):
                content = None
            if content is None:
                raise _Refused(f"{member.name} is a link to what is not in the archive")
            yield member.name, content
        else:
            raise _Refused(f"{member.name} is neither a file nor a folder")


def _write(target: Path, members: Iterator[_Member], limits: UnpackLimits) -> None:
    files = size = 0
    for name, content in members:
        path = target.joinpath(*_safe_parts(name))
        files += 1
        if files > limits.max_files:
            raise _Refused(f"it has more than {limits.max_files} files")
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with content, path.open("xb") as file:
            while chunk := content.read(CHUNK_BYTES):
                size += len(chunk)  # counted, for what a header says may be a lie
                if size > limits.max_bytes:
                    raise _Refused(f"it has more than {limits.max_bytes >> 20} MiB")
                file.write(chunk)


def _safe_parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in PurePosixPath(name.replace("\\", "/")).parts if part != ".")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or any(part.endswith(":") for part in parts):
        raise _Refused(f"{name!r} leads out of its folder")
    return parts
