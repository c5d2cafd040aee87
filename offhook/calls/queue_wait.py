"""What the record has of a caller's wait in a queue; of several, of the latest one."""

from dataclasses import replace

from offhook.records import CallRecord


class QueueWait:
    """One call's. Each method returns the record with what has happened; `now` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._began: float | None = None

    def began(self, record: CallRecord, queue: str, now: float) -> CallRecord:
        """The caller waits in `queue`."""
        self._began = now
        return replace(record, queue=queue, queue_wait_s=None, queue_agent=None)

    def with_agent(self, record: CallRecord, agent: str, now: float) -> CallRecord:
        """An agent talks to them; empty: not after all."""
        waited = replace(record, queue_wait_s=None, queue_agent=agent or None)
        return self._until(waited, now) if agent else waited

    def over(self, record: CallRecord, now: float) -> CallRecord:
        """They wait no longer, if they did."""
        ended = record if record.queue_agent is not None else self._until(record, now)
        self._began = None
        return ended

    def _until(self, record: CallRecord, now: float) -> CallRecord:
        return record if self._began is None else replace(record, queue_wait_s=round(now - self._began, 3))
