"""Captures: one pcap file for each call, with all datagrams of its UDP ports.

The event loop only appends to memory; one thread writes the files of all calls, whole packets at a time. An incomplete
file is renamed to `ID.truncated.pcap` at its end.
"""

import os
import re
import threading
from pathlib import Path

from offhook.observe.log import get_logger
from offhook.records.pcap import FILE_HEADER, Address, packet
from offhook.usererror import UserError

log = get_logger(__name__)

WRITE_INTERVAL_S = 0.5
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

    def __init__(self, capture: CallCapture, directory: Path) -> None:
        self.capture = capture
        self._path, self._path_if_truncated = _paths(directory, capture.uniqueid)
        self._fd: int | None = None
        self._bytes = 0
        self._trouble: str | None = None
        self._failed = False

    def pump(self) -> bool:
        """Write what is new; True when that was the last."""
        seen, last, trouble = self.capture.collect()
        self._trouble = self._trouble or trouble
        if not self._failed:
            try:
                self._write(seen)
            except OSError as error:
                self._fail(error.strerror or str(error))
        if last:
            self._close()
        return last

    def _write(self, seen: list[_Seen]) -> None:
        if self._fd is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            # Somebody may have cleared the folder away since the start.
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._fd = os.open(self._path, flags, 0o600)
            self._append(self._fd, FILE_HEADER)
        # Signalling comes through another process, a little later than media.
        seen.sort(key=lambda one: one[0])
        packets = bytearray()
        for one in seen:
            made = packet(*one)
            if self._bytes + len(packets) + len(made) > MAX_FILE_BYTES:
                self._append(self._fd, packets)
                self._fail(f"a capture has at most {MAX_FILE_BYTES} bytes")
                return
            packets += made
        self._append(self._fd, packets)

    def _append(self, fd: int, data: bytes | bytearray) -> None:
        view, at = memoryview(data), self._bytes
        while view:
            written = os.pwrite(fd, view, at)
            at, view = at + written, view[written:]
        self._bytes = at

    def _fail(self, why: str) -> None:
        self._failed = True
        self._trouble = self._trouble or why
        log.error("a capture ends here; its call goes on", path=str(self._path), why=why)
        if self._fd is not None:
            try:
                os.ftruncate(self._fd, self._bytes)
            except OSError as again:
                log.error("its last packet is not whole", path=str(self._path), why=str(again))

    def _close(self) -> None:
        if self._fd is None:
            return
        try:
            os.close(self._fd)
        except OSError as error:  # network file systems may report a failed write only now
            self._trouble = self._trouble or str(error)
        try:
            if not self._bytes:
                os.unlink(self._path)  # not even the header: no program could read it
            elif self._trouble is not None:
                os.rename(self._path, self._path_if_truncated)
        except OSError as error:
            log.error("a capture is not marked as truncated", path=str(self._path), why=str(error))


class CaptureWriter:
    """Writes all captures into `directory`, created for our user alone if missing. UserError if that fails."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(directory, os.W_OK | os.X_OK):
                raise PermissionError(f"its permissions keep user {os.getuid()} out")
        except OSError as error:
            raise UserError(
                f"the captures' directory {directory} cannot be created or written to",
                error.strerror or str(error),
                "name another `dir` below `[records]`, or turn `capture` off",
            ) from error
        self._lock = threading.Lock()
        self._added: list[CallCapture] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offhook-captures", daemon=True)
        self._thread.start()

    def capture(self, uniqueid: str) -> CallCapture:
        """Begin a capture, named by `uniqueid`. ValueError for anything but an id that we generated."""
        if not _OWN_NAME.fullmatch(uniqueid):
            raise ValueError("a capture is named by a call's id only")
        return CallCapture(uniqueid, self)

    def add(self, capture: CallCapture) -> None:
        """Start writing a capture."""
        with self._lock:
            self._added.append(capture)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Complete all captures. False if the disk is too slow. Idempotent."""
        self._closing.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        files: list[_PcapFile] = []
        while True:
            closing = self._closing.wait(WRITE_INTERVAL_S)
            with self._lock:
                files += [_PcapFile(capture, self._directory) for capture in self._added]
                self._added.clear()
            if closing:
                for file in files:
                    file.capture.close()
            files = [file for file in files if not file.pump()]
            if closing:
                return


def _paths(directory: Path, uniqueid: str) -> tuple[Path, Path]:
    return directory / f"{uniqueid}.pcap", directory / f"{uniqueid}.truncated.pcap"
