"""Inbound audio: media messages put on one continuous time line.

TCP loses nothing, so an ordinary piece passes at once. A hole is what the far end itself left out: detected by the
pieces' numbers and timestamps, or by nothing arriving at all (some send nothing while their caller is silent). Where
timestamps come from a wall clock, only numbers prove a hole: a clock that steps, or a stalled sender, leaves nothing
out.
"""

from collections.abc import Callable
from typing import NamedTuple

from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.media_streams.limits import LEAD_SAMPLES
from offhook.telephony.media_streams.messages import MediaDetails
from offhook.telephony.media_streams.numbering import Numbering, Order
from offhook.telephony.pcm import SAMPLE_BYTES
from offhook.telephony.plc import Concealer

RATE_HZ = 8_000
SAMPLES_PER_MS = 8

STALLED_S = 1.0
"""If nothing arrives for this long, silence is inserted; until then the network may only be late."""

STALL_STEP_S = 0.1
"""How often silence is added while nothing arrives."""

CLOCK_MS = 100_000_000_000
"""A timestamp from here on is a wall clock's (1973), whatever the dialect says."""

TOLERANCE_MS = 40
"""Timestamps may jump this far between consecutively numbered pieces: some far ends take them from a clock."""

HOLE_MS_MAX = 10_000
"""A longer hole means that a clock was set; it is not filled."""


SWAP_S = 0.04
"""How long a piece waits for a missing one before it."""


class _Early(NamedTuple):
    """Audio that arrived before its predecessor."""

    chunk: int | None
    stamp_ms: int | None
    pcm: bytes
    samples: int
    came_at: float


class InboundStream:
    """Media in, PCM out. `decode` makes 16-bit PCM at 8 kHz of a payload; `on_audio(pcm, at_tick)` gets it in
    order and without holes. `clock_stamps`: timestamps are a wall clock's. `may_swap`: neighbours may change places, so
    a piece waits up to `SWAP_S` for a missing one before it.

    `now` is monotonic seconds. `position` counts the ticks delivered so far.
    """

    __slots__ = (
        "_began",
        "_clock_stamps",
        "_concealer",
        "_decode",
        "_early",
        "_may_swap",
        "_next_ms",
        "_numbering",
        "_on_audio",
        "_stall_samples",
        "_stalled",
        "concealed_ticks",
        "duplicate",
        "gaps",
        "last_received_at",
        "position",
        "rate_limited",
        "received",
    )

    def __init__(
        self,
        on_audio: Callable[[bytes, int], None],
        decode: Callable[[bytes], bytes] = PCMU.decode,
        *,
        clock_stamps: bool = False,
        may_swap: bool = False,
    ) -> None:
        self._on_audio = on_audio
        self._decode = decode
        self._concealer = Concealer()
        self._began: float | None = None  # when sample 0 arrived
        self._clock_stamps = clock_stamps
        self._may_swap = may_swap
        self._early: _Early | None = None
        self._numbering = Numbering()
        self._next_ms: float | None = None  # the next timestamp expected
        self._stalled = False
        self._stall_samples = 0  # filled since the last piece
        self.position = 0
        self.last_received_at: float | None = None
        self.received = self.duplicate = self.rate_limited = self.gaps = self.concealed_ticks = 0

    def media(self, media: MediaDetails, now: float) -> None:
        """The next piece."""
        pcm = self._decode(media.payload)
        samples = len(pcm) // SAMPLE_BYTES
        if self._began is None:
            self._began = now
        self.last_received_at = now
        self.received += 1
        self._stalled = False
        chunk, stamp_ms = media.chunk, media.timestamp
        if self._early is not None:
            early, self._early = self._early, None
            if chunk is not None and chunk + 1 == early.chunk:
                self._numbering.judge(chunk)
                self._place(stamp_ms, pcm, samples, 0, now)
                self._place(early.stamp_ms, early.pcm, early.samples, 0, now)
                return
            self._place(early.stamp_ms, early.pcm, early.samples, 1, now)
        left_out = 0
        if chunk is not None:
            order = self._numbering.judge(chunk)
            if order is Order.LATE or order is Order.AGAIN:
                self.duplicate += 1
                return
            if order is Order.RESTARTED:
                self._next_ms = None
            left_out = self._numbering.missing
        if self._may_swap and left_out == 1:
            self._early = _Early(chunk, stamp_ms, pcm, samples, now)
        else:
            self._place(stamp_ms, pcm, samples, left_out, now)

    def restart(self) -> None:
        """From now on a new stream, with its own numbers and timestamps. Audio time continues."""
        self._numbering.restart()
        self._next_ms = self._early = None

    def get_timer(self) -> float | None:
        """When `handle_timer` is due, if nothing arrives before."""
        if self.last_received_at is None:
            return None
        if self._early is not None:
            return self._early.came_at + SWAP_S
        if not self._stalled:
            return self.last_received_at + STALLED_S
        return self._time_of(self.position) + STALL_STEP_S

    def handle_timer(self, now: float) -> None:
        """Nothing arrives: advance audio time with silence."""
        due = self.get_timer()
        if due is None or now < due:
            return
        if self._early is not None:
            early, self._early = self._early, None
            self._place(early.stamp_ms, early.pcm, early.samples, 1, now)
            return
        missing = int((now - self._time_of(0)) * RATE_HZ) - self.position
        if missing > 0 and not self._stall_samples:
            self.gaps += 1
        self._stalled = True
        self._stall_samples += max(0, missing)
        self._make_up(missing)

    def _place(self, stamp_ms: int | None, pcm: bytes, samples: int, left_out: int, now: float) -> None:
        """Deliver the next piece after filling the hole before it, of `left_out` pieces by number."""
        hole = self._hole_samples(stamp_ms, left_out, samples)
        # How much may be delivered by now, beyond this piece.
        room = int((now - self._time_of(0)) * RATE_HZ) + LEAD_SAMPLES - self.position - samples
        if hole:
            # Audio time already filled during a stall is not filled again.
            missing = min(hole - self._stall_samples, room)
            if missing > 0:
                self.gaps += 1
                self._make_up(missing)
                room -= missing
        self._stall_samples = 0
        if room < 0:
            self.rate_limited += 1
            return
        self._give(self._concealer.good(pcm), samples)

    def _hole_samples(self, stamp_ms: int | None, left_out: int, samples: int) -> int:
        """How much is missing before a piece of `samples`, by its timestamp and the `left_out` numbers."""
        if stamp_ms is None or self._clock_stamps or stamp_ms >= CLOCK_MS:
            by_number = left_out * samples
            return by_number if by_number <= HOLE_MS_MAX * SAMPLES_PER_MS else 0
        expected_ms, self._next_ms = self._next_ms, stamp_ms + samples / SAMPLES_PER_MS
        hole_ms = 0.0 if expected_ms is None else stamp_ms - expected_ms
        if (0 if left_out else TOLERANCE_MS) < hole_ms <= HOLE_MS_MAX:
            return int(hole_ms * SAMPLES_PER_MS)
        return 0

    def _time_of(self, position: int) -> float:
        return (self._began or 0.0) + position / RATE_HZ

    def _make_up(self, samples: int) -> None:
        if samples > 0:
            self.concealed_ticks += samples
            self._give(self._concealer.lost(samples), samples)

    def _give(self, pcm: bytes, samples: int) -> None:
        at_tick = self.position
        self.position += samples
        self._on_audio(pcm, at_tick)
