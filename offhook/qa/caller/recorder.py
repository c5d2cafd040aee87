"""What went over the caller's line: the samples that were spoken, and the packets both ways. Pure."""

from typing import NamedTuple

Address = tuple[str, int]

MAX_PACKET_BYTES = 64 * 1024 * 1024
"""Of all packets of a call: three quarters of an hour of G.711 both ways. What comes later is counted."""
_OVERHEAD_BYTES = 64  # of a packet in memory, roughly, so that empty ones count, too


class Packet(NamedTuple):
    """A datagram as it was sent, or came (of SRTP what it was deciphered to); `at_s` in monotonic seconds."""

    at_s: float
    data: bytes
    source: Address
    destination: Address


class LineRecorder:
    """What a call notes of its line, as it goes."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        """What was spoken as 8 kHz PCM, with when each piece left."""
        self.packets: list[Packet] = []
        self.left_out = 0
        self._held_bytes = 0

    def spoken(self, pcm: bytes, at_s: float) -> None:
        """Samples leave."""
        self.frames.append((at_s, pcm))

    def packet(self, at_s: float, data: bytes, source: Address, destination: Address) -> None:
        """A packet leaves, or has come."""
        self._held_bytes += len(data) + _OVERHEAD_BYTES
        if self._held_bytes > MAX_PACKET_BYTES:
            self.left_out += 1
            return
        self.packets.append(Packet(at_s, data, source, destination))
