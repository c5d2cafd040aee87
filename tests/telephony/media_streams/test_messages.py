import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.messages import (
    Connected,
    Dtmf,
    DtmfDetails,
    Mark,
    MarkDetails,
    Media,
    MediaDetails,
    MediaFormat,
    Start,
    StartDetails,
    Stop,
    Unknown,
    Writer,
    parse,
)

# As Twilio's documentation shows them.
CONNECTED = '{"event": "connected", "protocol": "Call", "version": "1.0.0"}'
START = """{"event": "start", "sequenceNumber": "1", "start": {"accountSid": "AC1", "streamSid": "MZ1",
    "callSid": "CA1", "tracks": ["inbound"],
    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    "customParameters": {"FirstName": "Jane", "RemoteParty": "Bob"}}, "streamSid": "MZ1"}"""
MEDIA = """{"event": "media", "sequenceNumber": "3", "media": {"track": "inbound", "chunk": "1", "timestamp": "5",
    "payload": "no+JhoaJjpzSHxAKBgYJ"}, "streamSid": "MZ1"}"""
DTMF = """{"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5", "dtmf": {"track": "inbound_track",
    "digit": "1"}}"""
MARK = '{"event": "mark", "sequenceNumber": "4", "streamSid": "MZ1", "mark": {"name": "my label"}}'
STOP = """{"event": "stop", "sequenceNumber": "5", "streamSid": "MZ1", "stop": {"accountSid": "AC1",
    "callSid": "CA1"}}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONNECTED, Connected("Call", "1.0.0")),
        (
            START,
            Start(
                StartDetails(
                    "CA1",
                    "MZ1",
                    "AC1",
                    ("inbound",),
                    MediaFormat("audio/x-mulaw", 8_000, 1),
                    {"FirstName": "Jane", "RemoteParty": "Bob"},
                ),
                "MZ1",
                1,
            ),
        ),
        (MEDIA, Media(MediaDetails(bytes.fromhex("9e8f898686898e9cd21f100a060609"), 1, 5), "MZ1", 3)),
        (DTMF, Dtmf(DtmfDetails("1", "inbound_track"), "MZ1", 5)),
        (MARK, Mark(MarkDetails("my label"), "MZ1", 4)),
        (STOP, Stop("MZ1", 5)),
    ],
)
def test_the_messages_of_the_documentation_are_understood(text: str, message: object) -> None:
    assert parse(text.encode()) == message


def test_an_event_that_is_new_is_not_an_error() -> None:
    assert parse(b'{"event":"heartbeat","beat":{"n":1}}') == Unknown("heartbeat")


def test_numbers_may_be_numbers_and_may_be_missing() -> None:
    assert parse(b'{"event":"media","media":{"payload":"//8=","chunk":7}}') == Media(MediaDetails(b"\xff\xff", 7))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"event":"media"}',
        '{"event":"media","media":{}}',
        '{"event":"media","media":{"payload":"!!!!"}}',
        '{"event":"media","media":{"payload":"AAA"}}',
        '{"event":"media","media":{"payload":"AA AA"}}',
        '{"event":"media","media":{"payload":3}}',
        '{"event":"media","media":{"payload":"AAAA"}} {}',
        '{"event":"start","start":{}}',
        '{"event":"start","start":{"callSid":""}}',
        '{"event":"start","start":{"callSid":"CA1\\n"}}',
        '{"event":"start","start":{"callSid":"CA1\\u200b"}}',
        '{"event":"start","start":{"callSid":[]}}',
        '{"event":"start","start":{"callSid":"CA1","streamSid":"\\u0007"}}',
        '{"event":"start","start":{"callSid":"CA1","mediaFormat":"mu-law"}}',
        '{"event":"start","start":{"callSid":"CA1","customParameters":{"a":"\\ud800"}}}',
        '{"event":"start","start":{"callSid":"' + "C" * (limits.SID_CHARS + 1) + '"}}',
    ],
)
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"event":3}',
        '{"event":{"event":"start"}}',
        '{"event":"dtmf"}',
        '{"event":"dtmf","dtmf":"5"}',
        '{"event":"dtmf","dtmf":{"digit":""}}',
        '{"event":"dtmf","dtmf":{"digit":"12"}}',
        '{"event":"dtmf","dtmf":{"digit":"1\\n"}}',
        '{"event":"dtmf","dtmf":{"digit":"w"}}',
        '{"event":"dtmf","dtmf":{"digit":5.0}}',
        '{"event":"dtmf","dtmf":{"digit":null}}',
        '{"event":"mark"}',
        '{"event":"mark","mark":[]}',
        '{"event":"mark","mark":{"name":"' + "x" * (limits.MARK_CHARS + 1) + '"}}',
        '{"event":"' + "x" * 1_000 + '"}',
    ],
)
def test_an_odd_event_means_nothing(text: str) -> None:
    assert isinstance(parse(text.encode()), Unknown)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"event":"dtmf","dtmf":{"digit":"a"}}', Dtmf(DtmfDetails("A"))),
        ('{"event":"dtmf","dtmf":{"digit":5},"streamSid":7}', Dtmf(DtmfDetails("5"), "7")),
        ('{"event":"dtmf","dtmf":{"digit":"5","track":7}}', Dtmf(DtmfDetails("5"))),
        ('{"event":"dtmf","dtmf":{"digit":"5"},"sequenceNumber":"x"}', Dtmf(DtmfDetails("5"))),
        ('{"event":"mark","mark":{"name":17}}', Mark(MarkDetails("17"))),
        ('{"event":"stop","sequenceNumber":-1,"streamSid":{}}', Stop()),
        ('{"event":"connected","protocol":3}', Connected()),
        ('{"event":"media","media":{"payload":"AAAA","chunk":"x"}}', Media(MediaDetails(bytes(3)))),
        (
            '{"event":"media","media":{"payload":"AAAA","chunk":"-1","timestamp":"7"}}',
            Media(MediaDetails(bytes(3), None, 7)),
        ),
        ('{"event":"media","media":{"payload":"AAAA","chunk":1.5,"timestamp":[]}}', Media(MediaDetails(bytes(3)))),
        (
            '{"event":"media","media":{"payload":"AAAA","timestamp":"99999999999999999999"}}',
            Media(MediaDetails(bytes(3))),
        ),
        ('{"event":"media","media":{"payload":"AAAA","track":7}}', Media(MediaDetails(bytes(3)))),
        (
            '{"event":"start","start":{"callSid":7,"accountSid":[],"tracks":7,'
            '"customParameters":{"a":1,"b":true,"c":null,"d":"e","f":{}}}}',
            Start(StartDetails("7", custom_parameters={"a": "1", "b": "true", "d": "e"})),
        ),
    ],
)
def test_what_is_odd_and_not_needed_is_left_out(text: str, message: object) -> None:
    assert parse(text.encode()) == message


@pytest.mark.parametrize(
    "name",
    [
        "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQczRrZvZakpWxBlpw48KyZQ==",
        "ü",
        'a"\\b',
        "x y",
        "x" * 256,
    ],
)
def test_a_carriers_name_is_opaque(name: str) -> None:
    message = parse(json.dumps({"event": "start", "start": {"callSid": name, "streamSid": name}}).encode())
    assert isinstance(message, Start)
    assert (message.start.call_sid, message.start.stream_sid) == (name, name)
    writer = Writer(name)
    written = [*writer.media(b"\xff"), writer.mark(17), writer.clear]
    assert [json.loads(one)["streamSid"] for one in written] == [name] * 3


def test_sizes_are_limited() -> None:
    most = b64encode(bytes(limits.PAYLOAD_OCTETS)).decode()
    assert isinstance(parse(f'{{"event":"media","media":{{"payload":"{most}"}}}}'.encode()), Media)
    more = b64encode(bytes(limits.PAYLOAD_OCTETS + 1)).decode()
    with pytest.raises(WireError):
        parse(f'{{"event":"media","media":{{"payload":"{more}"}}}}'.encode())
    with pytest.raises(WireError, match="bytes"):
        parse(b" " * limits.MESSAGE_OCTETS + CONNECTED.encode())
    with pytest.raises(WireError):
        parse(b'{"event":"stop","x":' + b"[" * 60_000)
    many: dict[str, Any] = {"callSid": "CA1", "customParameters": {str(n): "" for n in range(limits.PARAMETERS + 1)}}
    with pytest.raises(WireError):
        parse(json.dumps({"event": "start", "start": many}).encode())


def test_what_is_read_is_utf8() -> None:
    for text in (b'{"event":"\xc3"}', b'{"event":"n\xa8w","x":1}', b'{"event":"mark","mark":{"name":"\xa8"}}'):
        with pytest.raises(WireError):
            parse(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    try:
        parse(data)
    except WireError as error:
        assert str(error)


@given(st.binary(max_size=500))
def test_what_is_written_can_be_read(payload: bytes) -> None:
    writer = Writer("MZ0f")
    assert parse(*writer.media(payload)) == Media(MediaDetails(payload), "MZ0f")
    assert parse(writer.mark(17)) == Mark(MarkDetails("17"), "MZ0f")
    assert json.loads(writer.clear) == {"event": "clear", "streamSid": "MZ0f"}
