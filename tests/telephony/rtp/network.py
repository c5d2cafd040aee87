"""A network in virtual time between a far end and a session: delay, loss, drift, and what comes of them."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from offhook.telephony.rtp import AudioGap, AudioPayload, RtpEvent, RtpSession
from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import FAR_SSRC, REMOTE, START, body, events

Delay = Callable[[int, float], float | None]
"""(packet's number, its sending time) to its delay in seconds; None: it is lost."""


@dataclass
class Outcome:
    """What came out, and when. `delays_s`: how long each packet was held back by the session, from its arrival."""

    received: list[RtpEvent] = field(default_factory=list)
    received_at: list[float] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)

    def p95_ms(self) -> float:
        return float(np.percentile(self.delays_s, 95)) * 1_000

    def worst_ms(self) -> float:
        return max(self.delays_s) * 1_000

    @property
    def position(self) -> int:
        last = self.received[-1]
        assert isinstance(last, AudioPayload | AudioGap)
        return last.at_tick + (last.ticks if isinstance(last, AudioGap) else len(last.payload))


@dataclass(frozen=True)
class Stream:
    """`seconds` of packets of `ticks`, by a clock that is fast by `ppm`; `numbering` is where its numbers begin."""

    seconds: float
    ticks: int = 160
    ppm: float = 0.0
    numbering: tuple[int, int] = (0, 0)
    payload_type: int = 0
    ssrc: int = FAR_SSRC

    def packets(self) -> Iterable[tuple[int, float, bytes]]:
        sequence, timestamp = self.numbering
        interval_s = self.ticks / 8_000 / (1 + self.ppm * 1e-6)
        for n in range(round(self.seconds * 8_000 / self.ticks)):
            packet = RtpPacket(
                self.payload_type,
                n == 0,
                (sequence + n) & 0xFFFF,
                (timestamp + n * self.ticks) & 0xFFFFFFFF,
                self.ssrc,
                body(n, self.ticks),
            )
            yield n, START + n * interval_s, rtp.build(packet)


def deliver(subject: RtpSession, stream: Stream, delay: Delay) -> Outcome:
    """Send the stream through the network; timers run at their times."""
    arrivals: list[tuple[float, int, bytes]] = []
    for n, at, data in stream.packets():
        travel = delay(n, at)
        if travel is not None:
            heapq.heappush(arrivals, (at + travel, n, data))
    outcome = Outcome()
    arrived: dict[int, float] = {}
    while arrivals:
        now, n, data = heapq.heappop(arrivals)
        _run(subject, now, outcome, arrived)
        arrived.setdefault(n, now)
        subject.receive_rtp(data, REMOTE, now)
        _collect(subject, now, outcome, arrived)
    return outcome


def _run(subject: RtpSession, until: float, outcome: Outcome, arrived: dict[int, float]) -> None:
    while (due := subject.get_timer()) is not None and due <= until:
        subject.handle_timer(due)
        subject.rtp_to_send()
        subject.rtcp_to_send()
        _collect(subject, due, outcome, arrived)


def _collect(subject: RtpSession, now: float, outcome: Outcome, arrived: dict[int, float]) -> None:
    for event in events(subject):
        outcome.received.append(event)
        outcome.received_at.append(now)
        if isinstance(event, AudioPayload):
            outcome.delays_s.append(now - arrived[int.from_bytes(event.payload[:4], "big")])
