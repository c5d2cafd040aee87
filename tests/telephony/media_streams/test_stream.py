import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.inbound_stream import STALLED_S
from offhook.telephony.media_streams.playout_buffer import Played
from offhook.telephony.media_streams.stream import (
    AudioReceived,
    Drained,
    Event,
    Failed,
    Key,
    MediaStream,
    Started,
    Stopped,
)


def start(**details: Any) -> bytes:
    body = {"callSid": "CA1", "accountSid": "AC1", "customParameters": {"who": "me"}} | details
    return json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": body}).encode()


def message(event: str, sequence: int | None = None, sid: str | None = "MZ1", **body: Any) -> bytes:
    found: dict[str, Any] = {"event": event, event: body}
    if sid is not None:
        found["streamSid"] = sid
    if sequence is not None:
        found["sequenceNumber"] = str(sequence)
    return json.dumps(found).encode()


def media(n: int, sequence: int | None = None, **extra: Any) -> bytes:
    payload = b64encode(bytes([n % 256]) * 160).decode()
    return message("media", sequence, payload=payload, chunk=str(n), timestamp=str(20 * n), **extra)


def drain(stream: MediaStream) -> list[Event]:
    found = []
    while (event := stream.next_event()) is not None:
        found.append(event)
    return found


def opened() -> MediaStream:
    stream = MediaStream(0.0)
    stream.receive(b'{"event":"connected","protocol":"Call","version":"1.0.0"}', 0.0)
    stream.receive(start(), 0.0)
    drain(stream)
    return stream


def test_start_tells_which_call_it_is() -> None:
    stream = MediaStream(0.0)
    stream.receive(b'{"event":"connected"}', 0.0)
    assert drain(stream) == []
    stream.receive(start(), 0.0)
    assert drain(stream) == [Started("CA1", "MZ1", "AC1", (("who", "me"),))]


def test_media_and_keys_come_out_in_order() -> None:
    stream = opened()
    stream.receive(media(1, 2), 0.02)
    stream.receive(message("dtmf", 3, digit="5", track="inbound_track"), 0.03)
    stream.receive(media(2, 4), 0.04)
    first, key, second = drain(stream)
    assert isinstance(first, AudioReceived)
    assert (first.at_tick, len(first.pcm)) == (0, 320)
    assert key == Key("5", 160)
    assert isinstance(second, AudioReceived)
    assert second.at_tick == 160


def test_what_comes_before_start_counts_for_nothing() -> None:
    stream = MediaStream(0.0)
    for early in (media(1), message("dtmf", digit="1"), message("mark", name="1")):
        stream.receive(early, 0.0)
    assert drain(stream) == []
    assert stream.stats().ignored == 3
    stream.play(b"\xff" * 800, 0.0)
    assert stream.messages_to_send() == []
    assert (stream.clear(0.0), stream.queued_ticks, stream.sent_ticks, stream.played_ticks(0.0)) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        message("dtmf", 2, "MZ2", digit="1"),
        message("mark", 2, "MZ2", name="1"),
        message("stop", 2, "MZ2"),
        message("dtmf", 2, digit="w"),
        message("mark", 2, name=[]),
        message("notify", 2),
        b"{}",
    ],
)
def test_one_odd_event_ends_no_call(odd: bytes) -> None:
    stream = opened()
    stream.receive(odd, 0.0)
    stream.receive(message("dtmf", 3, digit="5"), 0.0)
    assert drain(stream) == [Key("5", 0)]
    assert stream.stats().ignored == 1


def test_keys_after_the_numbers_began_again_are_taken() -> None:
    stream = opened()
    for tenths, sequence in enumerate((*range(2, 1_002), *range(1, 20))):
        stream.receive(message("dtmf", sequence, digit="5"), tenths / 10)
    assert len(drain(stream)) == 1_019


def test_a_key_with_a_lower_number_is_taken_once() -> None:
    stream = opened()
    for n in range(1, 4):
        stream.receive(media(n, 10 * n), 0.02 * n)
    for _ in range(2):
        stream.receive(message("dtmf", 5, digit="5"), 0.1)
    assert [event.digit for event in drain(stream) if isinstance(event, Key)] == ["5"]


def test_keys_that_share_a_number_with_others_are_taken() -> None:
    stream = opened()
    for n in range(1, 4):
        stream.receive(media(n, n + 1), 0.02 * n)
    for digit in "155":
        stream.receive(message("dtmf", 4, digit=digit), 0.1)
    assert [event.digit for event in drain(stream) if isinstance(event, Key)] == ["1", "5"]
    stream.receive(message("stop", 4), 0.2)
    assert drain(stream) == [Stopped()]


def test_what_comes_after_stop_counts_for_nothing() -> None:
    stream = opened()
    stream.receive(message("stop", 2), 0.0)
    stream.receive(message("stop", 3), 0.0)
    stream.receive(media(1, 4), 0.0)
    assert drain(stream) == [Stopped()]
    assert stream.get_timer() is None


def test_the_bots_own_voice_is_not_the_callers() -> None:
    stream = opened()
    stream.receive(media(1, track="outbound"), 0.0)
    assert drain(stream) == []


def test_messages_that_come_twice_or_late_are_dropped() -> None:
    stream = opened()
    for sequence, digit in ((2, "1"), (3, "2"), (3, "2"), (2, "1"), (4, "3")):
        stream.receive(message("dtmf", sequence, digit=digit), 0.0)
    assert drain(stream) == [Key("1", 0), Key("2", 0), Key("3", 0)]
    assert stream.stats().out_of_order == 2


def test_who_does_not_count_is_let_be() -> None:
    stream = MediaStream(0.0)
    stream.receive(message("start", 1, callSid="CA1"), 0.0)
    for digit in "123":
        stream.receive(message("dtmf", 1, digit=digit), 0.0)
    assert [event for event in drain(stream) if isinstance(event, Key)] == [Key("1", 0), Key("2", 0), Key("3", 0)]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"no json", "JSON"),
        (start(), "second start"),
        (message("media", 2, "MZ2", payload=""), "another stream"),
        (message("media", 2, payload="*"), "base64"),
        (b" " * (limits.MESSAGE_OCTETS + 1), "bytes"),
    ],
)
def test_who_breaks_the_protocol_is_closed(bad: bytes, why: str) -> None:
    stream = opened()
    stream.receive(bad, 0.0)
    (failed,) = drain(stream)
    assert isinstance(failed, Failed)
    assert failed.code == 1008
    assert why in failed.reason
    stream.receive(media(1, 9), 0.0)
    assert drain(stream) == []


@pytest.mark.parametrize(
    "audio",
    [{"encoding": "audio/x-l16"}, {"encoding": "audio/x-mulaw", "sampleRate": 16_000}, {"channels": 2}],
)
def test_other_audio_is_refused(audio: dict[str, Any]) -> None:
    stream = MediaStream(0.0)
    stream.receive(start(mediaFormat=audio), 0.0)
    (failed,) = drain(stream)
    assert isinstance(failed, Failed)
    assert failed.code == 1003


def test_a_start_of_two_streams_or_of_none_is_refused() -> None:
    for bad in (start(streamSid="MZ2"), message("start", 1, None, callSid="CA1")):
        stream = MediaStream(0.0)
        stream.receive(bad, 0.0)
        (failed,) = drain(stream)
        assert isinstance(failed, Failed)


def test_start_is_not_waited_for_for_ever() -> None:
    stream = MediaStream(5.0)
    due = stream.get_timer()
    assert due == 5.0 + limits.START_S
    stream.handle_timer(due - 0.1)
    assert drain(stream) == []
    stream.handle_timer(due)
    (failed,) = drain(stream)
    assert isinstance(failed, Failed)
    assert "no start" in failed.reason


def test_a_flood_of_messages_is_closed() -> None:
    stream = opened()
    for n in range(limits.MESSAGES_BURST + 10):
        stream.receive(message("mark", name=str(n)), 1.0)
    (failed,) = drain(stream)
    assert isinstance(failed, Failed)
    assert "too many" in failed.reason


def test_what_a_stalled_network_delivers_at_once_is_no_flood() -> None:
    stream = opened()
    stream.receive(media(1), 0.02)
    for n in range(2, 500):
        stream.receive(media(n), 10.0)
    assert not any(isinstance(event, Failed) for event in drain(stream))
    assert stream.stats().rate_limited == 0


def test_the_bots_words_leave_and_are_reported() -> None:
    stream = opened()
    stream.play(b"\x11" * 1_600, 1.0)
    texts = [json.loads(text) for text in stream.messages_to_send()]
    assert [text["event"] for text in texts] == ["media", "mark"]
    assert all(text["streamSid"] == "MZ1" for text in texts)
    now = 1.0
    reported = []
    while stream.queued_ticks:
        now = stream.get_timer() or now
        stream.handle_timer(now)
        reported += drain(stream)
    assert b"".join(event.payload for event in reported if isinstance(event, Played)) == b"\x11" * 1_600
    assert [event for event in reported if isinstance(event, Drained)] == [Drained()]
    assert stream.played_ticks(now) == 1_440, "by time, the last 20 ms are still to come"
    stream.receive(message("mark", name=texts[1]["mark"]["name"]), now)
    assert stream.played_ticks(now) == 1_600


def test_clear_tells_what_was_played_until_then() -> None:
    stream = opened()
    stream.play(b"\x11" * 8_000, 1.0)
    dropped = stream.clear(1.1)
    reported = drain(stream)
    assert sum(len(event.payload) for event in reported if isinstance(event, Played)) == stream.sent_ticks
    assert dropped + stream.sent_ticks == 8_000
    assert json.loads(stream.messages_to_send()[-1]) == {"event": "clear", "streamSid": "MZ1"}


def test_silence_of_the_network_becomes_silence_of_the_caller() -> None:
    stream = opened()
    stream.receive(media(1), 1.0)
    drain(stream)
    due = stream.get_timer()
    assert due == 1.0 + STALLED_S
    stream.handle_timer(due)
    (received,) = drain(stream)
    assert isinstance(received, AudioReceived)
    assert received.at_tick == 160


def test_numbers_are_kept() -> None:
    stream = opened()
    stream.round_trip(0.05)
    stream.receive(media(1), 1.0)
    stats = stream.stats()
    assert (stats.packets_received, stats.rtt_ms, stats.last_received_at) == (1, 50.0, 1.0)
    assert stream.dump()["state"] == "open"


_WORDS = st.sampled_from(
    [media(n) for n in (1, 2, 3, 7, 3)]
    + [message("dtmf", 4, digit="1"), message("mark", name="1"), message("mark", name="2"), message("stop", 9), start()]
    + [b'{"event":"connected"}', b'{"event":"new"}', b"\xff", b"{}"]
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), _WORDS),
        st.tuples(st.just("play"), st.binary(max_size=2_000)),
        st.tuples(st.just("clear"), st.none()),
        st.tuples(st.just("wait"), st.floats(0, 2.5)),
        st.tuples(st.just("timer"), st.none()),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=200)
@given(_STEPS)
def test_whatever_comes_the_books_are_right(steps: list[tuple[str, Any]]) -> None:
    stream, now, position, said = MediaStream(0.0), 0.0, 0, 0
    for what, value in steps:
        if what == "receive":
            stream.receive(value, now)
        elif what == "play" and stream.dump()["state"] == "open":
            stream.play(value, now)
            said += len(value)
        elif what == "clear":
            said -= stream.clear(now)
        elif what == "wait":
            now += value
        else:
            stream.handle_timer(now)
        stream.messages_to_send()
        for event in drain(stream):
            if isinstance(event, AudioReceived):
                assert event.at_tick == position
                position += len(event.pcm) // 2
        assert position <= 8_000 * now + limits.LEAD_SAMPLES + 160
        assert stream.sent_ticks + stream.queued_ticks == said
        assert stream.played_ticks(now) <= stream.sent_ticks
