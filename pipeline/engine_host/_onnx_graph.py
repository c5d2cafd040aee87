"""Reads and extends ONNX models as bytes, without the onnx package. Pure.

A network that knows how long each phoneme is seldom says so; naming that tensor as one more output is enough. Field
numbers are those of onnx.proto: ModelProto.graph 7; GraphProto.node 1, output 12; NodeProto.output 2, op_type 4;
ValueInfoProto.name 1, type 2.
"""

from collections.abc import Iterator

_LENGTH_DELIMITED = 2
_FIXED_BYTES = {1: 8, 5: 4}


def with_output(model: bytes, tensor: str) -> bytes:
    """The model with one of its tensors, of floats, as a last output.

    Protocol buffers that follow each other are merged, so that nothing of the model need be rewritten.
    """
    of_floats = _field(2, _field(1, b"\x08\x01"))
    return model + _field(7, _field(12, _field(1, tensor.encode()) + of_floats))


def outputs_of(model: bytes | memoryview, operation: str) -> list[str]:
    """The tensors that the nodes of one operation give, such as "Ceil". Raises ValueError for what is not a model."""
    found = []
    for graph_number, graph in _fields(memoryview(model)):
        if graph_number != 7:
            continue
        for number, node in _fields(graph):
            if number == 1 and any(each == 4 and value == operation.encode() for each, value in _fields(node)):
                found += [bytes(value).decode() for each, value in _fields(node) if each == 2]
    return found


def has_output(model: bytes | memoryview, tensor: str) -> bool:
    """Whether the model gives the tensor. Raises ValueError for what is not a model."""
    return any(
        field == 1 and value == tensor.encode()
        for graph_number, graph in _fields(memoryview(model))
        if graph_number == 7
        for number, output in _fields(graph)
        if number == 12
        for field, value in _fields(output)
    )


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(number, content) of the fields that have a length; others are skipped."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("it ends in the middle")
            yield key >> 3, data[at : at + length]
            at += length
        elif kind == 0:
            _, at = _varint(data, at)
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        else:
            raise ValueError(f"there is no field of kind {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it ends in the middle of a number")


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _LENGTH_DELIMITED) + _number(len(content)) + content


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))
