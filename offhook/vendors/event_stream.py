"""Amazon's event stream encoding: messages of headers and a payload, each with two checksums. Pure.

    4 bytes   length of the message
    4 bytes   length of the headers
    4 bytes   CRC-32 of these eight bytes
    headers   each: length of the name (1), name, type (1), value
    payload
    4 bytes   CRC-32 of all before

Numbers are big-endian. (Amazon Transcribe Developer Guide, "Event stream encoding".)
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

Value = bool | int | str | bytes | datetime | UUID

MAX_BYTES = 16 * 1024 * 1024
"""Of a message, by the encoding's definition."""

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_TRUE, _FALSE, _BYTES, _TEXT, _TIME, _UUID = 0, 1, 6, 7, 8, 9
_NUMBERS = {2: struct.Struct(">b"), 3: struct.Struct(">h"), 4: struct.Struct(">i"), 5: struct.Struct(">q")}
_INT64 = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """A message."""

    headers: Mapping[str, Value]
    payload: bytes = b""

    def text(self, name: str) -> str:
        """A header's text; "" if there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


def encode(event: Event) -> bytes:
    """The message's bytes."""
    headers = encode_headers(event.headers)
    total = _PRELUDE.size + len(headers) + len(event.payload) + _CRC.size
    prelude = struct.pack(">II", total, len(headers))
    message = b"".join((prelude, _CRC.pack(crc32(prelude)), headers, event.payload))
    return message + _CRC.pack(crc32(message))


def decode(message: bytes) -> Event:
    """The message in these bytes. Raises ValueError for any others."""
    if len(message) < _PRELUDE.size + _CRC.size:
        raise ValueError(f"{len(message)} bytes are too few for a message")
    total, headers_length, prelude_crc = _PRELUDE.unpack_from(message)
    if prelude_crc != crc32(message[:8]):
        raise ValueError("the checksum of the lengths is wrong")
    if total != len(message):
        raise ValueError(f"the message has {len(message)} bytes, not {total} as it says")
    if _CRC.unpack_from(message, total - _CRC.size)[0] != crc32(message[: -_CRC.size]):
        raise ValueError("the checksum of the message is wrong")
    payload_at = _PRELUDE.size + headers_length
    if payload_at > total - _CRC.size:
        raise ValueError("the headers are longer than the message")
    return Event(_headers(message[_PRELUDE.size : payload_at]), message[payload_at : -_CRC.size])


def length_of(data: bytes | bytearray) -> int | None:
    """How long the message that begins here is; None: not known yet. Raises ValueError if no message begins here."""
    if len(data) < _PRELUDE.size:
        return None
    total, _, prelude_crc = _PRELUDE.unpack_from(data)
    if prelude_crc != crc32(data[:8]) or not _PRELUDE.size + _CRC.size <= total <= MAX_BYTES:
        raise ValueError("no message begins here")
    return int(total)


def encode_headers(headers: Mapping[str, Value]) -> bytes:
    """The headers' bytes."""
    return b"".join(_name(name) + _value(value) for name, value in headers.items())


def _name(name: str) -> bytes:
    encoded = name.encode()
    return bytes([len(encoded)]) + encoded


def _value(value: Value) -> bytes:
    match value:
        case bool():
            return bytes([_TRUE if value else _FALSE])
        case int():
            return bytes([_INT64]) + _NUMBERS[_INT64].pack(value)
        case datetime():
            return bytes([_TIME]) + _NUMBERS[_INT64].pack((value - _EPOCH) // timedelta(milliseconds=1))
        case UUID():
            return bytes([_UUID]) + value.bytes
        case str():
            encoded = value.encode()
            return bytes([_TEXT]) + _LENGTH.pack(len(encoded)) + encoded
        case _:
            return bytes([_BYTES]) + _LENGTH.pack(len(value)) + value


def _headers(data: bytes) -> dict[str, Value]:
    headers: dict[str, Value] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name = data[at + 1 : name_end].decode()
            headers[name], at = _value_at(data[name_end], data, name_end + 1)
    except (IndexError, struct.error) as error:
        raise ValueError("the headers are cut off") from error
    return headers


def _value_at(kind: int, data: bytes, at: int) -> tuple[Value, int]:
    """A header's value, and where the next header begins."""
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind in _NUMBERS:
        return _NUMBERS[kind].unpack_from(data, at)[0], at + _NUMBERS[kind].size
    if kind == _TIME:
        return _EPOCH + timedelta(milliseconds=_NUMBERS[_INT64].unpack_from(data, at)[0]), at + 8
    length = 16 if kind == _UUID else _LENGTH.unpack_from(data, at)[0]
    begin = at if kind == _UUID else at + _LENGTH.size
    value = data[begin : begin + length]
    if len(value) != length:
        raise ValueError("the headers are cut off")
    if kind == _UUID:
        return UUID(bytes=value), begin + length
    if kind == _TEXT:
        return value.decode(), begin + length
    if kind == _BYTES:
        return value, begin + length
    raise ValueError(f"a header has the unknown type {kind}")
