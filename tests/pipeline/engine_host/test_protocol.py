import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.engine_host.protocol import (
    HEADER,
    MAX_PAYLOAD,
    Kind,
    MessageReader,
    ProtocolError,
    decode_json,
    encode,
    encode_json,
)

messages = st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=50)), max_size=8)


@given(messages, st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_what_was_encoded_comes_out_however_it_is_cut(sent: list[tuple[Kind, int, bytes]], sizes: list[int]) -> None:
    data = b"".join(encode(*message) for message in sent)
    reader = MessageReader()
    received = []
    turn = 0
    while data:
        size = sizes[turn % len(sizes)]
        turn += 1
        reader.push(data[:size])
        data = data[size:]
        received += list(reader.messages())
    assert received == sent


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none(), max_size=5))
def test_objects_survive(values: dict[str, object]) -> None:
    reader = MessageReader()
    reader.push(encode_json(Kind.RESULT, 7, values))
    ((kind, stream, payload),) = reader.messages()
    assert (kind, stream, decode_json(payload)) == (Kind.RESULT, 7, values)


@given(st.binary(max_size=200))
def test_garbage_raises_only_protocol_errors(data: bytes) -> None:
    reader = MessageReader()
    reader.push(data)
    try:
        taken = sum(HEADER.size + len(payload) for _, _, payload in reader.messages())
    except ProtocolError:
        return
    assert taken <= len(data)


def test_a_payload_has_a_limit_in_both_directions() -> None:
    with pytest.raises(ProtocolError, match="more than"):
        encode(Kind.DATA, 1, bytes(MAX_PAYLOAD + 1))
    reader = MessageReader()
    reader.push(HEADER.pack(Kind.DATA, 1, MAX_PAYLOAD + 1))
    with pytest.raises(ProtocolError):
        list(reader.messages())


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[1]", b"{", b"null"])
def test_a_payload_that_is_not_an_object_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_json(payload)
