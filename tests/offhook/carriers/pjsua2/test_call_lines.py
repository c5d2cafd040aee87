"""The lines of calls that PJSIP carries; the caller is a socket that says what it is told to."""

import pytest

from offhook.sip.commands import Answer
from offhook.sip.events import CallConfirmed
from offhook.telephony import tones
from tests.e2e.phone import sdp
from tests.offhook.carriers.pjsua2.test_ends import MEDIA_PORT, Agent, agent, callers

__all__ = ["agent"]

SESSION, _, _MEDIA = sdp(MEDIA_PORT).partition("m=")
AUDIO = f"m={_MEDIA}"
DECLINED = {
    "with SRTP, which is off": AUDIO.replace("RTP/AVP", "RTP/SAVP"),
    "with no codec that is known": "m=" + sdp(MEDIA_PORT, "97 foo/8000").partition("m=")[2],
    "not in use": "m=audio 0 RTP/AVP 0\r\n",
}


@pytest.mark.parametrize("declined", DECLINED.values(), ids=DECLINED)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
async def test_one_audio_of_several(agent: Agent, declined: str, first: bool) -> None:
    with callers(agent, 1) as (caller,):
        caller.invite(SESSION + (declined + AUDIO if first else AUDIO + declined))
        call = (await caller.event()).call
        line = agent.pjsip.line(call)
        agent.pjsip.do(Answer(call, b""))
        caller.to_tag = (await caller.answer()).to_tag
        caller.send(caller.request("ACK", to_tag=caller.to_tag))
        await agent.wait_for(CallConfirmed, call)
        line.start()
        line.play(line.encode(tones.dtmf("5")))
        await agent.until(lambda: line.sent_ticks > 0)
        line.measure()
        assert line.stats().packets_sent > 0
