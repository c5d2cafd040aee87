"""Call records, transcripts, recordings and captures."""

from offhook.records.cdr import CallClock, CallRecord, Disposition, EndedBy, TranscriptLine, percentile
from offhook.records.journal import Journal
from offhook.records.recording import RecordingResult, RecordingWriter, StereoRecorder
from offhook.records.store import RecordStore

__all__ = [
    "CallClock",
    "CallRecord",
    "Disposition",
    "EndedBy",
    "Journal",
    "RecordStore",
    "RecordingResult",
    "RecordingWriter",
    "StereoRecorder",
    "TranscriptLine",
    "percentile",
]
