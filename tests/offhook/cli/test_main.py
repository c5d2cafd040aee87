"""The command line: what is printed where, and the exit status."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from offhook.cli.main import FAILURE, USAGE, app
from offhook.pipeline.errors import EngineError
from offhook.version import __version__
from tests.offhook.cli.conftest import Run


def parts(err: str) -> list[str]:
    """The three parts of the first problem."""
    what, why, todo = err.splitlines()[:3]
    assert why.startswith("  why:  ") and todo.startswith("  type: ")
    return [what, why.removeprefix("  why:  "), todo.removeprefix("  type: ")]


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"{__version__}\n", "")


def test_help(run: Run) -> None:
    status, out, _ = run("serve", "--help")
    assert status == 0
    assert all(option in out for option in ("--sip", "--http", "--rtp-ports", "--flow", "--config", "--bench-engines"))


def helps(command: Any) -> Iterator[str]:
    """The texts of a command, its options and its commands."""
    yield command.help or ""
    yield from (getattr(option, "help", None) or "" for option in command.params)
    for each in getattr(command, "commands", {}).values():
        yield from helps(each)


def test_no_help_has_words_in_brackets() -> None:
    """They are taken for markup, and not shown."""
    texts = list(helps(get_command(app)))
    assert len(texts) > 100
    assert [text for text in texts if re.search(r"\[[a-z]", text)] == []


@pytest.mark.parametrize("arguments", [(), ("sevre",), ("serve", "--spi", "x"), ("serve", "--sip"), ("demo", "x")])
def test_what_the_command_line_does_not_know(run: Run, arguments: tuple[str, ...]) -> None:
    status, _, _ = run(*arguments)
    assert status == USAGE


@pytest.mark.parametrize(
    ("arguments", "what", "todo"),
    [
        (("--sip", "localhost"), "`localhost` is not an address", "localhost:5060"),
        (("--http", "1:2:3"), "`1:2:3` is not an address", "[1:2:3]:5060"),
        (("--rtp-ports", "10001-10999"), "`10001-10999` is not a range of ports", "10002-10999"),
        (("--config", "missing.toml"), "missing.toml", ""),
        (("--flow", "missing.yaml"), "missing.yaml", ""),
    ],
)
def test_mistakes_on_the_command_line(run: Run, arguments: tuple[str, ...], what: str, todo: str) -> None:
    status, out, err = run("serve", *arguments)
    assert (status, out) == (USAGE, "")
    first = parts(err)
    assert what in first[0]
    assert first[1]
    assert todo in first[2]


def test_mistakes_in_the_settings_are_reported_all_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text("[sip]\nprot = 5060\n[asr]\nworkers = -1\n")
    status, _, err = run("serve", "--config", "offhook.toml")
    assert status == USAGE
    assert "offhook.toml:2" in err and "did you mean `port`?" in err
    assert "offhook.toml:4" in err


def test_a_mistake_in_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__PORT", "many")
    status, _, err = run("serve")
    assert status == USAGE
    assert parts(err)[0].startswith("OFFHOOK_SIP__PORT: ")


def test_an_engine_that_does_not_exist(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__ENGINE", "fixxed")
    status, _, err = run("serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert status == USAGE
    assert parts(err)[2] == "did you mean `fixed`?"


def test_a_mistake_in_the_flow(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nstart: menu\nsteps:\n  menu:\n    say: Hello.\n    next: nowhere\n"
    )
    status, _, err = run("serve", "--flow", "shop.yaml")
    assert status == USAGE
    assert parts(err)[0].startswith("shop.yaml:6")
    assert "nowhere" in err


def test_a_port_that_is_taken(run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, out, err = run("serve", "--bench-engines", "--sip", address, "--http", "127.0.0.1:0")
    assert (status, out) == (USAGE, "")
    assert parts(err)[0] == f"SIP cannot use {address}"


def test_an_engine_that_fails_is_no_mistake_of_the_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise EngineError("espeak", "starting", "the library is not installed", "Type: pip install 'offhook[local]'")

    monkeypatch.setattr("offhook.engines.voices.espeak", broken)
    monkeypatch.setenv("OFFHOOK_TTS__ENGINE", "espeak")
    status, out, err = run("serve", "--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert (status, out) == (FAILURE, "")
    assert err == "espeak: starting: the library is not installed. Type: pip install 'offhook[local]'\n"


def test_more_workers_than_there_are_ports_for(run: Run) -> None:
    status, out, err = run("serve", "--workers", "3", "--rtp-ports", "10000-10003")
    assert (status, out) == (USAGE, "")
    what, why, todo = parts(err)
    assert what == "RTP ports 10000-10003 are too few for 3 workers"
    assert "2 pairs" in why and "--rtp-ports 10000-12399" in todo


def test_a_word_that_the_recogniser_does_not_know(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nstart: menu\nsteps:\n"
        "  menu:\n    ask: Which one?\n    choices:\n      one:\n"
        "        phrases: [the first, my zorbulator]\n        next: bye\n"
        "    no_input: {attempts: 1, then: bye}\n    no_match: {attempts: 1, then: bye}\n"
        "  bye:\n    hang_up: Goodbye.\n"
    )
    status, _, err = run("serve", "--flow", "shop.yaml")
    assert status == USAGE
    what, why, _ = parts(err)
    assert what == "shop.yaml:8: the recogniser does not know the word `zorbulator`"
    assert "`my zorbulator`" in why
