"""Values remembered for a limited time, up to a limited number."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The latest `most` values, for `keep_s` each."""

    def __init__(self, keep_s: float, most: int) -> None:
        self._keep_s = keep_s
        self._most = most
        self._values: dict[K, tuple[float, V]] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._values)

    def recall(self, key: K, now: float) -> V | None:
        """The value; None if there is none, or no longer."""
        kept = self._values.get(key)
        return kept[1] if kept is not None and now - kept[0] < self._keep_s else None

    def items(self, now: float) -> Iterator[tuple[K, V, float]]:
        """(key, value, for how many seconds still) of all that are remembered."""
        for key, (since, value) in self._values.items():
            if now - since < self._keep_s:
                yield key, value, self._keep_s - (now - since)

    def keep(self, key: K, value: V, now: float) -> None:
        """Remember a value, replacing an older one."""
        self._values.pop(key, None)
        self._values[key] = now, value
        while self._values and (len(self._values) > self._most or self._is_over(now)):
            del self._values[next(iter(self._values))]

    def _is_over(self, now: float) -> bool:
        since, _ = next(iter(self._values.values()))
        return now - since >= self._keep_s
