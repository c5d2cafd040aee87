"""The lines of calls that PJSIP carries; the caller is a socket that says what it is told to."""

from types import ModuleType

import pytest
from structlog.testing import capture_logs

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")

from offhook.carriers.pjsua2 import call_lines, streams
from offhook.carriers.pjsua2.line import FrameLine, FrameStats
from offhook.carriers.pjsua2.objects import PjCall
from offhook.sip.commands import Answer, Bye
from offhook.sip.events import CallAnswered, CallConfirmed, CallEnded, EndCause
from offhook.telephony import tones
from tests.e2e.phone import sdp
from tests.offhook.carriers.pjsua2.test_ends import MEDIA_PORT, agent, callers
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import own_rtp

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


async def test_a_call_whose_figures_cannot_be_read_ends_and_others_go_on(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = list[str]()
    measured = streams.measured

    def fails(frames: ModuleType, call: PjCall, *, ice: bool) -> FrameStats | None:
        if call.handle in broken:
            raise RuntimeError("planted")
        return measured(frames, call, ice=ice)

    monkeypatch.setattr(streams, "measured", fails)
    monkeypatch.setattr(call_lines, "MEASURED_S", 0.0)
    with callers(agent, 2) as (caller, other), capture_logs() as logs:
        broken.append(await caller.talk())
        kept = await other.talk()
        assert await agent.wait_for(CallEnded, broken[0])
        assert [line["line"] for line in logs if line["event"].startswith("a line failed")] == broken
        await agent.until(lambda: agent.pjsip.dump()["lines"] == 1)
        other.bye()
        assert (await agent.wait_for(CallEnded, kept)).cause is EndCause.REMOTE_BYE


@pytest.mark.parametrize("srtp", ["off", "preferred"])
async def test_media_with_keys_is_encrypted_whatever_profile_its_description_names(srtp: str) -> None:
    agent = Agent(rtp={**own_rtp(), "srtp": srtp})
    agent.pjsip.start()
    try:
        out, heard = await agent.rings("out")
        into, told = agent.pjsip.line(heard.call), list[str]()
        out.on_encrypted = lambda: told.append("out")
        into.on_encrypted = lambda: told.append("in")
        agent.pjsip.do(Answer(heard.call, b""))
        await agent.wait_for(CallConfirmed, heard.call)
        await agent.wait_for(CallAnswered, "out")
        out.start()
        into.start()
        await agent.until(lambda: heard_from(out) and heard_from(into))
        encrypted = srtp == "preferred"
        assert (out.stats().srtp, into.stats().srtp) == (encrypted, encrypted)
        assert 1.0 <= (out.stats().mos or 0.0) <= 4.5
        assert sorted(told) == (["in", "out"] if encrypted else [])
        agent.pjsip.do(Bye("out"))
        await agent.wait_for(CallEnded, heard.call)
    finally:
        agent.pjsip.stop()


def heard_from(line: FrameLine) -> bool:
    """Whether the far end's audio has come."""
    line.measure()
    return line.stats().packets_received > 0


async def test_a_line_goes_when_it_is_closed(agent: Agent) -> None:
    with callers(agent, 1) as (caller,):
        caller.invite()
        line = agent.pjsip.line((await caller.event()).call)
        assert agent.pjsip.dump()["lines"] == 1
        line.close()
        assert agent.pjsip.dump()["lines"] == 0
