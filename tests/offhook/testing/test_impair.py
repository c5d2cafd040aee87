"""The bad network in virtual time: each impairment does what its name says, and nothing else."""

import math
from itertools import pairwise

import pytest

from offhook.testing.impair import ByteLink, Departure, ImpairCounters, Impairer, Impairment

PACKET_S = 0.02
MANY = 20_000


def run(impairment: Impairment, packets: int = MANY, *, seed: int = 1, stream: str = "a") -> list[list[Departure]]:
    """A packet each 20 ms, named by its number, from 0.0 on."""
    impairer = Impairer(impairment, seed=seed, stream=stream, start=0.0)
    return [impairer.packet(name(number), number * PACKET_S) for number in range(packets)]


def name(number: int) -> bytes:
    return number.to_bytes(4, "big") + bytes(168)


def number_of(departure: Departure) -> int:
    return int.from_bytes(departure.data[:4], "big")


def as_received(departures: list[list[Departure]]) -> list[int]:
    """The packets' numbers in the order in which they arrive."""
    flat = [one for each in departures for one in each]
    return [number_of(one) for one in sorted(flat, key=lambda one: one.send_at)]


def delays_ms(departures: list[list[Departure]]) -> list[float]:
    return [(each[0].send_at - number * PACKET_S) * 1_000 for number, each in enumerate(departures) if each]


def lost_runs(departures: list[list[Departure]]) -> list[int]:
    runs, length = [], 0
    for each in departures:
        if not each:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


def test_without_impairments_everything_passes_at_once() -> None:
    assert run(Impairment(), 100) == [[Departure(number * PACKET_S, name(number))] for number in range(100)]


@pytest.mark.parametrize("percent", [1, 3, 5, 10, 20])
def test_loss_has_its_share_and_no_memory(percent: float) -> None:
    departures = run(Impairment(loss_percent=percent))
    share = sum(not each for each in departures) / MANY
    # Four standard deviations of a binomial.
    assert abs(share - percent / 100) < 4 * math.sqrt(percent / 100 * (1 - percent / 100) / MANY)
    runs = lost_runs(departures)
    assert sum(runs) / len(runs) == pytest.approx(1 / (1 - percent / 100), rel=0.05)


@pytest.mark.parametrize(("percent", "burst"), [(1, 3), (5, 3), (10, 5), (20, 8)])
def test_bursts_have_their_mean_length_and_the_loss_its_share(percent: float, burst: float) -> None:
    departures = run(Impairment(loss_percent=percent, burst_packets=burst), 100_000)
    runs = lost_runs(departures)
    assert sum(runs) / 100_000 == pytest.approx(percent / 100, rel=0.1)
    assert sum(runs) / len(runs) == pytest.approx(burst, rel=0.1)


def test_all_can_be_lost() -> None:
    assert lost_runs([*run(Impairment(loss_percent=100), 50), [Departure(0.0, b"")]]) == [50]


@pytest.mark.parametrize("shape", ["uniform", "normal"])
def test_delay_and_jitter_stay_in_their_range_and_in_order(shape: str) -> None:
    departures = run(Impairment(delay_ms=40, jitter_ms=60, jitter_shape=shape))  # type: ignore[arg-type]
    delays = delays_ms(departures)
    assert min(delays) >= 40 - 1e-6
    assert max(delays) <= 100 + 1e-6
    assert as_received(departures) == list(range(MANY))
    assert max(delays) - min(delays) > 40


def test_normal_jitter_is_narrower_than_uniform() -> None:
    # 5 ms within packets of 20 ms: nobody waits for the one before, so these are the draws themselves.
    for shape, deviation in (("uniform", 5 / math.sqrt(12)), ("normal", 5 / 6)):
        delays = delays_ms(run(Impairment(jitter_ms=5, jitter_shape=shape)))  # type: ignore[arg-type]
        mean = sum(delays) / len(delays)
        assert mean == pytest.approx(2.5, abs=0.1)
        measured = math.sqrt(sum((delay - mean) ** 2 for delay in delays) / len(delays))
        assert measured == pytest.approx(deviation, rel=0.05)


def test_a_spike_holds_up_those_behind_it() -> None:
    departures = run(Impairment(spike_percent=1, spike_ms=200))
    delays = delays_ms(departures)
    assert as_received(departures) == list(range(MANY))
    first = next(at for at, delay in enumerate(delays) if delay > 0)
    assert delays[first] == pytest.approx(200)
    # Ten packets come within the stall, and with its end they all leave.
    assert delays[first + 1] >= 180 - 1e-6
    assert sum(delay > 0 for delay in delays) == pytest.approx(MANY * 0.01 * 10, rel=0.3)


def test_reordered_packets_are_overtaken_by_the_next() -> None:
    departures = run(Impairment(reorder_percent=10))
    order = as_received(departures)
    assert sorted(order) == list(range(MANY))
    overtaken = sum(later < earlier for earlier, later in pairwise(order))
    assert overtaken == pytest.approx(MANY * 0.1, rel=0.15)
    assert max(abs(place - number) for place, number in enumerate(order)) <= 2


def test_duplicates_come_twice_and_are_the_same() -> None:
    departures = run(Impairment(duplicate_percent=5))
    twice = [each for each in departures if len(each) == 2]
    assert len(twice) == pytest.approx(MANY * 0.05, rel=0.15)
    assert all(first == second for first, second in twice)


def test_corrupt_packets_differ_in_one_to_three_bytes() -> None:
    departures = run(Impairment(corrupt_percent=10), 5_000)
    damage = [
        sum(sent != received for sent, received in zip(name(number), each[0].data, strict=True))
        for number, each in enumerate(departures)
    ]
    assert set(damage) == {0, 1, 2, 3}
    assert sum(map(bool, damage)) == pytest.approx(500, rel=0.2)


def test_an_empty_datagram_cannot_be_corrupted() -> None:
    impairer = Impairer(Impairment(corrupt_percent=100), seed=1, stream="a", start=0.0)
    assert impairer.packet(b"", 0.0) == [Departure(0.0, b"")]


def test_the_rate_spaces_packets_and_the_queue_overflows() -> None:
    # 200 bytes with their headers every 20 ms are 80 kbit/s; half of that passes.
    impairer = Impairer(Impairment(rate_kbps=40, queue_ms=200), seed=1, stream="a", start=0.0)
    departures = [impairer.packet(name(number), number * PACKET_S) for number in range(1_000)]
    times = [each[0].send_at for each in departures if each]
    assert all(later - earlier >= 0.04 - 1e-9 for earlier, later in pairwise(times))
    assert max(delays_ms(departures)) <= 240 + 1e-6
    assert impairer.counters.sent == pytest.approx(500, abs=10)
    assert impairer.counters.overflowed == 1_000 - impairer.counters.sent


def test_within_the_rate_nothing_waits_for_another() -> None:
    delays = delays_ms(run(Impairment(rate_kbps=160), 100))
    assert delays == pytest.approx([10.0] * 100)


def test_nothing_passes_a_blackhole() -> None:
    departures = run(Impairment(blackholes=((1.0, 2.0), (5.0, 5.5))), 500)
    gone = [number for number, each in enumerate(departures) if not each]
    assert gone == [*range(50, 100), *range(250, 275)]


def test_the_same_seed_is_the_same_network() -> None:
    bad = Impairment(loss_percent=10, burst_packets=3, jitter_ms=50, reorder_percent=5, corrupt_percent=5)
    assert run(bad, 500) == run(bad, 500)
    assert run(bad, 500) != run(bad, 500, seed=2)
    assert run(bad, 500) != run(bad, 500, stream="b")


def test_what_is_lost_depends_neither_on_time_nor_on_other_impairments() -> None:
    plain = [bool(each) for each in run(Impairment(loss_percent=10), 500)]
    assert plain == [
        bool(each) for each in run(Impairment(loss_percent=10, jitter_ms=50, duplicate_percent=20, delay_ms=5), 500)
    ]
    impairer = Impairer(Impairment(loss_percent=10), seed=1, stream="a", start=0.0)
    assert plain == [bool(impairer.packet(name(number), 7.0)) for number in range(500)]


def test_counters_add_up() -> None:
    impairer = Impairer(
        Impairment(loss_percent=10, duplicate_percent=5, blackholes=((0.0, 1.0),)), seed=3, stream="a", start=0.0
    )
    departures = [impairer.packet(name(number), number * PACKET_S) for number in range(1_000)]
    counters = impairer.counters
    assert counters.received == 1_000
    assert counters.received_bytes == 172_000
    assert counters.received == counters.sent + counters.lost + counters.blackholed
    assert counters.blackholed == 50
    assert sum(map(len, departures)) == counters.sent + counters.duplicated
    both = ImpairCounters()
    both.add(counters)
    both.add(counters)
    assert (both.received, both.lost) == (2_000, 2 * counters.lost)


def test_a_receiver_cannot_know_of_what_was_lost_at_either_end() -> None:
    impairer = Impairer(Impairment(loss_percent=30), seed=5, stream="a", start=0.0)
    passed = [bool(impairer.packet(b"a", 0.0)) for _ in range(100)]
    first, last = passed.index(True), len(passed) - passed[::-1].index(True)
    assert impairer.counters.lost == passed.count(False)
    assert impairer.counters.lost_between == passed[first:last].count(False)
    while impairer.packet(b"a", 0.0):
        pass
    assert impairer.counters.lost_between == passed[first:].count(False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss_percent": 101},
        {"loss_percent": -1},
        {"delay_ms": -1},
        {"jitter_shape": "square"},
        {"burst_packets": 0.5, "loss_percent": 1},
        {"burst_packets": 2, "loss_percent": 90},
        {"blackholes": ((2.0, 1.0),)},
        {"rate_kbps": math.inf},
        {"delay_ms": math.nan},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).rstrip("s")[:5]):
        Impairment(**wrong)  # type: ignore[arg-type]


def test_bytes_keep_their_order_and_wait_for_a_stall_to_end() -> None:
    link = ByteLink(Impairment(delay_ms=10, rate_kbps=80, blackholes=((1.0, 2.0),)), start=100.0)
    assert link.send_at(100, 100.0) == pytest.approx(100.02)
    assert link.send_at(100, 100.0) == pytest.approx(100.03)
    assert link.send_at(100, 101.5) == pytest.approx(102.01)
    assert link.send_at(100, 101.6) == pytest.approx(102.02)
    assert link.send_at(100, 103.0) == pytest.approx(103.02)
