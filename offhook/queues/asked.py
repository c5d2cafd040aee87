"""How often a number is called back in a day: whoever enters the number of somebody else has them called. Pure."""

from collections import Counter, deque

DAY_S = 86_400.0
MOST_OF_A_NUMBER = 4
"""Call-backs that are promised to one number in a day, each with its own tries."""
MOST = 10_000
"""In all."""


class AskedNumbers:
    """Numbers that call-backs were promised to within a day."""

    def __init__(self) -> None:
        self._asked: deque[tuple[float, str]] = deque()
        self._counts: Counter[str] = Counter()

    def may_have(self, number: str, now: float) -> bool:
        """Whether it may have one more."""
        while self._asked and self._asked[0][0] <= now - DAY_S:
            _, before = self._asked.popleft()
            self._counts[before] -= 1
            if not self._counts[before]:
                del self._counts[before]
        return self._counts[number] < MOST_OF_A_NUMBER and len(self._asked) < MOST

    def has(self, number: str, now: float) -> None:
        """It is promised one more."""
        self._asked.append((now, number))
        self._counts[number] += 1
