"""A call's row in the records, and its recording: begun, and completed, without holding up the call."""

import asyncio
from concurrent.futures import Future
from functools import partial

from structlog.typing import FilteringBoundLogger

from offhook.calls.call_log import CallLog
from offhook.calls.line import CallLine
from offhook.calls.outcome import SipOutcome
from offhook.calls.privacy import Privacy
from offhook.calls.recorder import CallRecorder
from offhook.records import EndedBy, RecordingWriter

RECORD_WAIT_S = 0.5  # for the row in the database; a slower one does not keep the caller waiting
RECORDING_WAIT_S = 5.0  # for the end of the recording; a slower disk does not hold the call's slot


class CallRecords:
    """Of one call. `recordings` None: nothing is recorded."""

    def __init__(self, call_log: CallLog, recordings: RecordingWriter | None, log: FilteringBoundLogger) -> None:
        self._call_log = call_log
        self._recordings = recordings
        self._log = log
        self._recorder: CallRecorder | None = None

    async def begin(self, *, early: bool = False) -> None:
        """Write a row that survives a crash: the call is about to be answered, or, `early`, spoken in before that."""
        recordings = self._recordings
        path = recordings.path_of(self._call_log.uniqueid).resolve() if recordings is not None else None
        await written(self._call_log.early_media(path) if early else self._call_log.answered(path))

    def record(self, line: CallLine, privacy: Privacy) -> None:
        """Record what is said on the line, but for what is private."""
        if self._recordings is not None:
            self._recorder = CallRecorder(self._recordings, self._call_log.uniqueid, line)
            self._recorder.paused = privacy.on
            privacy.listeners.append(partial(_pause, self._recorder, self._log))

    def discard_recording(self) -> None:
        """Remove what has been recorded so far."""
        if self._recorder is not None:
            self._recorder.discard()

    async def end(
        self,
        by: EndedBy,
        reason: str,
        *,
        rtp: dict[str, float],
        answered: bool,
        outcome: SipOutcome | None,
        refused: int | None = None,
    ) -> None:
        """Complete the recording and the row. A call out that was not answered has one for its `outcome`; `refused` is
        the status of one that was refused after early media."""
        if self._call_log.begun:
            recording = None
            if self._recorder is not None:
                done, _ = await asyncio.wait((asyncio.wrap_future(self._recorder.close()),), timeout=RECORDING_WAIT_S)
                recording = next((future.result() for future in done), None)
                self._recorder = None
            row = self._call_log.ended(by, reason, rtp=rtp, recording=recording, answered=answered, refused=refused)
            await written(row)
        elif outcome is not None:
            await written(self._call_log.not_answered(outcome, by, reason, rtp=rtp))


async def written(row: "Future[bool]") -> None:
    """Wait until it is, but not for long."""
    await asyncio.wait((asyncio.wrap_future(row),), timeout=RECORD_WAIT_S)


def _pause(recorder: CallRecorder, log: FilteringBoundLogger, private: bool) -> None:
    recorder.paused = private
    log.info("recording paused" if private else "recording resumed")
