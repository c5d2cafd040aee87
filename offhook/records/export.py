"""Writes calls into a file that other programs read: CSV, JSON lines, Parquet. A page at a time, whatever there is."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from offhook.records.cdr import CallRecord
from offhook.records.schema import read_lines
from offhook.records.search import MAX_FOUND, CallFilter, Cursor, find_calls
from offhook.records.table import COLUMNS, csv_line, csv_row
from offhook.usererror import UserError

FORMATS = ("csv", "jsonl", "parquet")


def export(engine: Engine, wanted: CallFilter, form: str, file: BinaryIO) -> int:
    """Write the calls that are wanted, newest first; returns how many. CSV and Parquet have the columns of a table,
    JSON lines each record as a whole, with its transcript. Raises UserError, and OSError of the file."""
    try:
        pages = _pages(engine, wanted, with_lines=form == "jsonl")
        return _WRITERS[form](pages, file)
    except SQLAlchemyError as error:
        raise UserError(
            "the records cannot be read", str(error), "dir = … below [records], or --config FILE"
        ) from error


def _pages(engine: Engine, wanted: CallFilter, *, with_lines: bool) -> Iterator[list[CallRecord]]:
    after: Cursor | None = None
    while True:
        with engine.connect() as conn:
            page = find_calls(conn, wanted, MAX_FOUND, after)
            last = page[-1] if page else None
            if with_lines:
                page = [replace(call, transcript=read_lines(conn, call.uniqueid)) for call in page]
        if page:
            yield page
        if last is None or len(page) < MAX_FOUND:
            return
        after = Cursor(last.start, last.uniqueid)


def _csv(pages: Iterator[list[CallRecord]], file: BinaryIO) -> int:
    file.write(csv_line(COLUMNS).encode())
    count = 0
    for page in pages:
        file.write("".join(map(csv_row, page)).encode("utf-8", "replace"))
        count += len(page)
    return count


def _json_lines(pages: Iterator[list[CallRecord]], file: BinaryIO) -> int:
    count = 0
    for page in pages:
        for call in page:
            line = json.dumps(call.to_dict(), ensure_ascii=False, separators=(",", ":"))
            file.write(line.encode("utf-8", "replace") + b"\n")
        count += len(page)
    return count


def _parquet(pages: Iterator[list[CallRecord]], file: BinaryIO) -> int:
    try:
        import pyarrow  # noqa: PLC0415  # an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        why = f"pyarrow, which writes it, is not installed ({error.name})"
        raise UserError("Parquet cannot be written", why, "pip install 'offhook[parquet]'", "--format") from error
    kinds = {"text": pyarrow.string(), "number": pyarrow.float64(), "whole": pyarrow.int64()}
    schema = pyarrow.schema([(column, kinds[_KINDS.get(column, "text")]) for column in COLUMNS])
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for page in pages:
            writer.write_table(pyarrow.Table.from_pylist([_plain(call) for call in page], schema))
            count += len(page)
    return count


_KINDS = {
    **dict.fromkeys(("duration", "billsec", "ring_s", "early_media_s", "response_p50_ms", "response_p95_ms"), "number"),
    **dict.fromkeys(("sip_status", "q850", "turns", "barge_ins"), "whole"),
}


def _plain(call: CallRecord) -> dict[str, Any]:
    row = {column: getattr(call, column) for column in COLUMNS}
    recording = None if call.recording is None else Path(call.recording).name
    texts = {name: str(value) for name, value in row.items() if name not in _KINDS and value is not None}
    return {**row, **texts, "recording": recording}


_WRITERS: dict[str, Callable[[Iterator[list[CallRecord]], BinaryIO], int]] = {
    "csv": _csv,
    "jsonl": _json_lines,
    "parquet": _parquet,
}
