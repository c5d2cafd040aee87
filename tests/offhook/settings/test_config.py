import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from offhook.settings.config import (
    CallsConfig,
    Config,
    RecordsConfig,
    RtpConfig,
    SipConfig,
)
from offhook.settings.renamed import RENAMED
from offhook.usererror import UserError
from tests.offhook.settings.files import only, write


def test_the_defaults() -> None:
    config = Config.load()
    assert config == Config()
    assert (config.sip.host, config.sip.port, config.sip.advertised_host) == ("127.0.0.1", 5060, None)
    assert (config.rtp.port_min, config.rtp.port_max, config.rtp.pairs) == (10_000, 29_999, 10_000)
    assert (config.turn.silence_ms, config.turn.no_input_ms) == (500, 5_000)
    assert (config.asr.engine, config.tts.engine, config.vad.engine) == ("pocketsphinx", "auto", "silero")
    assert config.dialog.flow is None
    assert config.records.database_url is None
    assert not config.records.record_audio


def test_what_is_passed_needs_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__PORT", "1")
    assert Config(sip=SipConfig(port=5070)).sip.port == 5070
    assert Config().sip.port == 5060


def test_a_file(tmp_path: Path) -> None:
    text = '[sip]\nhost = "0.0.0.0"\nport = 5070\n[calls]\nmax_call_s = 60\n[records]\nrecord_audio = true\n'
    config = Config.load(write(tmp_path, text))
    assert (config.sip.host, config.sip.port) == ("0.0.0.0", 5070)
    assert config.calls.max_call_s == 60.0
    assert config.records.record_audio
    assert config.http == Config().http


def test_the_environment_beats_the_file_and_the_command_line_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__PORT", "5080")
    monkeypatch.setenv("offhook_http__port", "8081")
    monkeypatch.setenv("OFFHOOK_RECORDS__RECORD_AUDIO", "true")
    monkeypatch.setenv("OFFHOOK_DIALOG__FLOW", "my.yaml")
    path = write(tmp_path, "[sip]\nport = 5070\n[http]\nport = 8082\nenabled = false\n")
    config = Config.load(path, {"http": {"port": 8083, "host": None}})
    assert config.sip.port == 5080
    assert (config.http.port, config.http.host, config.http.enabled) == (8083, "127.0.0.1", False)
    assert config.records.record_audio
    assert config.dialog.flow == Path("my.yaml")


def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__PORT", "")
    monkeypatch.setenv("OFFHOOK_SPI__PORT", "")
    assert Config.load().sip.port == 5060


def test_paths_in_the_file_start_from_its_folder(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, '[dialog]\nflow = "my.yaml"\n[records]\ndir = "/var/lib/x"\n'))
    assert config.dialog.flow == tmp_path / "my.yaml"
    assert config.records.dir == Path("/var/lib/x")


def test_calls_are_limited_by_the_media_ports() -> None:
    assert Config().max_calls == 10_000
    assert Config(calls=CallsConfig(max_calls=7)).max_calls == 7
    assert Config(rtp=RtpConfig(port_min=10_000, port_max=10_009)).max_calls == 5


def test_codecs_are_named_in_any_case() -> None:
    assert RtpConfig.model_validate({"codecs": ["opus", "g722", "PCMU"]}).codecs == ("OPUS", "G722", "PCMU")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().sip.port = 1


def test_options_of_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__DEEPGRAM__API_KEY", "geheim")
    text = '[asr]\nengine = "deepgram"\n[asr.deepgram]\nmodel = "nova"\nkeyterms = ["a"]\n[tts.x.deep]\ny = 1\n'
    loaded = Config.load_with_origins(write(tmp_path, text))
    config = loaded.config
    options = config.asr.options["deepgram"]
    assert {k: v for k, v in options.items() if k != "api_key"} == {"model": "nova", "keyterms": ["a"]}
    assert options["api_key"].get_secret_value() == "geheim"
    assert config.tts.options == {"x": {"deep": {"y": 1}}}
    assert Config().asr.options == {}
    for shown in (str(config), repr(config), json.dumps(config.redacted())):
        assert "geheim" not in shown
    assert config.redacted()["asr"]["deepgram"] == {"model": "nova", "keyterms": ["a"], "api_key": "***"}
    assert loaded.origin("asr", "deepgram", "api_key") == "OFFHOOK_ASR__DEEPGRAM__API_KEY"
    assert loaded.origin("asr", "deepgram", "model").endswith("offhook.toml:4")


def test_where_values_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_HTTP__PORT", "8081")
    path = write(tmp_path, "[sip]\n\nport = 5070\n[log]\nlevel = 'error'\n[[routes]]\nnumber='1'\nflow='x'\n")
    loaded = Config.load_with_origins(path, {"log": {"level": "debug"}, "calls": {"workers": None}})
    assert loaded.origin("sip", "port") == f"{path}:3"
    assert loaded.origin("sip", "host") == "default"
    assert loaded.origin("http", "port") == "OFFHOOK_HTTP__PORT"
    assert loaded.origin("log", "level") == "command line"
    assert loaded.origin("calls", "workers") == "default"
    assert loaded.origin("routes", "0", "flow") == f"{path}:8"
    assert loaded.config.routes[0].flow == tmp_path / "x"


@pytest.mark.parametrize(
    ("text", "where", "old", "todo"),
    [
        ("[rtp]\nlow = 10000", "f:2", "rtp.low", "`port_min = …` below `[rtp]`"),
        ("[calls]\nfull_cpu = 0.9", "f:2", "calls.full_cpu", "`max_cpu = …` below `[calls]`"),
        ("[vad]\nconfirm_ms = 160", "f:2", "vad.confirm_ms", "`min_speech_ms = …` below `[vad]`"),
        (
            "[ears]\necho_guard = false\nguarded_calls = 1",
            "f:1",
            "[ears]",
            "`echo_guard_max_calls` for `guarded_calls`",
        ),
    ],
)
def test_old_names_say_the_new_ones(tmp_path: Path, text: str, where: str, old: str, todo: str) -> None:
    problem = only(tmp_path, text)
    assert problem.where == where
    assert f"`{old}` is called" in problem.what
    assert todo in problem.todo


@pytest.mark.parametrize(
    ("variable", "todo"),
    [
        ("OFFHOOK_RTP__LOW", "export OFFHOOK_RTP__PORT_MIN=…"),
        ("OFFHOOK_EARS__GUARDED_CALLS", "export OFFHOOK_AUDIO__ECHO_GUARD_MAX_CALLS=…"),
    ],
)
def test_old_names_in_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, todo: str) -> None:
    monkeypatch.setenv(variable, "10")
    with pytest.raises(UserError) as caught:
        Config.load()
    (problem,) = caught.value.problems
    assert (problem.where, problem.todo) == (variable, todo)


def test_the_new_names_exist() -> None:
    for new in RENAMED.values():
        section, _, key = new.partition(".")
        assert hasattr(getattr(Config(), section), key)


@pytest.mark.parametrize("section", ["sip", "http"])
@pytest.mark.parametrize(
    ("host", "why", "example"),
    [
        ("10.0.0.1:5060", "`port = 5060`", "10.0.0.1"),
        ("bot.example.com:5060", "`port = 5060`", "bot.example.com"),
        ("[::1]:5060", "`port = 5060`", "::1"),
        ("[::1]", "without brackets", "::1"),
        ("https://bot.example.com", "it is a URL", "127.0.0.1"),
        ("10.0.0.256", "not an IPv4 address", "127.0.0.1"),
        ("10.0.0", "not an IPv4 address", "127.0.0.1"),
        ("::zz", "not an IPv6 address", "127.0.0.1"),
        ("a..b", "plain name or address", "127.0.0.1"),
        ("bot/x", "plain name or address", "127.0.0.1"),
        ("-bot", "plain name or address", "127.0.0.1"),
    ],
)
def test_what_is_no_host(tmp_path: Path, section: str, host: str, why: str, example: str) -> None:
    problem = only(tmp_path, f'[{section}]\nhost = "{host}"\n')
    assert problem.where == "f:2"
    assert why in problem.why
    assert problem.todo == f'`host = "{example}"` below `[{section}]`'


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "224.0.0.1", "203.0.113.7:5060", "http://x"])
def test_what_is_no_address_to_advertise(tmp_path: Path, host: str) -> None:
    assert only(tmp_path, f'[sip]\nadvertised_host = "{host}"\n').where == "f:2"


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("203.0.113.7;lr", "letters, digits, dots and hyphens"),
        ("203.0.113", "not an IPv4 address"),
        ("my host", "letters, digits, dots and hyphens"),
        ("bot@example.com", "letters, digits, dots and hyphens"),
        ("[2001:db8::7]:5060", "`advertised_port = 5060`"),
        ("[2001:db8::7]", "without brackets"),
        ("2001:db8::x", "not an IPv6 address"),
        ("fe80::1%eth0", "on this machine only"),
        ("sip:203.0.113.7", "not an IPv6 address"),
        ("büro.example", "letters, digits, dots and hyphens"),
        ("a" * 64 + ".example", "letters, digits, dots and hyphens"),
    ],
)
def test_what_an_advertised_host_must_be(tmp_path: Path, host: str, why: str) -> None:
    problem = only(tmp_path, f'[sip]\nadvertised_host = "{host}"\n')
    assert problem.what.startswith(f"`sip.advertised_host` cannot be {host[:20]!r}"[:-1])
    assert why in problem.why
    assert problem.todo


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "sip.example.com", "bot"])
def test_what_may_be_advertised(host: str) -> None:
    assert SipConfig(advertised_host=host).advertised_host == host


@pytest.mark.parametrize("scope", ["eth0 x", 'eth0"', "eth0\\r\\nVia: x", "an-interface-with-a-long-name"])
def test_what_is_no_scope(tmp_path: Path, scope: str) -> None:
    text = scope.replace('"', '\\"')
    assert "an interface of this machine" in only(tmp_path, f'[sip]\nhost = "fe80::1%{text}"\n').why


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "0.0.0.0", "localhost", "sip_1.example.com.", "10.1.2.3"])
def test_hosts(host: str) -> None:
    assert SipConfig(host=host).host == host


def test_an_advertised_port_needs_its_host(tmp_path: Path) -> None:
    problem = only(tmp_path, "[sip]\nport = 5070\nadvertised_port = 5060\n")
    assert (problem.where, problem.why) == ("f:3", "`advertised_port` needs `advertised_host`")
    assert problem.todo == '`advertised_host = "203.0.113.7"` below `[sip]`'


# Secrets.

URLS = [
    ("postgresql://me:geheim@host/db", "postgresql://me:***@host/db"),
    ("postgresql://me:ge@he/i:m@host/db", "postgresql://me:***@host/db"),
    ("postgresql://host/db?user=me&password=geheim&x=1", "postgresql://host/db?user=me&password=***&x=1"),
    ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
    ("sqlite:///calls.db", "sqlite:///calls.db"),
]


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    config = Config(records=RecordsConfig(database_url=url))
    assert config.records.database_url == url
    assert config.redacted()["records"]["database_url"] == shown
    for text in (str(config), repr(config), json.dumps(config.redacted())):
        assert "geheim" not in text


def test_a_secret_that_is_wrong_is_not_shown(tmp_path: Path) -> None:
    problem = only(tmp_path, '[records]\ndatabase_url = ["geheim"]\n')
    assert problem.where == "f:2"
    assert "geheim" not in repr(problem)


def test_peers_are_addresses_and_networks(tmp_path: Path) -> None:
    good = ["203.0.113.7", "198.51.100.0/24", "2001:db8::/32"]
    assert Config.load(None, {"sip": {"peers": good}}).sip.peers == tuple(good)
    problem = only(tmp_path, sip={"peers": ["203.0.113.7", "pbx.example.com"]})
    assert "'pbx.example.com' is neither an address nor a network" in problem.why


def test_an_event_log_has_words_and_is_refused_where_none_are_kept(tmp_path: Path) -> None:
    problem = only(tmp_path, "[records]\nevents = true\ntranscripts = false\n")
    assert problem.what.startswith("`records.events` cannot be") and "words of callers" in problem.why
    assert problem.todo.startswith("`events = false`")
    assert not Config.load(None, {"records": {"transcripts": False}}).records.transcripts
