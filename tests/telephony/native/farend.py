"""A far end that behaves, and now and then does not: seeded datagrams in virtual time."""

import random
from dataclasses import dataclass

from offhook.telephony.rtp import Address
from offhook.telephony.wire import rtp, telephone_event
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.telephone_event import DIGITS, TelephoneEvent

REMOTE: Address = ("192.0.2.10", 4000)
STRANGER: Address = ("203.0.113.9", 4000)


@dataclass(frozen=True)
class Habits:
    """Probabilities for each packet, and the jitter's scale."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    pause: float = 0.0
    restart: float = 0.0
    other_codec: float = 0.0
    other_size: float = 0.0
    stranger: float = 0.0
    rubbish: float = 0.0
    key: float = 0.0
    leap: float = 0.0
    marker: float = 0.0
    jitter_ms: float = 1.0
    stall: float = 0.0


PLAIN = Habits(marker=0.01)
LOSSY = Habits(loss=0.05, duplicate=0.01, reorder=0.02, jitter_ms=8)
SILENT = Habits(pause=0.02, loss=0.005, marker=0.05)
CHANGING = Habits(restart=0.005, other_codec=0.01, other_size=0.01, leap=0.005)
HOSTILE = Habits(stranger=0.2, rubbish=0.05, key=0.02, loss=0.01)
STALLING = Habits(stall=0.01, jitter_ms=4, loss=0.01)
EVERYTHING = Habits(0.01, 0.01, 0.01, 0.005, 0.002, 0.005, 0.005, 0.05, 0.01, 0.01, 0.002, 0.02, 5, 0.003)


class FarEnd:
    """Makes (arrival, datagram, source) in the order of arrival."""

    def __init__(self, habits: Habits, rng: random.Random, start: float) -> None:
        self._habits = habits
        self._rng = rng
        self._ssrc = rng.getrandbits(32)
        self._sequence = rng.choice((0, 65_530, rng.getrandbits(16)))
        self._timestamp = rng.choice((0, 0xFFFF_F000, rng.getrandbits(32)))
        self._payload_type = 0
        self._samples = 160
        self._now = start
        self._pending: list[tuple[float, bytes, Address]] = []

    def until(self, now: float) -> list[tuple[float, bytes, Address]]:
        while self._now <= now:
            self._packet()
        self._pending.sort(key=lambda item: item[0])
        ready = [item for item in self._pending if item[0] <= now]
        self._pending = self._pending[len(ready) :]
        return ready

    def _packet(self) -> None:
        self._change()
        self._pause()
        rng, habits = self._rng, self._habits
        data = self._audio()
        arrival = self._now + abs(rng.gauss(0, habits.jitter_ms / 1_000))
        if rng.random() < habits.reorder:
            arrival += rng.uniform(0.01, 0.08)
        if rng.random() >= habits.loss:
            self._send(arrival, data)
        if rng.random() < habits.duplicate:
            self._send(arrival + rng.uniform(0, 0.05), data)
        if rng.random() < habits.stranger:
            self._send(arrival, data if rng.random() < 0.5 else rng.randbytes(172), STRANGER)
        if rng.random() < habits.rubbish:
            self._send(arrival, self._rubbish(data))
        self._now += self._samples / 8_000

    def _change(self) -> None:
        rng, habits = self._rng, self._habits
        if rng.random() < habits.restart:
            self._ssrc, self._sequence = rng.getrandbits(32), rng.getrandbits(16)
            self._timestamp = rng.getrandbits(32)
        if rng.random() < habits.other_codec:
            self._payload_type = 8 - self._payload_type
        if rng.random() < habits.other_size:
            self._samples = rng.choice((80, 160, 240, 480))
        if rng.random() < habits.leap:
            self._timestamp += rng.choice((-1_600, -1, 1, 160, 80_000))

    def _pause(self) -> None:
        rng, habits = self._rng, self._habits
        if rng.random() < habits.pause:
            samples = rng.randrange(160, 16_000)
            self._timestamp += samples
            self._now += samples / 8_000
        if rng.random() < habits.stall:
            self._now += rng.uniform(0.05, 1.5)
        if rng.random() < habits.key:
            self._key()

    def _audio(self) -> bytes:
        packet = RtpPacket(
            self._payload_type,
            self._rng.random() < self._habits.marker,
            self._sequence & 0xFFFF,
            self._timestamp & 0xFFFF_FFFF,
            self._ssrc,
            self._rng.randbytes(self._samples),
        )
        self._sequence += 1
        self._timestamp += self._samples
        return rtp.build(packet)

    def _key(self) -> None:
        digit = self._rng.randrange(len(DIGITS))
        for slot in range(1, 8):
            event = TelephoneEvent(digit, slot >= 5, 10, min(slot, 5) * 160)
            packet = RtpPacket(
                101,
                slot == 1,
                self._sequence & 0xFFFF,
                self._timestamp & 0xFFFF_FFFF,
                self._ssrc,
                telephone_event.build(event),
            )
            self._sequence += 1
            self._send(self._now + 0.02 * slot, rtp.build(packet))
        self._timestamp += 7 * 160
        self._now += 0.14

    def _rubbish(self, data: bytes) -> bytes:
        rng = self._rng
        kind = rng.randrange(7)
        if kind == 0:
            return data[: rng.randrange(len(data))]
        if kind == 1:
            return data + rng.randbytes(1_600)
        if kind == 2:
            return data[:12]
        if kind == 3:
            return bytes.fromhex("000100002112a442") + rng.randbytes(12)  # STUN
        spoilt = bytearray(data)
        spoilt[rng.randrange(12)] ^= 1 << rng.randrange(8)
        return bytes(spoilt)

    def _send(self, arrival: float, data: bytes, source: Address = REMOTE) -> None:
        self._pending.append((arrival, data, source))
