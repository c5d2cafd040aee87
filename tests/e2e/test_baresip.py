"""A call by baresip, a telephone that people use, without a sound card."""

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, free_udp_ports, program
from tests.signals import resample

pytestmark = pytest.mark.peer
MODULES = next(
    (path for path in Path("/usr").glob("lib*/**/baresip/modules") if path.is_dir()), Path("/usr/lib/baresip")
)
LENGTH_S = 5
WIDE_SPEECH = Path(__file__).parent.parent / "data" / "speech" / "check_my_balance.wav"


def configure(
    directory: Path,
    port: int,
    said: bytes,
    rate_hz: int = 8_000,
    modules: tuple[str, ...] = (),
    *,
    account: str = f"<sip:qa@{HOST}>;regint=0",
    authority: Path | None = None,
) -> None:
    """A telephone whose microphone is a file and whose loudspeaker is nowhere; it hangs up at the file's end.

    At 48 kHz the file is stereo: that is how its Opus wants it. `account` is its line in the file of accounts. Over TLS
    it trusts the `authority`.
    """
    channels = 2 if rate_hz == 48_000 else 1
    with wave.open(str(directory / "microphone.wav"), "wb") as audio:
        audio.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        audio.writeframes(np.repeat(np.frombuffer(said, "<i2"), channels).tobytes())
    media = free_udp_ports(16)
    (directory / "accounts").write_text(f"{account}\n")
    (directory / "contacts").touch()
    loaded = "\n".join(f"module {name}.so" for name in (*modules, "g711", "aufile", "aubridge"))
    (directory / "config").write_text(
        f"""
sip_listen {HOST}:{port}
net_interface {HOST}
rtp_ports {media}-{media + 15}
audio_source aufile,{directory / "microphone.wav"}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
snd_path {directory}
{"" if authority is None else f"sip_cafile {authority}"}
module_path {MODULES}
{loaded}
module_app account.so
module_app menu.so
"""
    )


def telephone(bot: BotProcess, directory: Path, length_s: int, uri: str = "") -> str:
    """Calls, and returns what the telephone said."""
    said = dials(uri or f"sip:bot@{bot.address}", directory, length_s)
    assert "Call established" in said
    return said


def dials(target: str, directory: Path, length_s: int) -> str:
    """Calls, whether it is answered or not."""
    command = [
        program("baresip"),
        "-f",
        str(directory),
        "-v",
        "-t",
        str(length_s),
        "-e",
        f"/dial {target}",
    ]
    done = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_baresip_calls(bench_bot: BotProcess, tmp_path: Path) -> None:
    records = len(bench_bot.records())
    said = bytes(2 * 8_000) + speech("check-my-balance")
    configure(tmp_path, free_udp_ports(), said.ljust(2 * 8_000 * LENGTH_S, b"\0"))
    log = telephone(bench_bot, tmp_path, LENGTH_S + 2)
    assert "incoming rtp for 'audio' established" in log
    bench_bot.wait_for(lambda: len(bench_bot.records()) > records and bench_bot.records()[-1]["end"] is not None)
    record = bench_bot.finished(bench_bot.records()[-1])
    assert (record["src"], record["disposition"]) == (f"sip:qa@{HOST}", "ANSWERED")
    assert (record["end_reason"], record["turns"]) == ("caller hung up", 1)
    assert bench_bot.lines(record, "caller") == ["check my balance"]
    assert LENGTH_S - 1 < record["billsec"] < LENGTH_S + 2
    assert record["rtp"]["packets_received"] > 50 * (LENGTH_S - 1)
    assert record["rtp"]["packets_sent"] > 50
    assert record["rtp"]["lost"] == 0


@pytest.mark.parametrize(("codec", "rate_hz"), [("g722", 16_000), ("opus", 48_000)])
def test_baresip_calls_in_wide_band(
    start_bot: Callable[..., BotProcess], tmp_path: Path, codec: str, rate_hz: int
) -> None:
    """Recognised by the real recogniser, and what is heard has more than a narrow line carries."""
    length_s = 14
    bot = start_bot(OFFHOOK_RTP__CODECS=f'["{codec.upper()}","PCMU"]')
    with wave.open(str(WIDE_SPEECH)) as audio:
        said = bytes(2 * 16_000 * 6) + audio.readframes(audio.getnframes())
    said = resample(said.ljust(2 * 16_000 * length_s, b"\0"), 16_000, rate_hz)
    configure(tmp_path, free_udp_ports(), said, rate_hz, (codec, "sndfile"))
    telephone(bot, tmp_path, length_s + 2)
    bot.wait_for(lambda: bool(bot.records()) and bot.records()[-1]["end"] is not None)
    record = bot.finished(bot.records()[-1])
    assert "check my balance" in bot.lines(record, "caller")
    assert record["rtp"]["lost"] == 0
    (heard,) = tmp_path.glob("*-dec.wav")
    assert high_band_share(heard) > 0.002


def high_band_share(path: Path) -> float:
    """How much of a recording's energy is between 4.5 and 7 kHz."""
    with wave.open(str(path)) as audio:
        rate_hz, channels = audio.getframerate(), audio.getnchannels()
        samples = np.frombuffer(audio.readframes(audio.getnframes()), "<i2")[::channels].astype(np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return float(power[(hertz > 4_500) & (hertz < 7_000)].sum() / power.sum())
