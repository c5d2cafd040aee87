"""The sound files of calls, decrypted, for `offhook records export --files`."""

from collections.abc import Iterable
from pathlib import Path

from offhook.cli.records_encrypted import copied
from offhook.encryption.reader import open_kept
from offhook.private_file import make_folder, private_file
from offhook.records.erase import Found
from offhook.records.kept_files import MESSAGES, RECORDINGS
from offhook.usererror import UserError

OPTION = "--files"

_SOUNDS = (RECORDINGS.name, MESSAGES.name)


def make_folder_for(files: Path, kept_in: Path) -> None:
    """The folder that gets them, unless it is there; `kept_in` is that of the records. Raises UserError."""
    if files.resolve().is_relative_to((kept_in / RECORDINGS.folder).resolve()):
        raise _kept_there(files)
    make_folder(files, OPTION)


def write_files(calls: Iterable[Found], to: Path, key_file: Path | None) -> tuple[int, list[str]]:
    """Write the recordings and messages of calls into a folder, by the names that they have; how many, and what is
    wrong with any. Raises UserError where the folder takes none."""
    count, troubles = 0, list[str]()
    for path in (path for call in calls for kind, path in call.files if kind in _SOUNDS):
        if _is_one(path, to / path.name):
            raise _kept_there(to)
        try:
            kept = open_kept(path, key_file)
        except FileNotFoundError:
            continue  # its time was over meanwhile
        except OSError as error:
            troubles.append(f"{path}: {error.strerror or error}")
            continue
        try:
            with kept, private_file(to / path.name) as file:
                trouble = copied(kept, file)
        except OSError as error:
            what = f"{to / path.name} cannot be written"
            raise UserError(what, error.strerror or str(error), "name another folder", OPTION) from error
        count += 1
        if trouble:
            troubles.append(f"{path}: {trouble}")
    return count, troubles


def _is_one(path: Path, other: Path) -> bool:
    """Whether both are names of one file, as where a folder is mounted twice."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def _kept_there(files: Path) -> UserError:
    why = "the files would be written over themselves, or taken for recordings of calls"
    return UserError(f"{files} is where they are kept", why, "name another folder", OPTION)
