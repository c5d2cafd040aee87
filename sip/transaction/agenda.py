"""The deadlines of all owners, cheap with thousands of them."""

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Agenda(Generic[T]):
    """Keeps at most one deadline for each owner; an old entry stays in the heap until it comes to the top.

    Owners are compared by identity. The heap never grows past twice the owners (and a small constant).
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._owners: dict[int, tuple[float, T]] = {}

    def schedule(self, owner: T, deadline: float | None) -> None:
        """Replace the owner's deadline; None removes the owner."""
        key = id(owner)
        if deadline is None:
            self._owners.pop(key, None)
            return
        known = self._owners.get(key)
        if known is not None and known[0] == deadline:
            return
        self._owners[key] = (deadline, owner)
        heappush(self._heap, (deadline, key))
        if len(self._heap) > 2 * len(self._owners) + 64:
            self._heap = [(at, of) for of, (at, _) in self._owners.items()]
            heapify(self._heap)

    def get_timer(self) -> float | None:
        """The earliest deadline."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> T | None:
        """The owner whose deadline is earliest and has come; its deadline is removed."""
        self._drop_stale()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, key = heappop(self._heap)
        return self._owners.pop(key)[1]

    def __len__(self) -> int:
        return len(self._owners)

    def _drop_stale(self) -> None:
        heap = self._heap
        while heap:
            at, key = heap[0]
            owner = self._owners.get(key)
            if owner is not None and owner[0] == at:
                return
            heappop(heap)
