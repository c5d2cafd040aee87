"""G.711, both laws: 8 kHz, one byte per sample (ITU-T G.711; payload types 0 and 8 of RFC 3551 §6)."""

from collections.abc import Callable

from offhook.telephony.codec.base import Convert
from offhook.telephony.pcm import RATE_HZ, SAMPLE_BYTES, audioop


class G711:
    """One of the two laws."""

    __slots__ = ("_compress", "_expand", "bytes_per_tick", "name", "payload_type", "rate_hz", "silence")

    def __init__(
        self,
        name: str,
        payload_type: int,
        compress: Callable[[bytes, int], bytes],
        expand: Callable[[bytes, int], bytes],
    ) -> None:
        self.name = name
        self.payload_type: int | None = payload_type
        self.bytes_per_tick = 1
        self.rate_hz = RATE_HZ
        self._compress = compress
        self._expand = expand
        self.silence = compress(bytes(SAMPLE_BYTES), SAMPLE_BYTES)

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def encode(self, pcm: bytes) -> bytes:
        """PCM to one byte per sample. ValueError if `pcm` is not whole samples."""
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"{len(pcm)} bytes are not whole 16-bit samples")
        return self._compress(pcm, SAMPLE_BYTES)

    def decode(self, payload: bytes) -> bytes:
        """One byte per sample to PCM."""
        return self._expand(payload, SAMPLE_BYTES)

    def encoder(self) -> Convert:
        """No state."""
        return self.encode

    def decoder(self) -> Convert:
        """No state."""
        return self.decode


PCMU = G711("PCMU", 0, audioop.lin2ulaw, audioop.ulaw2lin)
"""µ-law: silence is 0xFF."""

PCMA = G711("PCMA", 8, audioop.lin2alaw, audioop.alaw2lin)
"""A-law: silence is 0xD5."""
