"""What a line was given to play: the part that is not sent yet, and when the sent part arrives. Pure."""

from collections import deque

FLIGHTS_MAX = 256
"""Sent packets that are remembered: 5 s of them, more than any delay a conversation survives."""


class PlayoutRecord:
    """Payload in the played encoding; lengths and positions in ticks of 1/8000 s."""

    __slots__ = ("_arrived", "_bytes_per_tick", "_flights", "_played", "_played_ticks")

    def __init__(self, bytes_per_tick: int) -> None:
        self._bytes_per_tick = bytes_per_tick
        self._played: deque[bytes] = deque()
        self._played_ticks = 0
        self._flights: deque[tuple[float, int]] = deque(maxlen=FLIGHTS_MAX)
        self._arrived = 0

    def play(self, payload: bytes, queued_ticks: int) -> None:
        """Append what is played; `queued_ticks` of what was played before are not sent yet."""
        while self._played and self._played_ticks - self._ticks(self._played[0]) >= queued_ticks:
            self._played_ticks -= self._ticks(self._played.popleft())
        self._played.append(payload)
        self._played_ticks += self._ticks(payload)

    def clear(self) -> None:
        """What is not sent yet was dropped."""
        self._played.clear()
        self._played_ticks = 0

    def unsent(self, queued_ticks: int) -> bytes:
        """What is not sent yet: the last `queued_ticks`."""
        return b"".join(self._played)[-queued_ticks * self._bytes_per_tick :] if queued_ticks else b""

    def sent(self, payload: bytes, ordinal: int, at: float) -> None:
        """This much was sent at that time, after `ordinal` ticks."""
        self._flights.append((at, ordinal + len(payload) // self._bytes_per_tick))

    def arrived(self, sent_until: float) -> int:
        """The ticks that were sent by then."""
        while self._flights and self._flights[0][0] <= sent_until:
            self._arrived = self._flights.popleft()[1]
        return self._arrived

    def _ticks(self, payload: bytes) -> int:
        return len(payload) // self._bytes_per_tick
