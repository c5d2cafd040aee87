"""A captured call: its file as another program reads it, and its way to the page."""

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import Sipp, program
from tests.offhook.records.pcapfile import Datagram, read

LINES = re.compile(r"^(?:(INVITE|ACK|BYE) sip:\S+ SIP/2\.0|SIP/2\.0 (\d{3}) .*)\r$", re.MULTILINE)


def get(bot: BotProcess, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{bot.http}{path}", timeout=5) as answer:
        data: bytes = answer.read()
    return data


def complete(path: Path, bot: BotProcess) -> list[Datagram]:
    """The capture, when the answer to BYE is in it: then nothing more comes."""
    bot.wait_for(lambda: path.exists() and path.read_bytes().count(b"CSeq: 2 BYE") == 2)
    return read(path.read_bytes())


@pytest.mark.peer
@pytest.mark.usefixtures("recording")
def test_a_whole_call(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RECORDS__CAPTURE="true", OFFHOOK_CALLS__WORKERS="2")
    with Sipp("uac_speech.xml", tmp_path, "-d", "3000", target=bot.address) as sipp:
        sipp.wait().check()
    record = bot.record(sipp.port)
    path = bot.directory / "data" / "captures" / f"{record['uniqueid']}.pcap"
    packets = complete(path, bot)
    assert get(bot, f"/api/calls/{record['uniqueid']}/capture.pcap") == path.read_bytes()
    us, them = (bot.host, bot.port), (bot.host, sipp.port)

    signalling = [one for one in packets if us in (one.source, one.destination)]
    assert all({one.source, one.destination} == {us, them} for one in signalling)
    said = [(one.source == them, "".join(LINES.findall(one.payload.decode())[0])) for one in signalling]
    assert said == [(True, "INVITE"), (False, "100"), (False, "200"), (True, "ACK"), (True, "BYE"), (False, "200")]
    assert f"Call-ID: {record['call_id']}" in signalling[-1].payload.decode()

    media = [one for one in packets if one.is_rtp]
    stats = record["rtp"]
    port = int(re.findall(rb"^m=audio (\d+)", signalling[2].payload, re.MULTILINE)[0])
    sent = [one for one in media if one.source == (bot.host, port)]
    received = [one for one in media if one.destination == (bot.host, port)]
    assert (len(sent), len(received)) == (stats["packets_sent"], stats["packets_received"])
    for stream in (sent, received):
        first = stream[0].sequence
        assert [(one.sequence - first) % 65_536 for one in stream] == list(range(len(stream)))
    times = [one.at_s for one in packets]
    assert times == sorted(times)
    assert 2.5 < times[-1] - times[0] < 10

    done = subprocess.run(
        [program("tcpdump"), "-nn", "-v", "-r", "-"],
        input=path.read_bytes(),
        capture_output=True,
        timeout=20,
        check=True,
    )
    shown = done.stdout.decode(errors="replace")
    assert shown.count(" > ") == len(packets) and "bad cksum" not in shown


@pytest.mark.peer
@pytest.mark.usefixtures("recording")
def test_nothing_is_captured_unless_asked_for(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_speech.xml", tmp_path, "-d", "500", target=bench_bot.address) as sipp:
        sipp.wait().check()
    uniqueid = bench_bot.record(sipp.port)["uniqueid"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(bench_bot, f"/api/calls/{uniqueid}/capture.pcap")
    assert not (bench_bot.directory / "data" / "captures").exists()
