"""What a worker child and its parent say to each other: framed messages of limited size over two pipes."""

import json
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

HEADER = struct.Struct("<BII")
"""Kind, stream id (0: the child itself), payload length."""

MAX_PAYLOAD = 1 << 20
"""Octets of one message."""

AUDIO_PIECE = 32_768
"""Octets of audio a child sends in one message: about two seconds at 8 kHz."""


class Kind(IntEnum):
    """What a message is; the payload is a JSON object unless said otherwise."""

    # parent to child
    CONFIG = 1  # the first message: options of the engine
    OPEN = 2  # begin a stream
    DATA = 3  # both ways: PCM
    END = 4  # no more data comes; answer with RESULT (no payload)
    CANCEL = 5  # forget the stream (no payload)
    PING = 6  # payload: any octets, to be sent back
    # child to parent
    READY = 16  # the engine is loaded
    PONG = 17  # the payload of the PING
    CONSUMED = 18  # payload: CONSUMED_COUNT, octets of the stream's DATA processed so far
    PARTIAL = 19
    NOTE = 20  # something to go with the next DATA
    RESULT = 21  # the stream is over
    FAILED = 22  # the stream (0: the child) failed: what, why, hint


CONSUMED_COUNT = struct.Struct("<Q")

_KINDS = frozenset(Kind)


class ProtocolError(Exception):
    """The other side wrote something that is not a message."""


class StreamFailure(Exception):
    """A stream's failure, to be told to the parent: what, why, hint."""

    def __init__(self, what: str, why: str, hint: str = "") -> None:
        super().__init__(what, why, hint)
        self.values = {"what": what, "why": why, "hint": hint}


def encode(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    """One message. Raises ProtocolError when the payload is longer than MAX_PAYLOAD."""
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"a payload of {len(payload)} octets, more than {MAX_PAYLOAD}")
    return HEADER.pack(kind, stream, len(payload)) + payload


def encode_json(kind: Kind, stream: int, values: Mapping[str, object]) -> bytes:
    """One message with a JSON object as its payload. Raises ProtocolError when it is too long."""
    return encode(kind, stream, json.dumps(values, separators=(",", ":")).encode())


def decode_json(payload: bytes) -> dict[str, Any]:
    """The payload's JSON object. Raises ProtocolError for anything else."""
    try:
        values = json.loads(payload)
    except ValueError as error:
        raise ProtocolError(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ProtocolError("not a JSON object")
    return values


class MessageReader:
    """Octets as they come in, messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def push(self, data: bytes) -> None:
        """Take octets of any length. Take out the messages before the next push: that bounds what is kept."""
        self._buffer += data

    def messages(self) -> Iterator[tuple[Kind, int, bytes]]:
        """Complete messages: kind, stream, payload. Raises ProtocolError: the connection is useless then."""
        buffer = self._buffer
        at = 0
        try:
            while len(buffer) - at >= HEADER.size:
                kind, stream, length = HEADER.unpack_from(buffer, at)
                if kind not in _KINDS or length > MAX_PAYLOAD:
                    raise ProtocolError(f"kind {kind} with {length} octets")
                end = at + HEADER.size + length
                if end > len(buffer):
                    return
                payload = bytes(buffer[at + HEADER.size : end])
                at = end
                yield Kind(kind), stream, payload
        finally:
            del buffer[:at]
