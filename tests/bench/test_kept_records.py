"""What `python -m bench.kept_records` finds wrong."""

import pytest

from bench.kept_records import Row, judged
from offhook.testing.webhook_receiver import Received

ANSWERED = Row("1", "call", answered=True, has_ended=True, end="caller hung up")
LOST = Row("2", "call", answered=False, has_ended=True, end="crash")


def came(uniqueid: str, *names: str, body: bytes = b"") -> list[Received]:
    return [
        Received(
            f"evt_{uniqueid}_{name}",
            {},
            body,
            0.0,
            accepted=True,
            event={"type": f"call.{name}", "data": {"uniqueid": uniqueid}},
        )
        for name in names
    ]


ALL = came("1", "started", "answered", "ended")


def test_a_record_with_its_events_is_right_and_so_is_one_of_a_worker_that_was_lost_before_the_answer() -> None:
    assert judged([ANSWERED], ["call"], ALL) == []
    assert judged([ANSWERED], ["call"], [*ALL, ALL[1]]) == []  # once more, under the same id
    assert judged([LOST, ANSWERED], ["call"], [*came("2", "started", "answered", "ended"), *ALL]) == []
    assert judged([LOST, ANSWERED], ["call"], [*came("2", "started", "ended"), *ALL]) == []


@pytest.mark.parametrize(
    ("rows", "answered", "events", "wrong"),
    [
        ([], ["call"], [], "0 records"),
        ([ANSWERED, Row("3", "call", answered=True, has_ended=True, end="crash")], ["call"], ALL, "2 records"),
        ([Row("1", "call", answered=True, has_ended=False, end="none")], ["call"], ALL, "no end"),
        ([ANSWERED], ["call"], ALL[:2], "events ['call.started', 'call.answered']"),
        ([ANSWERED], ["call"], [ALL[1], ALL[0], ALL[2]], "events ['call.answered', 'call.started', 'call.ended']"),
        ([ANSWERED], ["call"], [*ALL, *came("9", "started")], "without a record"),
        ([ANSWERED], ["call"], [*ALL, *came("1", "ended", body=b"other")], "2 bodies"),
    ],
)
def test_what_is_wrong_is_found(rows: list[Row], answered: list[str], events: list[Received], wrong: str) -> None:
    found = judged(rows, answered, events)
    assert found and wrong in found[0]
