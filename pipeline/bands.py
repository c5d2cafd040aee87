"""Sample rates of one call: the line's, the detector's 8 kHz, and the recogniser's.

Front end and detector work at 8 kHz on every line, so that all calls of a process share one batch. A 16 kHz recogniser
gets a wideband line unchanged, except while the front end subtracts the bot's echo: then it gets the processed audio,
upsampled to 16 kHz. Switching between the two shifts the audio once, by about 3 ms.
"""

from collections.abc import Callable

from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ

Convert = Callable[[bytes], bytes]


class Bands:
    """The converters of one call, for a line and a recogniser of 8 or 16 kHz each."""

    def __init__(
        self, line_hz: int, asr_hz: int, upsampler: Callable[[], Convert], downsampler: Callable[[], Convert]
    ) -> None:
        self.is_narrow = NARROW_HZ in (line_hz, asr_hz)
        """Whether the recogniser's audio is the same as the detector's."""
        self.kept_bytes = 2 if self.is_narrow else 4
        """Bytes of recogniser audio per tick of 1/8000 s."""
        self._upsampler = upsampler
        self.narrow = downsampler() if line_hz == WIDE_HZ else None
        """Converts the line's next audio to 8 kHz, for the front end and the detector; None if it is that already."""
        self._widen: Convert | None = None
        self._stretches = self.is_narrow and asr_hz == WIDE_HZ
        self._for_turn: Convert | None = None

    def unstretched(self) -> Callable[[], None]:
        """The recogniser takes buffered audio at its own rate from now on. Returns a function that ends it, for the
        turns that begin afterwards."""
        stretched = self._stretches
        self._stretches, self._for_turn = False, None

        def undo() -> None:
            self._stretches = stretched

        return undo

    def wide(self, pcm: bytes, narrow: bytes, processed: bytes) -> bytes:
        """The same for a wideband recogniser: `pcm`, or `processed` upsampled if the front end changed `narrow`."""
        if processed is narrow:
            self._widen = None
            return pcm
        if self._widen is None:
            self._widen = self._upsampler()
        return self._widen(processed)

    def begin_turn(self) -> None:
        """Reset the converter for a new turn."""
        self._for_turn = self._upsampler() if self._stretches else None

    def for_recogniser(self, kept: bytes) -> bytes:
        """Buffered audio at the recogniser's rate."""
        return kept if self._for_turn is None else self._for_turn(kept)
