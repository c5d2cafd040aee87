"""A connection that is lost, and one that takes its place."""

import json
from base64 import b64decode, b64encode

import pytest

from offhook.telephony.codec import PCMU
from offhook.telephony.media_streams.dialects import SIGNALWIRE
from offhook.telephony.media_streams.playout_buffer import Played
from offhook.telephony.media_streams.stream import (
    AudioReceived,
    Drained,
    MediaStream,
)
from tests.telephony.media_streams.test_dialects import ONE, SPEECH, audio, drain, said, started


def test_what_was_not_played_is_said_to_the_stream_that_comes_next() -> None:
    stream, _ = started(SIGNALWIRE)
    stream.play(SPEECH, 1.0)
    said(stream, SIGNALWIRE)
    assert stream.suspend(1.1)
    cut = stream.sent_ticks
    assert 0 < cut <= 800 + 160
    assert stream.queued_ticks == len(SPEECH) - cut
    stream.handle_timer(5.0)
    assert stream.messages_to_send() == []
    assert stream.sent_ticks == cut, "nobody hears anything meanwhile"
    stream.resume("S2", 9.0)
    messages = [json.loads(message) for message in stream.messages_to_send()]
    assert {message["streamSid"] for message in messages} == {"S2"}
    assert b64decode(messages[0]["media"]["payload"]) == SPEECH[cut:]
    stream.handle_timer(9.5)
    drained = drain(stream)
    assert Drained() in drained
    assert b"".join(event.payload for event in drained if isinstance(event, Played)) == SPEECH


def test_audio_time_goes_on_while_nobody_is_there() -> None:
    stream, _ = started(SIGNALWIRE)
    stream.receive(audio(SIGNALWIRE), 1.0)
    stream.suspend(1.1)
    for tenth in range(15, 90):
        stream.handle_timer(tenth / 10)
    stream.resume("S2", 9.0)
    body = {"payload": b64encode(ONE).decode(), "chunk": "1", "timestamp": "20"}
    text = {"event": "media", "streamSid": "S2", "sequenceNumber": "2", "media": body}
    stream.receive(json.dumps(text).encode(), 9.02)
    received = [event for event in drain(stream) if isinstance(event, AudioReceived)]
    assert received[-1].pcm[-200:] == PCMU.decode(ONE)[-200:], "after a short fade"
    assert received[-1].at_tick == pytest.approx(8 * 8_000, abs=1_600)


def test_an_old_streams_marks_and_messages_mean_nothing_to_the_new_one() -> None:
    stream, _ = started(SIGNALWIRE)
    stream.play(SPEECH, 1.0)
    stream.suspend(1.1)
    stream.resume("S2", 2.0)
    stream.receive(b'{"event":"mark","streamSid":"S2","mark":{"name":"1"}}', 2.1)
    assert stream.stats().marks_returned == 1
    stream.receive(b'{"event":"mark","streamSid":"S1","mark":{"name":"2"}}', 2.1)
    assert stream.stats().marks_returned == 1
    assert stream.stats().ignored == 1


def test_only_an_open_stream_can_be_suspended() -> None:
    stream = MediaStream(0.0, SIGNALWIRE)
    assert not stream.suspend(0.0)
    stream, _ = started(SIGNALWIRE)
    assert stream.suspend(0.0)
    assert not stream.suspend(0.0)
