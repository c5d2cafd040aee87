"""Calls that are over, with all that is kept of them."""

import os
from pathlib import Path

from offhook.records import CallRecord, Disposition, RecordStore, TranscriptLine
from offhook.records.outbox import MESSAGE, OutboxEvent

DAY_S = 86_400.0
NOW_S = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""


def uniqueid(number: int) -> str:
    return f"{number:032x}"


def files(folder: Path, number: int) -> list[Path]:
    """The files of a call, of all kinds."""
    name = uniqueid(number)
    return [
        folder / "recordings" / f"{name}.wav",
        folder / "recordings" / f"{name}-message-1.wav",
        folder / "captures" / f"{name}.pcap",
        folder / "events" / f"{name}.jsonl",
    ]


def keep(
    store: RecordStore,
    folder: Path,
    number: int,
    src: str,
    start: str,
    at_s: float,
    dst: str = "sip:b@b",
    part_of: str | None = None,
) -> None:
    """A call, its transcript, timeline, SIP messages, events for whom the store has, and files that were written at
    `at_s`."""
    record = CallRecord(
        uniqueid=uniqueid(number),
        src=src,
        dst=dst,
        start=start,
        end=start,
        call_id=f"{number}@host",
        duration=2.5,
        disposition=Disposition.ANSWERED,
        part_of=part_of,
        transcript=(TranscriptLine(0.5, "caller", f"secret {number}"),),
    )
    assert store.finish(record).result(5)
    store.timeline(record.uniqueid, [{"kind": "bot", "at": 0.1, "text": f"told {number}"}])
    store.notify(OutboxEvent(record.uniqueid, MESSAGE, f"evt_{number}", {"transcript": f"secret {number}"}))
    message = {"at_s": at_s, "received": True, "text": f"INVITE {number}"}
    store.signalling(
        lambda: {"call_id": f"{number}@host", "root": f"{number}@host", "messages": [message], "omitted": 0}
    )
    for path in files(folder, number):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"audio {number}".encode())
        os.utime(path, (at_s, at_s))
    assert store.flush()
