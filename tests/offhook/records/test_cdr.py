import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.records.cdr import (
    MAX_NAME_CHARS,
    CallClock,
    CallRecord,
    Disposition,
    EndedBy,
    TranscriptLine,
    percentile,
)

CLOCK = CallClock(datetime(2025, 1, 31, 23, 59, 59, 900_000, UTC), 1_000.0)


def begun(**changed: str) -> CallRecord:
    values = {"src": "sip:alice@example.net", "dst": "sip:bot@example.net", "call_id": "a84b4c76e66710"}
    return CallRecord.begun(CLOCK, **(values | changed))


def test_a_call_from_ring_to_end() -> None:
    record = begun()
    assert record.disposition is Disposition.NO_ANSWER
    record = record.answered(CLOCK, 1_001.25)
    record = record.ended(CLOCK, 1_011.5, answered_now=1_001.25, ended_by=EndedBy.CALLER, end_reason="caller hung up")
    assert record.start == "2025-01-31T23:59:59.900Z"
    assert record.answer == "2025-02-01T00:00:01.150Z"
    assert record.end == "2025-02-01T00:00:11.400Z"
    assert (record.duration, record.billsec) == (11.5, 10.25)
    assert record.disposition is Disposition.ANSWERED
    assert (record.ended_by, record.end_reason) == ("caller", "caller hung up")


def test_no_password_of_a_uri_is_kept() -> None:
    record = begun(src="sip:alice:hunter2@example.net", dst="sip:bot:" + "x" * 300 + "@example.net")
    assert record.src == "sip:alice:[redacted]@example.net"
    assert "xxx" not in begun(dst="sip:bot:" + "x" * 200 + "@example.net").dst
    assert "xxx" not in record.dst


def test_a_call_that_nobody_answered_bills_nothing() -> None:
    record = begun().ended(
        CLOCK,
        1_003.0,
        answered_now=None,
        ended_by=EndedBy.OPERATOR,
        end_reason="all lines are busy",
        disposition=Disposition.BUSY,
    )
    assert (record.duration, record.billsec, record.answer) == (3.0, 0.0, None)
    assert record.disposition is Disposition.BUSY


def test_times_are_utc_whatever_the_zone_of_the_clock() -> None:
    there = CLOCK.start_wall.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert CallClock(there, 0.0).wall(0.1) == "2025-02-01T00:00:00.000Z"


def test_the_wall_clock_is_read_once() -> None:
    clock = CallClock.started(50.0)
    assert clock.wall(50.0) <= clock.wall(50.001) < clock.wall(51.0)
    assert clock.elapsed_s(50.0014) == 0.001
    assert clock.elapsed_s(49.0) == 0.0


def test_ids_are_our_own_and_text_of_the_remote_is_harmless() -> None:
    one, other = begun(call_id="../../x"), begun(src="\x1b[31m\r\n" + "x" * 5_000)
    assert one.uniqueid != other.uniqueid
    assert one.uniqueid.isalnum()
    assert other.src.startswith("\\x1b[31m\\r\\nxxx")
    assert len(other.src) < 2 * MAX_NAME_CHARS


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([7], 95, 7), ([3, 1, 2], 50, 2), ([4, 3, 2, 1], 50, 2), (list(range(1, 101)), 95, 95)],
)
def test_percentiles(values: list[float], percent: float, expected: float | None) -> None:
    assert percentile(values, percent) == expected


def test_response_times() -> None:
    record = begun().with_responses(iter([300.0, 100.0, 200.0]))
    assert (record.response_p50_ms, record.response_p95_ms) == (200.0, 300.0)


TEXT = st.text(max_size=50)
TIMES = st.floats(0, 1e6)
LINES = st.builds(
    TranscriptLine,
    TIMES,
    st.sampled_from(["caller", "bot"]),
    TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.booleans(),
)
RECORDS = st.builds(
    CallRecord,
    uniqueid=st.uuids().map(lambda one: one.hex),
    src=TEXT,
    dst=TEXT,
    start=st.just("2025-01-31T23:59:59.900Z"),
    end=st.none() | st.just("2025-02-01T00:00:11.400Z"),
    duration=TIMES,
    billsec=TIMES,
    disposition=st.sampled_from(Disposition),
    call_id=TEXT,
    ended_by=st.none() | st.sampled_from([str(who) for who in EndedBy]),
    end_reason=st.none() | TEXT,
    turns=st.integers(0, 1_000),
    response_p50_ms=st.none() | TIMES,
    rtp=st.dictionaries(TEXT, st.integers(0, 10) | TIMES, max_size=3),
    recording_truncated=st.booleans(),
    transcript=st.lists(LINES, max_size=3).map(tuple),
)


@given(RECORDS)
def test_through_json_and_back(record: CallRecord) -> None:
    assert CallRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_unknown_names_are_ignored_and_nonsense_is_refused() -> None:
    plain = begun().to_dict()
    assert CallRecord.from_dict(plain | {"added_later": 1}).to_dict() == plain
    with pytest.raises(TypeError):
        CallRecord.from_dict({"src": "x"})
    with pytest.raises(TypeError):
        CallRecord.from_dict(plain | {"transcript": 3})
    with pytest.raises(ValueError, match="MAYBE"):
        CallRecord.from_dict(plain | {"disposition": "MAYBE"})
