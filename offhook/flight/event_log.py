"""One call's log in memory, on its way to the file. What a row has is in `rows`."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from offhook.flight.rows import FRAME, Row
from offhook.pipeline.trace import ModelWrote, SessionEvent
from offhook.pipeline.vad.loudness import BLOCK_SAMPLES

FRAMES_PER_ROW = 64
MAX_WAITING_ROWS = 20_000
"""Per call. Beyond it the disk is too slow, and the log ends."""


class EventLog:
    """Takes the rows of one call. Cheap: they become text elsewhere. `append` may run beside `take`, in another thread.

    `header` is its first line, see `rows.header_of`.
    """

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = header
        self.closed = False
        self.truncated = False
        self._rows: deque[Row] = deque()
        self._frames = bytearray()
        self._frames_at = self._next_at = 0
        self._zero_at = 0.0
        self._frame_samples = 0

    def append(self, *row: Any) -> None:
        """Add a row; it must not change any more."""
        if self.closed or self.truncated:
            return
        if len(self._rows) >= MAX_WAITING_ROWS:
            self.truncated = True
            return
        self._rows.append(row)

    def on_event(self, event: SessionEvent) -> None:
        """Take in an event of the session, but for a reply that is not complete: it is a part of one that follows."""
        if not isinstance(event, ModelWrote):
            self.append("e", event)

    def on_frame(
        self, probability: float, at_tick: int, samples: int, part: tuple[int, int, int], zero_at: float
    ) -> None:
        """Take in a frame as the gate got it, see SpeechGate.push: `part` is `audible`, `start` and `end`. `zero_at` is
        when sample 0 would have arrived with the frame's delay (monotonic seconds); a row has that of the least."""
        if not self._frames or at_tick != self._next_at or len(self._frames) >= FRAMES_PER_ROW * FRAME.size:
            self.flush()
            self._frames_at, self._zero_at, self._frame_samples = at_tick, zero_at, samples
        self._zero_at = min(self._zero_at, zero_at)
        audible, start, end = part
        self._frames += FRAME.pack(
            min(255, int(256 * probability)), audible // BLOCK_SAMPLES, start // BLOCK_SAMPLES, end // BLOCK_SAMPLES
        )
        self._next_at = at_tick + samples

    def flush(self) -> None:
        """Frames so far become a row."""
        if self._frames:
            self.append("v", self._frames_at, self._zero_at, self._frame_samples, bytes(self._frames))
            self._frames.clear()

    def close(self) -> None:
        """The call is over. Idempotent."""
        self.flush()
        self.closed = True

    def take(self) -> list[Row]:
        """The rows so far; they are taken once."""
        return [self._rows.popleft() for _ in range(len(self._rows))]
