import pytest

from offhook.process.channel import MessageTooLongError, encode
from offhook.process.messages import Happened, Timeline
from offhook.process.remote import RemoteJournal, publish


class Wire:
    """Takes what a packet can carry."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, message: object) -> None:
        encode(message)
        self.sent.append(message)


def events(count: int) -> list[dict[str, object]]:
    return [{"kind": "bot", "at": float(number), "text": f"{number:04}" * 500} for number in range(count)]


def test_a_timeline_goes_its_way() -> None:
    wire = Wire()
    RemoteJournal(wire.send).timeline("one", events(3))
    assert wire.sent == [Timeline("one", events(3))]


def test_of_a_timeline_too_long_the_end_goes() -> None:
    wire = Wire()
    RemoteJournal(wire.send).timeline("one", events(1_000))
    (message,) = wire.sent
    assert isinstance(message, Timeline)
    assert 0 < len(message.events) < 1_000
    assert message.events[-1] == events(1_000)[-1]


def test_a_call_reported_late_keeps_its_end() -> None:
    wire = Wire()
    publish(wire.send, "one", {"kind": "begun", "at": 0.0, "so_far": events(1_000)})
    (message,) = wire.sent
    assert isinstance(message, Happened)
    assert message.event["kind"] == "begun"
    assert message.event["so_far"][-1] == events(1_000)[-1]


def test_an_event_that_no_packet_carries_is_left_out() -> None:
    wire = Wire()
    publish(wire.send, "one", {"kind": "bot", "at": 0.0, "text": "x" * 1_000_000})
    assert wire.sent == []


def test_the_wire_of_these_tests_is_narrow() -> None:
    with pytest.raises(MessageTooLongError):
        Wire().send(b"x" * 1_000_000)
