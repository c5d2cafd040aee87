"""The part of the ONNX file format needed to read a model's weights and to write a small model.

An ONNX file is a protocol buffer (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto lists the fields by number).
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TYPES = {1: "<f4", 7: "<i8"}  # TensorProto.DataType
_MAX_DEPTH = 8  # of graphs within graphs


def weights(model: bytes, branch: str) -> dict[str, Array]:
    """The constant tensors of the graph in a node's attribute `branch`, by the last part of their names.

    Raises ValueError unless `model` is a complete ONNX model.
    """
    return {name.rsplit("__", 1)[-1]: array for name, array in _constants(_one(model, 7), branch, False, 0)}


def _constants(graph: bytes, branch: str, inside: bool, depth: int) -> Iterator[tuple[str, Array]]:
    if depth > _MAX_DEPTH:
        raise ValueError("graphs within graphs, too deep")
    for number, node in _fields(graph):
        if number != 1 or not isinstance(node, bytes):
            continue
        output = _one(node, 2).decode("utf-8", "replace")
        for field, attribute in _fields(node):
            if field != 5 or not isinstance(attribute, bytes):
                continue
            name, tensor, sub = _one(attribute, 1), _one(attribute, 5), _one(attribute, 6)
            if inside and name == b"value" and (array := _tensor(tensor)) is not None:
                yield output, array
            elif sub and not inside and name == branch.encode():
                yield from _constants(sub, branch, True, depth + 1)


def _tensor(data: bytes) -> Array | None:
    dims, kind, raw = [], 0, b""
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            dims.append(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 9 and isinstance(value, bytes):
            raw = value
    if kind not in _TYPES or not raw:
        return None
    array = np.frombuffer(raw, _TYPES[kind])
    if math.prod(dims) != len(array):
        raise ValueError(f"a tensor of {dims} with {len(array)} values")
    return array.reshape(dims)


def _one(message: bytes, wanted: int) -> bytes:
    """The first such field, if any."""
    return next((value for number, value in _fields(message) if number == wanted and isinstance(value, bytes)), b"")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"no field begins with {key}")
        if at + size > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


# Writing.


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _size(number << 3 | _VARINT) + _size(value & (1 << 64) - 1)
    data = value.encode() if isinstance(value, str) else value
    return _size(number << 3 | _BYTES) + _size(len(data)) + data


def _size(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tensor(name: str, array: Array) -> bytes:
    """An initializer: float32 or int64."""
    kind, form = (7, "<i8") if array.dtype.kind == "i" else (1, "<f4")
    dims = b"".join(_field(1, size) for size in array.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, array.astype(form).tobytes("C"))


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **integers: int) -> bytes:
    """A node whose attributes are single integers."""
    names = b"".join(_field(1, name) for name in inputs) + b"".join(_field(2, name) for name in outputs)
    attributes = b"".join(
        _field(5, _field(1, name) + _field(3, value) + _field(20, 2)) for name, value in integers.items()
    )
    return names + _field(4, kind) + attributes


def value(name: str, shape: Sequence[int | str]) -> bytes:
    """A float32 input or output; named dimensions are variable."""
    dims = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def model(
    nodes: Sequence[bytes], initializers: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
) -> bytes:
    """A file of IR version 8 with operators of version 16."""
    graph = b"".join(
        _field(number, part)
        for number, parts in ((1, nodes), (5, initializers), (11, inputs), (12, outputs))
        for part in parts
    )
    return _field(1, 8) + _field(7, graph + _field(2, "offhook")) + _field(8, _field(1, "") + _field(2, 16))
