"""Programs that the tests run as processes of their own, to kill them or to take the disk away from them.

Usage: python -m tests.offhook.records.children NAME ARGUMENT…
"""

import resource
import sqlite3
import sys
import time
from pathlib import Path

from offhook.encryption.keys import Key, read_keys
from offhook.observe import log
from offhook.records import CallClock, CallRecord, EndedBy, RecordingWriter, RecordStore, TranscriptLine
from offhook.records.capture import CaptureWriter
from offhook.records.outbox import TYPES, Subscription

CRM = Subscription("crm", frozenset(TYPES))

TONE = b"\x00\x10" * 160


def call(src: str = "alice") -> tuple[CallClock, CallRecord]:
    clock = CallClock.started(0.0)
    record = CallRecord.begun(clock, src=src, dst="bot", call_id="x@y")
    return clock, record.answered(clock, 0.1)


def done(clock: CallClock, record: CallRecord) -> CallRecord:
    return record.ended(clock, 5.0, answered_now=0.1, ended_by=EndedBy.CALLER, end_reason="caller hung up")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def hold_a_call(url: str) -> None:
    """One finished call, one that is open; then wait to be killed."""
    store = RecordStore.open(url)
    clock, first = call("finished")
    store.begin(first)
    store.finish(done(clock, first))
    _, second = call("open")
    store.begin(second).result(5)
    store.turn(second.uniqueid, TranscriptLine(0.5, "bot", "Good morning."))
    say("held" if store.flush() else "lost")
    time.sleep(60)


def key_in(path: str) -> Key | None:
    return read_keys(Path(path))[0] if path else None


def record_a_call(directory: str, keys: str = "") -> None:
    """Record in real time until killed; say how many samples there have been."""
    recorder = RecordingWriter(Path(directory), key_in(keys)).record()
    started = time.monotonic()
    for n in range(10_000):
        recorder.caller(TONE, n * 160)
        recorder.bot(TONE, n * 160)
        if n % 10 == 0:
            say(str(n * 160))
        time.sleep(max(0.0, started + n * 0.02 - time.monotonic()))


def fill_the_disk_under_a_recording(directory: str, keys: str = "") -> None:
    """The file may not grow beyond 20,000 bytes: the second write of five seconds of audio fails."""
    log.setup("json", "info", sys.stderr)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    writer = RecordingWriter(Path(directory), key_in(keys))
    recorder, other = writer.record(), writer.record()
    for n in range(250):
        recorder.caller(TONE, n * 160)
    other.caller(TONE, 0)
    result, good = recorder.close().result(5), other.close().result(5)
    say(f"truncated: {result.reason}" if result.truncated else "complete")
    say("truncated" if good.truncated else "complete")
    say("closed" if writer.close() else "stuck")


def fill_the_disk_under_a_capture(directory: str) -> None:
    """No file may grow beyond 20,000 bytes: the second write to the first one fails."""
    log.setup("json", "info", sys.stderr)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    writer = CaptureWriter(Path(directory))
    first, other = writer.capture("a" * 32), writer.capture("b" * 32)
    here, there = ("192.0.2.1", 1), ("192.0.2.2", 2)
    for one in (first, other):
        one.keep()
        one.put(0.0, here, there, TONE)
    path = Path(directory, "a" * 32 + ".pcap")
    while not path.exists() or path.stat().st_size <= len(TONE):
        time.sleep(0.01)
    for n in range(100):
        first.put(1.0 + n, here, there, TONE)
    say("closed" if writer.close() else "stuck")


def fill_the_disk_under_the_records(url: str) -> None:
    """Nothing can be written, then it can again."""
    log.setup("json", "info", sys.stderr)
    store = RecordStore.open(url)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    clock, record = call()
    begun = store.begin(record)
    for n in range(20):
        store.turn(record.uniqueid, TranscriptLine(float(n), "bot", f"line {n}"))
    finished = store.finish(done(clock, record))
    while store.counters.errors < 3:
        time.sleep(0.01)
    say(f"{begun.done()} {finished.done()} {store.healthy}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    finished.result(10)
    while not store.healthy:
        time.sleep(0.01)
    say(f"{finished.result(10)} {store.healthy} {store.counters.dropped}")
    say(str(store.close()))


def lock_the_database(url: str) -> None:
    """A call is answered and ends while another program holds the database; another one stays open; then wait to be
    killed."""
    log.setup("json", "critical", sys.stderr)
    store = RecordStore.open(url, subscriptions=[CRM])
    other = sqlite3.connect(url)
    other.execute("BEGIN IMMEDIATE")
    clock, record = call("locked")
    say(f"{store.begin(record).result(5)}")
    for n in range(20):
        store.turn(record.uniqueid, TranscriptLine(float(n), "bot", f"line {n}"))
    store.timeline(record.uniqueid, [{"kind": "turn", "at": 1.0, "response_ms": 250}])
    say(f"{store.finish(done(clock, record)).result(5)}")
    say(f"{store.begin(call('open')[1]).result(5)} {store.healthy}")
    time.sleep(60)


def close_with_the_disk_full(url: str) -> None:
    """What cannot be written by then is given up."""
    log.setup("json", "critical", sys.stderr)
    store = RecordStore.open(url)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    future = store.begin(call()[1])
    say(f"{store.close(0.3)} {future.result(5)} {store.counters.dropped}")


if __name__ == "__main__":
    {
        program.__name__: program
        for program in (
            hold_a_call,
            record_a_call,
            fill_the_disk_under_a_recording,
            fill_the_disk_under_a_capture,
            fill_the_disk_under_the_records,
            lock_the_database,
            close_with_the_disk_full,
        )
    }[sys.argv[1]](*sys.argv[2:])
