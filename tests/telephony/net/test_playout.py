import pytest

from offhook.telephony.net.playout import FLIGHTS_MAX, PlayoutRecord


@pytest.mark.parametrize("bytes_per_tick", [1, 4])
def test_what_is_not_sent_is_the_end_of_what_was_played(bytes_per_tick: int) -> None:
    record = PlayoutRecord(bytes_per_tick)
    first, second = b"a" * 160 * bytes_per_tick, b"b" * 160 * bytes_per_tick
    record.play(first, 0)
    record.play(second, 160)
    assert record.unsent(320) == first + second
    assert record.unsent(200) == first[-40 * bytes_per_tick :] + second
    assert record.unsent(0) == b""


def test_what_is_sent_is_forgotten() -> None:
    record = PlayoutRecord(1)
    for n in range(1_000):
        record.play(bytes([n % 256]) * 160, min(n, 2) * 160)
    assert record.unsent(1_000_000) == b"".join(bytes([n % 256]) * 160 for n in (997, 998, 999))


def test_after_clear_there_is_nothing_to_send() -> None:
    record = PlayoutRecord(1)
    record.play(b"old", 0)
    record.clear()
    record.play(b"new", 0)
    assert record.unsent(3) == b"new"


def test_what_was_sent_by_then_has_arrived() -> None:
    record = PlayoutRecord(1)
    record.sent(bytes(160), 0, 1.0)
    record.sent(bytes(80), 160, 1.02)
    assert [record.arrived(at) for at in (0.9, 1.0, 1.01, 1.02, 1.0)] == [0, 160, 160, 240, 240]


def test_only_recent_packets_are_remembered() -> None:
    record = PlayoutRecord(1)
    for n in range(2 * FLIGHTS_MAX):
        record.sent(bytes(160), 160 * n, float(n))
    assert record.arrived(0.0) == 0
    assert record.arrived(float(2 * FLIGHTS_MAX)) == 160 * 2 * FLIGHTS_MAX
