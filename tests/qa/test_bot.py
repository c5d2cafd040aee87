"""The bot that a run starts: what it prints, before it is ready and afterwards; and records. A Python program stands
for it."""

import time
from pathlib import Path
from typing import Any

import pytest

from offhook.cli.running_bot import RunningBot
from offhook.qa.bot import Bot, record_of
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


WHOLE = {"transcript": [{"who": "bot", "text": "hello"}], "timeline": [{"kind": "state"}]}


class Pages(RunningBot):
    """A bot's pages with one call, whose record is `found`; `listed` is what the list has of it."""

    def __init__(self, found: dict[str, Any], listed: object = None) -> None:
        super().__init__("http://127.0.0.1:9", None)
        self._found = found
        self._listed = listed or {"call_id": "c", "end": "2026-01-01", "uniqueid": "u"}

    def get(self, path: str, query: object = None, *, needs: str = "") -> dict[str, Any]:
        return {"calls": [self._listed], "next": None} if needs == "calls" else self._found


def test_the_record_of_a_call() -> None:
    assert record_of(Pages(WHOLE), "c") == WHOLE


@pytest.mark.parametrize(
    "pages",
    [
        Pages({"transcript": ["hello"]}),
        Pages({"transcript": 7}),
        Pages({"transcript": [{"who": "bot"}]}),
        Pages({"transcript": [{"who": "bot", "text": 7}]}),
        Pages({**WHOLE, "timeline": [{"kind": 1}]}),
        Pages(WHOLE, "no call"),
        Pages(WHOLE, {"call_id": "c"}),
    ],
)
def test_another_program_with_such_pages_is_no_bot(pages: Pages) -> None:
    with pytest.raises(UserError, match="no bot answers"):
        record_of(pages, "c")


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


def test_a_bot_that_does_not_end_is_killed_and_its_folder_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.qa.bot.HANG_UP_S", 0.2)
    monkeypatch.setattr("offhook.qa.bot.END_S", 0.2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    path = program(tmp_path, stubborn + READY + "while True:\n    signal.pause()\n")
    with pytest.raises(KeyboardInterrupt), Bot(path, None, None):
        assert list(tmp_path.glob("offhook-qa-*"))
        raise KeyboardInterrupt
    assert not list(tmp_path.glob("offhook-qa-*"))
