import pytest

from offhook.pipeline.engine_host._onnx_graph import outputs_of, with_output


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((number << 3 | 2, len(content))) + content


def node(operation: bytes, output: bytes) -> bytes:
    return field(1, field(1, b"in") + field(2, output) + field(4, operation))


MODEL = b"\x08\x08" + field(7, node(b"Ceil", b"lengths") + node(b"Add", b"sum")) + field(8, b"\x10\x0f")
"""ir_version 8, a graph of two nodes, an opset."""


def test_the_tensors_of_an_operation_are_found() -> None:
    assert outputs_of(MODEL, "Ceil") == ["lengths"]
    assert outputs_of(MODEL, "Add") == ["sum"]
    assert outputs_of(MODEL, "Clip") == []


def test_an_output_is_added_as_a_second_part_of_the_graph() -> None:
    longer = with_output(MODEL, "lengths")
    assert longer.startswith(MODEL)
    assert longer[len(MODEL) :] == field(7, field(12, field(1, b"lengths") + field(2, field(1, b"\x08\x01"))))
    assert outputs_of(longer, "Ceil") == ["lengths"]


def test_a_long_name_has_a_longer_length() -> None:
    name = "/encoder/" + 40 * "very/" + "deep"
    added = with_output(b"", name)
    assert added[:3] == b"\x3a" + bytes((len(added) - 3 & 0x7F | 0x80, len(added) - 3 >> 7))
    assert name.encode() in added


@pytest.mark.parametrize("odd", [MODEL[:-1], b"\x3a\xff", b"\x3f\x01", b"\x08" + b"\xff" * 20])
def test_what_is_not_a_model_is_refused(odd: bytes) -> None:
    with pytest.raises(ValueError):
        outputs_of(odd, "Ceil")
