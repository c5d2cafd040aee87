"""`offhook qa crawl`: what is refused before the first call."""

from pathlib import Path

import pytest

from offhook.cli.main import USAGE
from tests.offhook.cli.conftest import Run

SETTINGS = """
[outbound]
allowed_addresses = ["ivr@pbx.example.com", "bot@127.0.0.1"]

[trunks.home]
host = "sip.example.com"
user = "bot"
allowed_numbers = ["+1555*"]
"""


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "--target: nobody is called"),
        (("--target", "sip:ivr@192.0.2.1"), "ivr@192.0.2.1 may not be called"),
        (("--target", "sip:boss@pbx.example.com"), "boss@pbx.example.com may not be called"),
        (("--target", "192.0.2.9:5060"), "bot@192.0.2.9 may not be called"),
        (("--target", "sip:+4930123456@sip.example.com"), "+4930123456 may not be called by the trunk home"),
        (("--target", "sip:ivr@pbx.example.com?X=1"), "'sip:ivr@pbx.example.com?X=1' cannot be called"),
        (("--target", "ws://127.0.0.1:9/x"), "--target: ws://127.0.0.1:9/x cannot be crawled"),
        (("--target", "127.0.0.1:9", "--keys", "12x"), "--keys: 'X' is not on a phone"),
        (("--target", "127.0.0.1:9", "--speech", " "), "--speech: there is nothing to say"),
        (("--target", "127.0.0.1:9", "--transport", "sctp"), "--transport: there is no transport 'sctp'"),
        (("--bot", "none.yaml"), "--bot: the bot none.yaml cannot be started"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    (tmp_path / "offhook.toml").write_text(SETTINGS)
    status, _, err = run("qa", "crawl", "--config", "offhook.toml", *arguments)
    assert (status, err.splitlines()[0]) == (USAGE, what)
    assert "why:" in err and "type:" in err
    assert not (tmp_path / "map").exists()


@pytest.mark.real_time
def test_an_ivr_that_is_not_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text('[outbound]\nallowed_addresses = ["bot@127.0.0.1"]\n')
    arguments = (
        "--config",
        "offhook.toml",
        "--target",
        "127.0.0.1:9",
        "--calls-per-minute",
        "600",
        "--out",
        "here",
        "--ring-s",
        "1",
    )
    status, out, _ = run("qa", "crawl", *arguments)
    assert status == 1 and "nothing was heard in the last 3 calls" in out and "nothing came back" in out
    assert (tmp_path / "here" / "map.json").is_file()
