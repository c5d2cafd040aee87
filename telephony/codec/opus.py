"""Opus for speech: 16 kHz, mono, in packets of 10 to 60 ms (RFC 6716; over RTP as RFC 7587 has it).

The coder is libopus, by the package opuslib-next-bundled (both BSD). Its RTP clock runs at 48000 at any rate (RFC 7587
§4.1), and a packet tells how long it lasts: there are no octets for a tick.
"""

from importlib import import_module
from typing import Any

from offhook.telephony.codec.base import Convert, PacketClock
from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.pcm import RATE_HZ, SAMPLE_BYTES, WIDE_RATE_HZ
from offhook.telephony.wire.opus import MAX_TICKS, packet_ticks

BIT_RATE = 32_000
"""Enough for 16 kHz and FEC together: with 24,000 the coder gives up part of the band for it."""

COMPLEXITY = 1
"""Of 0 to 10: a packet costs 43 µs; with 5 it costs 128 µs (docs/decisions/0007-opus.md)."""

EXPECTED_LOSS_PERCENT = 10
"""What in-band FEC is made for: as a rule of thumb of networks that lose something."""

MAX_CONCEALED_TICKS = RATE_HZ
"""A gap is concealed by the decoder for so long; the rest of it is silence."""

CLOCK = PacketClock(units_per_tick=6, ticks=packet_ticks)

_TICK_SAMPLES = WIDE_RATE_HZ // RATE_HZ
_TICK_PCM_BYTES = _TICK_SAMPLES * SAMPLE_BYTES
_STEP_TICKS = 20  # the decoder makes up whole 2.5 ms
_ENCODABLE_TICKS = frozenset((80, 160, 320, 480))


class Opus:
    """The codec. Its coders raise LocalError where the package is not installed."""

    name = "OPUS"
    rate_hz = WIDE_RATE_HZ
    tick_octets = 0  # packets tell their own length
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
                raise ValueError(f"{len(pcm)} octets are not 10, 20, 40 or 60 ms")
            return bytes(coder.encode(pcm, ticks * _TICK_SAMPLES))

        return push

    def decoder(self) -> Convert:
        """For one stream, packet by packet."""
        return OpusDecoder().decode


class OpusDecoder:
    """One stream's, with what it makes of packets that are missing. LocalError where the package is not installed."""

    __slots__ = ("_coder", "_error")

    def __init__(self) -> None:
        library = _library()
        self._coder: Any = library.Decoder(WIDE_RATE_HZ, 1)
        self._error: type[Exception] = library.OpusError

    def decode(self, payload: bytes) -> bytes:
        """A packet to PCM; stereo is mixed. Frames that are no Opus are concealed, what is no packet is nothing."""
        ticks = _ticks(payload)
        return self._decode(payload, ticks, fec=False) if ticks else b""

    def conceal(self, ticks: int, following: bytes | None) -> bytes:
        """PCM in place of so many ticks of 1/8000 s for which nothing came.

        `following` is the packet right behind them, where that has come: in-band FEC may carry their end in it.
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
    """How long it lasts; 0 if it is no packet."""
    try:
        return packet_ticks(payload)
    except WireError:
        return 0


def _library() -> Any:
    try:
        return import_module("opuslib_next")
    except (ImportError, RuntimeError) as error:  # RuntimeError: the library in it does not fit the machine
        raise LocalError(f"the package opuslib-next-bundled is not installed ({error})") from error


OPUS = Opus()
