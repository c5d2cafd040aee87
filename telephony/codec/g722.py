"""G.722 at 64 kbit/s: 16 kHz, a byte per two samples (ITU-T G.722; payload type 9 of RFC 3551 §6).

Its RTP clock runs at 8000 although it is sampled at 16000 (RFC 3551 §4.5.2), so a byte is one tick. The coder is the
package G722 (public domain). The codec is adaptive: after a skipped piece the decoder is wrong for some 50 ms, so each
call has its own coders.
"""

from array import array
from importlib import import_module
from typing import Any

from offhook.telephony.codec.base import Convert
from offhook.telephony.errors import LocalError
from offhook.telephony.pcm import WIDE_RATE_HZ

TICK_PCM_BYTES = 4
BIT_RATE = 64_000


class G722:
    """The codec. Its coders raise LocalError where the package G722 is not installed."""

    name = "G722"
    rate_hz = WIDE_RATE_HZ
    bytes_per_tick = 1
    payload_type: int | None = 9
    silence = b"\xff"  # from any state it decays to 45 dB below audible speech

    def encode(self, pcm: bytes) -> bytes:
        """PCM to a byte per two samples. ValueError if they are not pairs."""
        return self.encoder()(pcm)

    def decode(self, payload: bytes) -> bytes:
        """A byte to two samples."""
        return self.decoder()(payload)

    def encoder(self) -> Convert:
        """For one stream."""
        encode = _coder().encode

        def push(pcm: bytes) -> bytes:
            if len(pcm) % TICK_PCM_BYTES:
                raise ValueError(f"{len(pcm)} bytes are not whole pairs of 16-bit samples")
            return bytes(encode(array("h", pcm)))

        return push

    def decoder(self) -> Convert:
        """For one stream."""
        decode = _coder().decode

        def push(payload: bytes) -> bytes:
            return bytes(decode(payload).tobytes())

        return push


def _coder() -> Any:
    try:
        return import_module("G722").G722(WIDE_RATE_HZ, BIT_RATE)
    except ImportError as error:
        raise LocalError(f"the package G722 is not installed ({error})") from error


G722_64K = G722()
