"""Calls by SIPp: media, keys, hold, late offers, OPTIONS."""

import os
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.backends import OWN
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp, program
from tests.e2e.phone import SILENCE, Phone, RtpPeer, rtp, sdp

pytestmark = pytest.mark.peer
CAPTURES = Path("/usr/share/sip-tester")
raw_sockets = pytest.mark.skipif(os.geteuid() != 0, reason="SIPp sends captures through a raw socket, as root")


@pytest.fixture
def impatient_bot(start_bot: Callable[..., BotProcess]) -> BotProcess:
    return start_bot("--bench-engines", OFFHOOK_RTP__MEDIA_TIMEOUT_S="2", OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S="2")


@pytest.fixture
def captures(tmp_path: Path) -> None:
    """The captures of keys that come with SIPp, where its scenarios look for them."""
    assert CAPTURES.is_dir(), f"{CAPTURES} is not there; type: make peers"
    (tmp_path / "pcap").symlink_to(CAPTURES)


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_speech_over_rtp_is_answered(bench_bot: BotProcess, tmp_path: Path, transport: str, sip_backend: str) -> None:
    ended = bench_bot.metric("offhook_calls_total")
    with Sipp("uac_speech.xml", tmp_path, "-d", "4000", "-t", transport, target=bench_bot.address) as sipp:
        sipp.wait().check()
    record = bench_bot.record(sipp.port)
    assert (record["disposition"], record["ended_by"]) == ("ANSWERED", "caller")
    assert (record["end_reason"], record["turns"]) == ("caller hung up", 1)
    assert bench_bot.lines(record, "caller") == ["check my balance"]
    assert 70 <= record["rtp"]["packets_received"] <= 80  # 1.5 s of speech
    assert record["rtp"]["packets_sent"] > 50
    assert record["rtp"]["lost"] == 0
    if sip_backend == OWN:  # another one keeps that to itself
        assert (record["rtp"]["malformed"], record["rtp"]["rejected_source"]) == (0, 0)
    # From the last sound of the speech: the end of turn waits for 500 ms.
    assert 500 <= record["response_p50_ms"] < 1_000
    assert bench_bot.metric("offhook_calls_total") == ended + 1
    assert bench_bot.metric("offhook_calls_active") == 0


@raw_sockets
@pytest.mark.usefixtures("captures")
def test_keys_arrive_once_each(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_keys.xml", tmp_path, "-d", "500", target=bench_bot.address) as sipp:
        sipp.wait().check()
    record = bench_bot.record(sipp.port)
    # The bench dialog takes one key an answer.
    assert bench_bot.lines(record, "caller") == ["[keys: 1]"] * 4
    assert record["turns"] == 4
    assert record["end_reason"] == "caller hung up"


def test_keys_by_info_arrive_once_each(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_keys_by_info.xml", tmp_path, "-d", "500", target=bench_bot.address) as sipp:
        sipp.wait().check()
    record = bench_bot.record(sipp.port)
    assert bench_bot.lines(record, "caller") == ["[keys: 1]"] * 4


def test_hold_resume_and_change_of_codec(bench_bot: BotProcess, tmp_path: Path, sip_backend: str) -> None:
    with (
        RtpPeer() as media,
        Sipp("uac_hold.xml", tmp_path, target=bench_bot.address, rtp_port=media.port) as sipp,
    ):
        outcome = sipp.wait().check()
    versions = [int(version) for version in re.findall(r"^o=(?!qa )\S+ \d+ (\d+) ", outcome.messages, re.MULTILINE)]
    assert len(versions) == 5
    if sip_backend == OWN:
        assert versions == [1, 2, 3, 4, 5], "RFC 3264 §8: by one each time"
    else:
        assert versions == sorted(versions)
    record = bench_bot.record(sipp.port)
    assert record["end_reason"] == "caller hung up"
    # The greeting lasts longer than the call: only hold (2.5 s) interrupts its packets.
    gaps_s = media.gaps_s()
    assert 2.3 < max(gaps_s) < 2.8
    assert sum(gap_s > 0.2 for gap_s in gaps_s) == 1
    assert media.payload_types() == [0, 8]
    assert media.arrivals[-1][1] == 0  # the last answer chose PCMU again


def test_strangers_are_not_sent_the_call(bench_bot: BotProcess) -> None:
    with (
        RtpPeer() as media,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        Phone((bench_bot.host, bench_bot.port)) as phone,
    ):
        stranger.bind((HOST, 0))
        answer = phone.ask(phone.request("INVITE", body=sdp(media.port)))
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        bench_bot.wait_for(lambda: bool(media.sources))
        (media.target,) = media.sources
        # Over PJSIP the source is kept that is seen once a second.
        bench_bot.wait_for(lambda: len(media.arrivals) >= 100)
        for number in range(100):
            stranger.sendto(rtp(number, number * 160, 66, SILENCE), media.target)
        heard = len(media.arrivals)
        bench_bot.wait_for(lambda: len(media.arrivals) >= heard + 50)
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(2_048)
        assert phone.ask(phone.request("BYE", cseq=2, to_tag=answer.to_tag)).status == 200


def test_hold_is_no_silence_and_resuming_ends_that(impatient_bot: BotProcess, tmp_path: Path) -> None:
    """SIPp sends no media at all: with 2 s allowed, it is hold that lets the call live, and only hold."""
    bot = impatient_bot
    with Sipp("uac_hold.xml", tmp_path, target=bot.address) as sipp:
        sipp.wait().check()
    assert bot.record(sipp.port)["end_reason"] == "caller hung up"
    with Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "4000", target=bot.address) as sipp:
        sipp.wait().check()
    record = bot.record(sipp.port)
    assert (record["ended_by"], record["end_reason"]) == ("network", "no media for 2 s")
    assert 1.9 < record["duration"] < 2.6


def test_late_offer(bench_bot: BotProcess, tmp_path: Path) -> None:
    with (
        RtpPeer() as media,
        Sipp("uac_late_offer.xml", tmp_path, "-d", "1000", target=bench_bot.address, rtp_port=media.port) as sipp,
    ):
        sipp.wait().check()
    assert bench_bot.record(sipp.port)["end_reason"] == "caller hung up"
    assert media.payload_types() == [8]
    assert len(media.arrivals) > 30


def test_options_outside_and_inside_of_a_call(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_options.xml", tmp_path, target=bench_bot.address) as sipp:
        sipp.wait().check()
    assert bench_bot.record(sipp.port)["end_reason"] == "caller hung up"


def test_sipsak_pings(bench_bot: BotProcess) -> None:
    command = [program("sipsak"), "-vv", "-s", f"sip:bot@{bench_bot.address}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout
    assert "SIP/2.0 200 OK" in done.stdout
    methods = re.search(r"^Allow: (.*)", done.stdout, re.MULTILINE)
    assert methods is not None and {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"} <= set(re.findall(r"\w+", methods[1]))
    assert "Accept: application/sdp" in done.stdout


@raw_sockets
@pytest.mark.usefixtures("recording", "captures")
def test_the_real_recogniser_then_keys_from_another_port(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    real_bot = start_bot()
    with Sipp("uac_speech_then_keys.xml", tmp_path, "-d", "2500", target=real_bot.address) as sipp:
        sipp.wait().check()
    record = real_bot.record(sipp.port)
    assert real_bot.lines(record, "caller") == ["check my balance", "[keys: 4]"]
    said = real_bot.lines(record, "bot")
    assert "Please enter the last four digits of your account number." in said
    assert record["turns"] == 2
    assert "1234" not in str(real_bot.transcript())
