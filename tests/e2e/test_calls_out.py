"""Calls that the bot places, mostly by HTTP: SIPp, baresip and Kamailio are called, and the record tells of it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import HOST, Sipp, free_udp_ports, program
from tests.e2e.test_baresip import configure

pytestmark = pytest.mark.peer

PASSWORD = "s3cret word"
TOKEN = "a-token-of-some-length"
NUMBER = "+15551234567"

Start = Callable[..., BotProcess]


def ask(bot: BotProcess, method: str, path: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, Any]]:
    """What a program does, with nothing but the standard library."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{bot.http}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def place(bot: BotProcess, **body: object) -> str:
    status, view = ask(bot, "POST", "/api/calls", {"to": NUMBER, **body})
    assert status == 202, view
    return str(view["id"])


def until(bot: BotProcess, call: str, state: str, seconds: float = 15.0) -> dict[str, Any]:
    views: list[dict[str, Any]] = [{}]

    def reached() -> bool:
        views.append(ask(bot, "GET", f"/api/calls/{call}")[1])
        return bool(views[-1]["state"] == state)

    bot.wait_for(reached, seconds)
    return views[-1]


def record(bot: BotProcess, call: str) -> dict[str, Any]:
    """That of a call, once its end is written: a while after the API says "ended"."""

    def found() -> list[dict[str, Any]]:
        return [each for each in bot.records() if each["uniqueid"] == call and each["end"] is not None]

    bot.wait_for(lambda: bool(found()))
    (ended,) = found()
    return bot.finished(ended)


def start(
    start_bot: Start, directory: Path, port: int, *options: str, extra: str = "", **environment: str
) -> BotProcess:
    file = directory / "offhook.toml"
    file.write_text(f"""
[trunks.provider]
host = "127.0.0.1"
port = {port}
user = "bot"
caller_id = "+15550001111"
allowed_numbers = ["+1555*", "qa"]
{extra}
""")
    return start_bot(
        "--bench-engines",
        "--config",
        str(file),
        *options,
        OFFHOOK_OUTBOUND__TOKEN=TOKEN,
        OFFHOOK_TRUNKS__PROVIDER__PASSWORD=PASSWORD,
        **environment,
    )


def test_with_a_password_for_the_invite_and_the_bye(start_bot: Start, tmp_path: Path) -> None:
    with Sipp("uas_asks_password.xml", tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port, "--workers", "2")
        call = place(bot)
        assert until(bot, call, "answered")["trunk"] == "provider"
        assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
        outcome = sipp.wait().check()
    assert outcome.received("INVITE") == outcome.received("BYE") == 2
    assert f"INVITE sip:{NUMBER}@127.0.0.1:{sipp.port} SIP/2.0" in outcome.messages
    assert "From: <sip:+15550001111@127.0.0.1>" in outcome.messages
    view = until(bot, call, "ended")
    assert view["outcome"] == {"reason": "answered", "sip_status": 200, "q850": None}
    assert PASSWORD not in bot.log()


def test_an_announcement_before_the_end_is_heard(start_bot: Start, tmp_path: Path, recording: Path) -> None:
    assert recording.parent == tmp_path
    with Sipp("uas_announces.xml", tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port)
        call = place(bot)
        until(bot, call, "early_media")
        sipp.wait().check()
    view = until(bot, call, "ended")
    assert view["outcome"] == {"reason": "no_answer", "sip_status": 480, "q850": 19}
    found = record(bot, call)
    assert (found["disposition"], found["trunk"], found["direction"]) == ("NO ANSWER", "provider", "outbound")
    assert found["rtp"]["packets_received"] > 30
    assert found["rtp"]["packets_sent"] == 0
    assert bot.metric_of("offhook_calls_out_total", outcome="no_answer", trunk="provider") == 1


def test_an_answer_that_came_with_the_183(start_bot: Start, tmp_path: Path) -> None:
    with Sipp("uas_early_answer.xml", tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port)
        call = place(bot)
        until(bot, call, "answered")
        ask(bot, "DELETE", f"/api/calls/{call}")
        sipp.wait().check()
    assert until(bot, call, "ended")["outcome"]["reason"] == "answered"


def test_of_two_phones_that_answer_one_is_talked_to(start_bot: Start, tmp_path: Path) -> None:
    with Sipp("uas_forks.xml", tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port)
        call = place(bot)
        until(bot, call, "answered")
        bot.wait_for(lambda: "tag=second" in (next(tmp_path.glob("uas_forks*.messages"))).read_text())
        ask(bot, "DELETE", f"/api/calls/{call}")
        sipp.wait().check()
    assert until(bot, call, "ended")["outcome"]["reason"] == "answered"


@pytest.mark.parametrize(("scenario", "number"), [("uas_moved.xml", "+15557654321"), ("uas_overloaded.xml", NUMBER)])
def test_sent_away_and_answered(start_bot: Start, tmp_path: Path, scenario: str, number: str) -> None:
    with Sipp(scenario, tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port)
        call = place(bot)
        until(bot, call, "answered")
        ask(bot, "DELETE", f"/api/calls/{call}")
        outcome = sipp.wait().check()
    assert outcome.received("INVITE") == 2
    assert f"To: <sip:{number}@127.0.0.1:{sipp.port}>" in outcome.messages


def test_busy(start_bot: Start, tmp_path: Path) -> None:
    with Sipp("uas_busy.xml", tmp_path) as sipp:
        bot = start(start_bot, tmp_path, sipp.port)
        call = place(bot)
        sipp.wait().check()
    assert until(bot, call, "ended")["outcome"] == {"reason": "busy", "sip_status": 486, "q850": None}
    assert record(bot, call)["disposition"] == "BUSY"


@contextmanager
def baresip(directory: Path) -> Iterator[int]:
    """A telephone that answers by itself; its SIP port."""
    folder = directory / "phone"
    folder.mkdir()
    port = free_udp_ports()
    configure(folder, port, bytes(2 * 8_000 * 20), account=f"<sip:qa@{HOST}:{port}>;regint=0;answermode=auto")
    with (folder / "log").open("w") as log:
        command = [program("baresip"), "-f", str(folder), "-v"]
        phone = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            yield port
        finally:
            phone.kill()
            phone.wait()
            if phone.stdin is not None:
                phone.stdin.close()
            shutil.copy(folder / "log", directory / "phone.log")


def test_baresip_by_a_proxy_that_asks_for_a_password(start_bot: Start, tmp_path: Path) -> None:
    with baresip(tmp_path) as port, Kamailio(tmp_path, password=PASSWORD, algorithm="MD5", calls_to=port) as kamailio:
        extra = f'outbound_proxy = "{kamailio.address}"\n'
        bot = start(start_bot, tmp_path, port, extra=extra)
        call = place(bot, to="qa")
        until(bot, call, "answered")
        bot.wait_for(lambda: bot.metric("offhook_media_ticks_total") > 25)  # half a second of the greeting
        ask(bot, "DELETE", f"/api/calls/{call}")
        until(bot, call, "ended")
    found = record(bot, call)
    assert (found["outcome"], found["sip_status"], found["ended_by"]) == ("answered", 200, "operator")
    assert found["rtp"]["packets_sent"] > 0
    log = (tmp_path / "phone.log").read_text()
    assert "Call established" in log
    assert "session closed" in log  # the BYE came by the proxy, too


def test_a_proxy_gives_a_silent_phone_up(start_bot: Start, tmp_path: Path) -> None:
    """RFC 3665 §3.10: the proxy says 100, repeats the INVITE to a phone that does not answer, and then says 408."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, 0))
        phone.settimeout(0)
        with Kamailio(tmp_path, password=PASSWORD, calls_to=phone.getsockname()[1], patience_ms=3_000) as kamailio:
            bot = start(start_bot, tmp_path, kamailio.port)
            call = place(bot, to="qa")
            until(bot, call, "ended")
            found = record(bot, call)
        first, repeated = phone.recv(65_536), phone.recv(65_536)
    assert first == repeated and first.startswith(b"INVITE sip:qa@")
    assert (found["outcome"], found["sip_status"], found["disposition"]) == ("no_answer", 408, "NO ANSWER")


def test_offhook_call(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("name: hello\nstart: bye\nvariables: {name: there}\nsteps:\n  bye: {hang_up: 'Hello {name}.'}\n")
    with Sipp("uas_answers.xml", tmp_path) as sipp:
        file = tmp_path / "offhook.toml"
        file.write_text(f'[trunks.provider]\nhost = "127.0.0.1"\nport = {sipp.port}\n[tts]\nengine = "espeak"\n')
        command = ["call", NUMBER, "--config", str(file), "--flow", str(flow), "--variable", "name=Ada"]
        done = offhook(tmp_path, *command)
        sipp.wait().check()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("answered ")


def test_offhook_call_to_a_busy_phone(tmp_path: Path) -> None:
    with Sipp("uas_busy.xml", tmp_path) as sipp:
        done = offhook(tmp_path, "call", f"sip:qa@127.0.0.1:{sipp.port}")
        sipp.wait().check()
    assert done.returncode == 1
    assert done.stdout.startswith("busy ")
    assert "486 Busy Here" in done.stdout


def offhook(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OFFHOOK_RECORDS__DIR": str(directory / "data"), "OFFHOOK_ASR__ENGINE": "fixed"}
    command = [sys.executable, "-m", "offhook", *options]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
