"""Recordings: stereo WAV, caller left, bot right, both aligned to the call's time.

The event loop only appends to memory. One thread writes the files of all calls twice a second, headers included: after
a crash they play up to a second before the end. Encrypted ones play up to three seconds before it: only what cannot
change any more is written.
"""

import os
import re
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from offhook.encryption.keys import Key
from offhook.observe.log import get_logger
from offhook.records.wav import FRAME_BYTES, RATE_HZ, StereoTimeline
from offhook.records.wav_file import wav_file
from offhook.usererror import UserError

log = get_logger(__name__)

CALLER, BOT = 0, 1
WRITE_INTERVAL_S = 0.5
MAX_WAITING_BYTES = 2 * 30 * RATE_HZ * 2
"""Per recording: half a minute of both channels. Beyond it the disk is too slow, and audio is dropped."""

_OWN_NAME = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class RecordingResult:
    """A finished recording. `truncated`: incomplete, for `reason`; without `path` there is no file."""

    path: Path | None
    seconds: float
    truncated: bool
    reason: str | None


@dataclass(slots=True)
class _Run:
    """Audio of one channel without a gap."""

    channel: int
    at_tick: int
    pcm: bytearray


class StereoRecorder:
    """The recording of one call, made by `RecordingWriter.record`. No method blocks or fails."""

    def __init__(self, path: Path, wake: threading.Event) -> None:
        self.path = path
        self._wake = wake
        self._lock = threading.Lock()
        self._runs: list[_Run] = []
        self._latest: list[_Run | None] = [None, None]
        self._waiting_bytes = 0
        self._trouble: str | None = None
        self._closing = False
        self._discarded = False
        self._done: Future[RecordingResult] = Future()

    @property
    def truncated(self) -> bool:
        """Whether something is missing so far."""
        return self._trouble is not None

    def caller(self, pcm: bytes, at_tick: int) -> None:
        """Add 8 kHz 16-bit little-endian PCM of the caller, `at_tick` samples after the call's start."""
        self._put(CALLER, pcm, at_tick)

    def bot(self, pcm: bytes, at_tick: int) -> None:
        """Add the same of the bot."""
        self._put(BOT, pcm, at_tick)

    def close(self) -> "Future[RecordingResult]":
        """No more audio; the future has the result once the file is complete. Idempotent."""
        with self._lock:
            self._closing = True
        self._wake.set()
        return self._done

    def discard(self) -> None:
        """Remove what there is so far, the file included; what is added from now on is recorded."""
        with self._lock:
            self._runs, self._latest, self._waiting_bytes = [], [None, None], 0
            self._discarded = True
        self._wake.set()

    def take_discarded(self) -> bool:
        """For the writer, before `collect`: whether what it has written so far is to be removed."""
        with self._lock:
            discarded, self._discarded = self._discarded, False
            return discarded

    def _put(self, channel: int, pcm: bytes, at_tick: int) -> None:
        with self._lock:
            if self._closing:
                return
            if self._waiting_bytes + len(pcm) > MAX_WAITING_BYTES:
                self._trouble = self._trouble or "the disk was too slow"
                return
            self._waiting_bytes += len(pcm)
            latest = self._latest[channel]
            if latest is not None and latest.at_tick + len(latest.pcm) // 2 == at_tick:
                latest.pcm += pcm
            else:
                self._latest[channel] = run = _Run(channel, at_tick, bytearray(pcm))
                self._runs.append(run)

    def collect(self) -> tuple[list[_Run], bool]:
        """For the writer: what is new, and whether it is the last."""
        with self._lock:
            runs, self._runs, self._latest, self._waiting_bytes = self._runs, [], [None, None], 0
            return runs, self._closing

    def note_trouble(self, why: str) -> None:
        """Something is missing; the first reason counts."""
        with self._lock:
            self._trouble = self._trouble or why

    def finish(self, path: Path | None, seconds: float) -> None:
        """The file is closed."""
        self._done.set_result(RecordingResult(path, seconds, self._trouble is not None, self._trouble))


class _Recording:
    """The writer's side of one recording. After the first failure the file is left as it is, playable."""

    def __init__(self, recorder: StereoRecorder, key: Key | None) -> None:
        self.recorder = recorder
        self._key = key
        self._failed = False
        self._begin()

    def _begin(self) -> None:
        self._file = wav_file(self.recorder.path, self._key)
        self._timeline = StereoTimeline(append_only=self._file.append_only)

    def pump(self) -> bool:
        """Write what is new; True when that was the last."""
        if self.recorder.take_discarded():
            self._remove()
        runs, last = self.recorder.collect()
        if not self._failed:
            try:
                self._write(runs, last)
            except OSError as error:
                self._fail(error)
        if last:
            self._close()
        return last

    def _remove(self) -> None:
        """The file, as if nothing had been recorded."""
        file, path = self._file, self.recorder.path
        self._begin()
        if not file.is_open:
            return
        for end in (partial(path.unlink, missing_ok=True), file.close):
            try:
                end()
            except OSError as error:
                log.error("a discarded recording is not removed", path=str(path), why=str(error))

    def _write(self, runs: list[_Run], last: bool) -> None:
        if not self._file.is_open and not runs:
            return  # what nobody may hear leaves no file
        for run in runs:
            if not self._timeline.put(run.channel, run.pcm, run.at_tick):
                self.recorder.note_trouble("audio came too late or beyond the longest recording")
        self._file.write(self._timeline.take(last=last))

    def _fail(self, error: OSError) -> None:
        self._failed = True
        self.recorder.note_trouble(error.strerror or str(error))
        log.error("a recording ends here; its call goes on", path=str(self.recorder.path), why=str(error))
        try:
            self._file.salvage()
        except OSError as again:
            log.error("its end is not whole", path=str(self.recorder.path), why=str(again))

    def _close(self) -> None:
        path = self.recorder.path if self._file.is_open else None
        try:
            self._file.close()
        except OSError as error:  # network file systems may report a failed write only now
            self.recorder.note_trouble(error.strerror or str(error))
        self.recorder.finish(path, self._file.data_bytes / FRAME_BYTES / RATE_HZ)


class RecordingWriter:
    """Writes all recordings into `directory`, created for our user alone if missing, encrypted if there is a `key`.
    UserError if that fails."""

    def __init__(self, directory: Path, key: Key | None = None) -> None:
        self._directory = directory
        self._key = key
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UserError(
                f"the recordings' directory {directory} cannot be made",
                error.strerror or str(error),
                "name a directory that this user may write to",
            ) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise UserError(
                f"the recordings' directory {directory} cannot be written to",
                "its permissions keep this user out",
                f"chown {os.getuid()} {directory}",
            )
        self._lock = threading.Lock()
        self._added: list[StereoRecorder] = []
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offhook-recordings", daemon=True)
        self._thread.start()

    def record(self, uniqueid: str | None = None) -> StereoRecorder:
        """Begin a recording, named by `uniqueid` or by a new UUID. ValueError for anything but a UUID, as no text from
        a remote may get into a path. RuntimeError after `close`.
        """
        name = uuid.uuid4().hex if uniqueid is None else uniqueid
        if not _OWN_NAME.fullmatch(name):
            raise ValueError("a recording is named by a UUID only")
        recorder = StereoRecorder(self.path_of(name), self._wake)
        with self._lock:
            if self._closing:
                raise RuntimeError("the recordings' writer is closed")
            self._added.append(recorder)
        return recorder

    def path_of(self, uniqueid: str) -> Path:
        """The path of the recording of that name."""
        return self._directory / f"{uniqueid}.wav"

    def close(self, timeout_s: float = 5.0) -> bool:
        """Close and complete all recordings. False if the disk is too slow."""
        with self._lock:
            self._closing = True
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        files: list[_Recording] = []
        while True:
            started = time.monotonic()
            self._wake.clear()
            with self._lock:
                files += [_Recording(recorder, self._key) for recorder in self._added]
                self._added.clear()
                closing = self._closing
            if closing:
                for file in files:
                    file.recorder.close()
            files = [file for file in files if not file.pump()]
            if closing:
                return
            self._wake.wait(max(0.0, WRITE_INTERVAL_S - (time.monotonic() - started)))
