"""Encrypted lines over real sockets: by the pump, which calls libsrtp itself, and by Python alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from offhook.telephony.codec import codec_named
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import SrtpKeys
from tests.telephony.net.calls import HOST, Side, acquire, config_to, speech

pytest.importorskip("pylibsrtp")
pytestmark = pytest.mark.usefixtures("media_twin")

SUITES = {
    **{"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44},
    "AES_256_CM_HMAC_SHA1_80": 46,
}


def keys(suite: str, seed: int) -> tuple[bytes, bytes]:
    length = SUITES[suite]
    one, two = (bytes((seed + start + n) % 256 for n in range(length)) for start in (1, 99))
    return one, two


@asynccontextmanager
async def secure_call(pool: PortPool, suite: str) -> AsyncIterator[tuple[Side, Side, MediaClock]]:
    clock = MediaClock()
    a, b = acquire(pool), acquire(pool)
    one, two = keys(suite, 0)
    lines = [
        UdpLine(mine, replace(config_to(HOST, other.port), srtp=SrtpKeys(suite, send, receive)), "PCMU", clock=clock)
        for mine, other, send, receive in ((a, b, one, two), (b, a, two, one))
    ]
    for line in lines:
        line.start()
    try:
        yield Side(lines[0]), Side(lines[1]), clock
    finally:
        for line in lines:
            line.close()
        clock.close()


def rekeyed(side: Side, other: Side, suite: str, seed: int, *, first: bool) -> None:
    one, two = keys(suite, seed)
    config = config_to(HOST, other.line.pair.port)
    side.line.reconfigure(replace(config, srtp=SrtpKeys(suite, *((one, two) if first else (two, one)))), "PCMU")


@pytest.mark.parametrize("suite", SUITES)
async def test_audio_arrives_sample_by_sample(pool: PortPool, suite: str, media_twin: str) -> None:
    payload = speech(600)
    async with secure_call(pool, suite) as (a, b, clock):
        for side in (a, b):
            side.line.play(payload)
        for side in (a, b):
            await side.ear.until(lambda side=side: len(side.ear.pcm) >= 2 * 4_800)  # type: ignore[misc]
            assert side.ear.pcm[: 2 * 4_800] == codec_named("PCMU").decode(payload)
        stats = b.line.stats()
        assert (stats.srtp, stats.srtp_rejected, stats.srtp_replayed, stats.malformed) == (1, 0, 0, 0)
        if media_twin == "native":
            assert clock.pump is not None
            counters = clock.pump.counters()
            # The thread sent and took the packets itself, but for the first ones.
            assert counters["ticks"] >= 50
            assert counters["datagrams"] - counters["raw"] >= 40


async def test_keys_of_the_phone_in_between(pool: PortPool) -> None:
    async with secure_call(pool, "AES_CM_128_HMAC_SHA1_80") as (a, b, _):
        a.line.play(speech(200))
        a.line.send_dtmf("42")
        a.line.play(speech(200))
        await b.ear.until(lambda: b.ear.digits == ["4", "2"])
        await b.ear.until(lambda: len(b.ear.sent) >= 0 and a.line.queued_ticks == 0)
        stats = b.line.stats()
        assert (stats.srtp_rejected, stats.srtp_replayed, stats.lost) == (0, 0, 0)


async def test_a_new_key_in_mid_utterance(pool: PortPool) -> None:
    suite = "AES_CM_128_HMAC_SHA1_80"
    async with secure_call(pool, suite) as (a, b, _):
        payload = speech(1_200)
        a.line.play(payload)
        b.line.play(speech(1_200))
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 3_000)
        rekeyed(b, a, suite, 40, first=False)
        rekeyed(a, b, suite, 40, first=True)
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 9_600)
        assert b.ear.pcm[: 2 * 9_600] == codec_named("PCMU").decode(payload)
        assert b.line.stats().srtp_rejected == 0


async def test_what_is_not_encrypted_is_not_heard(pool: PortPool) -> None:
    async with secure_call(pool, "AES_CM_128_HMAC_SHA1_80") as (a, b, _):
        a.line.play(speech(200))
        await b.ear.until(lambda: len(b.ear.pcm) >= 2 * 1_600)
        heard = len(b.ear.pcm)
        for n in range(5):
            a.line.pair.rtp.sendto(bytes((0x80, 0, 0, n)) + bytes(8) + b"\x10" * 160, (HOST, b.line.pair.port))
        a.line.play(speech(400))
        await b.ear.until(lambda: b.line.stats().srtp_rejected == 5 and a.line.queued_ticks == 0)
        assert not any(b"\x10" in chunk and len(set(chunk)) < 4 for _, chunk in b.ear.audio[heard:])
