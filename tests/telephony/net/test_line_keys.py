"""Keys on a line by every way, over real sockets and both media planes."""

from dataclasses import replace

import pytest

from offhook.telephony import pcm, tones
from offhook.telephony.codec import codec_named
from offhook.telephony.dtmf_keys import KeyPath
from offhook.telephony.net.line_keys import DtmfPaths
from offhook.telephony.net.ports import PortPool
from tests.telephony.net.calls import HOST, Side, call, config_to, speech

pytestmark = pytest.mark.usefixtures("media_twin")


def without_events(side: Side, other: Side, codec: str = "PCMU") -> None:
    config = config_to(HOST, other.line.pair.port, codec)
    side.line.reconfigure(replace(config, dtmf_payload_type=None, receive_dtmf_payload_type=None), codec)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_tones_where_there_are_no_events(pool: PortPool, codec: str) -> None:
    async with call(pool, codec) as (a, b):
        without_events(a, b, codec)
        without_events(b, a, codec)
        assert b.line.hears_tones
        a.line.send_dtmf("42#")
        await b.ear.until(lambda: len(b.ear.digits) == 3)
        assert b.ear.digits == ["4", "2", "#"]
        # What a recogniser gets of them is not enough to hear a key.
        loud = [chunk for _, chunk in b.ear.audio if chunk and pcm.level_dbfs(chunk) > -40]
        assert sum(map(len, loud)) < 16 * 45 * 3


async def test_tones_are_left_alone_where_events_were_negotiated(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        assert not b.line.hears_tones
        a.line.play(codec_named("PCMU").encode(tones.dtmf("5")))
        a.line.send_dtmf("6")
        await b.ear.until(lambda: b.ear.digits != [])
        assert b.ear.digits == ["6"]


async def test_a_key_by_all_ways_at_once_is_one(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        b.line.use_dtmf(DtmfPaths(receive=frozenset(KeyPath)))
        for digit in "55":
            a.line.play(codec_named("PCMU").encode(tones.dtmf(digit)))
            a.line.send_dtmf(digit)
        b.line.receive_key("5", 100)
        b.line.receive_key("5", 100)
        a.line.send_dtmf("9")
        await b.ear.until(lambda: "9" in b.ear.digits)
        assert b.ear.digits == ["5", "5", "9"]


async def test_ways_that_are_not_wanted(pool: PortPool) -> None:
    async with call(pool) as (a, b):
        b.line.use_dtmf(DtmfPaths(receive=frozenset({KeyPath.INFO})))
        a.line.send_dtmf("1")
        a.line.play(speech(100))
        await b.ear.until(lambda: any(pcm.level_dbfs(chunk) > -40 for _, chunk in b.ear.audio if chunk))
        b.line.receive_key("2", 100)
        assert b.ear.digits == ["2"]


async def test_keys_by_info(pool: PortPool) -> None:
    sent: list[str] = []
    async with call(pool) as (a, _):
        a.line.use_dtmf(DtmfPaths(send=KeyPath.INFO, info=sent.append))
        a.line.send_dtmf("1a#")
        assert sent == ["1A#"]
        with pytest.raises(ValueError, match="isn't a DTMF digit"):
            a.line.send_dtmf("x")
        assert sent == ["1A#"]


async def test_events_come_before_info_and_info_before_tones(pool: PortPool) -> None:
    sent: list[str] = []
    async with call(pool) as (a, b):
        a.line.use_dtmf(DtmfPaths(info=sent.append))
        a.line.send_dtmf("1")
        await b.ear.until(lambda: b.ear.digits == ["1"])
        without_events(a, b)
        a.line.send_dtmf("2")
        assert sent == ["2"]
