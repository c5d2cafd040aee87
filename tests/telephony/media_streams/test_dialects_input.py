"""Messages that no dialect has: each is ignored, or a wire error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.dialect import Binary
from offhook.telephony.media_streams.dialects import DIALECTS, VONAGE
from offhook.telephony.media_streams.stream import (
    Failed,
    MediaStream,
    Started,
    Stopped,
)
from tests.telephony.media_streams.test_dialects import STARTS, drain, started


@pytest.mark.parametrize("name", STARTS)
def test_an_event_that_is_new_changes_nothing(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    stream.receive(b'{"event":"websocket:cleared"}', 0.0)
    stream.receive(b'{"event":"clearedAudio","sequenceNumber":7}', 0.0)
    assert drain(stream) == []
    assert stream.stats().ignored == 2


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"7", b"[" * 5_000, b"\xff", b"{" * 70_000],
)
def test_what_is_no_message_is_a_wire_error(name: str, data: bytes) -> None:
    with pytest.raises(WireError):
        DIALECTS[name].parse(data)


def test_a_binary_message_has_a_limit() -> None:
    with pytest.raises(WireError, match="bytes of audio"):
        VONAGE.parse(Binary(bytes(limits.PAYLOAD_OCTETS + 1)))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(STARTS)), st.data())
def test_any_value_in_any_place_is_a_message_or_a_wire_error(name: str, data: st.DataObject) -> None:
    text = dict(STARTS[name]) | {"event": data.draw(st.sampled_from([STARTS[name]["event"], "media", "dtmf", "mark"]))}
    place = data.draw(st.sampled_from(sorted(text)))
    if isinstance(text[place], dict):
        inner = data.draw(st.sampled_from(sorted(text[place])))
        text[place] = text[place] | {inner: data.draw(_VALUES)}
    else:
        text[place] = data.draw(_VALUES)
    stream = MediaStream(0.0, DIALECTS[name])
    stream.receive(json.dumps(text).encode("utf-8", "replace"), 0.0)
    assert all(isinstance(event, Started | Failed | Stopped) for event in drain(stream))


@given(st.sampled_from(sorted(DIALECTS)), st.binary(max_size=400), st.booleans())
def test_any_bytes_are_a_message_or_a_wire_error(name: str, data: bytes, binary: bool) -> None:
    try:
        DIALECTS[name].parse(Binary(data) if binary else data)
    except WireError as error:
        assert str(error)
