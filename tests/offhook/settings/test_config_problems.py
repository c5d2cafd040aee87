"""Faulty settings: each problem with its place, and what to write instead."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.settings.config import (
    Config,
)
from offhook.settings.toml_file import MAX_CONFIG_BYTES, find_lines
from offhook.usererror import UserError
from tests.offhook.settings.files import only, problems, write


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
        (
            '[transfer.targets]\nanna = "200"\n[queues.support]\nagents = ["+15551234567", "ana"]',
            "f:4",
            "the queue `support` has no agent `ana`",
            '`agents = ["anna"]` below `[queues.support]`',
        ),
        (
            '[queues.support]\nagents = ["+15551234567"]\nleave_key = "1"\ncall_back_key = "1"',
            "f:4",
            "`queues.support.call_back_key` cannot be '1'",
            '`call_back_key = "2"` below `[queues.support]`',
        ),
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
        ("[[routes]]\nflow = 'x'\nnumber = []", "`number` is required"),
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
        "  why:  `[sip]` has host, port, backend, ice, tcp, tls_certificate, tls_key, tls_port, tls_authorities, "
        "tls_client_certificates, advertised_host, advertised_port, stun_server, dns_servers, peers, users, "
        "registrar, domain, unknown_sources, digest",
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


@pytest.mark.parametrize(
    ("section", "key", "port"), [("sip", "host", "port"), ("sip", "advertised_host", "advertised_port")]
)
def test_a_host_with_a_port_is_led_to_the_key_of_the_port(tmp_path: Path, section: str, key: str, port: str) -> None:
    problem = only(tmp_path, f'[{section}]\n{key} = "203.0.113.7:5070"\n')
    assert problem.why == f"a port has a key of its own: `{port} = 5070`"
    assert problem.todo == f'`{key} = "203.0.113.7"` below `[{section}]`'
