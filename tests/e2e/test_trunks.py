"""The bot at a registrar, and callers with a password: Kamailio, SIPp and baresip."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess, speech
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import free_udp_ports, sipp
from tests.e2e.test_baresip import configure, dials

pytestmark = pytest.mark.peer

PASSWORD = "s3cret word"

FLOW = """\
name: office
start: hello
steps:
  hello:
    ask: Welcome to the office. Shall we call you back?
    choices:
      again: {phrases: ["yes"], next: bye}
    no_input: {then: bye}
    no_match: {then: bye}
  bye:
    hang_up: Goodbye.
"""


@pytest.fixture(params=["SHA-256", "MD5"])
def registrar(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kamailio]:
    with Kamailio(tmp_path, password=PASSWORD, algorithm=request.param) as kamailio:
        yield kamailio


def settings(directory: Path, registrar: Kamailio, transport: str = "udp", *, extra: str = "") -> Path:
    (directory / "office.yaml").write_text(FLOW)
    file = directory / "offhook.toml"
    file.write_text(f"""
[trunks.office]
host = "127.0.0.1"
port = {registrar.port}
user = "bot"
transport = "{transport}"
registration = true
{extra}

[[routes]]
trunk = "office"
flow = "office.yaml"
""")
    return file


def trunk(bot: BotProcess) -> dict[str, object]:
    (found,) = json.loads(bot.get("/api/status"))["trunks"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_bot_registers_is_called_and_leaves(
    start_bot: Callable[..., BotProcess], tmp_path: Path, registrar: Kamailio, transport: str
) -> None:
    file = settings(tmp_path, registrar, transport)
    bot = start_bot("--config", str(file), OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD, OFFHOOK_TTS__ENGINE="espeak")
    bot.wait_for(lambda: trunk(bot)["state"] == "registered")
    assert json.loads(bot.get("/readyz"))["registrations_ready"] == 1
    assert bot.metric_of("offhook_registrations", state="registered", trunk="office") == 1
    assert registrar.knows("bot")

    options = ("-d", "2500", *(("-t", "t1") if transport == "tcp" else ()))
    sipp("uac_by_proxy.xml", tmp_path, registrar.address, *options, user="bot").check()
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[-1]["end"] is not None)
    (record,) = bot.records()
    assert record["disposition"] == "ANSWERED"
    assert bot.lines(record, "bot") == [
        "Welcome to the office. Shall we call you back?"
    ]  # the trunk's route has answered

    assert bot.stop() == 0
    assert not registrar.knows("bot")
    log = [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]
    logged = [line for line in log if line.get("trunk") == "office"]
    assert [line["event"] for line in logged if "call" not in line] == ["registered", "no longer registered"]
    assert {line["call"] for line in logged if "call" in line} == {record["uniqueid"]}
    assert PASSWORD not in bot.log()


def test_a_wrong_password_is_reported_and_stops_nothing(
    start_bot: Callable[..., BotProcess], tmp_path: Path, registrar: Kamailio
) -> None:
    file = settings(tmp_path, registrar)
    bot = start_bot("--bench-engines", "--config", str(file), OFFHOOK_TRUNKS__OFFICE__PASSWORD="guess")
    bot.wait_for(lambda: trunk(bot)["state"] == "failed")
    assert str(trunk(bot)["why"]).startswith("401")
    assert bot.readiness() == (200, "ready")
    assert json.loads(bot.get("/readyz"))["registrations_ready"] == 0
    assert "the password, `user` and `auth_user` below `[trunks.office]`" in bot.log()
    assert not registrar.knows("bot")
    sipp("uac_short.xml", tmp_path, bot.address, "-d", "500").check()
    assert bot.stop() == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("password", "answered"), [("s3cret", True), ("guess", False)])
def test_baresip_needs_its_password(
    start_bot: Callable[..., BotProcess], tmp_path: Path, password: str, answered: bool, transport: str
) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_SIP__USERS__ALICE="s3cret")
    said = speech("check-my-balance").ljust(2 * 8_000 * 3, b"\0")
    configure(tmp_path, free_udp_ports(), said, account=f"<sip:alice@127.0.0.1>;regint=0;auth_pass={password}")
    log = dials(f"sip:bot@{bot.address};transport={transport}", tmp_path, 5)
    assert ("Call established" in log) == answered
    assert ("401 Unauthorized" in log) != answered
    if answered:
        bot.wait_for(lambda: bool(bot.records()) and bot.records()[-1]["end"] is not None)
        assert [record["disposition"] for record in bot.records()] == ["ANSWERED"]
    else:
        assert bot.records() == []
        assert json.loads(bot.get("/api/status"))["refused"] == {"password": 1}


def test_an_address_of_peers_needs_no_password(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_SIP__USERS__ALICE="s3cret", OFFHOOK_SIP__PEERS='["127.0.0.1"]')
    sipp("uac_short.xml", tmp_path, bot.address, "-d", "500").check()
