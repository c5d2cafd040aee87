import json
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from offhook.settings.config import (
    AsrConfig,
    CallsConfig,
    Config,
    RecordsConfig,
    RouteConfig,
    RtpConfig,
    SipConfig,
    parse_address,
    parse_port_range,
)
from offhook.settings.renamed import RENAMED
from offhook.settings.toml_file import MAX_CONFIG_BYTES, find_lines
from offhook.usererror import Problem, UserError, closest, did_you_mean


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.upper().startswith("OFFHOOK_"):
            monkeypatch.delenv(variable)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "offhook.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(tmp_path: Path, text: str = "", **overrides: dict[str, object]) -> list[Problem]:
    """The problems of a faulty configuration, with shortened file names."""
    path = write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        Config.load(path, overrides)
    found = caught.value.problems
    assert all(problem.what and problem.why and problem.todo and problem.where for problem in found)
    return [Problem(p.what, p.why, p.todo, p.where.replace(str(path), "f")) for p in found]


def only(tmp_path: Path, text: str = "", **overrides: dict[str, object]) -> Problem:
    found = problems(tmp_path, text, **overrides)
    assert len(found) == 1, found
    return found[0]


def test_the_defaults() -> None:
    config = Config.load()
    assert config == Config()
    assert (config.sip.host, config.sip.port, config.sip.advertised_host) == ("127.0.0.1", 5060, None)
    assert (config.rtp.port_min, config.rtp.port_max, config.rtp.pairs) == (10_000, 29_999, 10_000)
    assert (config.turn.silence_ms, config.turn.no_input_ms) == (500, 5_000)
    assert (config.asr.engine, config.tts.engine, config.vad.engine) == ("pocketsphinx", "espeak", "silero")
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


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "0.0.0.0", "localhost", "sip_1.example.com.", "10.1.2.3"])
def test_hosts(host: str) -> None:
    assert SipConfig(host=host).host == host


def test_an_advertised_port_needs_its_host(tmp_path: Path) -> None:
    problem = only(tmp_path, "[sip]\nport = 5070\nadvertised_port = 5060\n")
    assert (problem.where, problem.why) == ("f:3", "`advertised_port` needs `advertised_host`")
    assert problem.todo == '`advertised_host = "203.0.113.7"` below `[sip]`'


# Problems and their places.


@pytest.mark.parametrize(
    ("text", "where", "what", "todo"),
    [
        ("[sip]\nprot = 5060", "f:2", "no key `prot` in `[sip]`", "did you mean `port`?"),
        ("sip.prot = 5060", "f:1", "no key `prot` in `[sip]`", "did you mean `port`?"),
        ("sip = { prot = 5060 }", "f:1", "no key `prot` in `[sip]`", "did you mean `port`?"),
        ("\n[ spi ]\nport = 1", "f:2", "no section `spi`", "did you mean `sip`?"),
        ("[sip]\n[zzzz]", "f:2", "no section `zzzz`", "one of: sip, http"),
        ("port = 5060", "f:1", "`port` is outside of any section", "write `[sip]` above it"),
        ("sip = 5060", "f:1", "`sip` is not a section", "write `[sip]`"),
        ("[[sip]]\nport = 5060", "f:1", "`sip` is not a section", "write `[sip]`"),
        ('[sip]\n# x\nport = "abc"', "f:3", "`sip.port` cannot be 'abc'", "`port = 5060` below `[sip]`"),
        ("[sip]\nport = 65536", "f:2", "`sip.port` cannot be 65536", "`port = 5060`"),
        ("[sip]\nport = true", "f:2", "`sip.port` cannot be True", "`port = 5060`"),
        ("[sip]\nport = 1.5", "f:2", "`sip.port` cannot be 1.5", "`port = 5060`"),
        ("[sip]\nport = [1]", "f:2", "`sip.port` cannot be [1]", "`port = 5060`"),
        ('[sip]\nhost = "a b"', "f:2", "`sip.host` cannot be 'a b'", '`host = "127.0.0.1"`'),
        ("[sip]\nadvertised_host = 1", "f:2", "`sip.advertised_host` cannot be 1", '"203.0.113.7"'),
        ("[rtp]\nport_min = 10001", "f:2", "`rtp.port_min` cannot be 10001", "`port_min = 10002`"),
        ("[rtp]\nport_min = 30000", "f:1", "`rtp.port_max` cannot be 29999", "`port_max = 30999`"),
        ('[rtp]\ncodecs = ["PCMU", "PCMU"]', "f:2", "`rtp.codecs` cannot be", '`codecs = ["PCMU"]`'),
        ('[rtp]\ncodecs = ["G729"]', "f:2", "`rtp.codecs` cannot be 'G729'", '`codecs = ["PCMU", "PCMA"]`'),
        ("[rtp]\ncodecs = []", "f:2", "`rtp.codecs` cannot be", '`codecs = ["PCMU", "PCMA"]`'),
        ("[rtp]\nptime_ms = 25", "f:2", "`rtp.ptime_ms` cannot be 25", "`ptime_ms = 20`"),
        ("[calls]\nmax_calls = -1", "f:2", "`calls.max_calls` cannot be -1", "`max_calls = 0`"),
        ("[calls]\nmax_call_s = nan", "f:2", "`calls.max_call_s` cannot be nan", "`max_call_s = 1800.0`"),
        ("[calls]\nmax_call_s = inf", "f:2", "`calls.max_call_s` cannot be inf", "`max_call_s = 1800.0`"),
        ("[vad]\nstop_threshold = 0.6", "f:2", "cannot be 0.6", "`stop_threshold = 0.5`"),
        ('[log]\nlevel = "wanring"', "f:2", "`log.level` cannot be 'wanring'", '`level = "warning"`'),
        ('[log]\nformat = "xml"', "f:2", "`log.format` cannot be 'xml'", '`format = "console"`'),
        ('[twilio]\npublic_url = "bot.example.com"', "f:2", "`twilio.public_url`", '"https://bot.example.com"'),
        ('[twilio]\nnumber = "0301234"', "f:2", "`twilio.number`", '`number = "+15551234567"`'),
        ('[twilio]\naccount_sid = "SK1"', "f:2", "`twilio.account_sid`", '"AC0'),
        ('[carriers]\ntoken = "short"', "f:2", "`carriers.token` cannot be what it is", "a-long-random-secret"),
        ('[asr]\nengine = "my engine"', "f:2", "`asr.engine` cannot be", '`engine = "pocketsphinx"`'),
        ('[asr]\nmodel = "x"', "f:2", "no key `model` in `[asr]`", "engine"),
        ('[asr.options]\nmodel = "x"', "f:1", "`[asr.options]` is not read", "`[asr.NAME]`"),
        ("[sip.x]\ny = 1", "f:1", "no key `x` in `[sip]`", "host"),
        ('[[routes]]\nflow = "x"', "f:1", "a route has no `number`", "`number = "),
        ('[[routes]]\nnumber = "1"', "f:1", "a route has one answer", '`flow = "sales.yaml"` below `[[routes]]`'),
        ('[[routes]]\nnumber = "1"\nflow = "x"\n[[routes]]\nnumber = 5', "f:5", "`routes.number` cannot be 5", "+1555"),
        ('[[routes]]\nnumber = "1"\nflow = "x"\nbto = "a:b"', "f:4", "no key `bto` in `[[routes]]`", "`bot`"),
        ('[[routes]]\nnumber = "1"\nbot = "shop"', "f:3", "`routes.bot` cannot be 'shop'", '"shop:sales"'),
        ('[routes]\nnumber = "1"', "f:1", "`routes` is not a list of routes", "`[[routes]]`"),
        ("[Sip]\nport = 5060", "f:1", "no section `Sip`", "did you mean `sip`?"),
        ('[[routes]]\nnumber = "1"\nflow = "x"\nbot = "a:b"', "f:1", "a route has one answer", "`flow = "),
        (
            '[twilio]\ntransfer_allow = "+1555"',
            "f:2",
            "`twilio.transfer_allow` cannot be",
            '`transfer_allow = ["+15551',
        ),
        ('[records]\ndatabase_url = ""', "f:2", "`records.database_url` cannot be", '"postgresql://'),
        ("[dialog]\nflow = 1", "f:2", "`dialog.flow` cannot be 1", '`flow = "flow.yaml"`'),
        ('[http]\nenabled = "perhaps"', "f:2", "`http.enabled` cannot be", "`enabled = true`"),
        ('[tts]\nvoice = ""', "f:2", "`tts.voice` cannot be ''", '`voice = "en-us"`'),
        ('[sip]\nx = """\n[http]\n"""\n[log]\nlevel = 1', "f:6", "`log.level` cannot be 1", '"info"'),
    ],
)
def test_mistakes_are_reported_with_their_line(tmp_path: Path, text: str, where: str, what: str, todo: str) -> None:
    places = {problem.where: problem for problem in problems(tmp_path, text)}
    assert where in places
    assert what in places[where].what
    assert todo in places[where].todo


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[calls]\nworkers = 'two'", "it must be a whole number"),
        ("[calls]\nworkers = 1.5", "it must be a whole number"),
        ("[calls]\nmax_cpu = 'all'", "it must be a number"),
        ("[calls]\nmax_calls = -1", "it must be greater than or equal to 0"),
        ("[sip]\nhost = 5", "it must be a text in quotes"),
        ("[http]\nenabled = 'perhaps'", "it must be true or false"),
        ("[twilio]\ntransfer_allow = '+1'", "it must be a list in brackets"),
        ("[dialog]\nflow = 1", "it must be a path in quotes"),
        ("[[routes]]\nflow = 'x'\nnumber = []", "it must have at least 1 item"),
    ],
)
def test_why_is_said_in_plain_words(tmp_path: Path, text: str, why: str) -> None:
    assert only(tmp_path, text).why == why


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "[sip]\nprot = 1\nport = -1\n[log]\nlevel = 3\n", calls={"max_calls": -1})
    assert {problem.where for problem in found} == {"f:2", "f:3", "f:5", "command line"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[sip\nport = 1", "f:1:5"),
        ("[sip]\nhost = 127.0.0.1", "f:2:13"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, text: str, where: str) -> None:
    problem = only(tmp_path, text)
    assert (problem.where, problem.what) == (where, "this is not TOML")
    assert "double quotes" in problem.todo


@pytest.mark.parametrize(
    ("text", "what", "where", "first"),
    [
        ("[sip]\nport = 1\nport = 2", "`port` in `[sip]` occurs twice", "f:3", "line 2"),
        ("[sip]\nport = 1\nport = 2\n[log]\n", "`port` in `[sip]` occurs twice", "f:3", "line 2"),
        ("[sip]\nport = 1\n[log]\n[sip]\nhost = '::1'", "`[sip]` occurs twice", "f:4", "line 1"),
        ("sip.port = 1\nsip.port = 2", "`port` in `[sip]` occurs twice", "f:2", "line 1"),
        ("sip.port = 1\n[sip]\nhost = '::1'", "`[sip]` occurs twice", "f:2", "line 1"),
        ("[asr.x]\na = 1\n[asr.x]\nb = 1", "`x` in `[asr]` occurs twice", "f:3", "line 1"),
        ("[[routes]]\nnumber = '1'\nnumber = '2'", "`number` in `[routes.0]` occurs twice", "f:3", "line 2"),
    ],
)
def test_what_stands_twice_is_named(tmp_path: Path, text: str, what: str, where: str, first: str) -> None:
    problem = only(tmp_path, text)
    assert (problem.what, problem.where) == (what, where)
    assert first in problem.why


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000, "x = " + "1" * 5_000])
def test_toml_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    assert "TOML" in only(tmp_path, text).what


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    big, bad = tmp_path / "big.toml", tmp_path / "bad.toml"
    big.write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    bad.write_bytes(b"[sip]\n\xff")
    said = {}
    for path in (tmp_path / "none.toml", tmp_path, big, bad):
        with pytest.raises(UserError) as caught:
            Config.load(path)
        said[path] = caught.value.problems[0]
    assert said[tmp_path / "none.toml"].why == "there is no file of this name"
    assert said[tmp_path].what == "the configuration is not a file"
    assert said[big].what == "the configuration is too large"
    assert said[bad].where == f"{bad}:2"


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__PORT", "abc")
    problem = only(tmp_path, "[sip]\nport = 5070\n")
    assert problem.where == "OFFHOOK_SIP__PORT"
    assert problem.todo == "export OFFHOOK_SIP__PORT=5060"


@pytest.mark.parametrize(
    ("variable", "what", "todo"),
    [
        ("OFFHOOK_SIP__PROT", "no key `prot` in `[sip]`", "did you mean `port`?"),
        ("OFFHOOK_SPI__PORT", "this variable sets nothing", "did you mean OFFHOOK_SIP__PORT?"),
        ("OFFHOOK_ZZZZ__PORT", "this variable sets nothing", "unset OFFHOOK_ZZZZ__PORT"),
        ("OFFHOOK_SIP", "a section cannot be set as a whole", "such as OFFHOOK_SIP__HOST"),
        ("OFFHOOK_ROUTES", "a section cannot be set as a whole", "write `[[routes]]` in a file"),
        ("OFFHOOK_SIP_PORT", "this variable sets nothing", "did you mean OFFHOOK_SIP__PORT?"),
        ("offhook_http_password", "this variable sets nothing", "did you mean OFFHOOK_HTTP__PASSWORD?"),
        ("OFFHOOK_CALLS_MAX_CALL_S", "this variable sets nothing", "did you mean OFFHOOK_CALLS__MAX_CALL_S?"),
        ("OFFHOOK_SIP__PORT__X", "`sip.port` cannot be", "export OFFHOOK_SIP__PORT__X=5060"),
    ],
)
def test_a_variable_that_sets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, what: str, todo: str
) -> None:
    for text in ("1", "x", "[1", '{"a": 1}'):
        monkeypatch.setenv(variable, text)
        problem = only(tmp_path)
        assert problem.where == variable
    assert what in problem.what
    assert todo in problem.todo


@pytest.mark.parametrize("text", ["OPUS,PCMU", "OPUS, PCMU", "[OPUS, PCMU", "OPUS"])
def test_a_list_in_a_variable_is_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OFFHOOK_RTP__CODECS", text)
    problem = only(tmp_path)
    assert (problem.where, problem.why) == ("OFFHOOK_RTP__CODECS", "a list is written as JSON")
    if text.startswith("OPUS,"):
        assert problem.todo == """export OFFHOOK_RTP__CODECS='["OPUS", "PCMU"]'"""
    monkeypatch.setenv("OFFHOOK_RTP__CODECS", '["OPUS", "GSM"]')
    assert only(tmp_path).todo == """export OFFHOOK_RTP__CODECS='["PCMU", "PCMA"]'"""
    monkeypatch.setenv("OFFHOOK_RTP__CODECS", '["OPUS", "PCMU"]')
    assert Config.load().rtp.codecs == ("OPUS", "PCMU")


def test_a_variable_and_one_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__X", "1")
    monkeypatch.setenv("OFFHOOK_ASR__X__MODEL", "nova")
    assert only(tmp_path).what == "there is no key `x` in `[asr]`"


def test_options_of_engines_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__X__KEYTERMS", '["a", "b"]')
    monkeypatch.setenv("OFFHOOK_ASR__X__PROMPT", "[laughs] hello")
    assert Config.load().asr.options["x"] == {"keyterms": ["a", "b"], "prompt": "[laughs] hello"}


def test_other_variables_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_COLOUR", "red")
    monkeypatch.setenv("SIP__PORT", "1")
    assert Config.load() == Config()


def test_the_command_line_is_named(tmp_path: Path) -> None:
    problem = only(tmp_path, rtp={"port_min": 10_001})
    assert (problem.where, problem.todo) == ("command line", "10002, for example")
    assert only(tmp_path, sip={"prot": 1}).todo == "did you mean `port`?"


def test_a_problem_is_three_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "[sip]\nprot = 5060\n")
    with pytest.raises(UserError) as caught:
        Config.load(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: there is no key `prot` in `[sip]`",
        "  why:  `[sip]` has host, port, advertised_host, advertised_port",
        "  type: did you mean `port`?",
    ]


keys = st.text(alphabet="abz_-", min_size=1, max_size=5)


@settings(max_examples=60)
@given(st.dictionaries(keys, st.dictionaries(keys, st.integers(), max_size=4), max_size=4))
def test_every_key_has_its_line(tables: dict[str, dict[str, int]]) -> None:
    lines = []
    expected: dict[tuple[str, ...], int] = {}
    for section, values in tables.items():
        lines.append(f"[{section}]")
        expected[(section,)] = len(lines)
        for key, value in values.items():
            lines.append(f"{key} = {value}")
            expected[section, key] = len(lines)
    text = "\n".join(lines)
    assert tomllib.loads(text) == tables
    assert find_lines(text) == expected


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


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    config = Config(
        sip=SipConfig(port=5070),
        asr=AsrConfig(options={"x y": {"a": [1, {"b": "c"}]}}),
        records=RecordsConfig(dir=Path('/a "b"')),
        routes=(RouteConfig(number=("1", "2*"), flow=Path("/x.yaml")),),
    )
    assert Config.load(write(tmp_path, str(config))) == config


# The command line's values.


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5060", ("127.0.0.1", 5060)),
        ("[::1]:5060", ("::1", 5060)),
        ("sip.example.com:0", ("sip.example.com", 0)),
        ("localhost", ("localhost", 9)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 9)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, default_port=9) == address


@pytest.mark.parametrize(
    ("text", "why", "todo"),
    [
        ("", "it is not HOST:PORT", "127.0.0.1:5060"),
        (":5060", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("a b:1", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:x", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:٣", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("sip:host@x:1", "it is not HOST:PORT", "127.0.0.1:5060"),
        ("host:65536", "ports go up to 65535", "127.0.0.1:5060"),
        ("host", "it has no port", "host:5060"),
        ("::1", "an IPv6 address needs brackets", "[::1]:5060"),
        ("[::1", "it is not HOST:PORT", "[::1]:5060"),
    ],
)
def test_what_is_no_address(text: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_address(text)
    problem = caught.value.problems[0]
    assert problem.why == why
    assert todo in problem.todo


@given(st.text(max_size=20))
def test_an_address_is_read_or_refused(text: str) -> None:
    try:
        host, port = parse_address(text)
    except UserError:
        return
    assert host
    assert 0 <= port <= 65_535


def test_port_ranges() -> None:
    assert parse_port_range("10000-10999") == (10_000, 10_999)
    assert parse_port_range(" 10000-10001 ") == (10_000, 10_001)


@pytest.mark.parametrize(
    ("text", "why", "todo"),
    [
        ("10000", "not two numbers", "10000-10999"),
        ("10000:10999", "not two numbers", "10000-10999"),
        ("80-90", "1024 to 65535", "10000-10999"),
        ("10000-70000", "1024 to 65535", "10000-10999"),
        ("10001-10999", "RTP ports are even", "10002-10999"),
        ("10000-10000", "two ports", "10000-10999"),
        ("20000-10000", "two ports", "20000-20999"),
    ],
)
def test_what_is_no_port_range(text: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_port_range(text)
    problem = caught.value.problems[0]
    assert why in problem.why
    assert todo in problem.todo


# User errors.


def test_names_that_were_meant() -> None:
    assert closest("Prot", ["port", "host"]) == "port"
    assert closest("zzz", ["port", "host"]) is None
    assert did_you_mean("zzz", ["port", "host"]) == "one of: port, host"
    assert did_you_mean("zzz", []) == "remove `zzz`"
    assert did_you_mean("zzz", [f"n{i}" for i in range(30)]).endswith(", …")


def test_a_user_error_needs_a_problem() -> None:
    with pytest.raises(ValueError, match="needs a problem"):
        UserError.of([])


def test_a_problem_without_a_place() -> None:
    assert UserError("what", "why", "todo").render() == "what\n  why:  why\n  type: todo"


@pytest.mark.parametrize(
    ("section", "key", "port"), [("sip", "host", "port"), ("sip", "advertised_host", "advertised_port")]
)
def test_a_host_with_a_port_is_led_to_the_key_of_the_port(tmp_path: Path, section: str, key: str, port: str) -> None:
    problem = only(tmp_path, f'[{section}]\n{key} = "203.0.113.7:5070"\n')
    assert problem.why == f"a port has a key of its own: `{port} = 5070`"
    assert problem.todo == f'`{key} = "203.0.113.7"` below `[{section}]`'
