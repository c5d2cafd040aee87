"""Registrations against a registrar on loopback that gives chosen answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from structlog.testing import capture_logs

from offhook.observe.metrics import Metrics
from offhook.process import trunks as module
from offhook.process.trunk import TrunkState
from offhook.process.trunk_advice import what_to_do
from offhook.process.trunks import Trunks
from offhook.settings.trunks import TrunkConfig
from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.events import PasswordWithheld, RegistrationEvent
from offhook.sip.message.build import response
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.records import DnsRecords, Naptr, Records, Srv
from offhook.sip.settings import UaSettings
from offhook.testing.udp import UdpPort
from tests.dns_server import DnsServer

HOST = "127.0.0.1"
PASSWORDS = {"100": "one", "200": "two"}


class Registrar:
    """Answers REGISTER with `status`, or never (0). With `realm` it asks for a password first."""

    def __init__(self, host: str = HOST, port: int = 0, realm: DigestServer | None = None) -> None:
        self.status = 200
        self.requests: list[Request] = []
        self.pings = 0
        self._realm = realm
        self._port = UdpPort((host, port), self._received)
        self.address = Address(*self._port.address)

    def _received(self, data: bytes, source: tuple[str, int], at: float) -> None:
        if data == b"\r\n\r\n":
            self.pings += 1
            return
        request = parse(data)
        assert isinstance(request, Request)
        self.requests.append(request)
        status, headers = self.status, [("Contact", request.headers.get("Contact") or "")]
        if self._realm is not None and self._realm.judge(request, at)[0] is not Verdict.RIGHT:
            status, headers = 401, [("WWW-Authenticate", value) for value in self._realm.challenges(at)]
        if status:
            self._port.send(bytes(response(request, status, None, to_tag="r", headers=headers)), source)

    def close(self) -> None:
        self._port.close()


def trunk(port: int | None, **fields: object) -> TrunkConfig:
    return TrunkConfig.model_validate({"host": "pbx.test", "port": port, "user": "100", "registration": True, **fields})


async def until(condition: Callable[[], bool]) -> None:
    """Wait for an effect that nothing reports."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


class Bot:
    """A user agent and its trunks, whose domains are looked up in `services` and `names`."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.services: dict[str, list[Srv]] = {}
        self.records: Records = self
        self.networks: list[str] = []
        self.trunks = Trunks({}, Metrics(), lambda networks: None)
        self.endpoint: Endpoint | None = None

    async def start(self, **configs: TrunkConfig) -> None:
        accounts = tuple(
            Account(each.user or "", each.password, frozenset({each.host}))
            for each in configs.values()
            if each.password is not None
        )
        self.trunks = Trunks(configs, Metrics(), lambda networks: setattr(self, "networks", networks))

        def heard(event: object) -> None:
            assert isinstance(event, RegistrationEvent)
            self.trunks.on_event(event)

        self.endpoint = await Endpoint.open(
            HOST, 0, heard, settings=UaSettings(accounts=accounts), records=self.records
        )
        self.trunks.start(self.endpoint)

    async def naptr(self, name: str) -> tuple[Sequence[Naptr], float]:
        return (), 0.0

    async def srv(self, name: str) -> tuple[Sequence[Srv], float]:
        return self.services.get(name, ()), 0.0

    async def addresses(self, name: str, *, ipv6: bool) -> tuple[Sequence[str], float]:
        return self.names.get(name, ()), 0.0

    def states(self) -> dict[object, object]:
        return {each["trunk"]: each["state"] for each in self.trunks.dump(asyncio.get_running_loop().time())}

    async def until(self, *states: TrunkState) -> None:
        await until(lambda: list(self.states().values()) == [state.value for state in states])


@pytest.fixture
async def bot(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    one = Bot()
    monkeypatch.setattr(module, "LOOKED_UP_S", 0.05)
    monkeypatch.setattr(module, "LOOKED_UP_AGAIN_S", 0.02)
    yield one
    one.trunks.end()
    if one.endpoint is not None:
        one.endpoint.close()


@pytest.fixture
async def registrars() -> AsyncIterator[Callable[..., Registrar]]:
    made: list[Registrar] = []

    def make(host: str = HOST, port: int = 0, realm: DigestServer | None = None) -> Registrar:
        made.append(Registrar(host, port, realm))
        return made[-1]

    yield make
    for one in made:
        one.close()


async def test_a_server_that_fails_is_followed_by_the_next(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    good = registrars("127.0.0.1")
    bad = registrars("127.0.0.2", good.address.port)
    bad.status = 503
    bot.names["pbx.test"] = ["127.0.0.2", "127.0.0.1"]
    with capture_logs() as logs:
        await bot.start(office=trunk(good.address.port))
        await bot.until(TrunkState.REGISTERED)
    assert [line["event"] for line in logs] == ["registered"]
    assert len(bad.requests) == len(good.requests) == 1
    assert bot.networks == ["127.0.0.2/32", "127.0.0.1/32"]
    assert bot.trunks.details() == {"registrations": 1, "registrations_ready": 1}


async def test_when_all_servers_fail_it_waits(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    one = registrars("127.0.0.1")
    other = registrars("127.0.0.2", one.address.port)
    one.status = other.status = 503
    bot.names["pbx.test"] = ["127.0.0.2", "127.0.0.1"]
    with capture_logs() as logs:
        await bot.start(office=trunk(one.address.port))
        await bot.until(TrunkState.FAILED)
    assert len(one.requests) == len(other.requests) == 1
    (line,) = logs
    assert (line["event"], line["why"]) == ("not registered", "503 Service Unavailable")
    assert 15 <= line["tried_again_after_s"] <= 60


async def test_a_registration_follows_its_host(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    before = registrars("127.0.0.1")
    after = registrars("127.0.0.2", before.address.port)
    bot.names["pbx.test"] = ["127.0.0.1"]
    await bot.start(office=trunk(before.address.port))
    await bot.until(TrunkState.REGISTERED)
    bot.names["pbx.test"] = []  # the name server fails: nothing changes
    await asyncio.sleep(0.12)
    assert len(before.requests) == 1
    assert bot.states() == {"office": "registered"}
    bot.names["pbx.test"] = ["127.0.0.2"]
    await until(lambda: bool(after.requests))
    assert after.requests[0].headers.get("Call-ID") == before.requests[0].headers.get("Call-ID")
    assert bot.networks == ["127.0.0.2/32"]
    assert bot.states() == {"office": "registered"}


async def test_a_host_that_is_not_found_is_reported_once_and_looked_up_again(
    bot: Bot, registrars: Callable[..., Registrar]
) -> None:
    registrar = registrars()
    with capture_logs() as logs:
        await bot.start(office=trunk(registrar.address.port))
        await asyncio.sleep(0.1)
        assert bot.states() == {"office": "resolving"}
        bot.names["pbx.test"] = [HOST]
        await bot.until(TrunkState.REGISTERED)
    assert [line["event"] for line in logs] == ["the trunk cannot be found", "registered"]


async def test_accounts_at_one_host_have_their_own_passwords(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    def secret(user: str, realm: str, algorithm: str) -> str:
        return secret_of(algorithm, user, realm, PASSWORDS[user])

    registrar = registrars(realm=DigestServer("pbx", secret, b"key"))
    bot.names["pbx.test"] = [HOST]
    port = registrar.address.port
    await bot.start(**{f"t{user}": trunk(port, user=user, password=word) for user, word in PASSWORDS.items()})
    await bot.until(TrunkState.REGISTERED, TrunkState.REGISTERED)


async def test_bindings_are_removed_at_the_end(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    registrar = registrars()
    bot.names["pbx.test"] = [HOST]
    await bot.start(office=trunk(registrar.address.port), line=TrunkConfig(host="pbx.test"))
    await bot.until(TrunkState.REGISTERED, TrunkState.IN_USE)
    bot.trunks.end()
    bot.trunks.end()
    await bot.trunks.ended(5)
    assert [each.headers.get("Expires") for each in registrar.requests] == ["600", "0"]
    assert bot.states() == {"office": "ended", "line": "in_use"}


async def test_the_end_waits_for_no_dead_registrar(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    registrar = registrars()
    bot.names["pbx.test"] = [HOST]
    await bot.start(office=trunk(registrar.address.port))
    await bot.until(TrunkState.REGISTERED)
    registrar.status = 0
    with capture_logs() as logs:
        bot.trunks.end()
        await bot.trunks.ended(0.05)
    assert [line["event"] for line in logs] == ["registrations were not removed"]


async def test_without_its_transport_a_trunk_fails_and_says_so(bot: Bot, registrars: Callable[..., Registrar]) -> None:
    bot.names["pbx.test"] = [HOST]
    with capture_logs() as logs:
        await bot.start(office=trunk(5060, transport="tcp"))
        await bot.until(TrunkState.FAILED)
    assert [line["event"] for line in logs] == ["the trunk cannot be used"]
    bot.trunks.end()
    await bot.trunks.ended(1)


@pytest.mark.parametrize(
    ("status", "fields", "todo"),
    [
        (0, {}, "`host`, `port` and `transport` below `[trunks.office]`; or a firewall is in between"),
        (401, {}, "export OFFHOOK_TRUNKS__OFFICE__PASSWORD=…"),
        (407, {"password": "x"}, "the password, `user` and `auth_user` below `[trunks.office]`"),
        (401, {"password": "x", "realm": "y"}, "the password, `user`, `auth_user` and `realm` below `[trunks.office]`"),
        (503, {}, "nothing: the trunk has a fault, and is asked again"),
        (488, {}, "the trunk's operator knows why"),
    ],
)
def test_what_to_do(status: int, fields: dict[str, object], todo: str) -> None:
    assert what_to_do("office", trunk(5060, **fields), status) == todo


async def test_the_servers_of_a_domain_are_tried_by_their_priority(
    bot: Bot, registrars: Callable[..., Registrar]
) -> None:
    good = registrars("127.0.0.1")
    bad = registrars("127.0.0.2")
    bad.status = 503
    bot.services["_sip._udp.pbx.test"] = [
        Srv(20, 0, good.address.port, "good.pbx.test"),
        Srv(10, 0, bad.address.port, "bad.pbx.test"),
    ]
    bot.names |= {"good.pbx.test": ["127.0.0.1"], "bad.pbx.test": ["127.0.0.2"]}
    await bot.start(office=trunk(None))
    await bot.until(TrunkState.REGISTERED)
    assert len(bad.requests) == len(good.requests) == 1
    assert good.requests[0].uri == "sip:pbx.test"
    first, second = (Target(Transport.UDP, each.address, "pbx.test") for each in (bad, good))
    assert bot.trunks.targets("office") == (second, first)
    assert sorted(bot.networks) == ["127.0.0.1/32", "127.0.0.2/32"]


async def test_options_tell_whether_a_trunk_is_there(
    bot: Bot, registrars: Callable[..., Registrar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_PING_S", 0.01)
    one = registrars("127.0.0.1")
    other = registrars("127.0.0.2", one.address.port)
    bot.names["pbx.test"] = ["127.0.0.1", "127.0.0.2"]
    with capture_logs() as logs:
        await bot.start(line=trunk(one.address.port, registration=False, options_s=0.05))
        await until(lambda: bot.trunks.details() == {"trunks_asked": 1, "trunks_there": 1})
        one.status = 503  # the next server of the host is asked, and is there
        await until(lambda: bool(other.requests))
        await until(lambda: bot.trunks.details() == {"trunks_asked": 1, "trunks_there": 1})
        other.status = 503
        await until(lambda: bot.trunks.details()["trunks_there"] == 0)
        why = bot.trunks.details()["trunk_line"]
        assert isinstance(why, str) and why.endswith(": 503 Service Unavailable; type: offhook trunk check line")
    assert {each.method for each in (*one.requests, *other.requests)} == {"OPTIONS"}
    assert [line["event"] for line in logs][:2] == ["the trunk is there", "the trunk is not there"]
    assert bot.trunks.targets("line")[0].address in (one.address, other.address)


async def test_the_way_to_a_registrar_is_kept_open_once_for_all_its_accounts(
    bot: Bot, registrars: Callable[..., Registrar]
) -> None:
    registrar = registrars()
    bot.names["pbx.test"] = [HOST]
    port = registrar.address.port
    await bot.start(**{f"t{user}": trunk(port, user=user, keepalive_s=0.05) for user in ("100", "200", "300")})
    await until(lambda: registrar.pings >= 4)
    assert registrar.pings <= 8


async def test_a_connection_by_which_alone_we_are_reached_is_kept_open(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinged: list[str] = []
    monkeypatch.setattr(Endpoint, "keep_alive", lambda endpoint, target: pinged.append(str(target)))
    fields = {"host": HOST, "registration": False, "keepalive_s": 0.02}
    await bot.start(plain=trunk(5060, **fields), secure=trunk(5061, transport="tls", **fields))
    await bot.until(TrunkState.IN_USE, TrunkState.IN_USE)
    await until(lambda: len(pinged) >= 3)
    assert set(pinged) == {f"{HOST}:5061/TLS"}


async def test_a_dead_first_server_of_a_domain_costs_seconds(
    bot: Bot, registrars: Callable[..., Registrar], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_S", 0.2)
    good, silent = registrars("127.0.0.1"), registrars("127.0.0.2")
    silent.status = 0
    name_server = await DnsServer(
        {
            ("pbx.test", "NAPTR"): ['10 10 "S" "SIP+D2U" "" _sip._udp.pbx.test.'],
            ("_sip._udp.pbx.test", "SRV"): [
                f"10 1 {silent.address.port} a.pbx.test.",
                f"20 1 {good.address.port} b.pbx.test.",
            ],
            ("a.pbx.test", "A"): ["127.0.0.2"],
            ("b.pbx.test", "A"): ["127.0.0.1"],
        }
    ).start()
    bot.records = DnsRecords([name_server.address])
    await bot.start(office=trunk(None))
    await bot.until(TrunkState.REGISTERED)
    assert silent.requests and len(good.requests) == 1
    assert bot.trunks.targets("office")[0].address == good.address
    name_server.close()


async def test_a_password_that_was_not_proven_is_logged_with_what_to_type() -> None:
    trunks = Trunks({"pbx": trunk(None)}, Metrics(), lambda networks: None)
    with capture_logs() as logs:
        trunks.on_event(PasswordWithheld("call@x", "BYE", "pbx.test", Address("198.51.100.66", 5060)))
    (line,) = logs
    assert (line["log_level"], line["method"], line["address"]) == ("warning", "BYE", "198.51.100.66")
    assert line["todo"].startswith('`addresses = ["198.51.100.66"]` below its `[trunks.NAME]`')
