"""Captures of real calls, judged: nothing is found in clean ones, and figures are those that other programs have."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from offhook.cli.main import app
from offhook.sip.net.address import Address
from offhook.testing.sip_caller import Caller
from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST, free_udp_ports, sipp
from tests.e2e.sniffer import by_tshark, pace_by_tshark, tcpdump
from tests.e2e.test_baresip import configure, dials
from tests.e2e.test_pjsua import Pjsua
from tests.e2e.test_qa import qa, results_of
from tests.offhook.records.pcapfile import read
from tests.ports import own_ports
from tests.signals import wav

pytestmark = pytest.mark.peer

BY_SIPP, BY_BARESIP, BY_PJSUA, BY_OURS = 20, 3, 3, 24
AT_ONCE = 6
AFTER_THE_END = 4
TALK_S = 2.0
OF_THE_MACHINE = {"gaps", "jitter", "clock_drift", "late_first_response", "late_ack", "retransmissions", "poor_quality"}
"""What a loaded machine really does to calls."""


def judged(path: Path) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["qa", "pcap", "--json", str(path)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == int(found["trouble"])
    return found


def troubles(found: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in found["findings"] if each["severity"] != "note"]


# --- clean calls


def called_by_sipp(bot: BotProcess, directory: Path) -> None:
    def one(number: int) -> None:
        folder = directory / f"sipp{number}"
        folder.mkdir()
        shutil.copy(directory / "speech.ulaw", folder)
        sipp("uac_speech.xml", folder, bot.address, "-d", "2500").check()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(BY_SIPP)))


def called_by_baresip(bot: BotProcess, directory: Path) -> None:
    for number in range(BY_BARESIP):
        folder = directory / f"baresip{number}"
        folder.mkdir()
        said = bytes(2 * 8_000) + speech("check-my-balance")
        configure(folder, free_udp_ports(), said.ljust(2 * 8_000 * 4, b"\0"))
        assert "Call established" in dials(f"sip:bot@{bot.address}", folder, 6)


def called_by_pjsua(bot: BotProcess, directory: Path) -> None:
    said = directory / "said.wav"
    said.write_bytes(wav(speech("check-my-balance"), 8_000))
    for _ in range(BY_PJSUA):
        steps = [["wait", 3.0], ["hang_up"]]
        with Pjsua(directory, call=f"sip:bot@{bot.address}", say=str(said), steps=steps) as phone:
            phone.events()


def called_by_ours(bot: BotProcess) -> None:
    async def one() -> None:
        caller = await asyncio.wait_for(Caller.dial(HOST, Address(bot.host, bot.port)), 10)
        await caller.listen_for(0.5)
        await caller.say(speech("check-my-balance"))
        caller.press("5")
        await caller.listen_for(TALK_S)
        caller.hang_up()
        await asyncio.sleep(0.2)
        caller.close()

    async def all_of_them() -> None:
        for _ in range(BY_OURS // AT_ONCE):
            await asyncio.gather(*(one() for _ in range(AT_ONCE)))

    asyncio.run(all_of_them())


@pytest.mark.usefixtures("recording")
def test_nothing_is_found_in_clean_calls(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    """Fifty calls by four phones, captured by the bot. What a loaded machine does to them is really there."""
    bot = start_bot("--bench-engines", OFFHOOK_RECORDS__CAPTURE="true")
    with ThreadPoolExecutor() as pool:
        work = [pool.submit(called_by_sipp, bot, tmp_path), pool.submit(called_by_ours, bot)]
        work.append(pool.submit(called_by_baresip, bot, tmp_path))
        if find_spec("pjsua2") is not None:
            work.append(pool.submit(called_by_pjsua, bot, tmp_path))
        for each in work:
            each.result()
    count = BY_SIPP + BY_OURS + BY_BARESIP + BY_PJSUA * (len(work) - 3)
    folder = bot.directory / "data" / "captures"
    bot.wait_for(lambda: len([path for path in folder.glob("*.pcap") if _is_whole(path)]) == count)

    late = 0
    for path in sorted(folder.glob("*.pcap")):
        found = judged(path)
        (call,) = found["calls"]
        assert (call["outcome"], call["ended_by"], len(call["streams"])) == ("answered", "caller", 2)
        kinds = set(troubles(found))
        assert kinds <= OF_THE_MACHINE, [each for each in found["findings"] if each["severity"] != "note"]
        if "gaps" in kinds:
            assert _longest_interval_s(path) > 0.07, path
        late += bool(kinds)
    assert late <= count // 4, f"{late} of {count}: the machine is too busy to tell"


def _is_whole(path: Path) -> bool:
    return len(re.findall(rb"CSeq: \d+ BYE", path.read_bytes())) >= 2


def _longest_interval_s(path: Path) -> float:
    times: dict[tuple[str, int], list[float]] = {}
    for each in read(path.read_bytes()):
        if each.is_rtp:
            times.setdefault(each.source, []).append(each.at_s)
    return max(later - earlier for each in times.values() for earlier, later in pairwise(each))


# --- figures, beside those of tshark


@contextmanager
def relay(bot: BotProcess, ports: tuple[int, int], *options: str) -> Iterator[str]:
    """A bad line to the bot; its address."""
    command = [sys.executable, "-m", "offhook.testing.relay", "--listen", f"{HOST}:0", "--to", bot.address]
    process = subprocess.Popen(
        [*command, "--media-ports", f"{ports[0]}-{ports[1]}", *options], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ready, address = process.stdout.readline().split()
        assert ready == "ready"
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=10)


LINES = {
    "lossy": ("--loss", "4", "--burst", "2", "--jitter", "10", "--seed", "3"),
    "out of order": ("--loss", "1", "--reorder", "3", "--reorder-by", "35", "--dup", "2", "--seed", "5"),
}


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("line", LINES)
def test_a_bad_line_is_as_tshark_has_it(bench_bot: BotProcess, tmp_path: Path, line: str) -> None:
    ports, path = own_ports(), tmp_path / "line.pcap"
    with relay(bench_bot, ports, *LINES[line]) as address:
        port = address.rpartition(":")[2]
        what = f"udp and (port {port} or port {bench_bot.port} or portrange {ports[0]}-{ports[1]})"
        with tcpdump(path, what):
            sipp("uac_speech.xml", tmp_path, address, "-d", "4000").check()
            # On both hops, from the one that asks and from the one that answers.
            bench_bot.wait_for(lambda: path.read_bytes().count(b"CSeq: 2 BYE") >= 4)
    found, theirs, paces_ms = judged(path), by_tshark(path), pace_by_tshark(path)
    assert len(found["streams"]) == len(theirs) == 4, "two ways, before and behind the relay"
    for stream in found["streams"]:
        other = theirs[stream["source"], stream["destination"], stream["ssrc"]]
        loss = stream["loss"]
        assert stream["packets"] == other["packets"]
        assert loss["lost"] - loss["duplicate"] == other["lost"]
        assert stream["jitter_mean_ms"] == pytest.approx(other["jitter_mean_ms"], rel=0.01, abs=0.01)
        assert stream["jitter_max_ms"] == pytest.approx(other["jitter_max_ms"], rel=0.01, abs=0.01)
        pace_ms = paces_ms[stream["source"], stream["destination"], stream["ssrc"]]
        assert stream["pace_max_ms"] == pytest.approx(pace_ms, abs=0.01)
    assert "loss" in troubles(found) or "heavy_loss" in troubles(found)


@pytest.mark.usefixtures("recording")
def test_a_scripted_call_has_the_figures_of_its_capture(bench_bot: BotProcess, tmp_path: Path) -> None:
    """What the caller measured as it came, beside what tshark and `qa pcap` say of the same packets."""
    ports, path = own_ports(), tmp_path / "call.pcap"
    (tmp_path / "call.yaml").write_text("name: call\nsteps: [{wait: 5000}, hang_up]\n")
    with relay(bench_bot, ports, *LINES["lossy"]) as address, tcpdump(path, f"udp and {_ports(address, ports)}"):
        status, said = qa(tmp_path, "call.yaml", "--target", address, "--json", "out.json")
        assert status == 0, said
        bench_bot.wait_for(lambda: path.read_bytes().count(b"CSeq: 2 BYE") >= 2)
    result = results_of(tmp_path / "out.json")["call"]
    ours = result["call"]["media"]
    (port,) = re.findall(r"m=audio (\d+)", result["sip"][0]["text"])
    (theirs,) = [each for key, each in by_tshark(path).items() if key[1] == f"{HOST}:{port}"]
    (stream,) = [each for each in judged(path)["streams"] if each["destination"] == f"{HOST}:{port}"]
    # A few packets may still have come when the caller had hung up.
    assert 0 <= theirs["packets"] - ours["packets"] <= AFTER_THE_END
    assert 0 <= theirs["lost"] - ours["lost"] <= AFTER_THE_END and ours["lost"] > 0
    assert ours["jitter_ms"] == pytest.approx(stream["jitter_ms"], rel=0.5, abs=1.0)
    assert 0 < ours["jitter_ms"] <= theirs["jitter_max_ms"]


def _ports(address: str, media: tuple[int, int]) -> str:
    return f"(port {address.rpartition(':')[2]} or portrange {media[0]}-{media[1]})"
