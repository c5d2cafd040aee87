"""Softphones that register with the bot: baresip, SIPp and sipsak; and what scanners find: the real sipvicious."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, free_udp_ports, program
from tests.e2e.test_baresip import configure

pytestmark = pytest.mark.peer

PASSWORD = "s3cret"


def users(bot: BotProcess) -> list[dict[str, object]]:
    found = json.loads(bot.get("/api/status"))["sip"]["users"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_baresip_registers_and_leaves(start_bot: Callable[..., BotProcess], tmp_path: Path, transport: str) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_SIP__USERS__ALICE=PASSWORD)
    account = f"<sip:alice@{bot.address};transport={transport}>;regint=120;auth_pass={PASSWORD}"
    configure(tmp_path, free_udp_ports(), speech("check-my-balance"), account=account)
    process = subprocess.Popen(
        [program("baresip"), "-f", str(tmp_path), "-s"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        bot.wait_for(lambda: bool(users(bot)))
        (alice,) = users(bot)
        assert alice["user"] == "alice"
        assert str(alice["agent"]).startswith("baresip")
        assert str(alice["source"]).endswith(f"/{transport.upper()}")
    finally:
        process.terminate()
        process.wait(10)
    bot.wait_for(lambda: not users(bot))
    assert "registered with us" in bot.log()
    assert PASSWORD not in bot.log()


def test_sipsak_registers(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_SIP__USERS__ALICE=PASSWORD)
    for password, registered in (("guess", False), (PASSWORD, True)):
        done = subprocess.run(
            [
                *(program("sipsak"), "-U", "-x", "300", "-C", f"sip:alice@{HOST}"),
                *("-u", "alice", "-a", password, "-s", f"sip:alice@{bot.address}"),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode == 0) == registered, done.stdout + done.stderr
        assert bool(users(bot)) == registered


def sipvicious(name: str, *arguments: str, folder: Path) -> str:
    """What a program of sipvicious prints."""
    path = shutil.which(f"sipvicious_{name}") or str(Path(sys.executable).with_name(f"sipvicious_{name}"))
    done = subprocess.run(
        [path, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "INVITE"])
def test_a_silent_bot_is_not_found(start_bot: Callable[..., BotProcess], tmp_path: Path, method: str) -> None:
    bot = start_bot(
        "--bench-engines",
        OFFHOOK_SIP__USERS__ALICE=PASSWORD,
        OFFHOOK_SIP__UNKNOWN_SOURCES="silence",
        OFFHOOK_SIP__DOMAIN="sip.example.com",
    )
    port = bot.address.rpartition(":")[2]
    found = sipvicious("svmap", "-p", port, "-m", method, HOST, folder=tmp_path)
    assert "found nothing" in found
    # A phone that knows the domain gets through.
    account = f'<sip:alice@sip.example.com>;outbound="sip:{bot.address}";regint=120;auth_pass={PASSWORD}'
    configure(tmp_path, free_udp_ports(), speech("check-my-balance"), account=account)
    process = subprocess.Popen(
        [program("baresip"), "-f", str(tmp_path), "-s"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        bot.wait_for(lambda: bool(users(bot)))
    finally:
        process.terminate()
        process.wait(10)


def test_an_open_bot_tells_nothing_of_its_users(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_SIP__USERS__150="1234", OFFHOOK_SIP__USERS__ALICE=PASSWORD)
    port = bot.address.rpartition(":")[2]
    found = sipvicious("svmap", "-p", port, HOST, folder=tmp_path)
    assert bot.address in found
    assert "found nothing" not in found
    for method in ("REGISTER", "OPTIONS", "INVITE"):
        found = sipvicious("svwar", "-p", port, "-e", "100-199", "-m", method, HOST, folder=tmp_path)
        assert "150" not in found.replace("100-199", "")
    guesses = tmp_path / "guesses.txt"
    guesses.write_text("\n".join([*(f"guess{number}" for number in range(40)), "1234"]) + "\n")
    found = sipvicious("svcrack", "-p", port, "-u", "150", "-d", str(guesses), HOST, folder=tmp_path)
    assert "1234" not in found
    dropped = json.loads(bot.get("/api/status"))["sip"]["counters"]["dropped_by_reason"]
    assert dropped["guessing"] > 0
