"""What the bot sent and what came back lately, on one time axis: samples of the caller's audio, at 8 kHz."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from offhook.pipeline.front_end.echo.path import EchoPath, Floats
from offhook.pipeline.front_end.timeline import Timeline
from offhook.pipeline.rates import NARROW_HZ

LONGEST_LAG_SAMPLES = 5_600  # of an echo: 500 ms of the line and 200 of the network
TAPS = 256  # of an echo's path: 32 ms
KEPT_SAMPLES = 8_000  # of what was received

_KEPT_SENT_SAMPLES = LONGEST_LAG_SAMPLES + KEPT_SAMPLES + 2 * TAPS
_AUDIBLE_SAMPLES = LONGEST_LAG_SAMPLES + TAPS
_SLACK_SAMPLES = 480  # 60 ms: how late a report of sent audio may be and still continue what was sent before
_QUIET_SLICE_SAMPLES = 160
_LOSS_SLICE_SAMPLES = 40
_LEAST_LOSS_SLICES, _MOST_LOSS_SLICES = 4, 60  # 20 to 300 ms
_CONCEALED_SAMPLES = 480  # 60 ms
_ZERO_RISE_S = 0.000_1  # per packet, which is 5 ms a second: faster than clocks drift


class EchoHistory:
    """The latest second in both directions. `decode`, `encode`: see EchoGuard."""

    __slots__ = ("_encode", "_levels", "_received", "_sent", "_zero_s", "audible_since")

    def __init__(self, decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes] | None = None) -> None:
        self._encode = encode
        self._levels = np.frombuffer(decode(bytes(range(256))), "<i2").astype(np.float32)
        self._sent = Timeline(_KEPT_SENT_SAMPLES, 1, bytes([int(np.abs(self._levels).argmin())]))
        self._received = Timeline(KEPT_SAMPLES, 2, b"\0\0")
        self._zero_s: float | None = None  # when sample 0 of the caller's audio was due
        self.audible_since = 0
        """Where the bot's current stretch of speech began; pauses that an echo outlasts do not interrupt it."""

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to send this at `at_s` (monotonic seconds). `first`: it follows a pause."""
        sent = self._sent
        if self._zero_s is None:
            self._zero_s = at_s  # nothing has been received yet; `received` corrects this
        if first or not sent.end:
            at_tick = round((at_s - self._zero_s) * NARROW_HZ)
            if not self.audible(at_tick):
                self.audible_since = at_tick
            if at_tick > sent.end + _SLACK_SAMPLES or not sent.end:
                sent.skip_to(at_tick)
        sent.append(payload if self._encode is None else self._encode(payload))

    def received(self, pcm: bytes, at_tick: int, at_s: float) -> bool:
        """Add the caller's next audio, from `at_tick` until `at_s`. Returns False if none of it can be echo."""
        zero_s = at_s - (at_tick + len(pcm) // 2) / NARROW_HZ
        received, sent = self._received, self._sent
        if not received.end or at_tick - received.end > KEPT_SAMPLES:  # the first, or much was left out
            if self._zero_s is not None:
                moved = round((self._zero_s - zero_s) * NARROW_HZ)
                sent.end += moved
                self.audible_since += moved
            self._zero_s = zero_s
        elif self._zero_s is not None:
            self._zero_s += min(zero_s - self._zero_s, _ZERO_RISE_S)  # from the packets with the least delay
        if not sent.end or at_tick - sent.end > _AUDIBLE_SAMPLES:  # `audible`, without a call for each packet
            received.end = at_tick + len(pcm) // 2
            received.clear()
            return False
        if received.end < at_tick:
            received.skip_to(at_tick)
        received.append(pcm)
        return True

    def audible(self, at_tick: int) -> bool:
        """Whether an echo of sent audio can be audible at this sample."""
        return bool(self._sent.end) and at_tick - self._sent.end <= _AUDIBLE_SAMPLES

    @property
    def end(self) -> int:
        """The next sample to be received."""
        return self._received.end

    def audio(self, start: int, stop: int) -> Floats:
        """Received audio; silence where that is not kept."""
        return np.frombuffer(self._received.read(start, stop), "<i2").astype(np.float32)

    def reference(self, start: int, stop: int) -> Floats:
        """Sent audio; silence where the bot sent nothing."""
        return self._levels[np.frombuffer(self._sent.read(start, stop), np.uint8)]

    def echo(self, path: EchoPath, start: int, stop: int) -> Floats:
        """The echo that returns by `path`."""
        return path.predict(self.reference(start - path.lag - len(path.taps) + 1, stop - path.lag))

    def lost_span(self, start: int, stop: int) -> tuple[int, int] | None:
        """The last stretch in which packets appear to have been lost, including the concealment before it.

        Concealment fades within 60 ms, and digital silence follows. A line's own silence is rarely digital, and the
        silence before the first sound is not a loss.
        """
        powers = mean_powers(self.audio(start, stop), _LOSS_SLICE_SAMPLES)
        sounds = np.append(np.flatnonzero(powers), len(powers))
        lengths = np.diff(sounds) - 1  # of the silence after each sound
        losses = np.flatnonzero((lengths >= _LEAST_LOSS_SLICES) & (lengths <= _MOST_LOSS_SLICES))
        if not len(losses):
            return None
        began, ended = (start + int(sounds[losses[-1] + side]) * _LOSS_SLICE_SAMPLES for side in (0, 1))
        return max(start, began + _LOSS_SLICE_SAMPLES - _CONCEALED_SAMPLES), ended

    def noise_power(self) -> float:
        """The line's noise power per sample, from its quietest recent moments."""
        since = max(self._received.start, self.end - KEPT_SAMPLES)
        powers = mean_powers(self.audio(since, self.end), _QUIET_SLICE_SAMPLES)
        return float(np.partition(powers, len(powers) // 10)[len(powers) // 10]) if len(powers) else 0.0


def mean_powers(audio: npt.NDArray[np.float32], samples: int) -> Floats:
    """The mean square of each whole block of `samples`."""
    whole = audio[: len(audio) // samples * samples]
    return np.asarray(np.square(whole).reshape(-1, samples).mean(axis=1), np.float32)
