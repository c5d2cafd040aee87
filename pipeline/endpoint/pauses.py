"""How long one caller's pauses within turns are. Pure."""

LEAST_SEEN = 8
"""Pauses after which the average says something."""

WEIGHT = 0.2
SHORTEST_MS = 100.0
"""Shorter ones are the gaps of fluent speech."""

DEVIATIONS = 3.0
LONGEST_MS = 3_000.0
"""A longer one was no pause within a thought: the caller looked something up."""


class UsualPauses:
    """An exponential average of pauses and of their deviation, over one call."""

    def __init__(self) -> None:
        self._seen = 0
        self._mean_ms = self._deviation_ms = 0.0

    def add(self, pause_ms: float) -> None:
        """The caller went on after a pause."""
        if not SHORTEST_MS <= pause_ms <= LONGEST_MS:
            return
        self._seen += 1
        if self._seen == 1:
            self._mean_ms, self._deviation_ms = pause_ms, pause_ms / 2
            return
        error = pause_ms - self._mean_ms
        self._deviation_ms += WEIGHT * (abs(error) - self._deviation_ms)
        self._mean_ms += WEIGHT * error

    @property
    def usual_ms(self) -> float | None:
        """What nearly all of their pauses stay below; None until enough were seen."""
        return None if self._seen < LEAST_SEEN else self._mean_ms + DEVIATIONS * self._deviation_ms
