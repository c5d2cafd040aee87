"""The last seconds of a stream, addressed by sample."""

from collections import deque

_SLACK_BYTES = 4_096  # more is kept, so that old pieces need not be dropped on every append


class Timeline:
    """The latest `kept_samples` of a stream with `width` bytes per sample; gaps are filled with `filler`.

    Much is appended and little of it ever read, so pieces are stored as they came.
    """

    __slots__ = ("_filler", "_have", "_kept", "_most", "_pieces", "_width", "end")

    def __init__(self, kept_samples: int, width: int, filler: bytes) -> None:
        self._kept = kept_samples * width
        self._most = self._kept + _SLACK_BYTES
        self._width = width
        self._filler = filler
        self._pieces: deque[bytes] = deque()
        self._have = 0  # bytes
        self.end = 0
        """The next sample."""

    @property
    def start(self) -> int:
        """The first sample that is kept."""
        return self.end - self._have // self._width

    def append(self, data: bytes) -> None:
        """Add data at the end."""
        size = len(data)
        self._pieces.append(data)
        self.end += size // self._width
        self._have += size
        if self._have > self._most:
            self._trim()

    def skip_to(self, at_tick: int) -> None:
        """Nothing came up to `at_tick`, which is not before `end`."""
        missing = at_tick - self.end
        if missing * self._width >= self._kept:
            self.clear()
        else:
            self.append(self._filler * missing)
        self.end = at_tick

    def _trim(self) -> None:
        pieces = self._pieces
        while self._have - len(pieces[0]) >= self._kept:
            self._have -= len(pieces.popleft())

    def clear(self) -> None:
        """Forget all."""
        self._pieces.clear()
        self._have = 0

    def read(self, start: int, stop: int) -> bytes:
        """The samples from `start` up to `stop`; filler where there are none, or none any more."""
        first = self.start
        before = max(0, min(stop, first) - start)
        after = max(0, stop - max(start, self.end))
        low, high = (max(start, first) - first) * self._width, (min(stop, self.end) - first) * self._width
        return self._filler * before + b"".join(self._pieces)[low : max(low, high)] + self._filler * after
