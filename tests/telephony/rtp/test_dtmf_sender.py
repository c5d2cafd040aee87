import pytest

from offhook.telephony.errors import LocalError
from offhook.telephony.rtp.dtmf_sender import DtmfSender, EventSlot
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.telephone_event import DIGITS


def slots(sender: DtmfSender, start: int = 0, ticks: int = 160) -> list[EventSlot | None]:
    collected = []
    timestamp = start
    while sender.busy:
        assert sender.due(0)
        collected.append(sender.next_slot(timestamp))
        timestamp += ticks
    return collected


def test_one_key() -> None:
    sender = DtmfSender(160)
    sender.queue("5", 0, 10)
    sent = slots(sender, start=4_000)
    packets = [slot for slot in sent if slot is not None]
    events = [telephone_event.parse(packet.payload) for packet in packets]
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in events] == [False] * 4 + [True] * 3
    assert {event.event for event in events} == {5}
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert {packet.timestamp for packet in packets} == {4_000}
    # 100 ms of tone, 80 ms until the next key.
    assert len(sent) == 9
    assert sent[:7] == packets


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_tone_and_gap_are_long_enough_in_every_packet_time(ptime_ms: int) -> None:
    sender = DtmfSender(ptime_ms * 8)
    sender.queue("1", 0, 10)
    sent = slots(sender, ticks=ptime_ms * 8)
    events = [telephone_event.parse(slot.payload) for slot in sent if slot is not None]
    tone_ms = events[-1].duration // 8
    assert tone_ms >= 100
    assert len(sent) * ptime_ms - tone_ms >= 60
    assert sum(event.end for event in events) == 3


def test_keys_in_order() -> None:
    sender = DtmfSender(160)
    sender.queue("0123456789*#abcD", 0, 100)
    sent = [slot for slot in slots(sender) if slot is not None and slot.marker]
    assert "".join(DIGITS[telephone_event.parse(slot.payload).event] for slot in sent) == DIGITS
    assert [slot.timestamp for slot in sent] == [9 * 160 * n for n in range(16)]


def test_a_key_waits_for_the_audio_before_it() -> None:
    sender = DtmfSender(160)
    sender.queue("1", 400, 10)
    assert sender.busy
    assert not sender.due(399)
    assert sender.audio_before(160) == 240
    assert sender.due(400)


@pytest.mark.parametrize("digits", ["E", "1 2", "x", "1,2", "é"])
def test_what_is_no_key_is_refused_whole(digits: str) -> None:
    sender = DtmfSender(160)
    with pytest.raises(LocalError):
        sender.queue("1" + digits, 0, 10)
    assert not sender.busy


def test_waiting_keys_are_bounded() -> None:
    sender = DtmfSender(160)
    sender.queue("12345", 0, 6)
    with pytest.raises(LocalError):
        sender.queue("12", 0, 6)
    assert sender.pending == 5


def test_clear_forgets_everything() -> None:
    sender = DtmfSender(160)
    sender.queue("12", 0, 6)
    sender.next_slot(0)
    sender.clear()
    assert not sender.busy
    assert not sender.due(0)
