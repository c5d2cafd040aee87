"""Kamailio between the bot, which it reaches by TLS alone, and phones that have UDP: both are in its Record-Route."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority, Issued
from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Kamailio, Secure
from tests.e2e.peers import HOST, Sipp, sipp
from tests.e2e.test_calls_out import PASSWORD, ask, place, record, start, until
from tests.e2e.test_trunks import trunk

pytestmark = pytest.mark.peer

Start = Callable[..., BotProcess]
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "espeak", "OFFHOOK_VAD__ENGINE": "energy"}

FLOW = """\
name: office
start: hello
steps:
  hello:
    ask: Who is there?
    choices: {me: {phrases: [me], key: 1, next: bye}}
    no_input: {then: bye, attempts: 1}
    no_match: {then: bye, attempts: 1}
    timeout_s: 2
  bye:
    hang_up: Goodbye.
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def issued(authority: Authority) -> Issued:
    return authority.issue(f"IP:{HOST}")


def office(directory: Path, port: int) -> Path:
    """A bot that registers over TLS."""
    (directory / "office.yaml").write_text(FLOW)
    file = directory / "offhook.toml"
    file.write_text(f"""
[trunks.office]
host = "{HOST}"
port = {port}
user = "bot"
transport = "tls"
registration = true

[[routes]]
trunk = "office"
flow = "office.yaml"
""")
    return file


def of_tls(authority: Authority, own: Issued | None) -> dict[str, str]:
    """Settings: whom the bot trusts, and the certificate that it shows, for which it wants one as well."""
    settings = {"OFFHOOK_SIP__TLS_AUTHORITIES": str(authority.certificate)}
    if own is not None:
        settings |= {
            "OFFHOOK_SIP__TLS_CERTIFICATE": str(own.certificate),
            "OFFHOOK_SIP__TLS_KEY": str(own.key),
            "OFFHOOK_SIP__TLS_PORT": "0",
            "OFFHOOK_SIP__TLS_CLIENT_CERTIFICATES": "true",
        }
    return settings


@pytest.mark.parametrize(
    ("mutual", "scenario", "ended_by"),
    [
        (True, "uac_by_proxy.xml", "caller"),
        (True, "uac_by_proxy_hung_up.xml", "bot"),
        (False, "uac_by_proxy_hung_up.xml", "bot"),  # it comes by the connection of the registration
    ],
)
def test_a_call_in(
    start_bot: Start,
    tmp_path: Path,
    authority: Authority,
    issued: Issued,
    mutual: bool,
    scenario: str,
    ended_by: str,
) -> None:
    with Kamailio(tmp_path, password=PASSWORD, secure=Secure(authority, issued, mutual)) as kamailio:
        bot = start_bot(
            *("--config", str(office(tmp_path, kamailio.tls_port))),
            OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD,
            **LIGHT,
            **of_tls(authority, issued if mutual else None),
        )
        bot.wait_for(lambda: trunk(bot)["state"] == "registered")
        outcome = sipp(scenario, tmp_path, kamailio.address, "-d", "500", user="bot").check()
        (found,) = bot.ended()
        assert (found["transport"], found["disposition"], found["ended_by"]) == ("tls", "ANSWERED", ended_by)
        assert f"Record-Route: <sip:{HOST}:{kamailio.tls_port};transport=tls;r2=on" in outcome.messages
        assert bot.stop() == 0
        assert not kamailio.knows("bot")


@pytest.mark.parametrize("mutual", [True, False])
@pytest.mark.parametrize(
    ("scenario", "ended_by"), [("uas_by_proxy.xml", "operator"), ("uas_by_proxy_hangs_up.xml", "caller")]
)
def test_a_call_out(
    start_bot: Start,
    tmp_path: Path,
    authority: Authority,
    issued: Issued,
    mutual: bool,
    scenario: str,
    ended_by: str,
) -> None:
    secure = Secure(authority, issued, mutual)
    with (
        Sipp(scenario, tmp_path) as phone,
        Kamailio(tmp_path, password=PASSWORD, secure=secure, calls_to=phone.port) as kamailio,
    ):
        environment = of_tls(authority, issued if mutual else None)
        bot = start(start_bot, tmp_path, kamailio.tls_port, extra='transport = "tls"\n', **environment)
        call = place(bot, to="qa")
        if scenario == "uas_by_proxy.xml":
            until(bot, call, "answered")
            ask(bot, "DELETE", f"/api/calls/{call}")
        phone.wait().check()
        until(bot, call, "ended")
        found = record(bot, call)
    assert (found["transport"], found["outcome"], found["ended_by"]) == ("tls", "answered", ended_by)


def test_a_certificate_of_a_stranger(start_bot: Start, tmp_path: Path, authority: Authority, issued: Issued) -> None:
    with Kamailio(tmp_path, password=PASSWORD, secure=Secure(authority, issued, mutual=False)) as kamailio:
        bot = start_bot(
            *("--config", str(office(tmp_path, kamailio.tls_port))),
            OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD,
            **LIGHT,
            **of_tls(Authority(tmp_path, "another"), None),
        )
        bot.wait_for(lambda: trunk(bot)["state"] == "failed")
        todo = "its certificate must be for that name, and signed by an authority"
        assert todo in bot.log()
        ready, found = json.loads(bot.get("/readyz")), trunk(bot)
        assert ready["registrations_ready"] == 0
        why, todo_there = str(found["why"]), str(found["todo"])
        assert f"its certificate is not trusted as {HOST}: " in why
        assert todo_there.startswith(todo) and todo_there.endswith("type: offhook trunk check office")
        assert ready["trunk_office"] == f"{why}; {todo_there}"
        assert bot.metric_of("offhook_registrations", state="failed", trunk="office") == 1
        assert bot.metric_of("offhook_trunk_problem", problem="untrusted", trunk="office") == 1
        assert not kamailio.knows("bot")
