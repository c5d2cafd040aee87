"""Limits the CPU time that all echo guards of a process may use."""


class CpuBudget:
    """A token bucket of CPU seconds, so that many callers speaking at once cannot stall all calls.

    It refills at `share` of elapsed time, up to `burst_s`.
    """

    def __init__(self, share: float = 0.15, burst_s: float = 0.02) -> None:
        self._share = share
        self._burst_s = burst_s
        self._left_s = burst_s
        self._at_s = 0.0

    def take(self, cost_s: float, at_s: float) -> bool:
        """Reserve `cost_s` at time `at_s` (monotonic seconds). False if that exceeds the budget."""
        passed_s = max(0.0, at_s - self._at_s)
        self._at_s = max(self._at_s, at_s)
        self._left_s = min(self._burst_s, self._left_s + self._share * passed_s)
        if self._left_s < cost_s:
            return False
        self._left_s -= cost_s
        return True
