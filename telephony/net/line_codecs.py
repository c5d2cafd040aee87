"""The codecs of one line: what is played, how it is queued, what is sent, and what may be received."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from offhook.telephony.codec import Codec, codec_named, codec_of_payload_type
from offhook.telephony.codec.convert import (
    StreamDecoder,
    is_plain,
    line_codec,
    packet_clock,
    packet_encoder,
    stream_decoder,
)
from offhook.telephony.errors import LocalError
from offhook.telephony.net.clock import SLOT_MS
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.rtp import RtpConfig

_A_LAW = {"PCMU": False, "PCMA": True}


class Decoder(NamedTuple):
    """How a payload type is decoded, to PCM at the line's rate."""

    codec: Codec
    stream: StreamDecoder


@dataclass(frozen=True, slots=True)
class LineCodecs:
    """What was negotiated.

    `played` is the codec of played audio, which never changes; `queued` that of the queue, `wire` that of sent packets.
    `config` includes the encoder between them and the clocks of received packets.
    """

    played: Codec
    queued: Codec
    wire: Codec
    config: RtpConfig
    decoders: Mapping[int, Decoder]

    @property
    def decoder(self) -> Decoder:
        """The decoder of the codec that is sent."""
        return self.decoders[self.config.payload_type]

    def is_a_law(self, payload_type: int) -> bool | None:
        """How the payload is decoded; None if it is not G.711, or not wanted at 8 kHz."""
        decoder = self.decoders.get(payload_type)
        return None if decoder is None or self.played.rate_hz != RATE_HZ else _A_LAW.get(decoder.codec.name)

    def for_queue(self, payload: bytes) -> bytes:
        """Played audio, as it is queued."""
        return payload if self.queued is self.played else self.queued.encode(self.played.decode(payload))

    def from_queue(self, payload: bytes) -> bytes:
        """Queued audio, as it was played."""
        return payload if self.queued is self.played else self.played.encode(self.queued.decode(payload))


def negotiated(
    config: RtpConfig, codec_name: str, receive_codecs: Mapping[int, str], before: LineCodecs | None = None
) -> LineCodecs:
    """The codecs of a line that was `before` what it was; `receive_codecs` names those of types that are not static.

    A codec that stays keeps its state, in both directions. LocalError for one that is unknown or not installed, and for
    what a `UdpLine` cannot do.
    """
    _validate(config)
    wire = codec_named(codec_name)
    played = line_codec(wire) if before is None else before.played
    # In the wire's codec, where payload can be cut anywhere.
    queued = wire if played.rate_hz == RATE_HZ and is_plain(wire) else played
    if before is not None and wire is before.wire and config.max_bit_rate == before.config.max_bit_rate:
        encoder = before.config.encoder
    else:
        encoder = packet_encoder(queued, wire, config.max_bit_rate)
    codecs = {
        number: _codec(number, receive_codecs, wire) for number in config.receive_payload_types | {config.payload_type}
    }
    # Packets still waiting may have a type that was dropped.
    decoders = {} if before is None else dict(before.decoders)
    for number, codec in codecs.items():
        if number not in decoders or decoders[number].codec is not codec:
            decoders[number] = Decoder(codec, stream_decoder(codec, played.rate_hz))
    clocks = {number: clock for number, codec in codecs.items() if (clock := packet_clock(codec)) is not None}
    return LineCodecs(played, queued, wire, replace(config, encoder=encoder, clocks=clocks), decoders)


def _codec(payload_type: int, names: Mapping[int, str], wire: Codec) -> Codec:
    if payload_type in names:
        return codec_named(names[payload_type])
    return codec_of_payload_type(payload_type) or wire


def _validate(config: RtpConfig) -> None:
    if config.ptime_ms <= 0 or config.ptime_ms % SLOT_MS:
        raise LocalError(f"a packet time of {config.ptime_ms} ms is not a multiple of {SLOT_MS} ms")
    for host, _ in (config.remote, config.remote_rtcp):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise LocalError(f"the remote media host {host!r} is not a numeric address") from None
