"""`offhook config`: the effective settings, and where each value comes from."""

import json
from pathlib import Path

import pytest

from offhook.settings.config import Config
from tests.offhook.cli.conftest import Run

TEXT = """\
[sip]
port = 5070
[http]
password = "geheim-geheim"
[asr.deepgram]
model = "nova"
[asr."x y"]
a = [1, { b = "c" }]
[records]
dir = '/a "b"'
[[routes]]
number = ["+15551234567", "2*"]
bot = "shop:sales"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "offhook.toml").write_text(TEXT)
    return "offhook.toml"


def test_each_value_and_its_origin(run: Run, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_LOG__LEVEL", "error")
    monkeypatch.setenv("OFFHOOK_ASR__DEEPGRAM__API_KEY", "geheim")
    status, out, err = run("config", "--config", file, "--workers", "3", "--json")
    assert (status, err) == (0, "")
    assert "geheim" not in out
    found = {each["key"]: (each["value"], each["origin"]) for each in json.loads(out)}
    assert found["sip.host"] == ("127.0.0.1", "default")
    assert found["sip.port"] == (5070, "offhook.toml:2")
    assert found["http.password"] == ("***", "offhook.toml:4")
    assert found["asr.deepgram.model"] == ("nova", "offhook.toml:6")
    assert found["asr.deepgram.api_key"] == ("***", "OFFHOOK_ASR__DEEPGRAM__API_KEY")
    assert found["routes.0.number"] == (["+15551234567", "2*"], "offhook.toml:12")
    assert found["log.level"] == ("error", "OFFHOOK_LOG__LEVEL")
    assert found["calls.workers"] == (3, "command line")
    assert found["sip.advertised_host"] == (None, "default")


def test_what_is_printed_is_a_configuration(run: Run, file: str, tmp_path: Path) -> None:
    status, out, _ = run("config", "--config", file)
    assert status == 0
    assert "geheim" not in out
    assert "port = 5070                              # offhook.toml:2" in out
    assert "# advertised_host is not set" in out
    again = tmp_path / "again.toml"
    again.write_text(out.replace('"***"', '"geheim-geheim"'))
    assert Config.load(again).redacted() == Config.load(Path(file)).redacted()


def test_only_what_is_not_the_default(run: Run, file: str) -> None:
    _, out, _ = run("config", "--config", file, "--changed")
    headers = [line for line in out.splitlines() if line.startswith("[")]
    assert headers == ["[sip]", "[http]", "[asr.deepgram]", '[asr."x y"]', "[records]", "[[routes]]"]
    assert "default" not in out
    assert run("config", "--changed") == (0, "\n", "")


def test_a_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("[sip]\nprot = 1\n")
    status, out, err = run("config", "--config", "wrong.toml")
    assert (status, out) == (2, "")
    assert err.startswith("wrong.toml:2: there is no key `prot`")
