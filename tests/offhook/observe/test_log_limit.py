import io
import json
import logging

import structlog

from offhook.observe.log import setup
from offhook.observe.log_limit import BURST, MAX_KINDS, PER_S, LogLimit


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record(msg: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, msg, (), None)


def test_lines_of_one_kind_are_limited_and_counted() -> None:
    stream = io.StringIO()
    setup("json", "info", stream)
    log, other = structlog.get_logger("x"), logging.getLogger("y")
    for n in range(1_000):
        log.info("too many", n=n)
        other.warning("also %s", n)
        log.info("ended", n=n)
    log.info("another")
    found = lines_of(stream)
    for event in ("too many", "also"):
        assert BURST <= sum(str(line["event"]).startswith(event) for line in found) <= BURST + 10 * PER_S
    assert sum(line["event"] == "ended" for line in found) == 1_000, "one for each call"
    assert found[-1]["event"] == "another"


def test_the_next_line_says_how_many_were_left_out() -> None:
    now = 0.0
    limit = LogLimit(lambda: now)
    assert sum(limit.filter(record({"event": "x"})) for _ in range(BURST + 30)) == BURST
    now = 1.0
    later = record({"event": "x"})
    assert limit.filter(later)
    assert later.msg == {"event": "x", "left_out": 30}
    now = 100.0
    plain = record("y %s")
    assert limit.filter(plain)
    assert not hasattr(plain, "left_out")
    assert sum(limit.filter(record({"event": "x"})) for _ in range(1_000)) == BURST


def test_texts_with_values_in_them_use_little_memory() -> None:
    limit = LogLimit(lambda: 0.0)
    for n in range(3 * MAX_KINDS):
        limit.filter(record(f"value {n}"))
    assert len(limit._kinds) == MAX_KINDS
