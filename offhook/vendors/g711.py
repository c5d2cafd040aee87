"""Which encoding a hosted engine uses on a line: the line's own law, so that nothing is converted. Pure."""

from collections.abc import Collection
from typing import NamedTuple

from offhook.pipeline.asr.engine import Encoding
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ


class Format(NamedTuple):
    """An encoding at a rate."""

    encoding: Encoding
    rate_hz: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 2 if self.encoding == "LINEAR16" else 1

    @property
    def bytes_per_s(self) -> int:
        """Bytes of a second."""
        return self.sample_bytes * self.rate_hz


def line_format(encoding: str, rate_hz: int, laws: Collection[str] = ("PCMU", "PCMA")) -> Format:
    """For a line with that encoding and rate: its G.711 law as it is, otherwise PCM at the line's rate.

    A vendor without the line's law (`laws` are those that it has) gets PCM, at twice the bytes and without a loss.
    """
    if encoding in ("PCMU", "PCMA") and encoding in laws:
        return Format("PCMU" if encoding == "PCMU" else "PCMA", NARROW_HZ)
    return Format("LINEAR16", WIDE_HZ if rate_hz == WIDE_HZ else NARROW_HZ)
