"""Calls as the rows of a table: its columns, and CSV (RFC 4180). Pure."""

import csv
import re
from collections.abc import Sequence
from io import StringIO

from offhook.records.cdr import CallRecord

COLUMNS = (
    "uniqueid",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "src",
    "dst",
    "direction",
    "transport",
    "call_id",
    "disposition",
    "ended_by",
    "end_reason",
    "trunk",
    "outcome",
    "sip_status",
    "q850",
    "ring_s",
    "answered_by",
    "early_media_s",
    "consent",
    "turns",
    "barge_ins",
    "response_p50_ms",
    "response_p95_ms",
    "recording",
)
_NUMBER = re.compile(r"[+-][0-9 ().-]+")


def csv_row(call: CallRecord) -> str:
    """A call's line, with its line end; of the recording whether there is one."""
    return csv_line([_csv_value(call, column) for column in COLUMNS])


def csv_line(values: Sequence[str]) -> str:
    """A line, with its line end."""
    line = StringIO(newline="")
    csv.writer(line).writerow(values)
    return line.getvalue()


def _csv_value(call: CallRecord, column: str) -> str:
    value = getattr(call, column)
    if column == "recording":
        return "yes" if value else ""
    text = "" if value is None else str(value)
    # A caller's name must not become a formula in a spreadsheet; a number with its plus sign is not one.
    formula = text.startswith(("=", "@", "\t", "\r")) or (text[:1] in ("+", "-") and not _NUMBER.fullmatch(text))
    return f"'{text}" if formula else text
