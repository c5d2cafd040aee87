"""A captured call: its file as another program reads it, and its way to the page."""

import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp, program, sipp
from tests.e2e.test_transfer import ASKS, FLOW, bot
from tests.offhook.records.pcapfile import Datagram, read

LINES = re.compile(r"^(?:(INVITE|ACK|BYE) sip:\S+ SIP/2\.0|SIP/2\.0 (\d{3}) .*)\r$", re.MULTILINE)


def get(bot: BotProcess, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{bot.http}{path}", timeout=5) as answer:
        data: bytes = answer.read()
    return data


def complete(path: Path, bot: BotProcess, byes: int = 1) -> list[Datagram]:
    """The capture, when each BYE with its answer is in it: then nothing more comes."""
    bot.wait_for(lambda: path.exists() and path.read_bytes().count(b" BYE\r\n") == 2 * byes)
    return read(path.read_bytes())


def path_of(record: Mapping[str, Any], bot: BotProcess) -> Path:
    return bot.directory / "data" / "captures" / f"{record['uniqueid']}.pcap"


def shown(path: Path) -> str:
    """As tcpdump prints it."""
    command = [program("tcpdump"), "-nn", "-v", "-r", "-"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, timeout=20, check=True)
    text = done.stdout.decode(errors="replace")
    assert "bad cksum" not in text
    return text


def said(packets: list[Datagram], them: tuple[str, int]) -> list[tuple[bool, str]]:
    """Of the SIP messages with one far end: whether it was sent to us, and its method or status."""
    signalling = [one for one in packets if them in (one.source, one.destination)]
    return [(one.source == them, "".join(LINES.findall(one.payload.decode())[0])) for one in signalling]


@pytest.mark.peer
@pytest.mark.usefixtures("recording")
def test_a_whole_call(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_RECORDS__CAPTURE="true", OFFHOOK_CALLS__WORKERS="2")
    with Sipp("uac_speech.xml", tmp_path, "-d", "3000", target=bot.address) as sipp:
        sipp.wait().check()
    record = bot.record(sipp.port)
    path = path_of(record, bot)
    packets = complete(path, bot)
    assert get(bot, f"/api/calls/{record['uniqueid']}/capture.pcap") == path.read_bytes()
    us, them = (bot.host, bot.port), (bot.host, sipp.port)

    signalling = [one for one in packets if us in (one.source, one.destination)]
    assert all({one.source, one.destination} == {us, them} for one in signalling)
    assert said(packets, them) == [
        (True, "INVITE"),
        (False, "100"),
        (False, "200"),
        (True, "ACK"),
        (True, "BYE"),
        (False, "200"),
    ]
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

    assert shown(path).count(" > ") == len(packets)


@pytest.mark.peer
def test_a_transferred_call_and_the_one_to_the_agent(tmp_path: Path) -> None:
    flow = FLOW.replace("transfer: desk", "transfer: desk\n    mode: attended")
    more = "[records]\ncapture = true\n"
    with (
        Sipp("uas_hangs_up.xml", tmp_path) as agent,
        bot(tmp_path / "bot", agent.port, more=more, workers=2, flow=flow) as running,
    ):
        sipp("uac_waits.xml", tmp_path, running.address).check()
        agent.wait().check()
        caller, leg = running.ended(2)
        assert str(leg["dst"]).startswith("sip:desk@")
        packets = complete(path_of(leg, running), running)
        began = [(False, "INVITE"), (True, "200"), (False, "ACK"), (True, "BYE"), (False, "200")]
        assert said(packets, (HOST, agent.port)) == began
        # The bot asks the agent.
        invite, answer = packets[0].payload, packets[1].payload
        ours, theirs = ((HOST, int(re.findall(rb"^m=audio (\d+)", each, re.MULTILINE)[0])) for each in (invite, answer))
        assert any(one.is_rtp and (one.source, one.destination) == (ours, theirs) for one in packets)
        assert shown(path_of(leg, running)).count(" > ") == len(packets)
        # Each file is of one call.
        call_ids = {str(each["call_id"]).encode(): path_of(each, running).read_bytes() for each in (caller, leg)}
        assert all((call_id in file) is (of == call_id) for call_id in call_ids for of, file in call_ids.items())


@pytest.mark.peer
def test_a_call_that_goes_on_with_another_party(tmp_path: Path) -> None:
    """Its media is that of one call, and so is its file."""
    more = f"""[transfer]
allow = ["*@{HOST}"]
[records]
capture = true
[trunks.pbx]
host = "{HOST}"
refer = "accept"
"""
    with Sipp("uas_answers.xml", tmp_path) as other, bot(tmp_path / "bot", 9, more=more, flow=ASKS) as running:
        sipp("uac_refers.xml", tmp_path, running.address, agent=other.port).check()
        other.wait().check()
        (record,) = running.ended()
        path = path_of(record, running)
        packets = complete(path, running, byes=2)
        calls = [(False, "INVITE"), (True, "100"), (True, "180"), (True, "200"), (False, "ACK"), (False, "BYE")]
        assert said(packets, (HOST, other.port)) == [*calls, (True, "200")]


@pytest.mark.peer
@pytest.mark.usefixtures("recording")
def test_nothing_is_captured_unless_asked_for(bench_bot: BotProcess, tmp_path: Path) -> None:
    with Sipp("uac_speech.xml", tmp_path, "-d", "500", target=bench_bot.address) as sipp:
        sipp.wait().check()
    uniqueid = bench_bot.record(sipp.port)["uniqueid"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(bench_bot, f"/api/calls/{uniqueid}/capture.pcap")
    assert not (bench_bot.directory / "data" / "captures").exists()
