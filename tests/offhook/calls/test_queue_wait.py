"""What the record has of waits."""

from offhook.calls.queue_wait import QueueWait
from offhook.records import CallClock, CallRecord


def of(record: CallRecord) -> tuple[str | None, float | None, str | None]:
    return record.queue, record.queue_wait_s, record.queue_agent


def test_a_wait_until_an_agent_answers_and_one_without() -> None:
    record = CallRecord.begun(CallClock.started(0.0), src="", dst="", call_id="")
    wait = QueueWait()
    assert of(wait.over(record, 9)) == (None, None, None)
    record = wait.began(record, "sales", 10)
    assert of(record) == ("sales", None, None)
    record = wait.with_agent(record, "anna", 14)
    assert of(record) == ("sales", 4, "anna")
    record = wait.with_agent(record, "", 15)  # she is not to have the call after all
    assert of(record) == ("sales", None, None)
    record = wait.with_agent(record, "ben", 18)
    record = wait.over(record, 60)
    assert of(record) == ("sales", 8, "ben")
    record = wait.began(record, "support", 70)
    record = wait.over(record, 73)
    assert of(wait.over(record, 99)) == ("support", 3, None)
