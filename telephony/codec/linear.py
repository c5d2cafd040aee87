"""Plain 16-bit PCM at 16 kHz: what a wideband line is played, and encodes packet by packet."""

from offhook.telephony.codec.base import Convert
from offhook.telephony.pcm import SAMPLE_BYTES, WIDE_RATE_HZ


class Linear:
    """16 kHz little-endian mono: payload is PCM. It never goes over RTP, whose L16 is big-endian (RFC 3551 §4.5.11)."""

    name = "LINEAR16"
    rate_hz = WIDE_RATE_HZ
    bytes_per_tick = 2 * SAMPLE_BYTES
    payload_type: int | None = None
    silence = bytes(2 * SAMPLE_BYTES)

    def encode(self, pcm: bytes) -> bytes:
        """The same in whole ticks, the last one filled up with silence. ValueError for half a sample."""
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"{len(pcm)} bytes are not whole 16-bit samples")
        return pcm + bytes(-len(pcm) % self.bytes_per_tick)

    def decode(self, payload: bytes) -> bytes:
        """The same."""
        return payload

    def encoder(self) -> Convert:
        """No state."""
        return self.encode

    def decoder(self) -> Convert:
        """No state."""
        return self.decode


LINEAR16 = Linear()
