"""Calls with baresip as a library (baresip-python): transports, SRTP, hold, transfer in both directions."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.certificates import Authority, Issued
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp, free_udp_ports
from tests.e2e.scripted import ScriptedPhone, states
from tests.e2e.test_pjsua import latest, said, started

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("baresip") is None, reason="there is no wheel of baresip-python for this system"),
]


def phone(directory: Path, port: int | None = None, **script: object) -> ScriptedPhone:
    """A telephone with a script (tests/e2e/baresip_phone.py)."""
    return ScriptedPhone("baresip_phone", directory, port, **script)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def desk() -> int:
    """The port that transfers go to."""
    return free_udp_ports()


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, authority: Authority, desk: int) -> Iterator[BotProcess]:
    issued: Issued = authority.issue(f"IP:{HOST}")
    settings = {
        "OFFHOOK_SIP__TLS_CERTIFICATE": str(issued.certificate),
        "OFFHOOK_SIP__TLS_KEY": str(issued.key),
        "OFFHOOK_SIP__TLS_PORT": "0",
        "OFFHOOK_SIGNALLING__RELIABLE_PROVISIONALS": "supported",  # it cannot do what is required of PJSIP
    }
    with started(tmp_path_factory.mktemp("baresip-bot"), desk, free_udp_ports(2), **settings) as running:
        yield running


@pytest.mark.parametrize(
    ("transport", "encryption", "encrypted"),
    [("udp", "", 0), ("udp", "srtp", 1), ("tcp", "srtp-mand", 1), ("tls", "srtp-mand", 1)],
)
def test_speech_right_before_a_hold_is_heard_and_afterwards_keys(
    bot: BotProcess, authority: Authority, tmp_path: Path, transport: str, encryption: str, encrypted: int
) -> None:
    port = bot.tls_port if transport == "tls" else bot.port
    steps = [
        *(["wait", 0.5], ["say", said(tmp_path, before_s=0, length_s=0)]),
        *(["hold"], ["wait", 1], ["resume"], ["wait", 1], ["press", "1"], ["wait", 0.5], ["hang_up"]),
    ]
    before = len(bot.records())
    with phone(
        tmp_path,
        call=f"sip:bot@{HOST}:{port};transport={transport}",
        transport=transport,
        encryption=encryption,
        authority=str(authority.certificate),
        steps=steps,
    ) as caller:
        events = caller.events()
    found = latest(bot, before)
    assert states(events) == ["CONFIRMED", "DISCONNECTED"]
    assert (found["end_reason"], found["transport"]) == ("caller hung up", transport)
    assert bot.lines(found, "caller") == ["check my balance", "[keys: 1]"]
    assert (found["rtp"]["srtp"], found["rtp"]["lost"]) == (encrypted, 0)
    assert bool([each for each in events if each["event"] == "encrypted"]) is bool(encrypted)
    (heard,) = [each["loud_s"] for each in events if each["event"] == "heard"]
    assert heard > 0.5, "the greeting until the caller speaks, and the reply after the hold"


def test_it_follows_a_refer(bot: BotProcess, tmp_path: Path, desk: int) -> None:
    before = len(bot.records())
    with (
        phone(tmp_path, desk, user="desk", answer=0.1, steps=[["wait", 1], ["hang_up"]]) as agent,
        phone(tmp_path, call=f"sip:refers@{bot.address}") as caller,
    ):
        events = caller.events()
        assert states(agent.events()) == ["CONFIRMED", "DISCONNECTED"]
    assert [each["to"] for each in events if each["event"] == "asked to transfer"]
    assert latest(bot, before)["end_reason"] == "transferred to desk"


def test_it_moves_the_bot(bot: BotProcess, tmp_path: Path) -> None:
    with (
        Sipp("uas_hangs_up.xml", tmp_path) as agent,
        phone(
            tmp_path,
            call=f"sip:bot@{bot.address}",
            steps=[["wait", 1], ["transfer", f"sip:agent@{HOST}:{agent.port}"]],
        ) as caller,
    ):
        events = caller.events()
        agent.wait().check()
    assert [each["status"] for each in events if each["event"] == "transfer"] == [200]
