"""Captures: one pcap file for each call, with all datagrams of its UDP ports.

The event loop only appends to memory; one thread writes the files of all calls, whole packets at a time. An incomplete
file is renamed to `ID.truncated.pcap` at its end.
"""

import os
import re
import threading
from pathlib import Path

from offhook.encryption.keys import Key
from offhook.observe.log import get_logger
from offhook.records.encrypted import growing_file
from offhook.records.file_thread import FileThread
from offhook.records.pcap import FILE_HEADER, Address, packet

log = get_logger(__name__)

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Per call: three quarters of an hour of G.711 both ways."""
MAX_WAITING_BYTES = 2 * 1024 * 1024
"""Per call. Beyond it the disk is too slow, and packets are dropped."""

_OVERHEAD_BYTES = 64  # a packet's rough overhead in memory or file, so that empty ones count, too
_OWN_NAME = re.compile(r"[0-9a-f]{32}")

_Seen = tuple[float, Address, Address, bytes]


def find_capture(directory: Path, uniqueid: str) -> tuple[Path, bool] | None:
    """The capture of a call, and whether it is truncated; None if there is none."""
    if not _OWN_NAME.fullmatch(uniqueid):
        return None
    whole, cut = _paths(directory, uniqueid)
    if whole.is_file():
        return whole, False
    return (cut, True) if cut.is_file() else None


class CallCapture:
    """The capture of one call, made by `CaptureWriter.capture`. No method blocks or fails.

    Nothing is written before `keep`: a call that was refused leaves no file.
    """

    def __init__(self, uniqueid: str, writer: "CaptureWriter") -> None:
        self.uniqueid = uniqueid
        self._writer = writer
        self._lock = threading.Lock()
        self._seen: list[_Seen] = []
        self._waiting_bytes = 0
        self._trouble: str | None = None
        self._closed = False

    def put(self, at_s: float, source: Address, destination: Address, payload: bytes) -> None:
        """Add a datagram; `at_s` is Unix time."""
        with self._lock:
            size = len(payload) + _OVERHEAD_BYTES
            if self._closed:
                return
            if self._waiting_bytes + size > MAX_WAITING_BYTES:
                self._trouble = self._trouble or "the disk was too slow"
                return
            self._waiting_bytes += size
            self._seen.append((at_s, source, destination, payload))

    def keep(self) -> None:
        """Write a file for the call, as it has a record."""
        self._writer.add(self)

    def close(self) -> None:
        """No more packets. Idempotent."""
        with self._lock:
            self._closed = True

    def collect(self) -> tuple[list[_Seen], bool, str | None]:
        """For the writer: what is new, whether it is the last, and what went wrong."""
        with self._lock:
            seen, self._seen, self._waiting_bytes = self._seen, [], 0
            return seen, self._closed, self._trouble


class _PcapFile:
    """The writer's side. After the first failure the file is left as it is, with whole packets only."""

    def __init__(self, capture: CallCapture, directory: Path, key: Key | None) -> None:
        self._capture = capture
        path, self._path_if_truncated = _paths(directory, capture.uniqueid)
        self._file = growing_file(path, key)
        self._trouble: str | None = None
        self._failed = False

    def stop(self) -> None:
        """See Pumped."""
        self._capture.close()

    def pump(self) -> bool:
        """See Pumped."""
        seen, last, trouble = self._capture.collect()
        self._trouble = self._trouble or trouble
        if not self._failed:
            try:
                self._write(seen)
            except OSError as error:
                self._fail(error.strerror or str(error))
        if last and self._file.is_open:
            self._close()
        return last

    def _write(self, seen: list[_Seen]) -> None:
        file = self._file
        if not file.is_open:
            file.append(FILE_HEADER)
        # Signalling comes through another process, a little later than media.
        seen.sort(key=lambda one: one[0])
        packets = bytearray()
        for one in seen:
            made = packet(*one)
            if file.size + len(packets) + len(made) > MAX_FILE_BYTES:
                file.append(packets)
                self._fail(f"a capture has at most {MAX_FILE_BYTES} bytes")
                return
            packets += made
        file.append(packets)

    def _fail(self, why: str) -> None:
        self._failed = True
        self._trouble = self._trouble or why
        log.error("a capture ends here; its call goes on", path=str(self._file.path), why=why)
        try:
            self._file.cut()
        except OSError as again:
            log.error("its last packet is not whole", path=str(self._file.path), why=str(again))

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self._trouble = self._trouble or str(error)
        try:
            if not self._file.size:
                os.unlink(self._file.path)  # not even the header: no program could read it
            elif self._trouble is not None:
                os.rename(self._file.path, self._path_if_truncated)
        except OSError as error:
            log.error("a capture is not marked as truncated", path=str(self._file.path), why=str(error))


class CaptureWriter:
    """Writes all captures into `directory`, created for our user alone if missing, encrypted if there is a `key`.
    UserError if that fails."""

    def __init__(self, directory: Path, key: Key | None = None) -> None:
        self._directory = directory
        self._key = key
        self._thread = FileThread(directory, "captures", "capture")

    def capture(self, uniqueid: str) -> CallCapture:
        """Begin a capture, named by `uniqueid`. ValueError for anything but an id that we generated."""
        if not _OWN_NAME.fullmatch(uniqueid):
            raise ValueError("a capture is named by a call's id only")
        return CallCapture(uniqueid, self)

    def add(self, capture: CallCapture) -> None:
        """Start writing a capture."""
        self._thread.add(_PcapFile(capture, self._directory, self._key))

    def close(self, timeout_s: float = 5.0) -> bool:
        """Complete all captures. False if the disk is too slow. Idempotent."""
        return self._thread.close(timeout_s)


def _paths(directory: Path, uniqueid: str) -> tuple[Path, Path]:
    return directory / f"{uniqueid}.pcap", directory / f"{uniqueid}.truncated.pcap"
