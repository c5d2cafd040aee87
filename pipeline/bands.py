"""The rates of one call: the line's, the detector's 8 kHz, and the recogniser's.

Front end and detector take 8 kHz on every line, so that the calls of a process share one batch. A recogniser of 16 kHz
gets a wideband line as it is; only while the front end subtracts the bot's own echo does it get the result of that,
brought back to 16 kHz. Switching from one to the other moves the audio by some 3 ms, once.
"""

from collections.abc import Callable

NARROW_HZ, WIDE_HZ = 8_000, 16_000

Convert = Callable[[bytes], bytes]


class Bands:
    """The converters of one call, for a line and a recogniser of 8 or 16 kHz each."""

    def __init__(
        self, line_hz: int, asr_hz: int, upsampler: Callable[[], Convert], downsampler: Callable[[], Convert]
    ) -> None:
        self.is_narrow = NARROW_HZ in (line_hz, asr_hz)
        """Whether what is kept for the recogniser is what the detector hears."""
        self.kept_bytes = 2 if self.is_narrow else 4
        """Of what is kept, for each tick of 1/8000 s."""
        self._upsampler = upsampler
        self._downsample = downsampler() if line_hz == WIDE_HZ else None
        self._widen: Convert | None = None
        self._stretches = self.is_narrow and asr_hz == WIDE_HZ
        self._for_turn: Convert | None = None

    def narrow(self, pcm: bytes) -> bytes:
        """The line's next audio as front end and detector take it."""
        return pcm if self._downsample is None else self._downsample(pcm)

    def wide(self, pcm: bytes, narrow: bytes, heard: bytes) -> bytes:
        """The same for the recogniser of a wide line: `pcm`, unless the front end changed `narrow`."""
        if heard is narrow:
            self._widen = None
            return pcm
        if self._widen is None:
            self._widen = self._upsampler()
        return self._widen(heard)

    def begin_turn(self) -> None:
        """A recogniser listens to something new."""
        self._for_turn = self._upsampler() if self._stretches else None

    def for_recogniser(self, kept: bytes) -> bytes:
        """What was kept, at the recogniser's rate."""
        return kept if self._for_turn is None else self._for_turn(kept)
