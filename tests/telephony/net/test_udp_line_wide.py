"""Wideband lines on loopback: G.722 both ways, and a re-INVITE from wide to narrow and back."""

from collections.abc import Iterable

import numpy as np
import pytest

from offhook.telephony import pcm, tones
from offhook.telephony.codec import G722_64K, PCMU
from offhook.telephony.errors import LocalError
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from tests.telephony.net.calls import HOST, Side, acquire, call, config_to, speech

pytest.importorskip("G722")
pytestmark = pytest.mark.usefixtures("media_twin")

PACKET_TICKS = 160
VOICE = tones.tones((400.0, 2_100.0, 5_600.0), 600, level_dbfs=-12, rate_hz=16_000)


def level_at(audio: bytes, frequency_hz: float, rate_hz: int) -> float:
    """The level of a sine in the middle of the audio, dBFS."""
    samples = pcm.to_array(audio).astype(np.float64) / 32_768
    samples = samples[len(samples) // 4 : -len(samples) // 4]
    wave = np.exp(-2j * np.pi * frequency_hz / rate_hz * np.arange(len(samples)))
    window = np.hanning(len(samples))
    return float(20 * np.log10(abs((samples * window) @ wave) / window.sum() * 2**0.5 + 1e-9))


def positions_of(side: Side) -> Iterable[tuple[int, int]]:
    """Where each piece began, and where it should have."""
    expected = 0
    for at_tick, chunk in side.ear.audio:
        yield at_tick, expected
        expected += len(chunk) * 8_000 // (2 * side.line.rate_hz)


async def the_whole_band_arrives(a: Side, b: Side, *, within_db: float) -> None:
    """`VOICE` from `a` to `b`, both at 16 kHz; positions count in ticks of 8 kHz all the same."""
    assert (a.line.encoding, a.line.rate_hz, a.line.bytes_per_tick) == ("LINEAR16", 16_000, 4)
    a.line.play(a.line.encode(VOICE))
    assert a.line.queued_ticks == 4_800
    await b.ear.until(lambda: len(b.ear.pcm) >= len(VOICE))
    assert all(at == expected for at, expected in positions_of(b))
    for frequency_hz in (400.0, 2_100.0, 5_600.0):
        assert level_at(b.ear.pcm[: len(VOICE)], frequency_hz, 16_000) == pytest.approx(
            level_at(VOICE, frequency_hz, 16_000), abs=within_db
        )
    assert b"".join(payload for _, payload in a.ear.sent) == VOICE
    assert a.line.sent_ticks == 4_800


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
async def test_a_wide_call_has_all_its_band_and_counts_in_ticks(pool: PortPool, ptime_ms: int) -> None:
    async with call(pool, "G722", ptime_ms) as (a, b):
        await the_whole_band_arrives(a, b, within_db=1.0)
        stats = b.line.stats()
        assert (stats.lost, stats.octets_received) == (0, 4_800)


async def test_what_was_cleared_leaves_no_trace_in_what_follows(pool: PortPool) -> None:
    async with call(pool, "G722") as (a, b):
        a.line.play(VOICE + VOICE)
        await a.ear.until(lambda: a.line.sent_ticks >= 5 * PACKET_TICKS)
        dropped = a.line.clear()
        sent = a.line.sent_ticks
        assert sent + dropped == 9_600
        a.line.play(VOICE)
        await b.ear.until(lambda: len(b.ear.pcm) >= 4 * (sent + 4_800))
        coder = G722_64K.decoder()
        expected = coder(G722_64K.encode((VOICE + VOICE)[: 4 * sent] + VOICE))
        received = b.ear.pcm
        assert received.startswith(expected[: 4 * sent])
        assert expected[4 * sent :] in received


async def test_a_key_press_on_a_wide_call(pool: PortPool) -> None:
    async with call(pool, "G722") as (a, b):
        a.line.send_dtmf("5")
        await b.ear.until(lambda: b.ear.digits == ["5"])


async def test_a_wide_line_whose_far_end_becomes_narrow(pool: PortPool) -> None:
    async with call(pool, "G722") as (a, b):
        a.line.play(VOICE)
        await b.ear.until(lambda: len(b.ear.pcm) >= 10 * 640)
        for side, other in ((a, b), (b, a)):
            side.line.reconfigure(config_to(HOST, other.line.pair.port, "PCMU"), "PCMU")
        assert (a.line.encoding, a.line.rate_hz) == ("LINEAR16", 16_000)
        await b.ear.until(lambda: len(b.ear.pcm) >= len(VOICE))
        assert all(at == expected for at, expected in positions_of(b))
        assert b"".join(payload for _, payload in a.ear.sent) == VOICE
        narrow = b.ear.pcm[len(VOICE) // 2 : len(VOICE)]
        assert level_at(narrow, 2_100.0, 16_000) > -25
        assert level_at(narrow, 5_600.0, 16_000) < -50


async def test_a_narrow_line_whose_far_end_becomes_wide_and_narrow_again(pool: PortPool) -> None:
    payload = PCMU.encode(tones.tones((400.0, 2_100.0), 600, level_dbfs=-12))
    async with call(pool) as (a, b):
        for codec in ("G722", "PCMA", "G722", "PCMU"):
            for side, other in ((a, b), (b, a)):
                side.line.reconfigure(config_to(HOST, other.line.pair.port, codec), codec)
            b.ear.audio.clear()
            a.ear.sent.clear()
            a.line.play(payload)
            await b.ear.until(lambda: len(b.ear.pcm) >= 2 * len(payload))
            assert (b.line.encoding, b.line.rate_hz) == ("PCMU", 8_000)
            assert level_at(b.ear.pcm, 2_100.0, 8_000) == pytest.approx(
                level_at(PCMU.decode(payload), 2_100.0, 8_000), abs=1.5
            )
            # Sent audio is reported in batches: the far end may have received it before.
            await a.ear.until(lambda: sum(len(sent) for _, sent in a.ear.sent) >= len(payload))
            assert sum(len(sent) for _, sent in a.ear.sent) == len(payload)
        assert all(at_tick % PACKET_TICKS == 0 for at_tick, _ in b.ear.audio)


async def test_what_is_queued_survives_the_change(pool: PortPool) -> None:
    payload = speech(600)
    async with call(pool) as (a, b):
        a.line.play(payload)
        await a.ear.until(lambda: a.line.sent_ticks >= 800)
        for codec in ("G722", "PCMA"):
            for side, other in ((a, b), (b, a)):
                side.line.reconfigure(config_to(HOST, other.line.pair.port, codec), codec)
        assert a.line.sent_ticks + a.line.queued_ticks == len(payload)
        await a.ear.until(lambda: a.line.sent_ticks == len(payload))
        assert sum(len(sent) for _, sent in a.ear.sent) == len(payload)


async def test_an_unknown_codec_is_refused(pool: PortPool) -> None:
    clock = MediaClock()
    pair = acquire(pool)
    with pytest.raises(LocalError, match="no codec"):
        UdpLine(pair, config_to(HOST, 9), "G729", clock=clock)
    clock.close()
