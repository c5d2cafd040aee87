"""The native types take any order of calls: they refuse what makes no sense, and break nothing."""

import math
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

import pytest

from offhook.telephony.native import media
from offhook.telephony.net.pump import AUDIO, SENT, stream_limits
from offhook.telephony.rtp import RtpLimits
from offhook.telephony.rtp.handover import ReceiveState, SendState

if TYPE_CHECKING:
    from offhook.telephony.native._media import Pump, Stream

pytestmark = pytest.mark.skipif(media is None, reason="the native media pump was not built")

LIMITS = stream_limits(RtpLimits())
SOURCE = ("127.0.0.1", 4_000)
SSRC = 7
PACKET = 160
LONGEST_STEP = 512
NOW = 1_000.0


def new_pump() -> "Pump":
    assert media is not None
    pump: Pump = media.Pump()
    return pump


def receive_state(position: int = 0) -> ReceiveState:
    return ReceiveState(
        ssrc=SSRC, payload_type=0, highest=0, received=1, next_timestamp=PACKET, packets=1, octets=PACKET,
        rejected_source=0, last_at=NOW, window_end=NOW + 1, window_left=1_000, jitter_ticks=0.0, jitter_arrival=NOW,
        jitter_timestamp=0, packet_ticks=PACKET, arrival=NOW, position=position, budget=8_000.0, budget_at=NOW,
        spike_hold_s=0.0, spike_hold_until=0.0,
    )  # fmt: skip


def send_state(packet_ticks: int = PACKET, packet_s: float = 0.02) -> SendState:
    return SendState(
        ssrc=8, payload_type=0, silence=0xFF, noise_payload_type=-1, noise_level=0, send=True, marker=True,
        ran_dry=True, sequence=0, timestamp=0, clock_now=NOW, clock_timestamp=0, packets=0, octets=0, sent_ticks=0,
        dropped=0, spurt_at=-math.inf, spurt_slots=0, packet_ticks=packet_ticks, packet_s=packet_s,
        keep_alive_at=math.inf, dry_at=-math.inf, underruns=0, stalls=0,
    )  # fmt: skip


def packet(sequence: int, samples: int = PACKET) -> bytes:
    timestamp = (PACKET * sequence & 0xFFFFFFFF).to_bytes(4, "big")
    return (
        bytes((0x80, 0)) + (sequence & 0xFFFF).to_bytes(2, "big") + timestamp + SSRC.to_bytes(4, "big") + bytes(samples)
    )


def test_what_is_queued_after_it_was_taken_back_is_whole() -> None:
    stream = new_pump().add(-1, LIMITS)
    stream.lend(send_state(), bytes(2 * PACKET))
    stream.tick(NOW)
    assert stream.take()[1] == bytes(PACKET)
    # The head of the queue before, 160 octets into it, is none of this one's.
    stream.play(b"late")
    assert stream.take()[1] == b"late"


def test_armed_anew_what_was_gathered_before_is_reported_at_its_place() -> None:
    pump = new_pump()
    stream = pump.add(-1, LIMITS, LONGEST_STEP)
    stream.arm(receive_state(), False, SOURCE)
    stream.receive(packet(1), SOURCE, NOW + 0.02)
    assert pump.collect() == []
    stream.arm(receive_state(position=8 * LONGEST_STEP), False, SOURCE)
    stream.receive(packet(1), SOURCE, NOW + 0.04)
    stream.disarm()
    assert [(kind, number) for _, kind, number, _, _ in pump.collect()] == [(AUDIO, 0), (AUDIO, 8 * LONGEST_STEP)]


def test_a_place_before_the_call_is_refused() -> None:
    with pytest.raises(ValueError, match="position"):
        new_pump().add(-1, LIMITS, LONGEST_STEP).arm(receive_state(position=-1), False, SOURCE)


@pytest.mark.parametrize("packet_s", [math.nan, math.inf, 0.0, -1.0])
def test_no_packet_time(packet_s: float) -> None:
    with pytest.raises(ValueError, match="a packet takes"):
        new_pump().add(-1, LIMITS).lend(send_state(packet_s=packet_s), b"")


def test_only_a_stream_without_a_socket_takes_the_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        stream = new_pump().add(sock.fileno(), LIMITS)
        calls: tuple[Callable[[], object], ...] = (
            lambda: stream.tick(NOW),
            lambda: stream.check(NOW),
            lambda: stream.receive(packet(1), SOURCE, NOW),
        )
        for call in calls:
            with pytest.raises(ValueError, match="socket"):
                call()
        stream.close()


class Monkey:
    """Calls whatever there is, in any order, and knows what must be left in the queue."""

    def __init__(self, rng: random.Random, stream: "Stream") -> None:
        self._rng = rng
        self._stream = stream
        self.queue = b""
        self._next = 1

    def step(self, now: float) -> None:
        every: tuple[Callable[[float], None], ...] = (
            self._arm, self._lend, self._take, self._play, self._play, self._clear, self._look, self._aim,
        )  # fmt: skip
        self._rng.choice(every)(now)

    def virtual_step(self, now: float) -> None:
        every: tuple[Callable[[float], None], ...] = (
            self.step, self._receive, self._receive, self._receive, self._tick, self._tick, self._check,
        )  # fmt: skip
        self._rng.choice(every)(now)

    def _arm(self, now: float) -> None:
        if self._rng.random() < 0.5:
            self._stream.disarm()
            return
        last = self._next - 1
        state = receive_state(self._rng.choice((0, 1, PACKET, self._rng.randrange(1 << 40))))
        state = state._replace(
            highest=last, next_timestamp=PACKET * self._next & 0xFFFFFFFF, budget_at=now, arrival=now, last_at=now
        )
        self._stream.arm(state, self._rng.random() < 0.5, SOURCE)

    def _lend(self, now: float) -> None:
        samples = self._rng.choice((80, 160, 240, 480, 1_440))
        self.queue = self._rng.randbytes(self._rng.choice((0, 1, 159, 160, 161, 5_000)))
        state = send_state(samples, samples / 8_000)._replace(noise_payload_type=self._rng.choice((-1, 13)))
        self._stream.lend(state._replace(clock_now=now, keep_alive_at=now + self._rng.random()), self.queue)

    def _take(self, _now: float) -> None:
        left = self._stream.take()[1]
        assert self.queue.endswith(left)
        self.queue = b""

    def _play(self, _now: float) -> None:
        more = self._rng.randbytes(self._rng.choice((0, 1, 100, 160, 1_000)))
        self._stream.play(more)
        self.queue += more

    def _clear(self, _now: float) -> None:
        dropped, _ = self._stream.clear()
        assert dropped <= len(self.queue)
        self.queue = b""

    def _look(self, now: float) -> None:
        self._stream.receiving()
        self._stream.sending()
        self._stream.overdue()
        assert self._stream.errors()[1] == 0

    def _aim(self, _now: float) -> None:
        self._stream.set_target(*self._rng.choice(((None, 0), ("127.0.0.1", 9), ("255.255.255.255", 9), ("::1", 9))))

    def _receive(self, now: float) -> None:
        if self._rng.random() < 0.1:
            data = self._rng.randbytes(self._rng.choice((0, 1, 11, 12, 13, 200, 2_047, 2_048, 9_000)))
        else:
            data = packet(self._next, self._rng.choice((PACKET, PACKET, 80, 1_500)))
            self._next += 1
        source = SOURCE if self._rng.random() < 0.9 else ("::1", 4_000)
        self._stream.receive(data, source, now)

    def _tick(self, now: float) -> None:
        self._stream.tick(now)

    def _check(self, now: float) -> None:
        self._stream.check(now)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_calls(seed: int) -> None:
    rng = random.Random(seed)
    pump = new_pump()
    stream = pump.add(-1, LIMITS, rng.choice((0, 80, 256, LONGEST_STEP)))
    monkey = Monkey(rng, stream)
    now = NOW
    for _ in range(2_000):
        now += rng.choice((0.0, 0.001, 0.01, 0.02, 0.3))
        before = monkey.queue
        monkey.virtual_step(now)
        # What was sent is the front of what was queued before this step.
        sent = b"".join(cast(bytes, data) for _, kind, _, _, data in pump.collect() if kind == SENT)
        assert before.startswith(sent)
        if sent:
            monkey.queue = monkey.queue[len(sent) :]
    assert stream.take()[1] == monkey.queue


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_calls_while_the_thread_runs(seed: int) -> None:
    rng = random.Random(seed)
    pump = new_pump()
    with ExitStack() as stack:

        def bound() -> socket.socket:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.1", 0))
            return sock

        socks = [bound() for _ in range(12)]
        streams = [pump.add(sock.fileno(), LIMITS, rng.choice((0, 256))) for sock in socks]
        monkeys = [Monkey(rng, stream) for stream in streams]
        far_end = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        pump.start()
        collected = 0
        for step in range(6_000):
            one = rng.randrange(len(socks))
            choice = rng.random()
            if choice < 0.5:
                monkeys[one].step(NOW)
            elif choice < 0.9:
                far_end.sendto(packet(step, rng.choice((PACKET, 1_900))), socks[one].getsockname())
            elif choice < 0.97:
                streams[one].read()
            elif choice < 0.98:
                streams[one].close()
                streams[one] = pump.add(socks[one].fileno(), LIMITS, 256)
                monkeys[one] = Monkey(rng, streams[one])
            else:
                collected += len(pump.collect())
                assert pump.counters()["streams"] == len(socks)
        assert collected > 100
        for stream in streams:
            stream.close()
        pump.close()
        assert pump.counters()["lost_records"] == 0
