"""PJSIP's library itself, calling itself: commands in, events out, and audio and keys both ways."""

import asyncio
import importlib.util
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, Cancel, Command, Invite, Reject, Ring, SendKey, Update
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRefused,
    CallRejected,
    EndCause,
    Event,
    IncomingCall,
    KeyReceived,
)
from offhook.sip.message.reason import EndReason
from offhook.sip.net.address import Address
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.refer.events import ReferAccepted, ReferProgress, ReferReceived, ReferRefused
from offhook.telephony import tones
from offhook.telephony.pcm import rms
from tests.e2e.phone import Phone
from tests.ports import HOST, own_port, own_rtp

pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")
if importlib.util.find_spec("pjsua2") is None:
    pytest.skip("there is no wheel of PJSIP for this Python", allow_module_level=True)

from offhook.carriers.pjsua2.line import FrameLine
from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.pjsua2.reports import Reports
from offhook.carriers.pjsua2.requests import TAKE, Requests
from offhook.carriers.pjsua2.user_agent import PjsuaUserAgent

T = TypeVar("T")

MOST_CALLS = 4
"""Of the wheel's build."""
SILENT_FRAMES = 25
"""Longer than any pause between keys."""


class Agent:
    """The user agent, and what it has reported."""

    def __init__(self, **sections: object) -> None:
        self.events: list[Event | Probed] = []
        self.refused: list[int] = []
        self.address = Address(HOST, own_port())
        config = Config.model_validate({"sip": {"backend": "pjsua2"}, "rtp": own_rtp(), **sections})
        self.pjsip = PjsuaUserAgent(config, self.address, self.events.append, self.refused.append)

    async def wait_for(self, wanted: type[T], call: str) -> T:
        """That event of a call."""

        def found() -> list[T]:
            return [each for each in self.events if isinstance(each, wanted) and getattr(each, "call", "") == call]

        await self.until(lambda: bool(found()))
        return found()[0]

    async def until(self, condition: Callable[[], bool], seconds: float = 8.0) -> None:
        """Poll what PJSIP brings about."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.events
            await asyncio.sleep(0.01)

    def call(self, name: str, to: object = None, headers: tuple[tuple[str, str], ...] = ()) -> FrameLine:
        line = self.pjsip.line(name)
        target = f"sip:bot@{to or self.address}"
        self.pjsip.do(Invite(target, b"", call=name, call_id=f"id-{name}", headers=headers))
        return line

    async def rings(self, name: str, **more: Any) -> tuple[FrameLine, IncomingCall]:
        """A call of ours with that name comes in: its line, and the event."""
        line = self.call(name, **more)

        def found() -> list[IncomingCall]:
            return [each for each in self.events if isinstance(each, IncomingCall) and each.call_id == f"id-{name}"]

        await self.until(lambda: bool(found()))
        return line, found()[0]


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    made = Agent()
    made.pjsip.start()
    try:
        yield made
    finally:
        await made.pjsip.drain()
        made.pjsip.stop()


async def talk(agent: Agent, name: str = "out") -> tuple[FrameLine, FrameLine, IncomingCall]:
    """A call out of ours that comes in at ourselves, and is answered: both lines."""
    out, event = await agent.rings(name)
    came = agent.pjsip.line(event.call)
    agent.pjsip.do(Answer(event.call, b""))
    await agent.wait_for(CallConfirmed, event.call)
    await agent.wait_for(CallAnswered, name)
    out.start()
    came.start()
    return out, came, event


async def test_a_call_with_audio_and_keys_both_ways(agent: Agent) -> None:
    heard = bytearray()
    keys: list[str] = []
    sent: list[int] = []
    out, came, event = await talk(agent)
    assert event.request_uri == f"sip:bot@{agent.address}"
    assert event.headers.get("Call-ID") == "id-out"
    came.add_listener(
        audio=lambda pcm, at_tick, at_s: heard.extend(pcm), dtmf=lambda digit, at_tick: keys.append(digit)
    )
    out.add_listener(sent=lambda payload, ordinal, at_s: sent.append(len(payload)))
    out.play(out.encode(tones.dtmf("5")))  # any sound
    out.send_dtmf("12")
    await agent.until(lambda: keys == ["1", "2"])
    assert sum(sent) == out.sent_ticks > 0
    await agent.until(lambda: out.played_ticks() == out.sent_ticks)
    assert any(rms(bytes(heard[at : at + 320])) > 1_000 for at in range(0, len(heard) - 320, 320))
    agent.pjsip.do(SendKey("out", "7"))
    assert (await agent.wait_for(KeyReceived, event.call)).digit == "7"
    out.measure()
    assert out.stats().packets_sent > 10
    agent.pjsip.do(Bye("out", (EndReason("Q.850", 16),)))
    ended = await agent.wait_for(CallEnded, event.call)
    assert ended == CallEnded(event.call, EndCause.REMOTE_BYE, (EndReason("Q.850", 16),))
    assert CallEnded("out", EndCause.LOCAL_BYE) in agent.events


async def test_what_is_cleared_is_not_heard(agent: Agent) -> None:
    out, came, _ = await talk(agent)
    loud: list[bool] = []
    came.add_listener(audio=lambda pcm, at_tick, at_s: loud.append(rms(pcm) > 500))
    out.play(out.encode(tones.dtmf("5" * 40)))
    await agent.until(lambda: any(loud))
    left = out.queued_ticks
    dropped = out.clear()
    assert 0 < dropped <= left
    sent = out.sent_ticks
    loud.clear()
    await agent.until(lambda: len(loud) > SILENT_FRAMES and not any(loud[-SILENT_FRAMES:]))
    assert out.sent_ticks == sent


async def test_ringing_and_an_answer_that_is_a_refusal(agent: Agent) -> None:
    _, event = await agent.rings("out", headers=(("X-Account", "7"),))
    assert event.headers.get("X-Account") == "7"
    agent.pjsip.do(Ring(event.call))
    progress = await agent.wait_for(CallProgress, "out")
    assert (progress.status, progress.sdp) == (180, None)
    agent.pjsip.do(Reject(event.call, 486, (("Reason", "Q.850;cause=17"),)))
    rejected = await agent.wait_for(CallRejected, "out")
    assert (rejected.status, rejected.q850) == (486, 17)
    assert not [each for each in agent.events if isinstance(each, CallCancelled | CallEnded)]


async def test_a_call_that_is_cancelled(agent: Agent) -> None:
    _, event = await agent.rings("out")
    agent.pjsip.do(Cancel("out"))
    rejected = await agent.wait_for(CallRejected, "out")
    assert rejected.status == 487
    assert await agent.wait_for(CallCancelled, event.call)


async def test_one_call_more_than_there_is_room_for_is_refused_and_reported(agent: Agent) -> None:
    assert agent.pjsip.max_calls == MOST_CALLS
    for number in range(MOST_CALLS // 2):
        await talk(agent, f"out{number}")
    assert agent.pjsip.free == 0
    with pytest.raises(LocalError, match="all 4 calls of PJSIP are in use; type fewer callers"):
        agent.call("more")
    agent.pjsip.do(Bye("out0"))
    await agent.until(lambda: agent.pjsip.free == 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        agent.call("waits", to=f"{HOST}:{silent.getsockname()[1]}")
        agent.call("last")  # there is no room for where it comes in
        assert (await agent.wait_for(CallRejected, "last")).status == 486
        (refused,) = [each for each in agent.events if isinstance(each, CallRefused)]
        assert (refused.status, refused.call_id) == (486, "id-last")


async def test_invites_that_cannot_be_read_take_no_room(agent: Agent) -> None:
    lines = (
        f"INVITE sip:bot@{agent.address} SIP/2.0",
        f"Via: SIP/2.0/FOO {HOST}:9;branch=z9hG4bK{{0}};rport",
        f"From: <sip:x@{HOST}>;tag={{0}}",
        "To: <sip:bot@example.com>",
        "Call-ID: foo-{0}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:x@{HOST}:9>",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "\r\n",
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(0)
        for number in range(MOST_CALLS):
            stranger.sendto("\r\n".join(lines).format(number).encode(), (HOST, agent.address.port))
        refused: list[bytes] = []

        def answers() -> bool:
            with suppress(BlockingIOError):
                refused.append(stranger.recv(4_096).split(b"\r\n")[0])
            return sum(not each.startswith(b"SIP/2.0 1") for each in refused) >= MOST_CALLS

        await agent.until(answers)
    await agent.until(lambda: agent.pjsip.free == MOST_CALLS)
    assert not [each for each in agent.events if isinstance(each, IncomingCall)]
    assert agent.refused == [400] * MOST_CALLS
    await talk(agent)


async def test_a_caller_s_name_is_quoted(agent: Agent) -> None:
    agent.pjsip.line("out")
    name = 'The "bot" \\ desk'
    agent.pjsip.do(
        Invite(
            f"sip:bot@{agent.address}", b"", call="out", call_id="id-out", from_uri=f"sip:me@{HOST}", from_display=name
        )
    )
    await agent.until(lambda: any(isinstance(each, IncomingCall) for each in agent.events))
    (event,) = (each for each in agent.events if isinstance(each, IncomingCall))
    assert str(event.headers.get("From")).startswith('"The \\"bot\\" \\\\ desk" <sip:me@')


async def test_a_header_that_is_no_utf_8_is_sent_as_far_as_it_is(agent: Agent) -> None:
    _, event = await agent.rings("out", headers=(("X-Account", b"7\xff8".decode("utf-8", "surrogateescape")),))
    assert event.headers.get("X-Account") == "7\ufffd8"


async def test_what_fails_in_a_callback_is_logged(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(Reports, "on_state", fails)
    with capture_logs() as logs:
        agent.call("out")
        await agent.until(lambda: any(line.get("callback") == "onCallState" for line in logs))
    monkeypatch.undo()


async def test_the_far_end_s_refer_is_refused(agent: Agent) -> None:
    _, _, event = await talk(agent)
    agent.pjsip.do(Refer(event.call, "sip:desk@192.0.2.1"))
    assert (await agent.wait_for(ReferReceived, "out")).target.uri == "sip:desk@192.0.2.1"
    agent.pjsip.do(RejectRefer("out", 403))
    assert (await agent.wait_for(ReferRefused, event.call)).status == 403
    with pytest.raises(LocalError, match="answered"):
        agent.pjsip.do(AcceptRefer("out"))


async def test_the_far_end_s_refer_is_accepted_and_it_hears_of_the_call(agent: Agent) -> None:
    _, _, event = await talk(agent)
    agent.pjsip.do(Refer(event.call, "sip:desk@192.0.2.1"))
    received = await agent.wait_for(ReferReceived, "out")
    assert received.referred_by == f"<sip:bot@{HOST}>"  # by PJSIP
    with pytest.raises(LocalError, match="not answered"):
        agent.pjsip.do(NotifyRefer("out", 180))
    agent.pjsip.do(AcceptRefer("out"))
    await agent.wait_for(ReferAccepted, event.call)

    def progress() -> list[tuple[int, bool]]:
        told = [(each.status, each.is_last) for each in agent.events if isinstance(each, ReferProgress)]
        return list(dict.fromkeys(told))  # the transferor, which is PJSIP, may tell the first one twice

    for status in (180, 200):
        agent.pjsip.do(NotifyRefer("out", status))
        await agent.until(lambda told=status: told in [each[0] for each in progress()])  # type: ignore[misc]
    assert progress() == [(100, False), (180, False), (200, True)]
    agent.pjsip.do(NotifyRefer("out", 200))  # nobody is told twice
    agent.pjsip.do(Bye(event.call))
    await agent.wait_for(CallEnded, "out")
    agent.pjsip.do(NotifyRefer("out", 200))  # and nobody is there any more


async def test_a_call_takes_the_line_of_another_one(agent: Agent) -> None:
    out, _, event = await talk(agent)
    other, came, _ = await talk(agent, "other")
    other.close()
    agent.pjsip.hand_over("out", "other")
    agent.pjsip.do(Bye("out"))
    await agent.wait_for(CallEnded, event.call)
    heard: list[bytes] = []
    came.add_listener(audio=lambda pcm, at_tick, at_s: heard.append(pcm))
    out.play(out.encode(tones.dtmf("5")))
    await agent.until(lambda: any(rms(pcm) > 1_000 for pcm in heard))
    out.measure()
    assert out.stats().packets_sent > 0


async def test_early_media_begins_with_the_far_end_s_own(agent: Agent) -> None:
    out, event = await agent.rings("out")
    assert event.sdp
    came = agent.pjsip.line(event.call)
    heard: list[bytes] = []
    out.add_listener(audio=lambda pcm, at_tick, at_s: heard.append(pcm))
    came.play(came.encode(tones.dtmf("5")))
    came.start(confirmed=False)
    agent.pjsip.do(Ring(event.call, 183, b""))
    assert (await agent.wait_for(CallProgress, "out")).status == 183
    assert came.sent_ticks == 0
    out.start()  # it sends from here on, to keep the way open
    await agent.until(lambda: any(rms(pcm) > 1_000 for pcm in heard))
    agent.pjsip.do(Answer(event.call, b""))
    await agent.wait_for(CallConfirmed, event.call)
    assert "REFER" in (await agent.wait_for(CallAnswered, "out")).allow


async def test_what_cannot_be_done_is_said(agent: Agent) -> None:
    commands: tuple[Command, ...] = (Bye("nobody"), Answer("nobody", b""), Update("nobody", b""))
    for command in commands:
        with pytest.raises(LocalError):
            agent.pjsip.do(command)
    _, event = await agent.rings("out")
    agent.pjsip.do(Reject(event.call, 603))
    with pytest.raises(LocalError, match="no such call"):
        agent.pjsip.do(Answer(event.call, b""))


async def test_it_can_be_started_again_and_again() -> None:
    for _ in range(3):
        agent = Agent()
        assert agent.pjsip.free == 0
        agent.pjsip.start()
        await talk(agent)
        agent.pjsip.stop()
        agent.pjsip.stop()
        with pytest.raises(LocalError, match="not open"):
            agent.pjsip.do(Bye("out"))
        with pytest.raises(OSError, match="not open"):
            agent.pjsip.line("late")
        assert agent.pjsip.free == 0


async def test_wideband_is_played_and_heard_as_such() -> None:
    agent = Agent(rtp={**own_rtp(), "codecs": ("G722", "PCMU")})
    agent.pjsip.start()
    try:
        out, came, _ = await talk(agent)
        heard: list[bytes] = []
        came.add_listener(audio=lambda pcm, at_tick, at_s: heard.append(pcm))
        out.play(out.encode(tones.dtmf("5", rate_hz=16_000)))
        await agent.until(lambda: any(rms(pcm) > 1_000 for pcm in heard))
        assert {len(pcm) for pcm in heard} == {640}
    finally:
        agent.pjsip.stop()


async def test_a_request_is_let_go_by_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the one that looks where the loop stands still. PJSIP knows none of these."""
    held: list[object] = []

    def look(_: Requests, text: bytes, source: str, copy: object) -> int:
        held.append(copy)
        return TAKE

    monkeypatch.setattr(Requests, "look", look)
    agent = Agent()
    agent.pjsip.start()
    try:
        for number in range(3):
            with Phone((agent.address.host, agent.address.port)) as phone:
                phone.send(phone.request("OPTIONS", cseq=number + 1))
            await agent.until(lambda: bool(held))
            thread = threading.Thread(target=held.clear)
            thread.start()
            thread.join()
    finally:
        agent.pjsip.stop()
