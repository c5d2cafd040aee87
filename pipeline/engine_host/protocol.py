"""The protocol between a child and its parent: framed messages of limited size over two pipes."""

import json
import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

HEADER = struct.Struct("<BII")
"""Kind, stream id (0: the child itself), payload length."""

MAX_PAYLOAD = 1 << 20
"""Bytes of one message."""

AUDIO_PIECE = 32_768
"""Bytes of audio a child sends in one message: about two seconds at 8 kHz."""


class Kind(IntEnum):
    """The kind of a message; payloads are JSON objects unless noted otherwise."""

    # parent to child
    CONFIG = 1  # the first message: options of the engine
    OPEN = 2  # begin a stream
    DATA = 3  # both ways: PCM
    END = 4  # input is complete; answer with RESULT (no payload)
    CANCEL = 5  # drop the stream (no payload)
    PING = 6  # payload: any bytes, to be returned
    # child to parent
    READY = 16  # the engine is loaded
    PONG = 17  # the payload of the PING
    CONSUMED = 18  # payload: CONSUMED_COUNT, bytes of the stream's DATA processed so far
    PARTIAL = 19
    NOTE = 20  # metadata for the next DATA
    RESULT = 21  # the stream is over
    FAILED = 22  # the stream (0: the child) failed: what, why, hint


CONSUMED_COUNT = struct.Struct("<Q")

_KINDS = frozenset(Kind)


class ProtocolError(Exception):
    """The other side wrote something that is not a message."""


class StreamFailure(Exception):
    """The failure of a stream, to be reported to the parent: what, why, hint."""

    def __init__(self, what: str, why: str, hint: str = "") -> None:
        super().__init__(what, why, hint)
        self.values = {"what": what, "why": why, "hint": hint}


def encode(kind: Kind, stream: int, payload: bytes = b"") -> bytes:
    """Encode one message. Raises ProtocolError if the payload is longer than MAX_PAYLOAD."""
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"a payload of {len(payload)} bytes, more than {MAX_PAYLOAD}")
    return HEADER.pack(kind, stream, len(payload)) + payload


def encode_json(kind: Kind, stream: int, values: Mapping[str, object]) -> bytes:
    """Encode a message with a JSON object as its payload. Raises ProtocolError if it is too long."""
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
    """Bytes in, messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def push(self, data: bytes) -> None:
        """Add bytes, any number. Take out the messages before the next push: that limits what is buffered."""
        self._buffer += data

    def messages(self) -> Iterator[tuple[Kind, int, bytes]]:
        """Complete messages: kind, stream, payload. After a ProtocolError the connection is unusable."""
        buffer = self._buffer
        at = 0
        try:
            while len(buffer) - at >= HEADER.size:
                kind, stream, length = HEADER.unpack_from(buffer, at)
                if kind not in _KINDS or length > MAX_PAYLOAD:
                    raise ProtocolError(f"kind {kind} with {length} bytes")
                end = at + HEADER.size + length
                if end > len(buffer):
                    return
                payload = bytes(buffer[at + HEADER.size : end])
                at = end
                yield Kind(kind), stream, payload
        finally:
            del buffer[:at]
