"""A switch that is set while calls go on: for the calls of all workers, over a restart, and from the page's address."""

import asyncio
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess

FLOW = """
name: shop
start: menu
switches:
  emergency: {means: Closed at once.}
  greeting: {means: What is said first, values: [normal, storm]}
steps:
  menu:
    ask: Press one.
    choices: {again: {key: 1, next: look}}
    no_input: {then: bye}
    no_match: {then: bye}
    timeout_s: 60
  look: {if: switches.emergency, then: closed, else: menu}
  closed: {hang_up: We are closed.}
  bye: {hang_up: Goodbye.}
"""
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}
CALLS = 4


def offhook(bot: BotProcess, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "offhook", "flow", *arguments, "--http", bot.http]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


async def pressed(callers: list[Caller]) -> None:
    for each in callers:
        each.press("1")


async def switched(bot: BotProcess) -> None:
    """Calls on both workers are in the menu when the switch is set; each ends at its next step."""
    target = Address(bot.host, bot.port)
    callers = [await Caller.dial("127.0.0.1", target, user=f"caller{each}") for each in range(CALLS)]
    try:
        status, said = await asyncio.to_thread(offhook, bot, "set", "emergency", "on")
        assert status == 0 and said.startswith("emergency: on (set at "), said
        await pressed(callers)
        for each in callers:
            await asyncio.wait_for(each.over.wait(), 30)  # the bot hangs up
    finally:
        for each in callers:
            each.close()


def test_a_switch_is_set_for_all_calls_and_kept(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    data = str(tmp_path / "data")
    bot = start_bot("--flow", str(tmp_path / "flow.yaml"), "--workers", "2", OFFHOOK_RECORDS__DIR=data, **LIGHT)
    asyncio.run(switched(bot))
    lines = [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]
    workers = {line["worker"] for line in lines if line.get("event") == "answered"}
    assert len(workers) == 2, "both workers had calls"
    (change,) = (line for line in lines if line.get("event") == "a switch is set")
    assert (change["switch"], change["value"]) == ("emergency", "on") and change["by"].endswith("127.0.0.1")
    assert bot.stop(signal.SIGTERM) == 0
    again = start_bot("--flow", str(tmp_path / "flow.yaml"), "--workers", "1", OFFHOOK_RECORDS__DIR=data, **LIGHT)
    status, said = offhook(again, "get", "emergency")
    assert status == 0 and said.startswith("emergency: on (set at ")
    status, said = offhook(again, "set", "emergncy", "off")
    assert status == 2 and "there are emergency, greeting" in said and "did you mean `emergency`?" in said
    body = json.dumps({"value": "storm"}).encode()
    request = urllib.request.Request(f"http://{again.http}/api/flow/switches/greeting", body, method="PUT")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer)["value"] == "storm"
