"""Between a line and its wire: from one codec and rate to another, piece by piece."""

from dataclasses import dataclass

from telephony.codec.base import Codec, Convert
from telephony.codec.g711 import G711
from telephony.codec.linear import LINEAR16
from telephony.pcm import RATE_HZ
from telephony.resample import Downsampler, Upsampler


@dataclass(frozen=True, slots=True)
class PacketEncoder:
    """How a sender makes packets of what it is played, where that is not the payload already.

    What is played has `tick_octets` octets for a tick of 1/8000 s; `silence` is a tick of silence in it. `encode` takes
    the ticks of one packet and remembers the packets before.
    """

    encode: Convert
    tick_octets: int
    silence: bytes


def line_codec(wire: Codec) -> Codec:
    """What a line is played whose first codec is `wire`: G.711 as it is, linear PCM where that is wide."""
    return wire if wire.rate_hz == RATE_HZ else LINEAR16


def is_plain(codec: Codec) -> bool:
    """Whether its octets mean the same whatever was before them, so that they can be cut and joined."""
    return isinstance(codec, G711)


def packet_encoder(played: Codec, wire: Codec) -> PacketEncoder | None:
    """From what is played to what is sent; None where that is the same, octet for octet."""
    if played is wire:
        return None
    decode, encode = played.decoder(), wire.encoder()
    to_wire = rate_converter(played.rate_hz, wire.rate_hz)
    return PacketEncoder(
        lambda payload: encode(to_wire(decode(payload))),
        played.tick_octets,
        played.silence,
    )


def pcm_decoder(wire: Codec, rate_hz: int) -> Convert:
    """From what arrives to PCM at `rate_hz`, 8000 or 16000."""
    decode, to_line = wire.decoder(), rate_converter(wire.rate_hz, rate_hz)
    return decode if wire.rate_hz == rate_hz else lambda payload: to_line(decode(payload))


def rate_converter(from_hz: int, to_hz: int) -> Convert:
    """Between 8 and 16 kHz, for one stream."""
    if from_hz == to_hz:
        return bytes
    return Upsampler().push if from_hz < to_hz else Downsampler().push
