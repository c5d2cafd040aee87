"""Calls with Linphone: transports, SRTP, hold, keys, transfer in both directions, a call of the bot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Authority, Issued
from tests.e2e.conftest import BotProcess
from tests.e2e.linphone import Linphone
from tests.e2e.peers import free_udp_ports
from tests.e2e.test_calls_out import place, record, until
from tests.e2e.test_pjsua import HOME, latest, said, started

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def desk() -> int:
    """The port that transfers go to."""
    return free_udp_ports(2)


@pytest.fixture(scope="module")
def home() -> int:
    """The port of the telephone that the bot calls."""
    return free_udp_ports(2)


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, authority: Authority, desk: int, home: int) -> Iterator[BotProcess]:
    issued: Issued = authority.issue("localhost")
    settings = {
        "OFFHOOK_SIP__TLS_CERTIFICATE": str(issued.certificate),
        "OFFHOOK_SIP__TLS_KEY": str(issued.key),
        "OFFHOOK_SIP__TLS_PORT": "0",
        "OFFHOOK_SIGNALLING__RELIABLE_PROVISIONALS": "supported",
    }
    with started(tmp_path_factory.mktemp("linphone-bot"), desk, home, **settings) as running:
        yield running


def understood(bot: BotProcess, before: int) -> list[str]:
    """What callers have said since there were so many lines."""
    return [str(line["text"]) for line in bot.transcript()[before:] if line["who"] == "caller"]


@pytest.mark.parametrize(
    ("transport", "encryption", "encrypted"),
    [("udp", "none", 0), ("udp", "srtp", 1), ("tcp", "none", 0), ("tls", "srtp", 1)],
)
def test_speech_a_hold_and_keys(
    bot: BotProcess, authority: Authority, tmp_path: Path, transport: str, encryption: str, encrypted: int
) -> None:
    uri = f"sip:bot@localhost:{bot.tls_port}" if transport == "tls" else f"sip:bot@{bot.address}"
    before, lines = len(bot.records()), len(bot.transcript())
    with Linphone(tmp_path, said(tmp_path), encryption=encryption, authority=authority.certificate) as phone:
        phone.calls(f"{uri};transport={transport}")
        bot.wait_for(lambda: understood(bot, lines) == ["check my balance"])
        phone.types("pause")
        phone.until("Call 1 with .* is now paused")
        phone.types("resume")
        phone.until("Media streams established")
        phone.types("1")
        bot.wait_for(lambda: understood(bot, lines)[-1] == "[keys: 1]")
        phone.hangs_up()
    found = latest(bot, before)
    assert (found["end_reason"], found["transport"]) == ("caller hung up", transport)
    assert bot.lines(found, "caller") == ["check my balance", "[keys: 1]"]
    assert (found["rtp"]["srtp"], found["rtp"]["lost"]) == (encrypted, 0)
    assert phone.loud_s() > 0.5


def test_the_bot_calls(bot: BotProcess, tmp_path: Path, home: int) -> None:
    lines = len(bot.transcript())
    with Linphone(tmp_path, said(tmp_path), home, host=HOME, answers=True) as phone:
        call = place(bot, to="qa", trunk="home")
        until(bot, call, "answered")
        bot.wait_for(lambda: understood(bot, lines) == ["check my balance"])
        phone.hangs_up()
        until(bot, call, "ended")
    assert record(bot, call)["ended_by"] == "caller"
    assert phone.loud_s() > 0.5


def test_it_follows_a_refer(bot: BotProcess, tmp_path: Path, desk: int) -> None:
    before = len(bot.records())
    with (
        Linphone(tmp_path, said(tmp_path), desk, answers=True) as agent,
        Linphone(tmp_path, said(tmp_path)) as caller,
    ):
        caller.calls(f"sip:refers@{bot.address}")
        agent.until("Media streams established")
        assert latest(bot, before)["end_reason"] == "transferred to desk"
        agent.hangs_up()
        caller.until("Call 2 with .* ended")


@pytest.mark.parametrize("consults", [False, True])
def test_it_moves_the_bot(bot: BotProcess, tmp_path: Path, home: int, consults: bool) -> None:
    """By REFER; the second time with Replaces, to somebody it has talked to before, whose port it leaves out: that of
    the trunk counts."""
    with (
        Linphone(tmp_path, said(tmp_path), home, host=HOME, answers=True) as agent,
        Linphone(tmp_path, said(tmp_path)) as caller,
    ):
        caller.calls(f"sip:bot@{bot.address}")
        if consults:
            caller.types("pause")
            caller.until("Call 1 with .* is now paused")
            caller.calls(f"sip:agent@{agent.address}")
        lines = len(bot.transcript())
        caller.types("transfer 1 --to-call 2" if consults else f"transfer sip:agent@{agent.address}")
        caller.until("Call 1 with .* ended")
        bot.wait_for(lambda: "check my balance" in understood(bot, lines))
        agent.types("terminate")
        agent.until(f"Call {2 if consults else 1} with .* ended")
    assert ("Replaces=" in caller.log()) is consults
