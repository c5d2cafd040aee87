"""A whole media stream of any dialect: valid, damaged and arbitrary messages from the far end, and our own.

Invariants: a message is refused with a declared error, audio time has no holes and stays near the clock, every played
sample is reported, waiting, or was dropped, and what is written can be parsed.
"""

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress

import msgspec

from fuzz.byte_input import Input
from offhook.telephony.errors import WireError
from offhook.telephony.media_streams import limits
from offhook.telephony.media_streams.dialect import Binary
from offhook.telephony.media_streams.dialects import DIALECTS
from offhook.telephony.media_streams.playout_buffer import Played
from offhook.telephony.media_streams.stream import (
    AudioReceived,
    Drained,
    Failed,
    Key,
    Line,
    MediaStream,
    Started,
    Stopped,
)

START = 1_000.0
RATE_HZ = 8_000
NAMES = tuple(DIALECTS)
PAYLOAD = b64encode(b"\x55" * 160).decode()
KEYS = "0123456789*#ABCD"
_FORMAT = '{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}'
_SNAKE = '{"encoding":"PCMU","sample_rate":8000,"channels":1}'

# What each far end sends: start, media, DTMF, echo of a mark. `$N` is a number from the input.
_TWILIO = (
    '{"event":"start","sequenceNumber":"1","streamSid":"S1","start":{"streamSid":"S1","accountSid":"A1","callSid":"C1",'
    f'"tracks":["inbound"],"mediaFormat":{_FORMAT},"customParameters":{{"who":"me"}}}}}}',
    '{"event":"media","sequenceNumber":"$N","streamSid":"S1","media":{"track":"inbound","chunk":"$N","timestamp":"$N",'
    f'"payload":"{PAYLOAD}"}}}}',
    '{"event":"dtmf","streamSid":"S1","sequenceNumber":"$N","dtmf":{"track":"inbound_track","digit":"5"}}',
    '{"event":"mark","streamSid":"S1","mark":{"name":"$N"}}',
)
TEXTS: dict[str, tuple[str, ...]] = {
    "twilio": _TWILIO,
    "signalwire": _TWILIO,
    "telnyx": (
        '{"event":"start","sequence_number":"1","stream_id":"S1","start":{"user_id":"A1","call_control_id":"C1",'
        f'"from":"+1312","to":"+1313","custom_parameters":{{"who":"me"}},"media_format":{_SNAKE}}}}}',
        '{"event":"media","sequence_number":"$N","stream_id":"S1","media":{"track":"inbound","chunk":"$N",'
        f'"timestamp":"$N","payload":"{PAYLOAD}"}}}}',
        '{"event":"dtmf","stream_id":"S1","occurred_at":"2026-01-01T00:00:00Z","dtmf":{"digit":"5"}}',
        '{"event":"mark","stream_id":"S1","mark":{"name":"$N"}}',
    ),
    "plivo": (
        '{"event":"start","sequenceNumber":1,"start":{"callId":"C1","streamId":"S1","accountId":"A1",'
        '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}},"extra_headers":"who=me;a=b"}',
        '{"event":"media","sequenceNumber":$N,"streamId":"S1","media":{"track":"inbound","chunk":$N,"timestamp":"$N",'
        f'"payload":"{PAYLOAD}"}}}}',
        '{"event":"dtmf","streamId":"S1","dtmf":{"track":"inbound","digit":"5","timestamp":"1"}}',
        '{"event":"playedStream","streamId":"S1","name":"$N"}',
    ),
    "vonage": (
        '{"event":"websocket:connected","content-type":"audio/l16;rate=8000","uuid":"C1","from":"4477","who":"me"}',
        '{"event":"websocket:connected","content-type":"audio/l16;rate=16000","headers":{"uuid":"C$N"}}',
        '{"event":"websocket:dtmf","digit":"5","duration":260}',
        '{"event":"websocket:notify","payload":{"mark":"$N"}}',
    ),
    "plain": (
        '{"event":"start","call":"C1","from":"+1","to":"+2","encoding":"mulaw","rate":8000,"parameters":{"who":"me"}}',
        '{"event":"start","call":"C$N","encoding":"l16","rate":16000}',
        '{"event":"dtmf","digit":"5"}',
        '{"event":"text","text":"line $N"}',
        '{"event":"mark","name":"$N"}',
    ),
}
ODD = (
    *("null", "true", "-1", "1e400", "0.5", '"-1"', '"NaN"', "9007199254740993", "99999999999999999999999"),
    *('"\\ud800"', '"\\u0000"', '"' + "x" * 600 + '"', "[]", "{}", "[[[[[[]]]]]]", '{"":{"":""}}', '""', '"a b"'),
)
"""Values that may stand in a message instead of the expected ones."""


class Drive:
    """The stream, and a model of what it should do."""

    def __init__(self, data: bytes) -> None:
        self.input = Input(data)
        self.now = START
        name = NAMES[self.input.byte() % len(NAMES)]
        self.dialect, self.texts = DIALECTS[name], TEXTS[name]
        self.stream = MediaStream(self.now, self.dialect)
        self.began: float | None = None  # when media came first
        self.position = self.played = self.dropped = self.reported = 0
        self.over = False

    # The steps. Each reads its parameters from the input.

    def sound(self) -> None:
        """A valid message."""
        kind = self.input.byte()
        self._receive(self.texts[kind % len(self.texts)].replace("$N", str(kind >> 2)).encode())

    def media(self) -> None:
        """The next piece of audio, 20 ms later."""
        self.now += 0.02
        if self.dialect.name in ("vonage", "plain"):
            self._receive(Binary(b"\x55" * 320))
        else:
            self._receive(self.texts[1].replace("$N", str(self.input.byte())).encode())

    def odd_value(self) -> None:
        """A message with one value replaced."""
        kind, where, what = self.input.byte(), self.input.byte(), self.input.byte()
        parts = self.texts[kind % len(self.texts)].split(":")
        at = 1 + where % (len(parts) - 1)
        value, comma, rest = parts[at].partition(",")
        closing = value[len(value.rstrip("}")) :]
        parts[at] = ODD[what % len(ODD)] + closing + comma + rest
        self._receive(":".join(parts).replace("$N", "1").encode())

    def damaged(self) -> None:
        """A message with some bytes replaced."""
        kind, where, data = self.input.byte(), self.input.byte(), self.input.data()
        text = self.texts[kind % len(self.texts)].encode()
        at = where % len(text)
        self._receive(text[:at] + data + text[at + (kind >> 2) :])

    def raw(self) -> None:
        """Arbitrary bytes as text."""
        self._receive(self.input.data())

    def binary(self) -> None:
        """Arbitrary bytes as a binary message."""
        self._receive(Binary(self.input.data()))

    def other_message(self) -> None:
        """The first message, the last one, or an unknown one."""
        self._receive((b'{"event":"connected"}', b'{"event":"stop"}', b'{"event":"news"}')[self.input.byte() % 3])

    def wait(self) -> None:
        """Time passes, at most 5 s."""
        self.now += self.input.byte() / 50

    def timer(self) -> None:
        """Run what is due; if the far end does not read, it is dropped."""
        writable = self.input.byte() < 200
        for _ in range(4):
            due = self.stream.get_timer()
            if due is None or due > self.now:
                return
            self.stream.handle_timer(self.now, writable=writable)

    def late_timer(self) -> None:
        """Run the timer, due or not."""
        self.stream.handle_timer(self.now)

    def play(self) -> None:
        """The bot plays something."""
        payload = bytes(8 * self.input.byte())
        before = self.stream.queued_ticks + self.stream.sent_ticks
        self.stream.play(payload, self.now)
        # A stream that is not open ignores it.
        self.played += self.stream.queued_ticks + self.stream.sent_ticks - before

    def clear(self) -> None:
        """The bot clears what it played."""
        self.dropped += self.stream.clear(self.now)

    def suspend(self) -> None:
        """The far end is gone."""
        self.stream.suspend(self.now)

    def resume(self) -> None:
        """It is back."""
        self.stream.resume("S1", self.now)

    def round_trip(self) -> None:
        """The connection's round trip was measured."""
        self.stream.round_trip(self.input.byte() / 100)

    def closed(self) -> None:
        """The far end closes the WebSocket."""
        self.stream.closed(1001, "bye")

    def _receive(self, data: bytes) -> None:
        self.stream.receive(data, self.now)
        if self.over:  # then the stream ignored it
            with suppress(WireError):
                self.dialect.parse(data)
        if self.began is None and self.stream.last_received_at is not None:
            self.began = self.now

    def check(self) -> None:
        """The invariants after every step."""
        stream = self.stream
        while (event := stream.next_event()) is not None:
            self._check_event(event)
        sent, queued = stream.sent_ticks, stream.queued_ticks
        assert queued >= 0
        assert sent == self.reported
        assert sent + queued + self.dropped == self.played
        assert stream.played_ticks(self.now) <= sent
        for message in stream.messages_to_send():
            if not isinstance(message, Binary):
                assert isinstance(msgspec.json.decode(message), dict)
        allowed = 0.0 if self.began is None else (self.now - self.began) * RATE_HZ + limits.LEAD_SAMPLES
        assert self.position <= allowed + 1

    def _check_event(self, event: object) -> None:
        match event:
            case AudioReceived(pcm=pcm, at_tick=at_tick):
                assert not self.over
                assert at_tick == self.position
                assert len(pcm) % 2 == 0
                self.position += len(pcm) // 2
            case Key(digit=digit, at_tick=at_tick):
                assert at_tick == self.position
                assert digit in KEYS
            case Line(text=text):
                assert 0 < len(text) <= limits.TEXT_CHARS
                assert not any(ord(char) < 32 for char in text)
            case Played(payload=payload, ordinal=ordinal):
                assert ordinal == self.reported
                self.reported += len(payload)
            case Started(call_sid=call_sid, parameters=parameters):
                assert 0 < len(call_sid) <= limits.SID_CHARS
                assert len(parameters) <= limits.PARAMETERS + 2
            case Stopped() | Failed():
                assert not self.over
                self.over = True
            case _:
                assert isinstance(event, Drained)


STEPS: tuple[Callable[[Drive], None], ...] = (
    Drive.sound,
    Drive.media,
    Drive.odd_value,
    Drive.damaged,
    Drive.raw,
    Drive.binary,
    Drive.other_message,
    Drive.wait,
    Drive.timer,
    Drive.late_timer,
    Drive.play,
    Drive.clear,
    Drive.suspend,
    Drive.resume,
    Drive.round_trip,
    Drive.closed,
)


def play_stream(data: bytes) -> None:
    """Run the steps that the bytes encode, and check after each. Raises AssertionError for a violated invariant."""
    drive = Drive(data)
    while drive.input.left:
        STEPS[drive.input.byte() % len(STEPS)](drive)
        drive.check()
