"""The bot that a run starts: what it prints, before it is ready and afterwards. A Python program stands for it."""

import time
from pathlib import Path

import pytest

from offhook.qa.bot import Bot
from offhook.usererror import UserError

READY = 'print("ready sip:127.0.0.1:5070 http://127.0.0.1:8090 sips:127.0.0.1:5071", flush=True)\n'
WAIT = "import signal\nsignal.pause()\n"


def program(folder: Path, text: str) -> Path:
    path = folder / "bot.py"
    path.write_text(text)
    return path


def test_a_bot_that_prints_before_it_is_ready(tmp_path: Path) -> None:
    path = program(tmp_path, 'print("loading the model ...\\n" * 5_000)\n' + READY + WAIT)
    with Bot(path, None, None) as bot:
        assert (bot.sip, bot.sips) == ("127.0.0.1:5070", "127.0.0.1:5071")
        assert bot.stream == "ws://127.0.0.1:8090/twilio/media"


def test_a_bot_that_prints_much_goes_on(tmp_path: Path) -> None:
    """More than the pipe holds, in lines and without an end."""
    done = tmp_path / "done"
    os_exit = f"open({str(done)!r}, 'w').close()\n"
    path = program(tmp_path, READY + 'print("call\\n" * 100_000, "x" * 1_000_000, flush=True)\n' + os_exit)
    with Bot(path, None, None):
        until = time.monotonic() + 30
        while not done.exists() and time.monotonic() < until:
            time.sleep(0.02)
    assert done.exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('print("no licence", flush=True)\nraise SystemExit(1)\n', "no licence"),
        ("import sys\nsys.exit('no key')\n", "no key"),
        ("", "printed nothing"),
        ('print("ready sip:127.0.0.1:5070", flush=True)\n', "ready sip:127.0.0.1:5070"),
    ],
)
def test_a_bot_that_does_not_start(tmp_path: Path, text: str, why: str) -> None:
    path = program(tmp_path, text)
    with pytest.raises(UserError, match="does not start") as raised:
        Bot(path, None, None)
    (problem,) = raised.value.problems
    assert why in problem.why and problem.todo == f"python {path}"
