"""`offhook trunk check` against Kamailio and SIPp, while a bot serves."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import Sipp

pytestmark = pytest.mark.peer

PASSWORD = "s3cret word"


def check(directory: Path, config: Path, *arguments: str, password: str = PASSWORD) -> tuple[int, dict[str, Any]]:
    """Run the command: its status, and the findings by step."""
    done = subprocess.run(
        [sys.executable, "-m", "offhook", "trunk", "check", "--config", str(config), "--json", *arguments],
        cwd=directory,
        env={**os.environ, "OFFHOOK_TRUNKS__OFFICE__PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == done.returncode
    by_step: dict[str, Any] = {}
    for each in found["findings"]:
        by_step.setdefault(each["area"], []).append(each)
    return done.returncode, by_step


def test_a_registrar_beside_a_bot_that_is_registered(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    with Kamailio(tmp_path, password=PASSWORD) as kamailio:
        config = tmp_path / "offhook.toml"
        config.write_text(
            f'[trunks.office]\nhost = "127.0.0.1"\nport = {kamailio.port}\nuser = "bot"\n'
            'realm = "office.example"\nregistration = true\n'
        )
        bot = start_bot("--bench-engines", "--config", str(config), OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD)
        bot.wait_for(lambda: kamailio.knows("bot"))
        status, found = check(tmp_path, config)
        assert status == 0, found
        assert "the password is right (SHA-256, realm office.example)" in found["register"][0]["what"]
        assert f":{bot.port}" in found["register"][1]["what"], "the bot's contact, and no other"
        status, found = check(tmp_path, config, password="another")
        assert status == 1
        assert "the password for bot is wrong" in found["register"][0]["why"]
        assert kamailio.knows("bot"), "it is still there"


def test_a_call_and_its_media(tmp_path: Path, recording: Path) -> None:
    assert recording.parent == tmp_path
    with Sipp("uas_checked.xml", tmp_path, "-m", "2", "-l", "2") as phone:
        config = tmp_path / "offhook.toml"
        config.write_text(f'[trunks.office]\nhost = "127.0.0.1"\nport = {phone.port}\nuser = "bot"\n')
        status, found = check(tmp_path, config, "--call", "100")
        phone.wait().check()
    assert status == 0, found
    assert "200 after" in found["invite"][0]["what"]
    assert "PCMU comes from 127.0.0.1:" in found["media"][0]["what"]
    assert found["media"][0]["details"]["packets_received"] > 40
    assert found["bye"][0]["level"] == "ok"
