"""Calls with PJSIP, which many telephones and PBXs are built on: PRACK, timers, SRTP, REFER, Replaces."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, Sipp, free_udp_ports
from tests.e2e.scripted import ScriptedPhone, states
from tests.e2e.test_calls_out import TOKEN, ask, place, record, until

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("pjsua2") is None, reason="there is no wheel of PJSIP for this Python"),
]

HOME = "127.0.0.2"
"""The host of the telephone that the bot calls: another one than those that call have."""
MANDATORY = {"rel": 1, "timer": 2, "srtp": 2}
"""PJSIP's words: PJSUA_100REL_MANDATORY, PJSUA_SIP_TIMER_REQUIRED, PJMEDIA_SRTP_MANDATORY."""
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}
DIALOGS = """
from offhook.api.dialogs import bench_dialog
from offhook import TransferError


async def refers(call):
    try:
        await call.transfer("desk")
    except TransferError:
        pass
    await call.hangup()
"""


class Pjsua(ScriptedPhone):
    """A telephone with a script (tests/e2e/pjsua.py)."""

    def __init__(self, directory: Path, port: int | None = None, **script: object) -> None:
        super().__init__("pjsua", directory, port, **script)


@pytest.fixture(scope="module")
def desk() -> int:
    """The port that transfers go to."""
    return free_udp_ports()


@pytest.fixture(scope="module")
def home() -> int:
    """The port of the telephone that the bot calls."""
    return free_udp_ports(2)


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, desk: int, home: int) -> Iterator[BotProcess]:
    with started(tmp_path_factory.mktemp("pjsua-bot"), desk, home) as running:
        yield running


def latest(bot: BotProcess, before: int) -> dict[str, Any]:
    """The record of the one call since there were so many."""
    bot.wait_for(lambda: len(bot.records()) > before and bot.records()[-1]["end"] is not None)
    return bot.finished(bot.records()[-1])


@contextmanager
def started(directory: Path, desk: int, home: int, **more: str) -> Iterator[BotProcess]:
    (directory / "pj_dialogs.py").write_text(DIALOGS)
    (directory / "offhook.toml").write_text(f"""
[signalling]
reliable_provisionals = "required"
[transfer]
allow = ["*@{HOST}", "*@{HOME}"]
[transfer.targets]
desk = "sip:desk@{HOST}:{desk}"
[trunks.pbx]
host = "{HOST}"
refer = "accept"
[trunks.home]
host = "{HOME}"
port = {home}
allowed_numbers = ["qa"]
[[routes]]
number = "refers"
bot = "pj_dialogs:refers"
[[routes]]
number = "*"
bot = "pj_dialogs:bench_dialog"
outbound = true
""")
    settings = {
        "OFFHOOK_OUTBOUND__TOKEN": TOKEN,
        "OFFHOOK_RTP__SRTP": "preferred",
        "OFFHOOK_CALLS__ANSWER_DELAY_MS": "300",
        **more,
    }
    process = BotProcess(directory, "--config", "offhook.toml", command=None, **LIGHT, **settings)
    try:
        yield process
    finally:
        process.close()


def said(directory: Path, before_s: int = 1, length_s: int = 20) -> str:
    """A file with a sentence in silence; it is as long as that, or as the sentence."""
    path = directory / "say.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes((bytes(2 * 8_000 * before_s) + speech("check-my-balance")).ljust(2 * 8_000 * length_s, b"\0"))
    return str(path)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_with_everything_that_can_be_required(bot: BotProcess, tmp_path: Path, transport: str) -> None:
    steps = [["wait", 2.8], ["hold"], ["wait", 1], ["resume"], ["wait", 1.5], ["press", "1"], ["wait", 1], ["hang_up"]]
    uri = f"sip:bot@{bot.address};transport={transport}"
    before = len(bot.records())
    with Pjsua(tmp_path, call=uri, say=said(tmp_path), steps=steps, **MANDATORY) as phone:
        events = phone.events()
    found = latest(bot, before)
    assert states(events)[-2:] == ["CONFIRMED", "DISCONNECTED"]
    assert "EARLY" in states(events)
    assert (found["end_reason"], found["rtp"]["srtp"]) == ("caller hung up", 1)
    # It holds the call before the silence after the sentence has ended the turn, or about then.
    assert bot.lines(found, "caller") == ["check my balance", "[keys: 1]"]
    assert found["rtp"]["srtp_rejected"] == 0


def test_the_bot_calls(bot: BotProcess, tmp_path: Path, home: int) -> None:
    with Pjsua(tmp_path, home, host=HOME, answer=0.5, say=said(tmp_path), **MANDATORY | {"srtp": 1}) as phone:
        call = place(bot, to="qa", trunk="home")
        until(bot, call, "answered")
        ask(bot, "DELETE", f"/api/calls/{call}")
        events = phone.events()
        until(bot, call, "ended")
    assert states(events)[-1] == "DISCONNECTED"
    assert record(bot, call)["rtp"]["srtp"] == 1


def test_it_follows_a_refer(bot: BotProcess, tmp_path: Path, desk: int) -> None:
    before = len(bot.records())
    with (
        Pjsua(tmp_path, desk, answer=0.1, steps=[["wait", 1], ["hang_up"]]) as agent,
        Pjsua(tmp_path, call=f"sip:refers@{bot.address}") as phone,
    ):
        events = phone.events()
        assert "CONFIRMED" in states(agent.events())
    found = latest(bot, before)
    assert [each["to"] for each in events if each["event"] == "asked to transfer"]
    assert found["end_reason"] == "transferred to desk"


@pytest.mark.parametrize("step", ["transfer", "consult_and_transfer"])
def test_it_moves_the_bot(bot: BotProcess, tmp_path: Path, step: str) -> None:
    """By REFER; the second time with Replaces, to somebody it has talked to before."""
    agent = Sipp("uas_hangs_up.xml", tmp_path) if step == "transfer" else None
    other = None if agent is not None else Pjsua(tmp_path, answer=0.2)
    party = agent or other
    assert party is not None
    with party:
        with Pjsua(
            tmp_path, call=f"sip:bot@{bot.address}", steps=[["wait", 1], [step, f"sip:agent@{HOST}:{party.port}"]]
        ) as phone:
            events = phone.events()
        assert [each["status"] for each in events if each["event"] == "transfer"][-1] == 200
        if agent is not None:
            agent.wait().check()
