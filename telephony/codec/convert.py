"""Converts between a line and its wire: codec and sampling rate, piece by piece."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from offhook.telephony.codec.base import Codec, Convert, PacketClock
from offhook.telephony.codec.g711 import G711
from offhook.telephony.codec.linear import LINEAR16
from offhook.telephony.codec.opus import CLOCK, Opus, OpusDecoder
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.resample import Downsampler, Upsampler


@dataclass(frozen=True, slots=True)
class PacketEncoder:
    """How a sender makes packets of the played audio, where that is not the payload already.

    Played audio has `bytes_per_tick` bytes per tick of 1/8000 s; `silence` is one tick of it. `encode` takes the ticks
    of one packet and keeps state between packets.
    """

    encode: Convert
    bytes_per_tick: int
    silence: bytes


class StreamDecoder(NamedTuple):
    """Received payload to PCM, for one stream.

    `conceal` makes PCM for that many lost ticks of 1/8000 s, given the packet right after them if there is one;
    None where the codec has no concealment of its own.
    """

    decode: Convert
    conceal: Callable[[int, bytes | None], bytes] | None


def packet_clock(codec: Codec) -> PacketClock | None:
    """The clock of its packets; None where a byte is a tick."""
    return CLOCK if isinstance(codec, Opus) else None


def line_codec(wire: Codec) -> Codec:
    """What a line whose first codec is `wire` is played: G.711 as it is, linear PCM if wideband."""
    return wire if wire.rate_hz == RATE_HZ else LINEAR16


def is_plain(codec: Codec) -> bool:
    """Whether the codec has no memory, so that payload can be cut and joined anywhere."""
    return isinstance(codec, G711)


def packet_encoder(played: Codec, wire: Codec, max_bit_rate: int | None = None) -> PacketEncoder | None:
    """Played audio to sent payload, with at most `max_bit_rate` where the codec has a choice.

    None where both are the same bytes.
    """
    if played is wire:
        return None
    decode = played.decoder()
    encode = wire.encoder(max_bit_rate) if isinstance(wire, Opus) else wire.encoder()
    to_wire = rate_converter(played.rate_hz, wire.rate_hz)
    return PacketEncoder(
        lambda payload: encode(to_wire(decode(payload))),
        played.bytes_per_tick,
        played.silence,
    )


def pcm_decoder(wire: Codec, rate_hz: int) -> Convert:
    """Received payload to PCM at `rate_hz`, 8000 or 16000."""
    return stream_decoder(wire, rate_hz).decode


def stream_decoder(wire: Codec, rate_hz: int) -> StreamDecoder:
    """The same, with the codec's own loss concealment."""
    to_line = rate_converter(wire.rate_hz, rate_hz)
    if isinstance(wire, Opus):
        coder = OpusDecoder()
        return StreamDecoder(
            lambda payload: to_line(coder.decode(payload)),
            lambda ticks, following: to_line(coder.conceal(ticks, following)),
        )
    decode = wire.decoder()
    return StreamDecoder(decode if wire.rate_hz == rate_hz else lambda payload: to_line(decode(payload)), None)


def rate_converter(from_hz: int, to_hz: int) -> Convert:
    """Between 8 and 16 kHz, for one stream."""
    if from_hz == to_hz:
        return bytes
    return Upsampler().push if from_hz < to_hz else Downsampler().push
