import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import accumulate

import pytest
import uvloop

from offhook.telephony import pcm
from offhook.telephony.codec import codec_named
from offhook.telephony.net.ports import PortPool
from tests.telephony.net.calls import TIMEOUT_S, call, speech

pytestmark = pytest.mark.usefixtures("media_twin")


@pytest.mark.parametrize(("codec", "ptime_ms"), [("PCMU", 20), ("PCMA", 20), ("PCMU", 10), ("PCMA", 30)])
async def test_audio_arrives_sample_by_sample(pool: PortPool, codec: str, ptime_ms: int) -> None:
    payload = speech(600, codec)
    async with call(pool, codec, ptime_ms) as (a, b):
        a.line.play(payload)
        assert a.line.queued_ticks == 4_800
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 4_800)
        assert b.ear.pcm[: 2 * 4_800] == codec_named(codec).decode(payload)
        expected = 0
        for at_tick, chunk in b.ear.audio:
            assert at_tick == expected
            expected += pcm.samples_in(chunk)
        assert b"".join(sent for _, sent in a.ear.sent) == payload
        ordinals = accumulate((len(sent) for _, sent in a.ear.sent), initial=0)
        assert [ordinal for ordinal, _ in a.ear.sent] == list(ordinals)[:-1]
        assert all(ordinal % (8 * ptime_ms) == 0 for ordinal, _ in a.ear.sent)
        assert a.line.sent_ticks == 4_800
        assert a.line.queued_ticks == 0


async def test_the_first_packet_of_a_spurt_leaves_at_once(pool: PortPool, media_twin: str) -> None:
    async with call(pool) as (a, _):
        waits = []
        for _ in range(8):
            a.ear.sent.clear()
            began = time.monotonic()
            a.line.play(speech(20))
            await a.ear.until(lambda: bool(a.ear.sent))
            waits.append(time.monotonic() - began)
            pause = asyncio.Event()
            asyncio.get_running_loop().call_later(0.033, pause.set)
            await pause.wait()
        assert sorted(waits)[2] < (0.012 if media_twin == "native" else 0.004)  # the pump's grid is one of 10 ms


async def test_packets_leave_in_real_time(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        began = time.monotonic()
        a.line.play(speech(400))
        await a.ear.until(lambda: a.ear.drained == 1)
        assert 0.32 < time.monotonic() - began < 1.0


async def test_what_is_reported_late_comes_with_its_own_time(pool: PortPool, media_twin: str) -> None:
    if media_twin != "native":
        pytest.skip("while the loop is held up, nothing is read")
    async with call(pool) as (a, b):
        arrived: list[float] = []
        left: list[float] = []
        late: list[float] = []

        def hear(chunk: bytes, at_tick: int, at_s: float) -> None:
            late.append(time.monotonic() - at_s)
            arrived.append(at_s - (at_tick + len(chunk) // 2) / 8_000)

        def note(payload: bytes, ordinal: int, at_s: float) -> None:
            left.append(at_s - ordinal / 8_000)

        b.line.add_listener(audio=hear)
        a.line.add_listener(sent=note)
        a.line.play(speech(400))
        time.sleep(0.2)  # noqa: ASYNC251 - that is the trouble
        await a.ear.until(lambda: a.ear.drained == 1)
        assert max(late) > 0.1
        assert max(arrived) - min(arrived) < 0.02
        assert max(left) - min(left) < 0.02


async def test_what_is_appended_in_time_continues_without_a_seam(pool: PortPool) -> None:
    payload = speech(600)
    pieces = [payload[i : i + 400] for i in range(0, len(payload), 400)]
    async with call(pool) as (a, b):
        a.line.play(pieces.pop(0))

        def feed(sent: bytes, ordinal: int, at_s: float) -> None:
            if pieces:
                a.line.play(pieces.pop(0))

        a.line.add_listener(sent=feed)
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 4_800)
        assert b.ear.pcm[: 2 * 4_800] == codec_named("PCMU").decode(payload)


async def test_drained_is_reported_once_a_spurt(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        a.line.play(speech(100))
        await a.ear.until(lambda: a.ear.drained == 1)
        assert a.line.sent_ticks == 800
        a.line.play(speech(50))
        await a.ear.until(lambda: a.ear.drained == 2)
        assert a.line.sent_ticks == 1_200


async def test_play_from_the_drained_handler_keeps_the_pace(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        drained: list[float] = []
        done = asyncio.Event()

        def again() -> None:
            drained.append(time.monotonic())
            if len(drained) < 10:
                a.line.play(speech(20))
            else:
                done.set()

        a.line.add_listener(drained=again)
        a.line.play(speech(20))
        await asyncio.wait_for(done.wait(), TIMEOUT_S)
        assert 0.13 < drained[-1] - drained[0] < 1.0


async def test_clear_stops_with_the_very_next_packet(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        dropped: list[int] = []
        at_clear: list[int] = []

        def stop(payload: bytes, ordinal: int, at_s: float) -> None:
            if ordinal >= 4 * 160 and not dropped:
                dropped.append(a.line.clear())
                at_clear.append(a.line.sent_ticks)

        a.line.add_listener(sent=stop)
        a.line.play(speech(1_000))
        # The silence that follows is made up by the receiver: when it has come, more packets would have come.
        await b.ear.until(lambda: b.line.stats().gaps == 1 and len(b.ear.pcm) >= 2 * 1_600)
        assert dropped == [8_000 - at_clear[0]]
        assert a.line.sent_ticks == at_clear[0]
        assert a.line.queued_ticks == 0
        assert b.line.stats().packets_received == at_clear[0] // 160


async def test_sent_and_queued_agree_with_every_report(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        numbers: list[tuple[int, int, int]] = []

        def note(payload: bytes, ordinal: int, at_s: float) -> None:
            numbers.append((a.line.sent_ticks, a.line.queued_ticks, ordinal + len(payload)))

        a.line.add_listener(sent=note)
        a.line.play(speech(300))
        await a.ear.until(lambda: a.ear.drained == 1)
        assert [sent for sent, _, _ in numbers] == [by_report for _, _, by_report in numbers]
        assert {sent + queued for sent, queued, _ in numbers} == {2_400}


async def test_clear_is_exact_after_the_loop_was_busy(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        a.line.play(speech(1_000))
        await a.ear.until(lambda: len(a.ear.sent) >= 2)
        time.sleep(0.1)  # noqa: ASYNC251 - this is the event loop being busy
        dropped = a.line.clear()
        sent = a.line.sent_ticks
        assert (dropped + sent, a.line.queued_ticks) == (8_000, 0)
        await b.ear.until(lambda: b.line.stats().gaps == 1)
        assert sum(len(payload) for _, payload in a.ear.sent) == a.line.sent_ticks == sent
        assert b.line.stats().packets_received == sent // 160


async def test_after_clear_something_else_can_be_said(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        dropped_speech, other = speech(500), speech(80)
        a.line.play(dropped_speech)
        # The first packet may have left already.
        dropped = a.line.clear()
        left = a.line.sent_ticks
        assert left + dropped == 4_000
        a.line.play(other)
        await b.ear.until(lambda: b.line.stats().packets_received == (left + 640) // 160)
        await a.ear.until(lambda: a.ear.drained == 1)
        assert b"".join(payload for _, payload in a.ear.sent) == dropped_speech[:left] + other


async def test_digits_both_ways_and_after_the_audio(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        a.line.play(speech(60))
        a.line.send_dtmf("1#")
        b.line.send_dtmf("9")
        await b.ear.until(lambda: b.ear.digits == ["1", "#"])
        await a.ear.until(lambda: a.ear.digits == ["9"])
        assert a.line.sent_ticks == 480


async def test_an_unknown_key_is_refused(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        with pytest.raises(ValueError, match="X"):
            a.line.send_dtmf("1X")


async def test_played_is_never_more_than_sent_and_catches_up(pool: PortPool) -> None:
    async with call(pool) as (a, _):
        received: list[int] = []
        sent: list[int] = []

        def note(payload: bytes, ordinal: int, at_s: float) -> None:
            received.append(a.line.played_ticks())
            sent.append(ordinal + len(payload))

        a.line.add_listener(sent=note)
        a.line.play(speech(300))
        assert a.line.played_ticks() == 0
        await a.ear.until(lambda: a.ear.drained == 1)
        assert received == sorted(received)
        assert all(count <= upper for count, upper in zip(received, sent, strict=True))
        # The last packet's slot may end a moment later.
        async with asyncio.timeout(TIMEOUT_S):
            while a.line.played_ticks() < a.line.sent_ticks:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.001)
        assert a.line.played_ticks() == a.line.sent_ticks == 2_400


def test_the_same_on_uvloop(pool: PortPool) -> None:
    async def scenario() -> None:
        for test in (test_digits_both_ways_and_after_the_audio, test_clear_stops_with_the_very_next_packet):
            scenario_of: Callable[[PortPool], Awaitable[None]] = test
            await scenario_of(pool)
        await test_audio_arrives_sample_by_sample(pool, "PCMU", 20)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
