"""Opus for speech: 16 kHz, mono, in packets of 10 to 60 ms (RFC 6716; RTP payload RFC 7587).

The coder is libopus, from the package opuslib-next-bundled (both BSD). The RTP clock runs at 48000 at any rate
(RFC 7587 §4.1), and a packet states its own duration: there is no fixed number of bytes per tick.
"""

from importlib import import_module
from typing import Any

from offhook.telephony.codec.base import Convert, PacketClock
from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.pcm import RATE_HZ, SAMPLE_BYTES, WIDE_RATE_HZ
from offhook.telephony.wire.opus import MAX_TICKS, packet_ticks

BIT_RATE = 32_000
"""Enough for 16 kHz with FEC: at 24,000 the encoder gives up part of the band for FEC."""

COMPLEXITY = 1
"""Encoder complexity, 0 to 10: a packet costs 43 µs; with 5 it costs 128 µs (docs/decisions/0007-opus.md)."""

EXPECTED_LOSS_PERCENT = 10
"""The loss that in-band FEC is tuned for: a rule of thumb for lossy networks."""

MAX_CONCEALED_TICKS = RATE_HZ
"""The decoder conceals a gap for this long; the rest is silence."""

CLOCK = PacketClock(units_per_tick=6, ticks=packet_ticks)

_TICK_SAMPLES = WIDE_RATE_HZ // RATE_HZ
_TICK_PCM_BYTES = _TICK_SAMPLES * SAMPLE_BYTES
_STEP_TICKS = 20  # the decoder conceals in units of 2.5 ms
_ENCODABLE_TICKS = frozenset((80, 160, 320, 480))


class Opus:
    """The codec. Its coders raise LocalError where the package is not installed."""

    name = "OPUS"
    rate_hz = WIDE_RATE_HZ
    bytes_per_tick = 0  # packets state their own duration
    payload_type: int | None = None
    silence = b""

    def encode(self, pcm: bytes) -> bytes:
        """PCM of one packet, 10, 20, 40 or 60 ms, to that packet. ValueError for another length."""
        return self.encoder()(pcm)

    def decode(self, payload: bytes) -> bytes:
        """One packet to PCM."""
        return self.decoder()(payload)

    def encoder(self, max_bit_rate: int | None = None) -> Convert:
        """For one stream, packet by packet; `max_bit_rate` in bit/s, 6000 or more."""
        coder = _library().Encoder(WIDE_RATE_HZ, 1, "voip")
        coder.bitrate = min(BIT_RATE, max_bit_rate or BIT_RATE)
        coder.complexity = COMPLEXITY
        coder.inband_fec = 1
        coder.packet_loss_perc = EXPECTED_LOSS_PERCENT

        def push(pcm: bytes) -> bytes:
            ticks, odd = divmod(len(pcm), _TICK_PCM_BYTES)
            if not pcm:
                return b""
            if odd or ticks not in _ENCODABLE_TICKS:
                raise ValueError(f"{len(pcm)} bytes are not 10, 20, 40 or 60 ms")
            return bytes(coder.encode(pcm, ticks * _TICK_SAMPLES))

        return push

    def decoder(self) -> Convert:
        """For one stream, packet by packet."""
        return OpusDecoder().decode


class OpusDecoder:
    """One stream's decoder, with loss concealment. LocalError where the package is not installed."""

    __slots__ = ("_coder", "_error")

    def __init__(self) -> None:
        library = _library()
        self._coder: Any = library.Decoder(WIDE_RATE_HZ, 1)
        self._error: type[Exception] = library.OpusError

    def decode(self, payload: bytes) -> bytes:
        """A packet to PCM; stereo is mixed down. Invalid frames are concealed, an invalid packet gives nothing."""
        ticks = _ticks(payload)
        return self._decode(payload, ticks, fec=False) if ticks else b""

    def conceal(self, ticks: int, following: bytes | None) -> bytes:
        """PCM in place of that many lost ticks of 1/8000 s.

        `following` is the packet right after them, if it has come: its in-band FEC may carry their end.
        """
        made_up = min(ticks, MAX_CONCEALED_TICKS)
        steps = -(-made_up // _STEP_TICKS)
        carried = min(steps, _ticks(following or b"") // _STEP_TICKS)
        parts, left = [], steps - carried
        while left:
            piece = min(left, MAX_TICKS // _STEP_TICKS)
            parts.append(self._decode(b"", piece * _STEP_TICKS, fec=False))
            left -= piece
        if following is not None and carried:
            parts.append(self._decode(following, carried * _STEP_TICKS, fec=True))
        pcm = b"".join(parts)[: made_up * _TICK_PCM_BYTES]
        return pcm + bytes(ticks * _TICK_PCM_BYTES - len(pcm))

    def _decode(self, payload: bytes, ticks: int, *, fec: bool) -> bytes:
        samples = ticks * _TICK_SAMPLES
        try:
            pcm = bytes(self._coder.decode(payload, samples, fec))
        except self._error:
            pcm = bytes(self._coder.decode(b"", samples, False))
        return pcm


def _ticks(payload: bytes) -> int:
    """Its duration; 0 for an invalid packet."""
    try:
        return packet_ticks(payload)
    except WireError:
        return 0


def _library() -> Any:
    try:
        return import_module("opuslib_next")
    except (ImportError, RuntimeError) as error:  # RuntimeError: its library is for another platform
        raise LocalError(f"the package opuslib-next-bundled is not installed ({error})") from error


OPUS = Opus()
