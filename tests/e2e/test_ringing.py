"""Before and around the answer: CANCEL, repetitions, an ACK that never comes."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import Sipp
from tests.e2e.phone import Phone, RtpPeer, sdp

pytestmark = pytest.mark.peer
MEDIA_PORT = 39_990  # nobody listens


@pytest.fixture
def ringing_bot(start_bot: Callable[..., BotProcess]) -> BotProcess:
    return start_bot("--bench-engines", OFFHOOK_CALLS__ANSWER_DELAY_MS="800")


def test_cancel_while_it_rings(ringing_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_cancel.xml", tmp_path, target=ringing_bot.address) as sipp:
        outcome = sipp.wait().check()
    # One each, not repeated: the 487 was acknowledged, and nothing was answered after all.
    assert outcome.received("SIP/2.0 200") == outcome.received("SIP/2.0 487") == 1
    assert ringing_bot.records() == []
    assert ringing_bot.metric("offhook_calls_total") == 1
    assert 'outcome="cancelled"' in ringing_bot.metrics()
    assert ringing_bot.metric("offhook_calls_active") == 0
    # The bot is ready for the next one.
    with Sipp("uac_holds_on.xml", tmp_path, "-d", "300", target=ringing_bot.address) as sipp:
        assert sipp.wait().check().received("SIP/2.0 180") == 1
    assert ringing_bot.record(sipp.port)["end_reason"] == "caller hung up"


def test_ringing_is_no_silence(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__ANSWER_DELAY_MS="1500", OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S="1")
    with Sipp("uac_holds_on.xml", tmp_path, "-d", "500", target=bot.address) as sipp:
        assert sipp.wait().check().received("SIP/2.0 180") == 1
    assert bot.record(sipp.port)["end_reason"] == "caller hung up"


def test_a_repeated_invite_is_one_call(ringing_bot: BotProcess) -> None:
    with Phone((ringing_bot.host, ringing_bot.port)) as phone:
        invite = phone.request("INVITE", body=sdp(MEDIA_PORT))
        for _ in range(3):
            phone.send(invite)
        before = [phone.receive() for _ in range(4)]
        assert {response.status for response in before} <= {100, 180}
        answer = phone.final()
        phone.send(invite)
        again = phone.final()
        assert (answer.status, again.status) == (200, 200)
        assert answer.text == again.text
        tags = {response.to_tag for response in [*before, answer, again] if response.status > 100}
        assert len(tags) == 1
        # The same INVITE by another way is not another call, and is refused (RFC 3261 §8.2.2.2).
        assert phone.ask(phone.request("INVITE", body=sdp(MEDIA_PORT))).status == 482
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        phone.send(invite)
        assert phone.ask(phone.request("BYE", cseq=2, to_tag=answer.to_tag)).status == 200
        assert ringing_bot.record(phone.port)["end_reason"] == "caller hung up"
    assert len(ringing_bot.records()) == 1
    assert ringing_bot.metric("offhook_calls_total") == 1


def test_an_answer_that_is_never_acknowledged(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S="60")
    with RtpPeer() as media, Sipp("uac_no_ack.xml", tmp_path, target=bot.address, rtp_port=media.port) as sipp:
        outcome = sipp.wait().check()
    answers = outcome.received_at("SIP/2.0 200")
    waits = [later - earlier for earlier, later in pairwise(answers)]
    # RFC 3261 §13.3.1.4: T1 doubling up to T2.
    assert waits == pytest.approx([0.5, 1, 2, 4, 4, 4, 4, 4, 4, 4], abs=0.15)
    (bye_at,) = outcome.received_at("BYE")
    assert bye_at - answers[0] == pytest.approx(32, abs=0.2)
    record = bot.record(sipp.port)
    assert (record["ended_by"], record["end_reason"]) == ("network", "the answer was never acknowledged")
    assert record["turns"] == 0
    # Whose address the description has may never have asked for it.
    assert len(media.arrivals) <= 110
