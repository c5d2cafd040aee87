"""Opus lines on loopback: the whole band both ways, keys in its clock, and re-INVITEs to G.711 and back."""

import wave
from pathlib import Path

import pytest

from offhook.telephony import tones
from offhook.telephony.codec import OPUS, PCMU
from offhook.telephony.codec.opus import OpusDecoder
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.net.calls import HOST, Listener, Side, acquire, call, config_to, peer_of
from tests.telephony.net.test_udp_line_wide import VOICE, level_at, the_whole_band_arrives

pytest.importorskip("opuslib_next")
pytestmark = pytest.mark.usefixtures("media_twin")

SPEECH = Path(__file__).parents[2] / "data" / "speech" / "check_my_balance.wav"


def become(a: Side, b: Side, codec: str) -> None:
    for side, other in ((a, b), (b, a)):
        config = config_to(HOST, other.line.pair.port, codec)
        side.line.reconfigure(config, codec, {0: "PCMU", 8: "PCMA", 111: "OPUS"})


@pytest.mark.parametrize("ptime_ms", [10, 20, 40, 60])
async def test_an_opus_call_has_all_its_band_and_counts_in_ticks(pool: PortPool, ptime_ms: int) -> None:
    async with call(pool, "OPUS", ptime_ms) as (a, b):
        await the_whole_band_arrives(a, b, within_db=6.0)
        stats = b.line.stats()
        assert (stats.lost, stats.gaps, stats.malformed) == (0, 0, 0)
        assert stats.octets_received < 600 * 16


async def test_a_key_press_on_an_opus_call(pool: PortPool) -> None:
    async with call(pool, "OPUS") as (a, b):
        a.line.play(VOICE)
        a.line.send_dtmf("5#")
        await b.ear.until(lambda: b.ear.digits == ["5", "#"])
        assert b.line.stats().malformed == 0


async def test_an_opus_line_whose_far_end_becomes_narrow_and_wide_again(pool: PortPool) -> None:
    async with call(pool, "OPUS") as (a, b):
        for codec in ("PCMU", "OPUS", "PCMA", "OPUS"):
            become(a, b, codec)
            b.ear.audio.clear()
            a.line.play(VOICE)
            await b.ear.until(lambda: len(b.ear.pcm) >= len(VOICE))
            assert b.line.rate_hz == 16_000
            wide = level_at(b.ear.pcm, 5_600.0, 16_000)
            assert (wide > -30) is (codec == "OPUS")
        assert b.line.stats().ssrc_changes == 3
        assert b.line.stats().malformed == 0


async def test_a_narrow_line_whose_far_end_becomes_opus(pool: PortPool) -> None:
    payload = PCMU.encode(tones.tones((400.0, 2_100.0), 600, level_dbfs=-12))
    async with call(pool) as (a, b):
        for codec in ("OPUS", "PCMU", "OPUS"):
            become(a, b, codec)
            b.ear.audio.clear()
            a.line.play(payload)
            await b.ear.until(lambda: len(b.ear.pcm) >= 2 * len(payload))
            assert (b.line.encoding, b.line.rate_hz) == ("PCMU", 8_000)
            assert level_at(b.ear.pcm, 2_100.0, 8_000) == pytest.approx(
                level_at(PCMU.decode(payload), 2_100.0, 8_000), abs=6.0
            )


async def test_what_is_lost_is_made_up_from_what_follows(pool: PortPool) -> None:
    """The fifth packet is lost, the tenth is no Opus, the 15th an empty frame: the far end pauses."""
    with wave.open(str(SPEECH)) as recording:
        audio = recording.readframes(20 * 320)
    encode = OPUS.encoder()
    packets: list[bytes | None] = [encode(audio[at : at + 640]) for at in range(0, len(audio), 640)]
    packets[5], packets[10], packets[15] = None, b"\x0b\x00", b"\x48"
    decoder = OpusDecoder()
    expected = [decoder.decode(packet) for packet in packets[:5] if packet]
    expected.append(decoder.conceal(160, packets[6]))
    expected += [decoder.decode(packet) for packet in packets[6:10] if packet]
    expected.append(decoder.conceal(160, None))
    expected += [decoder.decode(packet) for packet in packets[11:] if packet]
    with peer_of(pool) as peer:
        clock = MediaClock()
        line = UdpLine(acquire(pool), config_to(HOST, peer.port, "OPUS"), "OPUS", clock=clock)
        ear = Listener(line)
        line.start()
        for n, packet in enumerate(packets):
            if packet is not None:
                data = rtp.build(RtpPacket(111, False, n, 960 * n, 77, packet))
                peer.rtp.sendto(data, (HOST, line.pair.port))
        await ear.until(lambda: len(ear.pcm) >= 20 * 640)
        stats = line.stats()
        line.close()
        clock.close()
    assert ear.pcm.startswith(b"".join(expected))
    assert (stats.lost, stats.malformed, stats.packets_received) == (1, 1, 19)
