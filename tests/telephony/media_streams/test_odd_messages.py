"""What a far end gets away with: a message is judged by what it is needed for, in every dialect."""

import json
from base64 import b64encode

import pytest

from offhook.telephony.media_streams.dialect import Binary
from offhook.telephony.media_streams.dialects import DIALECTS, PLIVO, VONAGE
from offhook.telephony.media_streams.messages import Unknown
from offhook.telephony.media_streams.stream import AudioReceived, Failed, Key, MediaStream, Started
from tests.telephony.media_streams.test_dialects import ONE, SPEECH, STARTS, drain, started


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("data", [b"{}", b'{"event":1}', b'{"event":{"event":"start"}}', b'{"dtmf":{"digit":"5"}}'])
def test_an_object_without_an_event_means_nothing(name: str, data: bytes) -> None:
    assert isinstance(DIALECTS[name].parse(data), Unknown)


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("sid", ["\n", "x" * 257, "", None, [], {}])
def test_a_call_has_to_have_a_name(name: str, sid: object) -> None:
    text = json.dumps(STARTS[name]).replace('"C1"', json.dumps(sid))
    stream = MediaStream(0.0, DIALECTS[name])
    stream.receive(text.encode(), 0.0)
    (event,) = drain(stream)
    if sid is None and name in ("vonage", "plain"):
        assert isinstance(event, Started)
    else:
        assert isinstance(event, Failed)


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("sid", ['"', "\\", "x" * 256, "ü", 7, "a b=/+", "$AUDIO$MARK$SID"])
def test_a_name_may_be_any_text(name: str, sid: object) -> None:
    text = json.dumps(STARTS[name]).replace('"C1"', json.dumps(sid)).replace('"S1"', json.dumps(sid))
    stream = MediaStream(0.0, DIALECTS[name])
    stream.receive(text.encode(), 0.0)
    (event,) = drain(stream)
    assert isinstance(event, Started)
    assert event.call_sid == str(sid)
    stream.play(SPEECH, 0.0)
    stream.clear(0.1)
    for one in stream.messages_to_send():
        if not isinstance(one, Binary):
            found = json.loads(one)
            assert found.get("streamSid", found.get("streamId", str(sid))) == str(sid)


ODD: dict[str, list[str]] = {
    "signalwire": ['{"event":"dtmf","dtmf":{"digit":"w"}}', '{"event":"mark","mark":{}}'],
    "telnyx": ['{"event":"dtmf","dtmf":{}}', '{"event":"mark","mark":{"name":[]}}', '{"event":"error","payload":7}'],
    "plivo": ['{"event":"dtmf","dtmf":{"digit":"12"}}', '{"event":"playedStream"}'],
    "vonage": [
        '{"event":"websocket:notify"}',
        '{"event":"websocket:dtmf","digit":{}}',
        '{"event":"websocket:notify","payload":"7"}',
    ],
    "plain": ['{"event":"dtmf"}', '{"event":"mark","name":null}'],
}


@pytest.mark.parametrize("name", STARTS)
def test_one_odd_event_ends_no_call(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    for text in ODD[name]:
        stream.receive(text.encode(), 0.1)
    assert drain(stream) == []
    assert stream.stats().ignored == len(ODD[name])


@pytest.mark.parametrize("digit", ["5", 5, "a"])
@pytest.mark.parametrize("name", ["vonage", "plain"])
def test_a_key_is_found_in_both_places(name: str, digit: object) -> None:
    event = {"vonage": "websocket:dtmf", "plain": "dtmf"}[name]
    for body in ({"digit": digit}, {"dtmf": {"digit": digit}}):
        stream, _ = started(DIALECTS[name])
        stream.receive(json.dumps({"event": event} | body).encode(), 0.1)
        assert drain(stream) == [Key(str(digit).upper(), 0)]


def test_numbers_and_json_among_the_parameters() -> None:
    _, event = started(VONAGE, account=17)
    assert ("account", "17") in event.parameters
    for headers in ({"who": "me", "n": 7}, '{"who":"me","n":7}'):
        _, event = started(PLIVO, extra_headers=headers)
        assert dict(event.parameters) == {"who": "me", "n": "7"}
    assert started(PLIVO, extra_headers="{no json")[1].parameters == ()


def test_a_clock_that_steps_parts_no_chunks() -> None:
    """Plivo's timestamps are Unix milliseconds: what was held up for 100 ms leaves nothing out."""
    stream, _ = started(PLIVO)
    for n in range(250):
        late_ms = 100 * (1 + n // 25)
        media = {"chunk": n + 1, "timestamp": 1_700_000_000_000 + 20 * n + late_ms, "payload": b64encode(ONE).decode()}
        stream.receive(json.dumps({"event": "media", "streamId": "S1", "media": media}).encode(), 0.02 * n)
    assert sum(len(event.pcm) for event in drain(stream) if isinstance(event, AudioReceived)) == 250 * 320
    assert stream.stats().concealed_ticks == 0
