"""The carrier's buffer of audio from the bot."""

from collections import deque

RATE_HZ = 8_000
MAX_AHEAD_S = 3_600.0
MAX_WAITING = 200_000
"""Of pieces and marks together; an hour in packets of 20 ms is 180,000."""


class PlayoutBuffer:
    """The bot's audio until it is played to the caller. Pure: `now` is in seconds, of any clock."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, bytes]] = deque()  # (when it starts to play, payload)
        self._marks: deque[tuple[float, str]] = deque()
        self._ends_at = float("-inf")
        self._fresh = True
        self.gaps_s: list[float] = []
        """How long it ran empty, each time the bot went on within `gap_limit_s` and without `clear`."""
        self.gap_limit_s = 0.4

    def media(self, payload: bytes, now: float) -> None:
        """A chunk arrives. Raises ValueError if too much is waiting."""
        self._require_room(now)
        gap_s = now - self._ends_at
        if gap_s > 0:
            if not self._fresh and gap_s <= self.gap_limit_s:
                self.gaps_s.append(gap_s)
            self._ends_at = now
        self._fresh = False
        self._pieces.append((self._ends_at, payload))
        self._ends_at += len(payload) / RATE_HZ

    def mark(self, name: str, now: float) -> None:
        """A mark arrives: it is returned after what is buffered now. Raises ValueError if too much is waiting."""
        self._require_room(now)
        self._marks.append((max(now, self._ends_at), name))

    def clear(self, now: float) -> list[str]:
        """Drop what has not been played; returns all pending marks."""
        self._pieces.clear()
        self._ends_at = min(self._ends_at, now)
        self._fresh = True
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def play_until(self, now: float) -> tuple[bytes, list[str]]:
        """The audio played since the last call of this, and the marks that were reached."""
        played = b""
        while self._pieces and self._pieces[0][0] < now:
            starts_at, payload = self._pieces.popleft()
            samples = round((now - starts_at) * RATE_HZ)
            played += payload[:samples]
            if samples < len(payload):
                self._pieces.appendleft((starts_at + samples / RATE_HZ, payload[samples:]))
                break
        names = []
        while self._marks and self._marks[0][0] <= now:
            names.append(self._marks.popleft()[1])
        return played, names

    def _require_room(self, now: float) -> None:
        if self._ends_at - now > MAX_AHEAD_S or len(self._pieces) + len(self._marks) >= MAX_WAITING:
            raise ValueError(f"more than {MAX_AHEAD_S:g} s of audio, or {MAX_WAITING} messages, wait to be played")
