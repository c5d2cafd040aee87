"""Event logs of simulated calls."""

from pathlib import Path

from offhook.flight.event_log import EventLog
from offhook.flight.reader import FlightLog, read_log
from offhook.flight.rows import line_of


def read_back(log: EventLog, folder: Path) -> FlightLog:
    """The log, through a file."""
    path = folder / "call.jsonl"
    path.write_bytes(line_of(log.header) + b"".join(line_of(row) for row in log.take()))
    return read_log(path)
