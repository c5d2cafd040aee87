"""How long to wait for overdue packets after a delay spike. Pure.

A network that has held packets up once will do so again: after a spike silence is filled only when the wait was as long
as that spike. The hold ends a while after the last one that it was good for.
"""

from offhook.telephony.rtp.config import RtpLimits


class SpikeHold:
    """`seconds` is the wait, 0.0 without a recent spike; `until` is when it ends."""

    __slots__ = ("_kept_s", "_longest_s", "_usual_s", "seconds", "until")

    def __init__(self, limits: RtpLimits) -> None:
        self._kept_s = limits.spike_hold_kept_s
        self._longest_s = limits.spike_hold_max_ms / 1_000
        self._usual_s = limits.overdue_wait_min_ms / 1_000
        self.seconds = 0.0
        self.until = 0.0

    def learn(self, held_s: float, arrival: float) -> None:
        """A packet arrived after its time had been filled, `held_s` late."""
        if held_s <= self._longest_s:
            self.seconds = max(self.seconds, held_s)
            self.until = arrival + self._kept_s

    def review(self, held_s: float, arrival: float) -> None:
        """Audio arrived, `held_s` late: was the longer wait worth it?"""
        if held_s > self._usual_s:
            self.until = arrival + self._kept_s
        elif arrival >= self.until:
            self.seconds = 0.0
