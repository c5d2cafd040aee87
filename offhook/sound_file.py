"""Loads sounds from WAV files: converted once to the rates of lines, and shared by all that play them."""

import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from offhook.encryption.reader import open_kept
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ
from offhook.pipeline.tts.recording import Recording
from offhook.telephony.resample import Resampler
from offhook.telephony.wav import read_wav
from offhook.usererror import UserError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SECONDS = 600
"""Of one file: a minute takes 3 MB of memory in each process."""

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
MAX_KEPT = 500
"""Files that a process keeps; those that were used longest ago are loaded again."""

MAX_KEPT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it was when it was read."""

    path: Path
    modified_ns: int
    size_bytes: int
    text: str


_kept: OrderedDict[_Version, Recording] = OrderedDict()
_lock = Lock()


def load_sound(path: Path, text: str = "", *, keep: bool = True, key_file: Path | None = None) -> Recording:
    """The recording in a WAV file: linear of 8 or 16 bits or G.711, 8 to 48 kHz, its channels mixed; `text` is what is
    said in it. It is kept for who plays it next, unless it is for one call. `key_file` has the keys of a message of a
    caller that is encrypted (docs/records.md). May be called in any thread. Raises UserError."""
    where = str(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UserError("the recording is not a file", "it is a directory or a device", "name a WAV file", where)
        if found.st_size > MAX_FILE_BYTES:
            why = f"at most {MAX_FILE_BYTES // 1024 // 1024} MiB are read"
            raise UserError("the recording is too large", why, _smaller(path), where)
        version = _Version(path.absolute(), found.st_mtime_ns, found.st_size, text)
        with _lock:
            recording = _kept.get(version)
        if recording is None:
            with open_kept(path, key_file) as kept:
                recording = _recording(path, kept.file.read(), text)
    except FileNotFoundError:
        why, todo = "there is no file of this name", f"check the path: ls -l {path.parent}"
        raise UserError("the recording cannot be read", why, todo, where) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError("the recording cannot be read", why, f"check it: ls -l {path}", where) from None
    if keep:
        _keep(version, recording)
    return recording


def _keep(version: _Version, recording: Recording) -> None:
    with _lock:
        _kept[version] = recording
        _kept.move_to_end(version)
        octets = sum(map(_octets, _kept.values()))
        while len(_kept) > MAX_KEPT or (octets > MAX_KEPT_BYTES and len(_kept) > 1):
            octets -= _octets(_kept.popitem(last=False)[1])


def _octets(recording: Recording) -> int:
    return sum(map(len, recording.pcm.values()))


def _recording(path: Path, data: bytes, text: str) -> Recording:
    try:
        pcm, rate_hz = read_wav(data)
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise ValueError(f"it has {rate_hz} Hz, and {MIN_RATE_HZ} to {MAX_RATE_HZ} can be played")
    except ValueError as error:
        raise UserError("the recording cannot be played", str(error), _smaller(path), str(path)) from None
    seconds = len(pcm) / 2 / rate_hz
    if seconds > MAX_SECONDS:
        todo = f"cut it: sox {path} shorter.wav trim 0 {MAX_SECONDS}"
        raise UserError(f"the recording has {seconds:.0f} s", f"at most {MAX_SECONDS} are kept", todo, str(path))
    return Recording(path.name, {to_hz: _at(pcm, rate_hz, to_hz) for to_hz in (NARROW_HZ, WIDE_HZ)}, text)


def _at(pcm: bytes, rate_hz: int, to_hz: int) -> bytes:
    if rate_hz == to_hz:
        return pcm
    resampler = Resampler(rate_hz, to_hz)
    # Second by second: the filter's windows of a whole file would take a hundred times its memory.
    step = 2 * rate_hz
    pieces = [resampler.push(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    return b"".join([*pieces, resampler.flush()])


def _smaller(path: Path) -> str:
    return f"sox {path} -r 8000 -c 1 -b 16 other.wav, and name other.wav"
