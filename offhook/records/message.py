"""Messages that callers leave: WAV files in the recordings' folder, by the call's id."""

import io
import re
import wave
from contextlib import suppress
from pathlib import Path

from offhook.encryption.keys import Key
from offhook.records.encrypted import AppendedFile, growing_file
from offhook.records.wav import RATE_HZ

MAX_PER_CALL = 99

_FILE_NAME = re.compile(r"[0-9A-Za-z-]{1,80}\.wav")
_OWN_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")


def message_file(folder: Path, name: str) -> Path:
    """A message by its file's name. ValueError for what is none, or could lead out of the folder."""
    if _FILE_NAME.fullmatch(name) is None:
        raise ValueError("that is not the file of a message")
    return folder / name


def messages_of(folder: Path, call_id: str) -> list[Path]:
    """The messages of a call, the first one first; none for an id that could lead out of the folder."""
    if _OWN_NAME.fullmatch(call_id) is None:
        return []
    paths = (_numbered(folder, call_id, number) for number in range(1, MAX_PER_CALL + 1))
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def save_message(folder: Path, call_id: str, pcm: bytes, key: Key | None = None) -> Path:
    """Write 8 kHz 16-bit mono PCM as `CALL-message-1.wav`, or with the next free number; its owner alone may read it,
    and with a `key` it is encrypted.

    Raises OSError; ValueError for an id that could lead out of the folder.
    """
    if _OWN_NAME.fullmatch(call_id) is None:
        raise ValueError("a message is named by the call's id, letters, digits and hyphens")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sound = _wav(pcm)
    for number in range(1, MAX_PER_CALL + 1):
        file = growing_file(_numbered(folder, call_id, number), key)
        try:
            _write(file, sound)
        except FileExistsError:
            continue
        return file.path
    raise FileExistsError(f"the call has {MAX_PER_CALL} messages already")


def _write(file: AppendedFile, sound: bytes) -> None:
    """Raises OSError, and then nothing is left of it."""
    is_made = False
    try:
        try:
            file.append(sound)
        finally:
            is_made = file.is_open
        file.close()  # which may write, too
    except OSError:  # the disk is full
        if is_made:  # where it is not, the file is another message
            with suppress(OSError):
                file.close()
            file.path.unlink(missing_ok=True)
        raise


def _wav(pcm: bytes) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(pcm)
    return made.getvalue()


def _numbered(folder: Path, call_id: str, number: int) -> Path:
    return folder / f"{call_id}-message-{number}.wav"
