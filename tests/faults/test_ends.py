"""The far end is gone, or silent, and says so or not: the call ends in time, and exactly one record tells of it."""

import asyncio
import time
from collections.abc import Callable

import pytest

from offhook.sip.net.address import Address
from offhook.testing.impair import Impairment
from offhook.testing.sip_caller import Caller
from offhook.testing.sip_relay import SipRelay
from offhook.testing.udp_relay import RelaySettings
from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, RtpPeer, sdp
from tests.faults.conftest import MEDIA_TIMEOUT_S, bye_answer
from tests.ports import own_ports

HOST = "127.0.0.1"
TIMER_F_S = 32.0


def invited(phone: Phone, media: RtpPeer) -> str:
    """A call that is up, with our media wherever it wants it; the bot's tag."""
    answer = phone.ask(phone.request("INVITE", body=sdp(media.port)))
    assert answer.status == 200
    phone.send(phone.request("ACK", to_tag=answer.to_tag))
    media.target = (HOST, answer.media_port)
    return answer.to_tag


def bye_after_s(phone: Phone) -> float:
    """How long until the bot hangs up; it is answered."""
    began = time.monotonic()
    phone.socket.settimeout(MEDIA_TIMEOUT_S + 5)
    message = phone.receive()
    took_s = time.monotonic() - began
    assert message.text.startswith("BYE ")
    phone.send(bye_answer(message))
    return took_s


async def vanish(bot: BotProcess) -> None:
    """After two seconds nothing passes any more, neither media nor BYE, in neither direction."""
    gone = Impairment(blackholes=((2.0, 3_600.0),))
    settings = RelaySettings(1, gone, gone)
    low, high = own_ports()
    relay = SipRelay((HOST, 0), (bot.host, bot.port), sip=settings, media=settings, ports=range(low, high + 1))
    try:
        caller = await Caller.dial(HOST, Address(*relay.address), user="vanishes")
        try:
            await caller.listen_for(0.5)
            await asyncio.sleep(3.0)
        finally:
            caller.close()
    finally:
        relay.close()


def test_a_caller_who_vanished_is_given_up(impatient_bot: BotProcess) -> None:
    """Its BYE was lost, and nobody answers ours: what the call held is freed all the same."""
    bot = impatient_bot
    asyncio.run(vanish(bot))
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0, MEDIA_TIMEOUT_S + 3.0)
    bot.wait_for(lambda: all(one["end"] is not None for one in bot.records()))
    (record,) = [one for one in bot.records() if "sip:vanishes@" in str(one["src"])]
    assert (record["ended_by"], record["end_reason"]) == ("network", f"no media for {MEDIA_TIMEOUT_S} s")
    # Until the line went dead, and the time-out; not as long as the BYE is repeated.
    assert record["duration"] < 2 + MEDIA_TIMEOUT_S + 2


def test_silence_on_the_line_ends_the_call(impatient_bot: BotProcess) -> None:
    with Phone((impatient_bot.host, impatient_bot.port)) as phone, RtpPeer() as media:
        invited(phone, media)
        impatient_bot.wait_for(lambda: len(media.arrivals) > 25)
        media.target = None
        assert bye_after_s(phone) == pytest.approx(MEDIA_TIMEOUT_S, abs=0.7)
    record = impatient_bot.record(phone.port)
    assert (record["ended_by"], record["end_reason"]) == ("network", f"no media for {MEDIA_TIMEOUT_S} s")
    assert record["rtp"]["packets_received"] > 10


def test_on_hold_nobody_expects_media(start_bot: Callable[..., BotProcess]) -> None:
    """Held when the bot was about to give the caller up: it waits, and goes on when the call is taken back."""
    bot = start_bot(OFFHOOK_RTP__MEDIA_TIMEOUT_S="2", OFFHOOK_CALLS__DEAD_AIR_S="2")
    with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
        to_tag = invited(phone, media)
        there = media.target
        bot.wait_for(lambda: len(media.arrivals) > 25)
        media.target = None
        bot.wait_for(lambda: bot.metric_of("offhook_dead_air_total", kind="stopped") == 1)
        for cseq, direction in ((2, "sendonly"), (3, "sendrecv")):
            body = sdp(media.port, direction=direction)
            assert phone.ask(phone.request("INVITE", cseq=cseq, to_tag=to_tag, body=body)).status == 200
            phone.send(phone.request("ACK", cseq=cseq, to_tag=to_tag))
            if direction == "sendonly":
                assert phone.is_quiet(4.5)
        media.target = there
        assert phone.is_quiet(1.0)
        media.target = None
        assert phone.ask(phone.request("BYE", cseq=4, to_tag=to_tag)).status == 200
    assert bot.record(phone.port)["end_reason"] == "caller hung up"


def test_a_line_without_any_sound_ends_the_call(impatient_bot: BotProcess) -> None:
    with Phone((impatient_bot.host, impatient_bot.port)) as phone, RtpPeer() as media:
        invited(phone, media)
        media.target = None
        assert bye_after_s(phone) == pytest.approx(MEDIA_TIMEOUT_S, abs=0.7)
        assert len(media.arrivals) > 25  # we were heard, and could not hear
    record = impatient_bot.record(phone.port)
    assert record["end_reason"] == f"no media for {MEDIA_TIMEOUT_S} s"


@pytest.mark.soak
def test_an_unanswered_bye_is_given_up_after_timer_f(impatient_bot: BotProcess) -> None:
    """64 · T1 (RFC 3261 §17.1.2.2), then nothing is sent any more."""
    with Phone((impatient_bot.host, impatient_bot.port)) as phone, RtpPeer() as media:
        invited(phone, media)
        media.target = None
        phone.socket.settimeout(MEDIA_TIMEOUT_S + 5)
        byes = [(phone.receive().text, time.monotonic())]
        phone.socket.settimeout(8)
        try:
            while True:
                byes.append((phone.receive().text, time.monotonic()))
        except TimeoutError:
            pass
    assert all(text.startswith("BYE ") for text, _ in byes)
    # 0.5, 1, 2, 4, 4 … s apart: eleven in all.
    assert 9 <= len(byes) <= 11
    assert byes[-1][1] - byes[0][1] < TIMER_F_S
