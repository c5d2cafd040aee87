"""Many SIPp scenarios, in both roles, several at once: each row of scenario_cases.py is a test.

The bots start with the first test, and all scenarios that were selected are played by a few threads from then on; a
test waits for its own.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.backends import AT_ONCE, deviation, settings_of
from tests.e2e.captures import CAPTURES, write_capture
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Outcome, Sipp
from tests.e2e.phone import RtpPeer
from tests.e2e.scenario_cases import CALLED, CALLS, Called, Calls
from tests.e2e.test_calls_out import PASSWORD, TOKEN, ask, record, until
from tests.ports import kept_port

pytestmark = pytest.mark.peer
DIALOGS = Path(__file__).parent / "scenario_dialogs.py"
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded"}
DELAY = {"OFFHOOK_CALLS__ANSWER_DELAY_MS": "300"}
NAMES = ("early", "ends", "ends_later", "tells", "refers", "keys")


@dataclass
class Played:
    """What became of one scenario."""

    outcome: Outcome
    record: dict[str, Any] | None = None
    keys: str = ""
    view: dict[str, Any] | None = None
    """Of a call that the bot placed, at its end."""
    told: dict[str, Any] | None = None
    """What the dialog has heard of the caller."""
    payload_types: tuple[list[int], ...] = ()
    """Of the RTP that came to the first place, and to the one that the caller moved to."""


class Bots:
    """The bots that are `wanted`, started at once; `desk` and `trunks` are the ports that they call."""

    def __init__(self, directory: Path, backend: str, wanted: set[str]) -> None:
        self.backend = backend
        self.desk = kept_port()
        self.trunks = {case.id: kept_port() for case in CALLED}
        self.registrar = kept_port()
        self._directory = directory
        self._stack = ExitStack()
        starts: dict[str, Callable[[], BotProcess]] = {
            "callee": lambda: self._start("callee", self._callee(), **DELAY),
            "users": lambda: self._start("users", self._routes(), OFFHOOK_SIP__USERS__ALICE="s3cret"),
            "ipv6": lambda: self._start("ipv6", self._routes(), "--sip", "[::1]:0", **DELAY),
            "caller": lambda: self._start("caller", self._caller(), OFFHOOK_OUTBOUND__TOKEN=TOKEN),
        }
        with ThreadPoolExecutor(4) as pool:
            self._starts = {name: pool.submit(starts[name]) for name in wanted}

    def named(self, name: str) -> BotProcess:
        """One of them; it may not have started, if its backend cannot do what it is for."""
        return self._starts[name].result()

    def _start(self, name: str, settings: str, *options: str, **environment: str) -> BotProcess:
        directory = self._directory / name
        directory.mkdir()
        (directory / "offhook.toml").write_text(settings)
        shutil.copy(DIALOGS, directory / "qa_dialogs.py")
        given = {**LIGHT, **settings_of(self.backend), **environment}
        bot = BotProcess(directory, "--config", "offhook.toml", *options, command=None, **given)
        self._stack.callback(bot.close)
        return bot

    def _routes(self) -> str:
        routes = "".join(f'[[routes]]\nnumber = "{name}"\nbot = "qa_dialogs:{name}"\n' for name in NAMES)
        return f'{routes}[[routes]]\nnumber = "*"\nbot = "qa_dialogs:bench_dialog"\n'

    def _callee(self) -> str:
        return f"""
[trunks.pbx]
host = "{HOST}"
refer = "accept"
[transfer]
allow = ["*@{HOST}"]
[transfer.targets]
desk = "sip:desk@{HOST}:{self.desk}"
{self._routes()}"""

    def _caller(self) -> str:
        trunks = "".join(
            f'[trunks.{case.id}]\nhost = "{HOST}"\nport = {self.trunks[case.id]}\nuser = "{case.id}"\n'
            f'password = "{PASSWORD}"\nallowed_numbers = ["qa"]\n{case.trunk}\n'
            for case in CALLED
        )
        return f'{trunks}[[routes]]\nbot = "qa_dialogs:presses"\noutbound = true\n'

    def close(self) -> None:
        self._stack.close()


def play_caller(case: Calls, bots: Bots, directory: Path) -> Played:
    """SIPp calls a bot."""
    bot = bots.named(case.bot)
    host = "::1" if case.bot == "ipv6" else HOST
    before = {str(one["uniqueid"]) for one in bot.records()}  # its SIP port may be that of an earlier one
    fails = bool(deviation("test_scenarios.py", f"test_sipp_calls[{case.id}]", bots.backend))
    if case.capture:
        write_capture(directory / "keys.pcap", CAPTURES[case.capture])
    with ExitStack() as stack:
        more: dict[str, int] = {}
        media = []
        if case.media:
            media = [stack.enter_context(RtpPeer()) for _ in range(2)]
            more |= {"rtp_port": media[0].port, "moved": media[1].port}
        if case.agent:
            port = bots.desk if "declined" in case.scenario else 0
            agent = stack.enter_context(Sipp(case.agent, directory, port=port))
            more["agent"] = agent.port
        sipp = stack.enter_context(
            Sipp(
                case.scenario,
                directory,
                *case.options,
                target=bot.address,
                host=host,
                timeout_s=10 if fails else 30,
                **more,
            )
        )
        played = Played(sipp.wait().check())
        if case.agent:
            agent.wait().check()
        played.payload_types = tuple(each.payload_types() for each in media)
    if case.end_reason is not None:
        played.record = bot.record(sipp.port, before)
        if case.keys:
            played.keys = (bot.directory / f"keys-{played.record['uniqueid']}").read_text()
        if case.scenario == "uac_identities.xml":
            played.told = json.loads((bot.directory / "told.json").read_text())
    elif case.bot == "callee":
        assert not bot.calls_from(sipp.port, before)
    return played


def play_callee(case: Called, bots: Bots, directory: Path) -> Played:
    """The bot calls SIPp."""
    bot = bots.named("caller")
    with Sipp(case.scenario, directory, port=bots.trunks[case.id], timeout_s=30) as sipp:
        status, view = ask(bot, "POST", "/api/calls", {"to": "qa", "trunk": case.id, **case.body})
        assert status == 202, view
        call = str(view["id"])
        if case.hang_up_at:
            until(bot, call, case.hang_up_at)
            if case.hang_up_at == "answered":
                before = {start: count for start, count in case.received.items() if start != "BYE"}
                bot.wait_for(lambda: sipp.so_far().received_all(before), 20)
            ask(bot, "DELETE", f"/api/calls/{call}")
        outcome = sipp.wait().check()
        view = until(bot, call, "ended")
    return Played(outcome, record(bot, call), view=view)


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sip_backend: str
) -> Iterator[dict[str, Future[Played]]]:
    """The scenarios of the tests that were selected, by their names."""
    mine = [item for item in request.session.items if item.path == request.path]
    selected = [item.callspec.params for item in mine if hasattr(item, "callspec")]
    wanted = {each["case"].id for each in selected if "case" in each and each["sip_backend"] == sip_backend}
    every: tuple[Calls | Called, ...] = (*CALLED, *CALLS)
    cases = [case for case in every if case.id in wanted]
    directory = tmp_path_factory.mktemp(f"scenarios-{sip_backend}")
    bots = Bots(directory, sip_backend, {case.bot if isinstance(case, Calls) else "caller" for case in cases})
    pool = ThreadPoolExecutor(AT_ONCE[sip_backend])
    futures: dict[str, Future[Played]] = {}
    for case in cases:
        own = directory / case.id
        own.mkdir()
        if isinstance(case, Calls):
            futures[case.id] = pool.submit(play_caller, case, bots, own)
        else:
            futures[case.id] = pool.submit(play_callee, case, bots, own)
    yield futures
    pool.shutdown(cancel_futures=True)
    bots.close()


raw_sockets = pytest.mark.skipif(os.geteuid() != 0, reason="SIPp sends captures through a raw socket, as root")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.id, marks=raw_sockets if case.capture else ()) for case in CALLS],
)
def test_sipp_calls(played: dict[str, Future[Played]], case: Calls) -> None:
    found = played[case.id].result()
    for start, count in case.received.items():
        assert found.outcome.received(start) == count, start
    if case.end_reason is not None:
        assert found.record is not None
        assert found.record["end_reason"] == case.end_reason
    if case.keys is not None:
        assert found.keys == case.keys
    if case.scenario == "uac_identities.xml":
        assert found.told == {
            "asserted": ["+15550001111"],
            "diverted": [["+15552223333", "no-answer"]],
            "history": ["+15552223333"],
            "user_to_user": ["hello"],
            "account": "4711",
            "trunk": "pbx",
        }
    if case.scenario == "uac_codec_change.xml":
        assert found.payload_types[0] == [0, 8]
    if case.scenario == "uac_address_change.xml":
        assert found.payload_types == ([0], [0])


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CALLED])
def test_the_bot_calls_sipp(played: dict[str, Future[Played]], case: Called) -> None:
    found = played[case.id].result()
    for start, count in case.received.items():
        assert found.outcome.received(start) == count, start
    assert found.record is not None
    assert found.record["outcome"] == case.outcome
    assert case.end_reason in ("", found.record["end_reason"])
    assert found.view is not None
    assert found.view["outcome"]["reason"] == case.outcome


def test_the_bot_registers(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    """SIPp as the registrar, which asks for a password, and then for a longer interval."""
    with Sipp("uas_registrar.xml", tmp_path) as registrar:
        settings = f'[trunks.office]\nhost = "{HOST}"\nport = {registrar.port}\nuser = "bot"\nregistration = true\n'
        (tmp_path / "offhook.toml").write_text(settings)
        config = str(tmp_path / "offhook.toml")
        bot = start_bot("--bench-engines", "--config", config, OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD)
        bot.wait_for(lambda: '"state": "registered"' in json.dumps(json.loads(bot.get("/api/status"))["trunks"]))
        assert bot.stop() == 0
        outcome = registrar.wait().check()
    assert outcome.received("REGISTER") == 4
