"""The native pump and the pure session do the same, step by step."""

import math
import random
from dataclasses import replace

import pytest

from offhook.telephony.native import media
from offhook.telephony.rtp import RtpConfig
from tests.telephony.native import farend
from tests.telephony.native.farend import REMOTE, FarEnd, Habits
from tests.telephony.native.twins import LIMITS, Alone, Lending

pytestmark = pytest.mark.skipif(media is None, reason="the native media pump was not built")

START = 1_000.0
TICK_S = 0.02
STEPS = 1_500

CONFIG = RtpConfig(
    payload_type=0,
    receive_payload_types=frozenset((0, 8)),
    dtmf_payload_type=101,
    receive_dtmf_payload_type=101,
    remote=REMOTE,
    remote_rtcp=(REMOTE[0], REMOTE[1] + 1),
    signalling_host=None,
)


class Pair:
    """Both twins, with the same input."""

    def __init__(self, seed: int, config: RtpConfig = CONFIG) -> None:
        rng = random.Random(seed)
        numbers = {
            "sequence": rng.choice((0, 65_533, rng.getrandbits(16))),
            "timestamp": rng.choice((0, 0xFFFF_FE00, rng.getrandbits(32))),
        }
        self.config = config
        self.pure = Alone(config, START, **numbers)
        self.native = Lending(config, START, **numbers)
        self.compared = 0

    def each(self) -> tuple[Alone, Lending]:
        return self.pure, self.native

    def timers(self, now: float) -> None:
        due = self.pure.due()
        assert self.native.due() == due
        while due <= now:
            for twin in self.each():
                twin.timer(due)
            self.compare()
            due = self.pure.due()
            assert self.native.due() == due

    def compare(self) -> None:
        pure, native = self.pure, self.native
        assert native.reported[self.compared :] == pure.reported[self.compared :]
        self.compared = len(pure.reported)
        assert native.packets == pure.packets
        pure.packets.clear()
        native.packets.clear()
        assert (native.queued, native.all_sent) == (pure.queued, pure.all_sent)

    def compare_all(self) -> None:
        self.compare()
        assert self.native.stats() == self.pure.stats()
        assert self.native.session.rtcp_to_send() == self.pure.session.rtcp_to_send()

    def reconfigure(self, now: float, **changes: object) -> None:
        self.config = replace(self.config, **changes)  # type: ignore[arg-type]
        for twin in self.each():
            twin.reconfigure(self.config, now)


def speak(pair: Pair, rng: random.Random, now: float) -> None:
    """What the owner of the line does now and then."""
    choice = rng.random()
    if not (pair.config.send and pair.config.receive) and choice < 0.1:
        pair.reconfigure(now, send=True, receive=True)
    elif choice < 0.05:
        payload = rng.randbytes(rng.choice((1, 159, 160, 161, rng.randrange(1, 8_000))))
        for twin in pair.each():
            twin.play(payload, now)
    elif choice < 0.06:
        dropped = {twin.clear(now) for twin in pair.each()}
        assert len(dropped) == 1
    elif choice < 0.063:
        for twin in pair.each():
            twin.press("1#", now)
    elif choice < 0.066:
        change = rng.choice(
            (
                {"ptime_ms": rng.choice((10, 20, 30, 60))},
                {"send": not pair.config.send},
                {"receive": not pair.config.receive},
                {"comfort_noise_payload_type": rng.choice((None, 13))},
                {"payload_type": rng.choice((0, 8))},
            )
        )
        pair.reconfigure(now, **change)


def run(pair: Pair, habits: Habits, seed: int, steps: int = STEPS) -> None:
    rng = random.Random(seed)
    far_end = FarEnd(habits, random.Random(seed + 1), START)
    now = START
    for step in range(steps):
        late_s = rng.choice((0.0, 0.0, 0.0, 0.001, 0.004)) + (rng.uniform(0, 0.5) if rng.random() < 0.01 else 0.0)
        now = max(now, START + step * TICK_S + late_s)
        for arrival, data, source in far_end.until(now):
            pair.timers(arrival)
            for twin in pair.each():
                twin.datagram(data, source, arrival)
        pair.timers(now)
        speak(pair, rng, now)
        # Now and then the clock repeats a tick: just too early, or just not.
        ticks = [now] if rng.random() < 0.95 else [now, now + rng.choice((1e-9, 1e-7, 1e-5))]
        for now in ticks:
            for twin in pair.each():
                twin.tick(now)
        pair.compare()
        if step % 50 == 0:
            pair.compare_all()
    pair.compare_all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("habits", ["PLAIN", "LOSSY", "SILENT", "CHANGING", "HOSTILE", "STALLING", "EVERYTHING"])
def test_both_do_the_same(habits: str, seed: int) -> None:
    pair = Pair(seed)
    run(pair, getattr(farend, habits), seed)
    assert pair.native.pump.plain > STEPS // 10


def test_a_plain_stream_stays_with_the_pump() -> None:
    pair = Pair(1)
    far_end = FarEnd(Habits(), random.Random(1), START)
    packets = far_end.until(START + 20)
    for arrival, data, source in packets:
        pair.timers(arrival)
        for twin in pair.each():
            twin.datagram(data, source, arrival)
    pair.compare_all()
    # The first one has to make the stream known.
    assert pair.native.pump.plain == len(packets) - 1


def test_strangers_do_not_take_a_stream_from_the_pump() -> None:
    pair = Pair(2)
    far_end = FarEnd(Habits(stranger=0.9, jitter_ms=0), random.Random(2), START)
    packets = far_end.until(START + 10)
    own = sum(source == REMOTE for _, _, source in packets)
    for arrival, data, source in packets:
        for twin in pair.each():
            twin.datagram(data, source, arrival)
    pair.compare_all()
    assert pair.native.stats().rejected_source == len(packets) - own > 100
    assert pair.native.pump.plain == own - 1


def test_stun_among_the_audio_is_counted_alike() -> None:
    pair = Pair(8)
    far_end = FarEnd(Habits(jitter_ms=0), random.Random(8), START)
    request = bytes.fromhex("000100002112a442") + bytes(12)
    packets = far_end.until(START + 20)
    for i, (arrival, data, source) in enumerate(packets):
        for twin in pair.each():
            twin.datagram(data, source, arrival)
            if i % 50 == 49:
                twin.datagram(request, source, arrival)
    pair.compare_all()
    stats = pair.native.stats()
    assert (stats.stun, stats.malformed, stats.packets_received) == (len(packets) // 50, 0, len(packets))
    assert pair.native.pump.plain > 0.9 * len(packets)


def test_too_much_of_a_plain_stream_is_dropped_alike() -> None:
    pair = Pair(3)
    far_end = FarEnd(Habits(jitter_ms=0), random.Random(3), START)
    for i, (_, data, source) in enumerate(far_end.until(START + 20)):
        for twin in pair.each():
            twin.datagram(data, source, START + i / 2_000)
    pair.compare_all()
    assert pair.pure.stats().rate_limited > 400


@pytest.mark.parametrize("seed", range(20))
def test_who_is_behind_can_catch_up(seed: int) -> None:
    rng = random.Random(seed)
    pair = Pair(seed)
    far_end = FarEnd(Habits(stranger=0.2, loss=rng.choice((0.0, 0.03)), jitter_ms=0), rng, START)
    waiting = far_end.until(START + 20)
    while waiting:
        count = rng.randrange(1, 11)
        batch, waiting = [(data, source, arrival) for arrival, data, source in waiting[:count]], waiting[count:]
        pair.native.pump.meanwhile = batch[1:]
        pair.native.datagram(*batch[0])
        for each in batch:
            pair.pure.datagram(*each)
        pair.native.collect(START)
    assert pair.native.reported == pair.pure.reported
    pair.compare_all()
    assert pair.native.pump.plain > 150


def test_as_much_as_is_allowed_stays_with_the_pump() -> None:
    pair = Pair(7)
    count = 2_000
    for i in range(count):
        header = bytes((0x80, 0)) + i.to_bytes(2, "big") + (20 * i).to_bytes(4, "big") + b"ssrc"
        for twin in pair.each():
            twin.datagram(header + bytes(20), REMOTE, START + i / LIMITS.packets_per_s)
    pair.compare_all()
    assert pair.pure.stats().rate_limited == 0
    assert pair.native.pump.plain == count - 1


def test_the_hold_after_a_spike_ends_alike() -> None:
    pair = Pair(8)
    # The network holds everything up for 200 ms, and is on time from then on.
    for i in range(5_000):
        header = bytes((0x80, 0)) + i.to_bytes(2, "big") + (160 * i).to_bytes(4, "big") + b"ssrc"
        arrival = START + max(0.02 * i, 2.2 if 100 <= i < 110 else 0)
        pair.timers(arrival)
        for twin in pair.each():
            twin.datagram(header + bytes(160), REMOTE, arrival)
        assert pair.native.due() == pair.pure.due()
    pair.compare_all()
    assert pair.native.pump.plain > 4_950


def test_an_idle_stream_is_kept_alive_alike() -> None:
    pair = Pair(4)
    pair.timers(START + 60)
    pair.compare_all()
    assert pair.pure.stats().packets_sent == 12


def test_our_own_ssrc_coming_back_changes_it_in_both() -> None:
    pair = Pair(5)
    for twin in pair.each():
        twin.play(bytes(1_600), START)
        twin.tick(START)
    own = pair.pure.packets[0][8:12]
    for i in range(4):
        header = bytes((0x80, 0, 0, i)) + (160 * i).to_bytes(4, "big") + own
        for twin in pair.each():
            twin.datagram(header + bytes(160), REMOTE, START + 0.02 * i)
            twin.tick(START + 0.02 * (i + 1))
    assert pair.native.packets[-1][8:12] != own
    pair.compare_all()
    assert pair.pure.stats().looped == 0


def test_after_a_stall_nothing_is_sent_in_a_burst() -> None:
    pair = Pair(6)
    for twin in pair.each():
        twin.play(bytes(80_000), START)
        for i in range(10):
            twin.tick(START + i * TICK_S)
    pair.compare()
    for twin in pair.each():
        twin.tick(START + 5.2)
        twin.tick(START + 5.22)
    assert [packet[1] & 0x80 for packet in pair.native.packets] == [0x80, 0]
    pair.compare_all()
    assert pair.native.stats().stalls == 1
    assert pair.native.due() < math.inf
