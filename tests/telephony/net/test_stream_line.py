import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from offhook.telephony import pcm
from offhook.telephony.codec import codec_named
from offhook.telephony.line import MediaLine
from offhook.telephony.media_streams.stream import Started
from offhook.telephony.net.stream_clock import StreamClock
from offhook.telephony.net.stream_line import StreamLine

TIMEOUT_S = 5.0
START = b'{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}'


class Socket:
    """The far end: reads what is written, and says when it was."""

    def __init__(self) -> None:
        self.writable = True
        self.reads = 0
        self.on_read: Callable[[], None] = lambda: None
        self.messages: list[dict[str, Any]] = []
        self.closed: list[tuple[int, str]] = []

    def read(self) -> None:
        self.reads += 1
        self.on_read()

    def send(self, messages: Sequence[bytes]) -> None:
        self.messages += [json.loads(message) for message in messages]

    def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))

    def hand_to(self, line: StreamLine) -> None:
        self.line = line

    def events(self) -> list[str]:
        return [message["event"] for message in self.messages]


class Call:
    def __init__(
        self, clock: StreamClock | None = None, *, first_media_timeout_s: float = 30.0, media_timeout_s: float = 15.0
    ) -> None:
        self.socket = Socket()
        self.started: list[Started] = []
        self.ended: list[str | None] = []
        self.audio: list[tuple[int, bytes]] = []
        self.keys: list[tuple[str, int]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.drained = self.silent = 0
        self.changed = asyncio.Event()
        self.line = StreamLine(
            self.socket,
            on_started=self.started.append,
            on_ended=self.ended.append,
            clock=clock or StreamClock(),
            first_media_timeout_s=first_media_timeout_s,
            media_timeout_s=media_timeout_s,
        )
        self.line.add_listener(
            audio=lambda audio, at_tick, _at_s: self._note(self.audio.append, (at_tick, audio)),
            dtmf=lambda digit, at_tick: self._note(self.keys.append, (digit, at_tick)),
            sent=lambda payload, ordinal, _at_s: self._note(self.sent.append, (ordinal, payload)),
            drained=self._on_drained,
            silent=self._on_silent,
        )

    def _note(self, where: Callable[[Any], None], what: object) -> None:
        where(what)
        self.changed.set()

    def _on_drained(self) -> None:
        self.drained += 1
        self.changed.set()

    def _on_silent(self) -> None:
        self.silent += 1
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def media(self, n: int) -> None:
        payload = b64encode(bytes([n]) * 160).decode()
        body = {"payload": payload, "chunk": str(n), "timestamp": str(20 * n)}
        self.line.receive(json.dumps({"event": "media", "streamSid": "MZ1", "media": body}).encode())

    def echo(self) -> None:
        """Return all marks."""
        for message in [each for each in self.socket.messages if each["event"] == "mark"]:
            self.line.receive(json.dumps({"event": "mark", "mark": message["mark"]}).encode())


def opened(
    clock: StreamClock | None = None, *, first_media_timeout_s: float = 30.0, media_timeout_s: float = 15.0
) -> Call:
    call = Call(clock, first_media_timeout_s=first_media_timeout_s, media_timeout_s=media_timeout_s)
    call.line.receive(START)
    call.line.start()
    return call


async def test_it_is_a_line() -> None:
    call = opened()
    line: MediaLine = call.line
    assert line.encoding == "PCMU"
    assert [one.call_sid for one in call.started] == ["CA1"]
    line.close()


async def test_the_socket_is_read_until_the_line_is_closed() -> None:
    call = opened()
    call.socket.on_read = call.changed.set
    await call.until(lambda: call.socket.reads >= 3)
    call.line.close()
    reads = call.socket.reads
    other = opened()
    other.socket.on_read = other.changed.set
    await other.until(lambda: other.socket.reads >= 3)
    assert call.socket.reads == reads
    other.line.close()


async def test_what_is_read_last_still_counts_as_in_time() -> None:
    """A loop that stood still finds the messages, and does not think that none came."""
    call = opened()
    call.media(1)
    call.socket.on_read = lambda: call.media(2) if call.socket.reads == 1 else None
    time.sleep(1.2)  # noqa: ASYNC251 - that is what it means to stand still
    await call.until(lambda: len(call.audio) >= 2)
    assert call.line.stats().gaps == 0
    call.line.close()


async def test_audio_and_keys_arrive_in_order() -> None:
    call = opened()
    call.media(1)
    call.line.receive(b'{"event":"dtmf","dtmf":{"digit":"7"}}')
    call.media(2)
    decode = codec_named("PCMU").decode
    assert call.audio == [(0, decode(b"\x01" * 160)), (160, decode(b"\x02" * 160))]
    assert call.keys == [("7", 160)]
    call.line.close()


async def test_an_utterance_is_sent_reported_and_played() -> None:
    call = opened()
    payload = bytes(range(256)) * 10
    call.line.play(payload)
    assert call.socket.events() == ["media", "mark"], "it leaves at once"
    assert call.line.queued_ticks == len(payload)
    await call.until(lambda: call.drained == 1)
    assert b"".join(piece for _, piece in call.sent) == payload
    assert call.sent[0][0] == 0
    assert call.line.sent_ticks == len(payload)
    call.echo()
    assert call.line.played_ticks() == len(payload)
    call.line.close()


async def test_what_was_sent_is_reported_soon_and_never_from_within_play() -> None:
    call = opened()
    call.line.play(bytes(80))
    assert (call.sent, call.drained, call.line.sent_ticks) == ([], 0, 0)
    await call.until(lambda: call.drained == 1)
    assert call.sent == [(0, bytes(80))]
    call.line.close()


async def test_clear_takes_everything_back_at_once() -> None:
    call = opened()
    call.line.play(bytes(16_000))
    await call.until(lambda: len(call.sent) >= 3)
    dropped = call.line.clear()
    assert call.socket.events()[-1] == "clear"
    assert call.line.queued_ticks == 0
    assert call.line.sent_ticks + dropped == 16_000
    assert sum(len(piece) for _, piece in call.sent) == call.line.sent_ticks
    call.line.play(bytes(160))
    assert call.line.sent_ticks + call.line.queued_ticks == 16_000 - dropped + 160
    call.line.close()


async def test_a_handler_may_clear_and_play() -> None:
    call = opened()
    order: list[int] = []

    def interrupt(_: bytes, at_tick: int, _at_s: float) -> None:
        order.append(at_tick)
        call.line.clear()
        call.line.play(bytes(160))

    call.line.add_listener(audio=interrupt)
    call.line.play(bytes(8_000))
    call.media(1)
    call.media(2)
    assert order == [0, 160]
    assert call.line.queued_ticks <= 320
    call.line.close()


async def test_audio_is_reported_with_about_the_time_at_which_it_came() -> None:
    now = 1_000.0
    call = opened(StreamClock(lambda: now))
    reported: list[float] = []
    call.line.add_listener(audio=lambda audio, at_tick, at_s: reported.append(at_s))
    # The first is read at once, the next waits for a point of the clock, the third was late on its way.
    for n, now in enumerate((1_000.0, 1_000.035, 1_000.3), start=1):  # noqa: B007 - the clock reads it
        call.media(n)
    assert reported == pytest.approx([1_000.0, 1_000.02, 1_000.28])
    call.line.close()


async def test_a_handler_may_close() -> None:
    call = opened()
    call.line.add_listener(audio=lambda *_: call.line.close())
    call.media(1)
    call.media(2)
    call.line.play(bytes(160))
    assert call.socket.closed == [(1000, "")]
    assert call.socket.messages == []
    assert call.line.clear() == 0


@pytest.mark.parametrize(("message", "code"), [(b"no json", 1008), (START, 1008)])
async def test_a_far_end_that_breaks_the_protocol_is_closed(message: bytes, code: int) -> None:
    call = opened()
    call.line.receive(message)
    assert [each for each, _ in call.socket.closed] == [code]
    assert len(call.ended) == 1
    assert call.ended[0]
    call.line.receive(message)
    assert len(call.ended) == 1


async def test_stop_is_no_fault() -> None:
    call = opened()
    call.line.receive(b'{"event":"stop"}')
    assert call.ended == [None]
    call.line.close()
    assert call.socket.closed == [(1000, "")]


async def test_a_lost_socket_is_reported() -> None:
    call = opened()
    call.line.lost("gone")
    assert call.ended == ["gone"]


async def test_dead_air_is_reported() -> None:
    call = opened(first_media_timeout_s=0.05, media_timeout_s=0.05)
    await call.until(lambda: call.silent == 1)
    call.media(1)
    await call.until(lambda: call.silent == 2)
    call.line.close()


async def test_keys_are_played_as_tones() -> None:
    call = opened()
    call.line.send_dtmf("1")
    assert call.line.queued_ticks == 1_600
    with pytest.raises(ValueError, match="no such key"):
        call.line.send_dtmf("x")
    call.line.close()


async def test_to_who_does_not_read_nothing_is_written() -> None:
    call = opened()
    call.socket.writable = False
    call.line.play(bytes(800))
    await call.until(lambda: call.drained == 1)
    assert call.socket.messages == []
    assert call.line.stats().skipped_ticks == 800
    call.line.close()


async def test_pcm_is_encoded() -> None:
    call = opened()
    assert call.line.encode(pcm.silence(3)) == b"\xff\xff\xff"
    assert call.line.dump()["closed"] is False
    call.line.close()
    call.line.close()
    assert call.socket.closed == [(1000, "")]
