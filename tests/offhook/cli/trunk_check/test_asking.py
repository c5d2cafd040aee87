"""OPTIONS, REGISTER, DNS and NAT against far ends with one fault each."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from offhook.cli.checks.finding import Level
from offhook.cli.trunk_check.run import number_to_call, the_trunk
from offhook.settings.config import Config
from offhook.usererror import UserError
from tests.dns_server import DnsServer
from tests.offhook.cli.trunk_check.conftest import NUMBER, Check
from tests.offhook.cli.trunk_check.far_end import FarEnd


@pytest.fixture
async def names() -> AsyncIterator[DnsServer]:
    server = await DnsServer({("pbx.test", "A"): ["127.0.0.1"]}).start()
    yield server
    server.close()


async def test_a_trunk_that_is_well(far: FarEnd, check: Check) -> None:
    far.ask_password()
    found = await check(registration=True)
    assert found.status == 0, found.text()
    assert "password is right (SHA-256, realm trunk.test)" in found.of("register")[0].problem.what
    assert "is there: 200 OK" in found.of("options")[0].problem.what
    assert "as our SDP says" in found.of("nat")[0].problem.what


async def test_the_registration_of_a_bot_that_serves_is_left_alone(far: FarEnd, check: Check) -> None:
    far.ask_password()
    await check(registration=True)
    asked = far.of("REGISTER")
    assert asked[-1].headers.get("Authorization")
    assert all(each.headers.get("Contact") is None and each.headers.get("Expires") is None for each in asked)


async def test_a_wrong_password(far: FarEnd, check: Check) -> None:
    far.ask_password()
    found = await check(registration=True, password="another")
    assert found.status == 1
    problem = found.problem("refuses REGISTER").problem
    assert "the password for bot is wrong" in problem.why
    assert "[trunks.provider]" in problem.todo
    assert "another" not in found.text()


async def test_no_password_and_another_realm(far: FarEnd, check: Check) -> None:
    far.ask_password()
    found = await check(registration=True, password=None)
    assert found.problem("refuses REGISTER").problem.todo == "export OFFHOOK_TRUNKS__PROVIDER__PASSWORD=…"
    found = await check(registration=True, realm="other.test")
    assert "realm 'trunk.test'" in found.problem("refuses REGISTER").problem.why


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "not allowed"), (404, "no such account"), (405, "no registrar"), (503, "see the status")],
)
async def test_refused_registrations_are_explained(far: FarEnd, check: Check, status: int, words: str) -> None:
    far.register = status
    found = await check(registration=True)
    assert words in found.problem(f"{status}").problem.why
    assert found.status == (0 if status == 405 else 1)


async def test_a_registrar_that_wants_longer_registrations(far: FarEnd, check: Check) -> None:
    far.register, far.register_headers = 423, [("Min-Expires", "1800")]
    found = await check(registration=True)
    assert "`expires_s = 1800`" in found.problem("423").problem.todo


async def test_nobody_is_registered(far: FarEnd, check: Check) -> None:
    far.bound = []
    found = await check(registration=True)
    assert found.status == 0
    assert found.problem("nobody is registered").level is Level.WARNING


async def test_a_silent_trunk(far: FarEnd, check: Check) -> None:
    far.options = far.register = 0
    found = await check()
    assert found.status == 1
    assert found.problem("does not answer OPTIONS").level is Level.MACHINE
    found = await check(registration=True)
    assert found.problem("does not answer OPTIONS").level is Level.WARNING, "that may be so on purpose"
    assert found.problem("does not answer REGISTER").level is Level.MACHINE


async def test_a_trunk_that_is_full(far: FarEnd, check: Check) -> None:
    far.options = 503
    found = await check()
    assert found.status == 1
    assert "503 Service Unavailable" in found.problem("takes no calls now").problem.why


async def test_no_such_host(names: DnsServer, check: Check) -> None:
    found = await check(host="nowhere.test", port=None, sip={"dns_servers": [str(names.address)]})
    assert found.status == 1
    assert "its name is not found" in found.problem("nowhere.test cannot be found").problem.why
    assert not found.of("options")


async def test_srv_records_that_lead_to_a_closed_port(far: FarEnd, names: DnsServer, check: Check) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        closed = server.sockets[0].getsockname()[1]
    names.zone["_sip._tcp.pbx.test", "SRV"] = [f"1 0 {closed} pbx.test."]
    settings = {"host": "pbx.test", "port": None, "sip": {"dns_servers": [str(names.address)]}}
    found = await check(**settings, transport="tcp")
    assert found.status == 1
    assert f"SRV _sip._tcp.pbx.test: 1 0 {closed} pbx.test" in found.text()
    assert found.problem("cannot be connected to").problem.why == "nobody listens on that port"


async def test_one_of_two_servers_is_away(far: FarEnd, names: DnsServer, check: Check) -> None:
    async with FarEnd() as other:
        other.options = 0
        ports = [other.address.port, far.address.port]
        names.zone["_sip._udp.pbx.test", "SRV"] = [f"{n} 0 {port} pbx.test." for n, port in enumerate(ports)]
        found = await check(host="pbx.test", port=None, sip={"dns_servers": [str(names.address)]})
    assert found.status == 0
    assert found.problem("does not answer OPTIONS").level is Level.WARNING
    assert found.of("options")[1].level is Level.OK


async def test_srv_records_that_lead_in_a_circle(names: DnsServer, check: Check) -> None:
    names.zone["_sip._udp.pbx.test", "SRV"] = ["1 0 5060 _sip._udp.pbx.test." for _ in range(40)]
    found = await check(host="pbx.test", port=None, sip={"dns_servers": [str(names.address)]})
    assert found.status == 1
    assert "without an address" in found.problem("cannot be found").problem.why


async def test_behind_a_nat(far: FarEnd, check: Check) -> None:
    far.seen_as = "203.0.113.9"
    found = await check(registration=True)
    problem = found.problem("our SDP says 127.0.0.1").problem
    assert '`advertised_host = "203.0.113.9"`' in problem.todo
    found = await check(sip={"advertised_host": "198.51.100.1"})
    assert "`advertised_host` is 198.51.100.1" in found.problem("sees us at 203.0.113.9").problem.what
    assert "forward the ports" in found.problem("forwarded port").problem.todo


async def test_a_clock_that_is_wrong(far: FarEnd, check: Check) -> None:
    far.options_headers = [("Date", "Sat, 13 Nov 2010 23:29:00 GMT")]
    found = await check()
    assert "ahead of the trunk's" in found.problem("this machine's clock").problem.what


async def test_what_the_far_end_says_is_not_executed_by_a_terminal(far: FarEnd, check: Check) -> None:
    far.options_headers = [("Server", "\x1b[2J\x9b1mPBX" + "x" * 5_000)]
    found = await check()
    assert found.of("options")
    assert "\x1b" not in found.text() and "\x9b" not in found.text()
    assert len(found.text()) < 2_000


def test_only_numbers_that_may_be_called(far: FarEnd) -> None:
    config = Config.model_validate({"trunks": {"provider": {"host": "pbx.test", "allowed_numbers": ["+4930*"]}}})
    with pytest.raises(UserError, match="may not be called"):
        number_to_call(NUMBER, "provider", config)
    with pytest.raises(UserError, match="did you mean `provider`"):
        the_trunk("provder", config)
    assert the_trunk(None, config) == "provider"
