"""`offhook check`: what is found, and the exit status."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offhook.cli.checks import addresses, disk, ports, trunks
from offhook.cli.checks.finding import Finding, Level
from offhook.settings.calls_out import OutboundConfig
from offhook.settings.config import Config, HttpConfig, RecordsConfig, RtpConfig, SipConfig, TwilioConfig
from offhook.settings.queues import QueueConfig
from offhook.settings.trunks import TrunkConfig
from tests.certificates import Authority
from tests.offhook.cli.conftest import Run
from tests.ports import own_ports

LOW, HIGH = own_ports(10)
PORTS = f"{LOW}-{HIGH}"
FREE = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--rtp-ports", PORTS)
BENCH = '[asr]\nengine = "fixed"\n[tts]\nengine = "recorded"\n[vad]\nengine = "energy"\n'

KEYLESS = """
from offhook import AsrCapabilities, EngineError

class Keyless:
    capabilities = AsrCapabilities(8_000, grammar=False, free_speech=True, partials=False)

    async def start(self):
        why = "the vendor answers 401"
        raise EngineError("keyless:make", "checking the key", why, "Type: export KEYLESS_API_KEY=…")

    async def close(self): ...

def make(options, context):
    return Keyless()
"""

Check = Callable[..., tuple[int, dict[str, list[dict[str, str]]]]]


@pytest.fixture
def check(run: Run, tmp_path: Path) -> Check:
    """Checks a configuration with the engines for benchmarks: (status, findings by area)."""

    def checked(text: str = "", *arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
        (tmp_path / "offhook.toml").write_text(BENCH + text)
        status, out, _ = run("check", "--config", "offhook.toml", *(arguments or FREE), "--json")
        found: dict[str, Any] = json.loads(out)
        assert found["status"] == status
        by_area: dict[str, list[dict[str, str]]] = {}
        for each in found["findings"]:
            by_area.setdefault(each["area"], []).append(each)
        return status, by_area

    return checked


def levels(found: dict[str, list[dict[str, str]]], area: str) -> list[str]:
    return [each["level"] for each in found[area]]


def test_all_is_well(check: Check, tmp_path: Path) -> None:
    status, found = check()
    assert status == 0
    assert {each["level"] for area in found.values() for each in area} == {"ok"}
    assert set(found) == {"settings", "flow", "engines", "address", "sip", "http", "ports", "disk"}
    assert [path.name for path in tmp_path.iterdir()] == ["offhook.toml"], "a check makes nothing"


def test_an_agent_answers_in_place_of_the_sample_flow(check: Check, tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("instructions: x\nmodel: m\nbase_url: http://127.0.0.1:9/v1\n")
    status, found = check('[dialog]\nagent = "agent.yaml"\n')
    assert status == 0
    assert levels(found, "agent") == ["ok", "warning"]
    assert "openai/m is away" in found["agent"][1]["what"]
    assert "flow" not in found


def test_transfers_that_nobody_has_allowed(check: Check, tmp_path: Path) -> None:
    agent = 'instructions: x\nmodel: m\nbase_url: http://127.0.0.1:9/v1\ntransfer_to: {sales: "+15551234567"}\n'
    (tmp_path / "agent.yaml").write_text(agent)
    status, found = check('[dialog]\nagent = "agent.yaml"\n')
    assert (status, levels(found, "agent")) == (0, ["ok", "warning", "warning"])
    assert "transfer_allow" in found["agent"][1]["why"]
    _, found = check('[dialog]\nagent = "agent.yaml"\n[twilio]\ntransfer_allow = ["+1555*"]\n')
    assert levels(found, "agent") == ["ok", "warning"]
    assert "is away" in found["agent"][1]["what"]


def test_transfers_of_a_flow_that_nobody_has_allowed(check: Check, tmp_path: Path) -> None:
    steps = '{a: {transfer: cashier, otherwise: b}, b: {transfer: "{call.caller}", otherwise: c}, c: {hang_up: Bye.}}'
    (tmp_path / "flow.yaml").write_text(f"name: f\nstart: a\nsteps: {steps}\n")
    status, found = check('[dialog]\nflow = "flow.yaml"\n')
    assert (status, levels(found, "flow")) == (0, ["ok", "warning"])
    assert "cashier" in found["flow"][1]["what"] and "[transfer.targets]" in found["flow"][1]["type"]
    _, found = check('[dialog]\nflow = "flow.yaml"\n[transfer.targets]\ncashier = "sip:cashier@pbx.example"\n')
    assert levels(found, "flow") == ["ok"]
    number = steps.replace("cashier", '"+15551234567"')
    (tmp_path / "flow.yaml").write_text(f"name: f\nstart: a\nsteps: {number}\n")
    _, found = check('[dialog]\nflow = "flow.yaml"\n[twilio]\ntransfer_allow = ["+1555*"]\n')
    assert levels(found, "flow") == ["ok"]


def test_languages_that_the_recogniser_does_not_hear_beside_the_first(check: Check, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("""name: f
start: a
language: en
steps:
  a:
    ask: {en: Shall I book it., es: Reservar.}
    languages: [en, es]
    choices: {book: {phrases: {en: [book], es: []}, key: 1, next: b}}
    no_input: {then: b}
    no_match: {then: b}
  b: {hang_up: {en: Bye., es: "Adi\u00f3s."}}
""")
    status, found = check('[dialog]\nflow = "flow.yaml"\n')
    assert (status, levels(found, "flow")) == (0, ["ok", "warning"])
    warning = found["flow"][1]
    assert "flow.yaml:7 step `a` is not listened to in `es`" in warning["what"]
    assert "hears one language at a time" in warning["why"]


def test_switches_that_close_queues(check: Check, tmp_path: Path) -> None:
    flow = "name: f\nstart: a\nsteps: {a: {hang_up: Bye.}}\nswitches: {emergency: {means: Closed at once.}}\n"
    (tmp_path / "flow.yaml").write_text(flow)
    settings = '[dialog]\nflow = "flow.yaml"\n[queues.support]\nagents = ["sip:200@192.0.2.7"]\nclosed_by = ["{}"]\n'
    status, found = check(settings.format("emergency"))
    assert (status, found.get("switches")) == (0, None)
    status, found = check(settings.format("emergncy"))
    assert (status, levels(found, "switches")) == (2, ["settings"])
    (wrong,) = found["switches"]
    assert wrong["where"] == "[queues.support] closed_by" and "there is no switch `emergncy`" in wrong["what"]
    assert "emergency" in wrong["type"]


def test_a_mailbox_that_the_settings_lack(check: Check, tmp_path: Path) -> None:
    record = "{record: Please speak., into: message, mailbox: sale, next: b, otherwise: b}"
    (tmp_path / "flow.yaml").write_text(f"name: f\nstart: a\nsteps:\n  a: {record}\n  b: {{hang_up: Bye.}}\n")
    settings = '[dialog]\nflow = "flow.yaml"\n'
    status, found = check(settings)
    assert (status, levels(found, "flow")) == (2, ["settings"])
    (wrong,) = found["flow"]
    assert wrong["where"].startswith("flow.yaml:4") and "sale" in wrong["what"] and "[mail.boxes]" in wrong["type"]
    _, found = check(settings + '[mail.boxes]\nsales = ["sales@example.com"]\n')
    assert "did you mean `sales`?" in found["flow"][0]["type"]
    status, found = check(settings + '[mail.boxes]\nsale = ["sales@example.com"]\n')
    assert (status, levels(found, "flow")) == (0, ["ok"])


def test_the_agents_of_a_flow_are_tried(check: Check, tmp_path: Path) -> None:
    steps = "steps: {a: {agent: x, with: agent.yaml, outcomes: {done: {next: b}}, otherwise: b}, b: {hang_up: Bye.}}"
    (tmp_path / "flow.yaml").write_text(f"name: f\nstart: a\n{steps}\n")
    (tmp_path / "agent.yaml").write_text("instructions: x\n")
    status, found = check('[dialog]\nflow = "flow.yaml"\n')
    assert (status, levels(found, "flow")) == (2, ["settings"])
    status, found = check('[dialog]\nflow = "flow.yaml"\n[llm.openai]\nmodel="m"\nbase_url="http://127.0.0.1:9/v1"\n')
    assert (status, levels(found, "flow")) == (0, ["ok"])


def test_text_for_people(run: Run) -> None:
    status, out, _ = run("check", *FREE)
    assert status == 0
    assert out.startswith("ok       settings  no file: defaults and environment\n")
    assert "silero, pocketsphinx, auto started in" in out


def test_settings_that_are_wrong(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text("[sip]\nprot = 5060\n")
    status, out, err = run("check", "--config", "offhook.toml")
    assert (status, err) == (2, "")
    assert out.splitlines()[0].split(maxsplit=2)[::2] == ["WRONG", "offhook.toml:2: there is no key `prot` in `[sip]`"]
    assert "did you mean `port`?" in out


def test_a_flow_that_is_wrong(check: Check, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("name: a\nstart: b\nsteps:\n  b:\n    hnag_up: Bye.\n")
    status, found = check('[dialog]\nflow = "flow.yaml"\n')
    assert status == 2
    assert found["flow"][0]["where"] == "flow.yaml:5:5"
    assert levels(found, "engines") == ["ok"], "the rest is tried, too"


def test_the_file_of_a_flows_agent_is_opened(check: Check, tmp_path: Path) -> None:
    steps = "  b:\n    agent: Book.\n    with: shop.yaml\n    outcomes: {done: {next: c}}\n    otherwise: c\n"
    (tmp_path / "flow.yaml").write_text(f"name: a\nstart: b\nsteps:\n{steps}  c:\n    hang_up: Bye.\n")
    (tmp_path / "shop.yaml").write_text("instructions: Be brief.\nmodle: gpt-5-mini\n")
    status, found = check('[dialog]\nflow = "flow.yaml"\n')
    assert status == 2
    assert "shop.yaml:2" in found["flow"][0]["where"], found["flow"]


def test_a_missing_key_is_a_fault_of_the_engine_and_not_of_the_flow(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY", raising=False)
    monkeypatch.setenv("OFFHOOK_ASR__ENGINE", "deepgram")
    status, found = check()
    assert status == 2
    assert "export DEEPGRAM_API_KEY" in found["engines"][0]["type"]
    assert "flow" not in found


def test_routes(check: Check) -> None:
    text = (
        '[[routes]]\nnumber = "1*"\nbot = "offhook.api.dialogs:bench_dialog"\n'
        '[[routes]]\nnumber = ["100", "2"]\nbot = "offhook.api.dialogs:bench_dialgo"\n'
    )
    status, found = check(text)
    assert status == 2
    assert levels(found, "route") == ["ok", "settings", "warning"]
    assert found["route"][2]["what"] == "route 2 is never reached by 100"


def test_engines_that_do_not_exist(check: Check) -> None:
    status, found = check('[log]\nlevel = "info"\n[asr.fixxed]\na = 1\n')
    assert (status, levels(found, "engines")) == (0, ["warning", "ok"])
    assert found["engines"][0]["type"] == "did you mean `fixed`?"


def test_an_engine_of_a_chain_that_does_not_start(
    check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keyless.py").write_text(KEYLESS)
    monkeypatch.setenv("OFFHOOK_ASR__ENGINE", '["keyless:make", "fixed"]')
    status, found = check()
    assert status == 1
    (finding,) = found["engines"]
    assert finding["what"] == "keyless:make does not work"
    assert finding["why"] == "checking the key: the vendor answers 401"
    assert finding["type"] == "export KEYLESS_API_KEY=…"


def test_packages_that_are_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.engines.requirements.find_spec", lambda name: None)
    status, out, _ = run("check", *FREE)
    assert status == 1
    assert "pip install 'offhook[local]'" in out


def test_ports_that_are_taken(check: Check) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sip,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as http,
    ):
        sip.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        http.listen()
        taken = [f"127.0.0.1:{each.getsockname()[1]}" for each in (sip, http)]
        status, found = check("", "--sip", taken[0], "--http", taken[1], "--rtp-ports", PORTS)
    assert status == 1
    assert levels(found, "sip") == levels(found, "http") == ["machine"]
    assert "perhaps a bot that is already running" in found["sip"][0]["why"]


def test_media_ports_that_are_taken() -> None:
    low, _ = own_ports(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", low + 1))
        few = Config(sip=SipConfig(port=0), rtp=RtpConfig(port_min=low, port_max=low + 1))
        assert next(each.level for each in ports.check(few) if each.area == "ports") is Level.MACHINE
        more = Config(sip=SipConfig(port=0), rtp=RtpConfig(port_min=low, port_max=low + 5))
        found = [each for each in ports.check(more) if each.area == "ports"]
        assert [each.level for each in found] == [Level.OK, Level.WARNING]
        assert found[0].problem.what == f"UDP {low}-{low + 5} for media: 2 calls"


def test_more_workers_than_ports(check: Check) -> None:
    status, found = check("", *FREE[:4], "--rtp-ports", f"{LOW}-{LOW + 1}", "--workers", "2")
    assert status == 2
    assert "too few for 2 workers" in found["ports"][-1]["what"]


def test_one_pair_of_ports_is_enough_for_the_one_process_of_pjsip() -> None:
    rtp = {"port_min": LOW, "port_max": LOW + 1}
    found = ports.check(Config.model_validate({"sip": {"backend": "pjsua2", "port": 0}, "rtp": rtp}))
    assert not [each.problem.what for each in found if each.level is Level.SETTINGS]


def warned(found: list[Finding]) -> list[str]:
    return [each.problem.what for each in found if each.level is Level.WARNING]


def test_who_may_call() -> None:
    assert warned(addresses.check(Config())) == []
    private = Config(sip=SipConfig(host="192.168.1.10"))
    assert warned(addresses.check(private)) == ["callers outside your network cannot send media to 192.168.1.10"]
    behind_nat = Config(sip=SipConfig(host="192.168.1.10", advertised_host="203.0.113.7", advertised_port=5080))
    found = addresses.check(behind_nat)
    assert [each.problem.what for each in found] == ["callers are given 203.0.113.7, port 5080"]
    itself = Config(sip=SipConfig(host="0.0.0.0", advertised_host="127.0.0.1"))
    assert warned(addresses.check(itself)) == ["127.0.0.1 is advertised"]
    wrong = Config(sip=SipConfig(host="0.0.0.0", advertised_host="2001:db8::1"))
    assert [each.level for each in addresses.check(wrong)] == [Level.SETTINGS]


def test_what_is_open_and_what_is_not() -> None:
    opened = Config(http=HttpConfig(host="0.0.0.0"))
    assert warned(addresses.check(opened)) == ["the pages are shown on this machine only"]
    assert warned(addresses.check(Config(http=HttpConfig(host="0.0.0.0", password="x" * 8)))) == []
    twilio = TwilioConfig(account_sid="AC" + "0" * 32, public_url="http://bot.example.com/x")
    found = addresses.check(Config(twilio=twilio))
    assert warned(found) == ["Twilio's API cannot be used", "`twilio.public_url` is not https"]
    assert found[-1].problem.todo == "https://bot.example.com/x"
    assert warned(addresses.check(Config(twilio=TwilioConfig(auth_token="x")))) == ["Twilio's requests may be refused"]


def test_a_secret_that_others_may_read(check: Check, tmp_path: Path) -> None:
    os.umask(os.umask(0o022))
    (tmp_path / "offhook.toml").touch(mode=0o644)
    status, found = check('[http]\npassword = "geheim-geheim"\n')
    assert status == 0
    assert found["secrets"][0]["what"] == "offhook.toml holds http.password, and others on this machine may read it"
    (tmp_path / "offhook.toml").chmod(0o600)
    assert "secrets" not in check('[http]\npassword = "geheim-geheim"\n')[1]


def test_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    inside = Config(records=RecordsConfig(dir=tmp_path / "file" / "x"))
    assert [each.level for each in disk.check(inside)] == [Level.MACHINE]
    config = Config(records=RecordsConfig(dir=tmp_path / "new" / "x", record_audio=True))
    assert [each.level for each in disk.check(config)] == [Level.OK]
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1 << 40, 0, 200 << 20))
    assert [each.level for each in disk.check(config)] == [Level.OK, Level.WARNING]
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1 << 40, 0, 1 << 20))
    assert [each.level for each in disk.check(config)] == [Level.MACHINE]
    assert not (tmp_path / "new").exists()


def test_another_database(tmp_path: Path) -> None:
    there = RecordsConfig(dir=tmp_path, database_url=f"sqlite:///{tmp_path}/other.db")
    assert [each.level for each in disk.check(Config(records=there))] == [Level.OK, Level.OK]
    nowhere = RecordsConfig(dir=tmp_path, database_url="postgresql+nowhere://me:geheim@127.0.0.1/x")
    found = list(disk.check(Config(records=nowhere)))
    assert [each.level for each in found] == [Level.OK, Level.MACHINE]
    assert "geheim" not in found[1].render()


def test_an_engine_that_cannot_be_loaded_is_reported_once_and_without_an_empty_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(BENCH.replace('"fixed"', '"no_such_module:make"'))
    status, out, _ = run("check", "--config", "offhook.toml", *FREE)
    assert status == 1
    assert out.count("no_such_module:make does not work") == 1
    assert out.count("there is no module 'no_such_module'") == 1
    assert not [line for line in out.splitlines() if line.strip() == "type:"]


def test_a_policy_that_cannot_be_loaded(check: Check) -> None:
    status, found = check('[turn]\nendpoint = "no_such_module:policy"\n')
    assert (status, levels(found, "engines")) == (2, ["settings"])


def test_trunks() -> None:
    good = {"host": "127.0.0.1", "user": "bot", "registration": True, "password": "x"}

    def found(sip: SipConfig | None = None, **each: dict[str, object]) -> list[Finding]:
        configs = {name: TrunkConfig.model_validate({**good, **values}) for name, values in each.items()}
        return asyncio.run(trunks.check(Config(sip=sip or SipConfig(), trunks=configs)))

    (ok,) = found(office={"port": 5070})
    assert ok.problem.what == "office registers sip:bot@127.0.0.1 with 127.0.0.1 (127.0.0.1:5070/UDP)"
    (nowhere,) = found(office={"host": "nobody.invalid"})
    assert (nowhere.level, nowhere.problem.todo) == (
        Level.MACHINE,
        "`host = …` below `[trunks.office]`, or this machine's DNS",
    )
    (inside,) = found(office={"host": "192.0.2.1"})
    assert (inside.level, inside.problem.todo) == (Level.SETTINGS, '`host = "0.0.0.0"` below `[sip]`')
    assert found(SipConfig(host="0.0.0.0"), office={"host": "192.0.2.1"})[0].level is Level.OK
    assert warned(found(office={"password": None})) == ["the trunk office may be refused"]
    assert warned(found(a={}, b={"user": "other"})) == []
    assert warned(found(a={}, b={})) == ["calls of the trunk b count as those of a"]
    assert found(SipConfig(tcp=False), office={"transport": "tcp"})[-1].level is Level.SETTINGS
    assert warned(found(office={"allowed_numbers": ("*",)})) == ["the trunk office may call every number"]
    closed = asyncio.run(trunks.check(Config(outbound=OutboundConfig(token="a-long-random-secret"))))
    assert warned(closed) == ["no call can be placed over HTTP"]
    queue = QueueConfig(agents=("+15551234567",), call_back_key="1")
    waiting = Config(queues={"support": queue})
    assert warned(asyncio.run(trunks.check(waiting))) == ["nobody who waits in the queue support can be called back"]
    lists = {"office": TrunkConfig.model_validate({**good, "allowed_numbers": ("+1555*",)})}
    assert warned(asyncio.run(trunks.check(Config(queues={"support": queue}, trunks=lists)))) == []


@pytest.mark.parametrize(("days", "level"), [(30, "ok"), (3, "warning"), (-1, "settings")])
def test_a_certificate_is_judged(check: Check, tmp_path: Path, days: int, level: str) -> None:
    issued = Authority(tmp_path).issue("bot.test", days=days)
    text = f'[sip]\ntls_certificate = "{issued.certificate}"\ntls_key = "{issued.key}"\ntls_port = 0\n'
    status, found = check(text)
    assert levels(found, "tls") == [level]
    assert status == (2 if days < 0 else 0)


@pytest.mark.parametrize(("srtp", "what"), [("preferred", "can be read"), ("required", "every call will be refused")])
def test_keys_without_tls(check: Check, srtp: str, what: str) -> None:
    status, found = check(f'[rtp]\nsrtp = "{srtp}"\n')
    assert status == 0
    assert levels(found, "tls") == ["warning"]
    assert what in found["tls"][0]["what"]
