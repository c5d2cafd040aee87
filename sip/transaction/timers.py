"""The timer values of RFC 3261 §17 and RFC 6026, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Timer(StrEnum):
    """The timers of the transaction machines, by their letters (RFC 3261 appendix A, RFC 6026 §8.4, §8.5)."""

    A = "A"  # INVITE client: retransmit the request
    B = "B"  # INVITE client: give up
    C = "C"  # INVITE client: nothing final after a provisional. A proxy's timer (§16.6), here a bound
    D = "D"  # INVITE client: absorb retransmitted 3xx-6xx
    E = "E"  # non-INVITE client: retransmit the request
    F = "F"  # non-INVITE client: give up
    G = "G"  # INVITE server: retransmit the 3xx-6xx
    H = "H"  # INVITE server: give up waiting for the ACK
    I = "I"  # noqa: E741  the RFC's letter. INVITE server: absorb retransmitted ACKs
    J = "J"  # non-INVITE server: absorb retransmitted requests
    K = "K"  # non-INVITE client: absorb retransmitted responses
    L = "L"  # INVITE server: absorb retransmitted INVITEs after a 2xx
    M = "M"  # INVITE client: take in retransmitted and forked 2xx


@dataclass(frozen=True, slots=True)
class Timers:
    """The base values, in seconds; all others follow from them (RFC 3261 §17.1.1.1)."""

    t1_s: float = 0.5
    t2_s: float = 4.0
    t4_s: float = 5.0
    d_s: float = 32.0
    c_s: float = 300.0

    @property
    def give_up_s(self) -> float:
        """64·T1: how long a transaction, and the wait for the ACK of a 2xx, lasts."""
        return 64 * self.t1_s

    def durations(self, reliable: bool) -> Mapping[str, float | None]:
        """The first interval of each timer; `None` where a timer does not run over a reliable transport."""
        long = self.give_up_s
        return {
            Timer.A: None if reliable else self.t1_s,
            Timer.B: long,
            Timer.C: self.c_s,
            Timer.D: 0.0 if reliable else self.d_s,
            Timer.E: None if reliable else self.t1_s,
            Timer.F: long,
            Timer.G: None if reliable else self.t1_s,
            Timer.H: long,
            Timer.I: 0.0 if reliable else self.t4_s,
            Timer.J: 0.0 if reliable else long,
            Timer.K: 0.0 if reliable else self.t4_s,
            Timer.L: long,
            Timer.M: long,
        }
