"""What a codec is, and the codecs by name."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from offhook.telephony.errors import LocalError

Convert: TypeAlias = Callable[[bytes], bytes]
"""Audio in one form to the same audio in another, piece by piece."""


class PacketClock(NamedTuple):
    """How long packets last, where that is not a byte per unit of an RTP clock of 8000 Hz.

    A tick of 1/8000 s has `units_per_tick` units of RTP timestamp; `ticks` returns how many ticks a payload lasts and
    raises WireError for a malformed one.
    """

    units_per_tick: int
    ticks: Callable[[bytes], int]


class Codec(Protocol):
    """One audio encoding. Some have memory: each direction of a call has its own coder."""

    @property
    def name(self) -> str:
        """Encoding name of SDP's rtpmap, in upper case."""

    @property
    def rate_hz(self) -> int:
        """Sampling rate of the PCM."""

    @property
    def bytes_per_tick(self) -> int:
        """Bytes of payload per tick of 1/8000 s; 0 where packets have a `PacketClock` instead."""

    @property
    def payload_type(self) -> int | None:
        """Static RTP payload type (RFC 3551 §6), None where there is none."""

    @property
    def silence(self) -> bytes:
        """One tick of payload that decodes to silence; empty if there is none."""

    def encode(self, pcm: bytes) -> bytes:
        """A whole recording: 16-bit little-endian mono PCM to payload. ValueError if `pcm` is not whole samples."""

    def decode(self, payload: bytes) -> bytes:
        """A whole recording: payload to 16-bit little-endian mono PCM. Any payload decodes."""

    def encoder(self) -> Convert:
        """`encode`, piece by piece, for one stream."""

    def decoder(self) -> Convert:
        """`decode`, piece by piece, for one stream."""


_by_name: dict[str, Codec] = {}


def register(codec: Codec) -> None:
    """Register `codec` under its name, replacing an earlier one."""
    _by_name[codec.name.upper()] = codec


def codec_named(name: str) -> Codec:
    """The codec of that encoding name, in any case (RFC 8866 §6.6). LocalError if there is none."""
    codec = _by_name.get(name.upper())
    if codec is None:
        known = ", ".join(sorted(_by_name))
        raise LocalError(f"no codec is called {name!r}; there are: {known}")
    return codec


def codec_of_payload_type(payload_type: int) -> Codec | None:
    """The codec with that static payload type, or None."""
    for codec in _by_name.values():
        if codec.payload_type == payload_type:
            return codec
    return None
