"""A call by baresip, a telephone that people use, without a sound card."""

import subprocess
import wave
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, free_udp_ports, program

pytestmark = pytest.mark.peer
MODULES = next(
    (path for path in Path("/usr").glob("lib*/**/baresip/modules") if path.is_dir()), Path("/usr/lib/baresip")
)
LENGTH_S = 5


def configure(directory: Path, port: int) -> None:
    """A telephone whose microphone is a file and whose loudspeaker is nowhere; it hangs up at the file's end."""
    said = bytes(2 * 8_000) + speech("check-my-balance")
    with wave.open(str(directory / "microphone.wav"), "wb") as audio:
        audio.setparams((1, 2, 8_000, 0, "NONE", ""))
        audio.writeframes(said.ljust(2 * 8_000 * LENGTH_S, b"\0"))
    media = free_udp_ports(16)
    (directory / "accounts").write_text(f"<sip:qa@{HOST}>;regint=0\n")
    (directory / "contacts").touch()
    (directory / "config").write_text(
        f"""
sip_listen {HOST}:{port}
net_interface {HOST}
rtp_ports {media}-{media + 15}
audio_source aufile,{directory / "microphone.wav"}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
module_path {MODULES}
module g711.so
module aufile.so
module aubridge.so
module_app account.so
module_app menu.so
"""
    )


def test_baresip_calls(bench_bot: BotProcess, tmp_path: Path) -> None:
    records = len(bench_bot.records())
    configure(tmp_path, free_udp_ports())
    command = [
        program("baresip"),
        "-f",
        str(tmp_path),
        "-v",
        "-t",
        str(LENGTH_S + 2),
        "-e",
        f"/dial sip:bot@{bench_bot.address}",
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Call established" in done.stdout
    assert "incoming rtp for 'audio' established" in done.stdout
    bench_bot.wait_for(lambda: len(bench_bot.records()) > records and bench_bot.records()[-1]["end"] is not None)
    record = bench_bot.finished(bench_bot.records()[-1])
    assert (record["src"], record["disposition"]) == (f"sip:qa@{HOST}", "ANSWERED")
    assert (record["end_reason"], record["turns"]) == ("caller hung up", 1)
    assert bench_bot.lines(record, "caller") == ["check my balance"]
    assert LENGTH_S - 1 < record["billsec"] < LENGTH_S + 2
    assert record["rtp"]["packets_received"] > 50 * (LENGTH_S - 1)
    assert record["rtp"]["packets_sent"] > 50
    assert record["rtp"]["lost"] == 0
