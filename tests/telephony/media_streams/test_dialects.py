"""Each dialect with the messages that its carrier's documentation shows, and with what it is given back."""

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.dialect import Binary, Dialect
from offhook.telephony.media_streams.dialects import DIALECTS, PLAIN, PLIVO, SIGNALWIRE, TELNYX, VONAGE
from offhook.telephony.media_streams.stream import (
    AudioReceived,
    Event,
    Failed,
    Key,
    Line,
    MediaStream,
    Started,
    Stopped,
)
from offhook.telephony.resample import Upsampler
from tests.signals import sine

SPEECH = PCMU.encode(sine(500, 300))
ONE = PCMU.encode(sine(440, 20))

STARTS: dict[str, Any] = {
    "signalwire": {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "S1",
        "start": {
            "streamSid": "S1",
            "accountSid": "A1",
            "callSid": "C1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"who": "me"},
        },
    },
    "telnyx": {
        "event": "start",
        "sequence_number": "1",
        "stream_id": "S1",
        "start": {
            "user_id": "A1",
            "call_control_id": "C1",
            "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
            "from": "+13122010094",
            "to": "+13122123456",
            "tags": ["TAG1"],
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "custom_parameters": {"who": "me"},
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        },
    },
    "plivo": {
        "event": "start",
        "sequenceNumber": 1,
        "start": {
            "callId": "C1",
            "streamId": "S1",
            "accountId": "A1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": "who=me;session=abc-xyz",
    },
    "vonage": {
        "event": "websocket:connected",
        "content-type": "audio/l16;rate=8000",
        "uuid": "C1",
        "from": "447700900000",
        "who": "me",
    },
    "plain": {
        "event": "start",
        "call": "C1",
        "from": "+1555",
        "to": "+1666",
        "encoding": "mulaw",
        "rate": 8000,
        "parameters": {"who": "me"},
    },
}


def drain(stream: MediaStream) -> list[Event]:
    found = []
    while (event := stream.next_event()) is not None:
        found.append(event)
    return found


def opened(dialect: Dialect, **changes: Any) -> MediaStream:
    stream = MediaStream(0.0, dialect)
    stream.receive(json.dumps(STARTS[dialect.name] | changes).encode(), 0.0)
    return stream


def started(dialect: Dialect, **changes: Any) -> tuple[MediaStream, Started]:
    stream = opened(dialect, **changes)
    (event,) = drain(stream)
    assert isinstance(event, Started)
    return stream, event


@pytest.mark.parametrize("name", STARTS)
def test_start_tells_which_call_it_is(name: str) -> None:
    _, event = started(DIALECTS[name])
    assert event.call_sid == "C1"
    assert dict(event.parameters)["who"] == "me"
    assert event.encoding == "PCMU"
    caller = {"telnyx": "+13122010094", "vonage": "447700900000", "plain": "+1555"}.get(name)
    assert dict(event.parameters).get("from") == caller


def audio(dialect: Dialect) -> bytes:
    """20 ms of the caller's, as the carrier sends them."""
    payload = b64encode(ONE).decode()
    texts: dict[str, Any] = {
        "signalwire": {"streamSid": "S1", "sequenceNumber": "2", "media": {"track": "inbound", "chunk": "1"}},
        "telnyx": {"stream_id": "S1", "sequence_number": "4", "media": {"track": "inbound", "chunk": "2"}},
        "plivo": {"streamId": "S1", "sequenceNumber": 2, "media": {"track": "inbound", "chunk": 1}},
    }
    if dialect.name not in texts:
        return Binary(ONE if dialect is PLAIN else PCMU.decode(ONE))
    text = texts[dialect.name]
    text["media"] |= {"timestamp": "1705312200000", "payload": payload}
    return json.dumps({"event": "media", **text}).encode()


KEYS = {
    "signalwire": {"event": "dtmf", "streamSid": "S1", "dtmf": {"digit": "5", "duration": 100}},
    "telnyx": {"event": "dtmf", "stream_id": "S1", "occurred_at": "2026-01-01T00:00:00Z", "dtmf": {"digit": "5"}},
    "plivo": {"event": "dtmf", "streamId": "S1", "dtmf": {"track": "inbound", "digit": "5", "timestamp": "1"}},
    "vonage": {"event": "websocket:dtmf", "digit": "5", "duration": 260},
    "plain": {"event": "dtmf", "digit": "5"},
}


@pytest.mark.parametrize("name", STARTS)
def test_audio_and_keys_come_in(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    stream.receive(audio(DIALECTS[name]), 0.02)
    stream.receive(json.dumps(KEYS[name]).encode(), 0.03)
    received, key = drain(stream)
    assert received == AudioReceived(PCMU.decode(ONE), 0)
    assert key == Key("5", 160)


def said(stream: MediaStream, dialect: Dialect) -> tuple[bytes, list[Any]]:
    """The audio that was written, as mu-law, and the other messages."""
    payload, others = b"", []
    for message in stream.messages_to_send():
        if isinstance(message, Binary):
            payload += message if dialect is PLAIN else PCMU.encode(message)
            continue
        text = json.loads(message)
        if text["event" if "event" in text else "action"] in ("media", "playAudio"):
            payload += b64decode(text["media"]["payload"])
        else:
            others.append(text)
    return payload, others


ECHOES: dict[str, Any] = {
    "signalwire": ({"event": "mark", "streamSid": "S1", "mark": {"name": "1"}}, None),
    "telnyx": ({"event": "mark", "mark": {"name": "1"}}, {"event": "mark", "stream_id": "S1", "mark": {"name": "1"}}),
    "plivo": (
        {"event": "checkpoint", "streamId": "S1", "name": "1"},
        {"event": "playedStream", "streamId": "S1", "name": "1"},
    ),
    "vonage": (
        {"action": "notify", "payload": {"mark": "1"}},
        {"event": "websocket:notify", "payload": {"mark": "1"}},
    ),
    "plain": ({"event": "mark", "name": "1"}, None),
}


@pytest.mark.parametrize("name", STARTS)
def test_what_is_said_is_written_and_its_mark_is_understood(name: str) -> None:
    dialect = DIALECTS[name]
    stream, _ = started(dialect)
    stream.play(SPEECH, 1.0)
    payload, (mark,) = said(stream, dialect)
    assert payload == SPEECH
    written, echo = ECHOES[name]
    assert mark == written
    stream.handle_timer(1.3)
    stream.receive(json.dumps(echo or written).encode(), 1.31)
    assert stream.stats().marks_echoed == 1
    assert stream.played_ticks(1.31) == len(SPEECH)


CLEARS: dict[str, Any] = {
    "signalwire": {"event": "clear", "streamSid": "S1"},
    "telnyx": {"event": "clear"},
    "plivo": {"event": "clearAudio", "streamId": "S1"},
    "vonage": {"action": "clear"},
    "plain": {"event": "clear"},
}


@pytest.mark.parametrize("name", STARTS)
def test_an_interruption_clears_the_far_ends_buffer(name: str) -> None:
    dialect = DIALECTS[name]
    stream, _ = started(dialect)
    stream.play(SPEECH, 1.0)
    said(stream, dialect)
    assert stream.clear(1.1) > 0
    payload, (clear,) = said(stream, dialect)
    assert payload == b""
    assert clear == CLEARS[name]
    assert stream.sent_ticks <= 160 + 800
    stream.play(ONE, 2.0)
    assert said(stream, dialect)[0] == ONE


@pytest.mark.parametrize("name", ["signalwire", "telnyx", "plain"])
def test_a_stop_ends_the_call(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    stream.receive(b'{"event":"stop","stop":{}}', 1.0)
    assert drain(stream) == [Stopped()]


@pytest.mark.parametrize("name", STARTS)
def test_to_close_is_to_hang_up_where_the_dialect_says_so(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    stream.closed(1001, "closed")
    assert drain(stream) == ([Stopped()] if name in ("plivo", "vonage", "plain") else [Failed(1001, "closed")])


def test_a_connection_that_closes_before_a_call_is_no_caller_who_hangs_up() -> None:
    stream = MediaStream(0.0, PLIVO)
    stream.closed(1001, "closed")
    assert drain(stream) == [Failed(1001, "closed")]


@pytest.mark.parametrize("name", STARTS)
def test_a_binary_message_is_audio_or_nothing(name: str) -> None:
    stream, _ = started(DIALECTS[name])
    stream.receive(Binary(b"\xff" * 320), 0.1)
    (event,) = drain(stream)
    assert isinstance(event, AudioReceived if name in ("vonage", "plain") else Failed)


@pytest.mark.parametrize(
    ("dialect", "changes"),
    [
        (PLIVO, {"start": STARTS["plivo"]["start"] | {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000}}}),
        (TELNYX, {"start": STARTS["telnyx"]["start"] | {"media_format": {"encoding": "G722", "sample_rate": 8000}}}),
        (VONAGE, {"content-type": "audio/l16;rate=24000"}),
        (PLAIN, {"encoding": "opus"}),
        (PLAIN, {"rate": 16_000}),
    ],
)
def test_audio_that_is_not_understood_is_refused_with_what_would_be(dialect: Dialect, changes: dict[str, Any]) -> None:
    (event,) = drain(opened(dialect, **changes))
    assert isinstance(event, Failed)
    assert event.code == 1003
    assert "only mono" in event.reason


def test_telnyx_a_law_is_received_and_mu_law_is_sent() -> None:
    details = STARTS["telnyx"]["start"] | {"media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}}
    stream, event = started(TELNYX, start=details)
    assert event.encoding == "PCMU"
    message = {
        "event": "media",
        "stream_id": "S1",
        "media": {"payload": b64encode(PCMA.encode(sine(440, 20))).decode()},
    }
    stream.receive(json.dumps(message).encode(), 0.0)
    (received,) = drain(stream)
    assert received == AudioReceived(PCMA.decode(PCMA.encode(sine(440, 20))), 0)


def test_telnyx_gets_no_piece_of_less_than_20_ms() -> None:
    stream, _ = started(TELNYX)
    stream.play(ONE[:10], 0.0)
    payload, _ = said(stream, TELNYX)
    assert payload == ONE[:10] + b"\xff" * 150


def test_telnyx_pieces_are_put_in_order_by_their_own_numbers() -> None:
    stream, _ = started(TELNYX)
    for chunk, number in ((1, 9), (2, 3), (2, 12)):
        body = {"payload": b64encode(ONE).decode(), "chunk": str(chunk), "timestamp": str(20 * chunk)}
        text = {"event": "media", "stream_id": "S1", "sequence_number": str(number), "media": body}
        stream.receive(json.dumps(text).encode(), 0.0)
    assert [event.at_tick for event in drain(stream) if isinstance(event, AudioReceived)] == [0, 160]
    assert stream.stats().late == 1


def test_plain_a_law_goes_both_ways() -> None:
    stream, event = started(PLAIN, encoding="alaw")
    assert event.encoding == "PCMA"
    stream.receive(Binary(PCMA.encode(sine(440, 20))), 0.0)
    assert drain(stream) == [AudioReceived(PCMA.decode(PCMA.encode(sine(440, 20))), 0)]
    stream.play(PCMA.encode(sine(440, 20)), 0.0)
    first, _ = stream.messages_to_send()
    assert first == PCMA.encode(sine(440, 20))
    assert isinstance(first, Binary)


def test_vonage_gets_frames_of_20_ms_of_linear_audio() -> None:
    stream, _ = started(VONAGE)
    stream.play(SPEECH[:1_000], 0.0)
    frames = [message for message in stream.messages_to_send() if isinstance(message, Binary)]
    assert {len(frame) for frame in frames} == {320}
    assert b"".join(frames) == PCMU.decode(SPEECH[:1_000]) + bytes(2 * 120)


def test_vonage_at_16_khz_is_converted_both_ways() -> None:
    stream, _ = started(VONAGE, **{"content-type": "audio/l16;rate=16000"})
    wide = Upsampler().push(sine(440, 200))
    for at in range(0, len(wide), 640):
        stream.receive(Binary(wide[at : at + 640]), at / 32_000)
    received = b"".join(event.pcm for event in drain(stream) if isinstance(event, AudioReceived))
    assert len(received) == pytest.approx(2 * 1_600, abs=2 * 80), "what the filter holds back"
    stream.play(ONE, 1.0)
    frames = [message for message in stream.messages_to_send() if isinstance(message, Binary)]
    assert [len(frame) for frame in frames] == [640]


def test_vonage_without_a_name_for_the_call_gets_one() -> None:
    bare = {"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}
    names = set()
    for _ in range(2):
        stream = MediaStream(0.0, VONAGE)
        stream.receive(json.dumps(bare).encode(), 0.0)
        (event,) = drain(stream)
        assert isinstance(event, Started)
        names.add(event.call_sid)
    assert len(names) == 2


def test_signalwire_speaks_as_twilio_does() -> None:
    stream, event = started(SIGNALWIRE)
    assert event.stream_sid == "S1"
    stream.play(SPEECH, 0.0)
    first = json.loads(stream.messages_to_send()[0])
    assert (first["event"], first["streamSid"]) == ("media", "S1")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" opening hours ", "opening hours"),
        ("Grüße, 你好 👩‍🚒", "Grüße, 你好 👩‍🚒"),
        ("می‌خواهم", "می‌خواهم"),  # with a zero width non-joiner
        ("x" * limits.TEXT_CHARS, "x" * limits.TEXT_CHARS),
    ],
)
def test_a_typed_line_comes_in(text: str, line: str) -> None:
    stream, _ = started(PLAIN)
    stream.receive(json.dumps({"event": "text", "text": text}).encode(), 0.1)
    assert drain(stream) == [Line(line)]


ODD_LINES = ("", "  ", "a\nb", "a\tb", "\x1b[2J", "\x7f", "\u202eabc", "\u2028", "x" * (limits.TEXT_CHARS + 1))


@pytest.mark.parametrize("text", [*ODD_LINES, None, 4711, ["a"], {"text": "a"}])
def test_what_is_no_line_is_ignored_and_counted(text: object) -> None:
    stream, _ = started(PLAIN)
    for message in ({"event": "text", "text": text}, {"event": "text"}, {"event": "text", "text": "\ud800"}):
        stream.receive(json.dumps(message).encode(), 0.1)
    assert not [event for event in drain(stream) if not isinstance(event, Failed)]
    assert stream.stats().ignored >= 2


@pytest.mark.parametrize("name", [*sorted(set(STARTS) - {"plain"}), "twilio"])
def test_carriers_have_no_typed_lines(name: str) -> None:
    stream = opened(DIALECTS[name]) if name in STARTS else MediaStream(0.0)
    if name not in STARTS:
        stream.receive(json.dumps(STARTS["signalwire"]).encode(), 0.0)
    drain(stream)
    stream.receive(b'{"event":"text","text":"opening hours"}', 0.1)
    assert drain(stream) == []
    assert stream.stats().ignored == 1
