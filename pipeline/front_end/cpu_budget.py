"""What the echo guards of a process may take of its time together."""


class Allowance:
    """Where many callers speak at once, a search for echoes in each of their lines would stall all calls.

    `share` of the time may be taken, and no more than `burst_s` at once.
    """

    def __init__(self, share: float = 0.15, burst_s: float = 0.02) -> None:
        self._share = share
        self._burst_s = burst_s
        self._left_s = burst_s
        self._at_s = 0.0

    def take(self, cost_s: float, at_s: float) -> bool:
        """May something be done at `at_s` (monotonic seconds) that takes `cost_s`? If so, it counts as done."""
        passed_s = max(0.0, at_s - self._at_s)
        self._at_s = max(self._at_s, at_s)
        self._left_s = min(self._burst_s, self._left_s + self._share * passed_s)
        if self._left_s < cost_s:
            return False
        self._left_s -= cost_s
        return True
