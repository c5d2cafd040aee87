"""Call flows of RFC 3665 with real proxies, of the bot as caller and as callee; call_flows.md has all of its flows."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import HOST, Outcome, Sipp, sipp
from tests.e2e.proxies import Proxy, domain
from tests.e2e.test_calls_out import PASSWORD, TOKEN, ask, place, record, until
from tests.e2e.test_trunks import trunk
from tests.ports import kept_port

pytestmark = pytest.mark.peer
Start = Callable[..., BotProcess]

DIALOGS = """
from offhook import Bot
from offhook.api.dialogs import bench_dialog

away, busy = Bot(), Bot()


@away.answer(early_media=True)
async def is_away(call):
    pass


@busy.answer(early_media=True)
async def is_busy(call):
    await call.reject(486)
"""
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}
ENVIRONMENT = {"OFFHOOK_OUTBOUND__TOKEN": TOKEN, "OFFHOOK_TRUNKS__PROVIDER__PASSWORD": PASSWORD, **LIGHT}


def settings(host: str, extra: str = "") -> str:
    routes = "".join(f'[[routes]]\nnumber = "{name}"\nbot = "flows:{name}"\n' for name in ("away", "busy"))
    return f"""
[trunks.provider]
host = "{host}"
user = "bot"
allowed_numbers = ["qa", "moved"]
{extra}
{routes}
[[routes]]
number = "*"
bot = "flows:bench_dialog"
[[routes]]
bot = "flows:bench_dialog"
outbound = true
"""


@dataclass(frozen=True, slots=True)
class Chains:
    """A bot, the first of the two proxies on the way to it, and where the phone is that it calls by two others."""

    bot: BotProcess
    entry: str
    phone: int


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chains]:
    directory = tmp_path_factory.mktemp("flows")
    phone = kept_port()
    with ExitStack() as stack:

        def proxy(name: str, calls_to: str, password: str = "") -> str:
            return stack.enter_context(Proxy(directory, name, calls_to, password=password)).address

        way_out = proxy("first", proxy("second", f"{HOST}:{phone}", PASSWORD), PASSWORD)
        (directory / "flows.py").write_text(DIALOGS)
        (directory / "offhook.toml").write_text(settings(HOST, f"port = {way_out.rpartition(':')[2]}\n"))
        environment = {"OFFHOOK_CALLS__ANSWER_DELAY_MS": "800", **ENVIRONMENT}
        bot = BotProcess(directory, "--config", "offhook.toml", command=None, **environment)
        stack.callback(bot.close)
        yield Chains(bot, proxy("third", proxy("fourth", bot.address)), phone)


def calling_bot(start_bot: Start, directory: Path, host: str, names: str, extra: str = "") -> BotProcess:
    """A bot whose trunk is at `host`, which the name server `names` knows."""
    file = directory / "offhook.toml"
    file.write_text(settings(host, extra))
    return start_bot("--config", str(file), OFFHOOK_SIP__DNS_SERVERS=json.dumps([names]), **ENVIRONMENT)


def latest(outcome: Outcome, start: str) -> str:
    """The header fields of the latest message with this first line that SIPp got."""
    return str(re.findall(rf"message received[^\n]*\n\n({start} .*?)\n\n", outcome.messages, re.DOTALL)[-1])


def proxies_passed(outcome: Outcome, start: str) -> int:
    """How many proxies the latest message with this first line came by: each has added a Via."""
    return len(re.findall(r"^Via:", latest(outcome, start), re.MULTILINE)) - 1


def arrows(bot: BotProcess, call: str, label: str) -> int:
    """How many messages whose arrow has this text the bot has sent and got for a call, repetitions included."""
    rows = json.loads(bot.get(f"/api/sip/trace?call={call}"))["rows"]
    return sum(1 + row["again"] for row in rows if row["kind"] == "message" and row["label"].startswith(label))


# The bot calls.


def test_two_proxies_ask_for_a_password(chains: Chains, tmp_path: Path) -> None:
    """§3.2 and §3.3: each asks in a realm of its own, the third INVITE has both answers, what follows goes by both."""
    with Sipp("uas_by_proxies.xml", tmp_path, port=chains.phone) as phone:
        call = place(chains.bot, to="qa")
        until(chains.bot, call, "answered")
        ask(chains.bot, "DELETE", f"/api/calls/{call}")
        outcome = phone.wait().check()
    assert [proxies_passed(outcome, each) for each in ("INVITE", "ACK", "BYE")] == [2, 2, 2]
    assert "Proxy-Authorization" not in latest(outcome, "INVITE")  # each proxy has taken what was for it
    assert until(chains.bot, call, "ended")["outcome"]["reason"] == "answered"
    assert (arrows(chains.bot, call, "INVITE"), arrows(chains.bot, call, "407")) == (3, 2)


@pytest.mark.parametrize("failure", ["silent", "gone", "overloaded"])
def test_the_first_proxy_fails(start_bot: Start, tmp_path: Path, failure: str) -> None:
    """§3.4: the domain's other proxy takes the call, and all that follows; the phone rings once."""
    (tmp_path / "flows.py").write_text(DIALOGS)
    with (
        Sipp("uas_by_proxies.xml", tmp_path) as phone,
        Proxy(tmp_path, "first", "" if failure == "overloaded" else f"{HOST}:{phone.port}") as first,
        Proxy(tmp_path, "second", f"{HOST}:{phone.port}", password=PASSWORD) as second,
        domain("proxies.test", first.port, second.port) as names,
    ):
        bot = calling_bot(start_bot, tmp_path, "proxies.test", names)
        bot.wait_for(lambda: trunk(bot)["address"] == first.address)
        if failure == "silent":
            first.freeze()
        elif failure == "gone":
            first.close()
        call = place(bot, to="qa")
        until(bot, call, "answered")
        ask(bot, "DELETE", f"/api/calls/{call}")
        outcome = phone.wait().check()
        until(bot, call, "ended")
        found = record(bot, call)
        columns = json.loads(bot.get(f"/api/sip/trace?call={call}"))["columns"]
    assert (found["outcome"], found["sip_status"], found["ended_by"]) == ("answered", 200, "operator")
    assert outcome.received("INVITE") == 1
    assert proxies_passed(outcome, "INVITE") == proxies_passed(outcome, "BYE") == 1
    assert columns == ["offhook", first.address, second.address]
    assert arrows(bot, call, "503") == (failure == "overloaded")


def test_a_proxy_sends_the_call_elsewhere(chains: Chains, tmp_path: Path) -> None:
    """§3.6: 302, and the new number is called by the same proxies."""
    with Sipp("uas_by_proxies.xml", tmp_path, port=chains.phone) as phone:
        call = place(chains.bot, to="moved")
        until(chains.bot, call, "answered")
        ask(chains.bot, "DELETE", f"/api/calls/{call}")
        outcome = phone.wait().check()
    assert "To: <sip:qa@" in outcome.messages
    assert arrows(chains.bot, call, "302") == 1


def test_nobody_answers(chains: Chains, tmp_path: Path) -> None:
    """§3.8: the CANCEL follows the INVITE from proxy to proxy, and the 487 comes back."""
    with Sipp("uas_cancelled_by_proxies.xml", tmp_path, port=chains.phone) as phone:
        call = place(chains.bot, to="qa", ring_s=5)
        outcome = phone.wait().check()
    assert outcome.received("CANCEL") == outcome.received("ACK") == 1
    assert until(chains.bot, call, "ended")["outcome"]["reason"] == "no_answer"
    assert arrows(chains.bot, call, "487") == 1


@pytest.mark.parametrize(
    ("scenario", "status", "reason"), [("uas_busy.xml", 486, "busy"), ("uas_unavailable.xml", 480, "unavailable")]
)
def test_refused_behind_two_proxies(chains: Chains, tmp_path: Path, scenario: str, status: int, reason: str) -> None:
    """§3.9 and §3.11: each on the way acknowledges the refusal to the next one."""
    with Sipp(scenario, tmp_path, port=chains.phone) as phone:
        call = place(chains.bot, to="qa")
        outcome = phone.wait().check()
    assert until(chains.bot, call, "ended")["outcome"] == {"reason": reason, "sip_status": status, "q850": None}
    assert (outcome.received("ACK"), proxies_passed(outcome, "ACK")) == (1, 0)
    assert arrows(chains.bot, call, str(status)) == 1
    assert arrows(chains.bot, call, "180") == (status == 480)


# The bot is called.


def test_a_call_in_by_two_proxies(chains: Chains, tmp_path: Path) -> None:
    """§3.2: the answer goes back, and what follows comes, by both."""
    with Sipp("uac_by_proxy.xml", tmp_path, "-d", "500", target=chains.entry, user="bot") as caller:
        outcome = caller.wait().check()
    answer = outcome.messages.partition("SIP/2.0 200")[2].partition("\n\n")[0]
    assert answer.count("Record-Route:") == 2
    found = chains.bot.record(caller.port)
    assert (found["disposition"], found["ended_by"]) == ("ANSWERED", "caller")
    assert arrows(chains.bot, found["uniqueid"], "BYE") == 1


def test_the_first_registrar_is_silent(start_bot: Start, tmp_path: Path) -> None:
    """§3.4: the bot is with the other registrar of its domain, and is called there."""
    (tmp_path / "flows.py").write_text(DIALOGS)
    folders = [tmp_path / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
    with (
        Kamailio(folders[0], password=PASSWORD) as first,
        Kamailio(folders[1], password=PASSWORD) as second,
        domain("office.test", first.port, second.port) as names,
    ):
        first.freeze()
        bot = calling_bot(start_bot, tmp_path, "office.test", names, "registration = true\n")
        bot.wait_for(lambda: trunk(bot)["state"] == "registered", 20)
        assert trunk(bot)["address"] == second.address
        sipp("uac_by_proxy.xml", tmp_path, second.address, "-d", "300", user="bot").check()
        (found,) = bot.ended()
        assert (found["trunk"], found["disposition"]) == ("provider", "ANSWERED")
        assert bot.stop() == 0
        assert not second.knows("bot")


def test_a_caller_gives_up(chains: Chains, tmp_path: Path) -> None:
    """§3.8"""
    outcome = sipp("uac_cancel.xml", tmp_path, chains.entry).check()
    assert outcome.received("SIP/2.0 200") == outcome.received("SIP/2.0 487") == 1
    chains.bot.wait_for(lambda: chains.bot.metric("offhook_calls_active") == 0)


@pytest.mark.parametrize(("scenario", "user"), [("uac_busy.xml", "busy"), ("uac_unavailable.xml", "away")])
def test_the_bot_refuses(chains: Chains, tmp_path: Path, scenario: str, user: str) -> None:
    """§3.9 and §3.11: a dialog that has begun before the answer refuses the call."""
    with Sipp(scenario, tmp_path, target=chains.entry, user=user) as caller:
        outcome = caller.wait().check()
    found = chains.bot.record(caller.port)
    status = 486 if user == "busy" else 480
    assert found["end_reason"] == f"not answered, but refused with {status}"
    assert outcome.received(f"SIP/2.0 {status}") == 1
    assert (arrows(chains.bot, found["uniqueid"], str(status)), arrows(chains.bot, found["uniqueid"], "ACK")) == (1, 1)


# The table.


def test_every_test_of_the_table_is_there() -> None:
    here = Path(__file__).parent
    named = re.findall(r"`(\w+\.py) (\w+)`", (here / "call_flows.md").read_text())
    assert len(named) > 25
    cases = (here / "scenario_cases.py").read_text()
    for file, name in named:
        source, wanted = (here / file).read_text(), f"def {name}("
        if file == "test_scenarios.py":
            source, wanted = cases, f'"{name}.xml"'
        assert wanted in source, f"{file} {name}"
