"""Real calls whose recordings, captures and event logs are encrypted."""

import asyncio
import io
import json
import os
import subprocess
import sys
import wave
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from offhook.encryption.reader import Ending, open_kept
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller, read_recording
from tests.e2e.conftest import BotProcess
from tests.offhook.encryption.keyfile import key_file

SPEECH = files("offhook").joinpath("assets", "caller", "check-my-balance.wav")
SLICE_BYTES = 48

pytestmark = pytest.mark.real_time


def encrypted(keys: Path) -> dict[str, str]:
    kept = ("RECORD_AUDIO", "CAPTURE", "EVENTS", "ENCRYPT")
    return {f"OFFHOOK_RECORDS__{each}": "true" for each in kept} | {"OFFHOOK_RECORDS__KEY_FILE": str(keys)}


def offhook(
    environment: dict[str, str], *arguments: str, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "offhook", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def on_disk(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def talk(bot: BotProcess, seen: list[dict[Path, bytes]]) -> None:
    """A call of three turns; `seen` gets what is on the disk after each."""
    caller = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
    try:
        await caller.listen()
        for _ in range(3):
            await caller.say(read_recording(SPEECH))
            await caller.listen()
            seen.append(await asyncio.to_thread(on_disk, bot.directory))
        caller.hang_up()
        await asyncio.sleep(0.2)  # for the BYE to leave
    finally:
        caller.close()


def slices(content: bytes) -> list[bytes]:
    """Parts that nothing else has by chance."""
    found = [content[at : at + SLICE_BYTES] for at in range(0, len(content) - SLICE_BYTES, SLICE_BYTES)]
    return [each for each in found if len(set(each)) > SLICE_BYTES // 3][:2_000]


def test_nothing_of_a_call_is_on_the_disk_in_the_clear(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    keys = key_file(tmp_path)
    bot = start_bot("--bench-engines", **encrypted(keys))
    seen: list[dict[Path, bytes]] = []
    asyncio.run(talk(bot, seen))
    (record,) = bot.ended()
    data, call = bot.directory / "data", record["uniqueid"]
    kept = [data / each for each in (f"recordings/{call}.wav", f"captures/{call}.pcap", f"events/{call}.jsonl")]

    def contents() -> dict[Path, bytes]:
        found = {}
        for path in kept:
            with open_kept(path, keys) as opened:
                assert opened.ending is not None
                if opened.ending is Ending.ENDED:
                    found[path] = opened.file.read()
        return found

    bot.wait_for(lambda: all(path.exists() for path in kept) and len(contents()) == len(kept))
    seen.append(on_disk(bot.directory))
    folders = {path.parent for path in kept}
    for path, content in contents().items():
        parts = slices(content)
        assert len(parts) > 20, path
        for snapshot in seen:
            # Words and SIP messages are in the database, too, which is not encrypted.
            where = {at: each for at, each in snapshot.items() if path.suffix == ".wav" or at.parent in folders}
            assert any(at in where for at in kept)
            assert [at for at, each in where.items() if any(part in each for part in parts)] == []

    with wave.open(io.BytesIO(contents()[kept[0]])) as audio:
        assert (audio.getnchannels(), audio.getframerate()) == (2, 8_000)
        sound = np.frombuffer(audio.readframes(audio.getnframes()), "<i2").reshape(-1, 2)
    assert abs(len(sound) / 8_000 - record["billsec"]) < 3.0
    assert (np.abs(sound.astype(int)).max(axis=0) > 300).all(), "both sides are heard"
    assert json.loads(bot.get(f"/api/calls/{call}/peaks"))["duration_s"] == round(len(sound) / 8_000, 3)
    environment = {**os.environ, **encrypted(keys), "OFFHOOK_RECORDS__DIR": str(data)}
    assert offhook(environment, "replay", call).returncode == 0
    shown = offhook(environment, "records", "check")
    assert (shown.returncode, shown.stdout.startswith("3 files encrypted with the key ")) == (0, True)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"KEY_FILE": "gone.keys"}, ("key file cannot be read", "No such file", "offhook records key")),
        ({"KEY_FILE": "empty.keys"}, ("key file has no key", "no line with one", "offhook records key")),
        ({}, ("`records.key_file` is missing", "`encrypt` needs `key_file`", "`key_file = ")),
    ],
)
def test_without_a_key_no_call_is_taken(tmp_path: Path, settings: dict[str, str], parts: tuple[str, ...]) -> None:
    (tmp_path / "empty.keys").touch()
    wanted = {"DIR": "data", "RECORD_AUDIO": "true", "ENCRYPT": "true", **settings}
    environment = {**os.environ, **{f"OFFHOOK_RECORDS__{name}": value for name, value in wanted.items()}}
    addresses = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0")
    done = offhook(environment, "serve", *addresses, "--bench-engines", cwd=tmp_path)
    assert done.returncode == 2
    assert "ready" not in done.stdout
    for part, line in zip(parts, done.stderr.strip().splitlines()[-3:], strict=True):
        assert part in line
    assert not (tmp_path / "data").exists()
