"""Calls that are on hold from the beginning, over each backend: those without any media end, and so does the bot."""

import signal
import time
from collections.abc import Callable

import pytest

from offhook.carriers.sip_call import NO_MEDIA_LIMIT_S
from tests.e2e.backends import settings_of
from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, RtpPeer, sdp
from tests.e2e.test_pjsua2_offers import Wrong

NOBODY = 9
MARGIN_S = 30.0


@pytest.mark.real_time
def test_calls_without_any_media_do_not_keep_the_bot(start_bot: Callable[..., BotProcess], sip_backend: str) -> None:
    bot = start_bot("--bench-engines", **settings_of(sip_backend))
    with (
        Wrong((bot.host, bot.port)) as silent,
        Wrong((bot.host, bot.port)) as mute,
        Phone((bot.host, bot.port)) as musical,
        RtpPeer() as music,
    ):
        began = time.monotonic()
        assert silent.invite(sdp(NOBODY, direction="inactive")) == 200
        silent.acknowledge()
        assert mute.invite(sdp(NOBODY, direction="sendonly")) == 200
        mute.acknowledge()
        answer = musical.ask(musical.request("INVITE", body=sdp(music.port, direction="sendonly")))
        musical.send(musical.request("ACK", to_tag=answer.to_tag))
        music.target = (bot.host, answer.media_port)
        bot.process.send_signal(signal.SIGTERM)
        bot.wait_for(lambda: sum(each["end"] is not None for each in bot.records()) == 2, NO_MEDIA_LIMIT_S + MARGIN_S)
        for phone in (silent, mute):
            assert bot.record(phone.port)["end_reason"] == f"no media for {NO_MEDIA_LIMIT_S:g} s"
        assert time.monotonic() - began > NO_MEDIA_LIMIT_S
        assert bot.process.poll() is None
        assert musical.ask(musical.request("BYE", cseq=2, to_tag=answer.to_tag)).status == 200
        assert bot.process.wait(MARGIN_S) == 0
        assert bot.record(musical.port)["end_reason"] == "caller hung up"
