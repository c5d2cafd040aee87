"""What leaves while the event loop, or the whole machine, is busy with something else. Times are the kernel's."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest

from offhook.telephony import native
from tests.telephony.net.calls import HOST
from tests.telephony.net.speaker import SPEECH_MS

pytestmark = pytest.mark.skipif(native.media is None, reason="the native media pump was not built")

PACKETS = SPEECH_MS // 20
SO_TIMESTAMPNS = 35
GAP_MAX_MS = 25
BURST_MS = 5
ATTEMPTS = 4
"""A machine that is busy with other things may hold any thread up; it does not do so four times running, whereas the
event loop does it every time."""


class Packet(NamedTuple):
    at: float
    marker: bool
    sequence: int
    timestamp: int


def listen(trouble: str, meanwhile: Callable[[int], None] | None = None) -> tuple[list[Packet], dict[str, object]]:
    """The packets of a speaker, and what it says of itself. `meanwhile` gets its process id once it speaks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        ear.bind((HOST, 0))
        ear.settimeout(30)
        command = [sys.executable, "-m", "tests.telephony.net.speaker", str(ear.getsockname()[1]), trouble]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as speaker:
            packets = [receive(ear)]
            try:
                if meanwhile is not None:
                    meanwhile(speaker.pid)
                output, _ = speaker.communicate(timeout=30)
            finally:
                speaker.kill()
        assert speaker.returncode == 0
        while len(packets) < PACKETS:
            packets.append(receive(ear))
        return packets, json.loads(output)


def receive(ear: socket.socket) -> Packet:
    data, control, _, _ = ear.recvmsg(2_000, 64)
    seconds, nanoseconds = struct.unpack("qq", control[0][2])
    _, kind, sequence, timestamp = struct.unpack_from("!BBHI", data)
    return Packet(seconds + nanoseconds / 1e9, kind >= 0x80, sequence, timestamp)


def gaps_ms(packets: list[Packet]) -> list[float]:
    return [1_000 * (after.at - before.at) for before, after in pairwise(packets)]


def check_continuous(packets: list[Packet]) -> None:
    assert [packet.marker for packet in packets] == [True] + [False] * (PACKETS - 1)
    for before, after in pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFF_FFFF == 160


@pytest.mark.parametrize("trouble", ["nothing", "sleep", "busy", "collect_garbage", "burn"])
def test_nothing_disturbs_a_talk_spurt(trouble: str) -> None:
    worst = []
    for _ in range(ATTEMPTS):
        packets, report = listen(trouble)
        gaps = gaps_ms(packets)
        worst.append((max(gaps), min(gaps)))
        if max(gaps) < GAP_MAX_MS and min(gaps) > BURST_MS:
            check_continuous(packets)
            assert report["stalls"] == 0
            return
    pytest.fail(f"gaps of {worst} ms")


def test_a_stopped_process_goes_on_without_a_burst() -> None:
    stopped_s = 1.0

    def stop(process: int) -> None:
        time.sleep(0.3)
        os.kill(process, signal.SIGSTOP)
        time.sleep(stopped_s)
        os.kill(process, signal.SIGCONT)

    packets, report = listen("nothing", stop)
    gaps = gaps_ms(packets)
    resumed = gaps.index(max(gaps)) + 1
    assert max(gaps) >= 1_000 * stopped_s
    # A new talk spurt: marked, and its timestamp has moved on with real time.
    assert [i for i, packet in enumerate(packets) if packet.marker][:2] == [0, resumed]
    before, after = packets[resumed - 1], packets[resumed]
    assert (after.timestamp - before.timestamp) / 8 == pytest.approx(max(gaps), abs=25)
    assert sum(gaps[resumed : resumed + 10]) > 150
    assert report["stalls"] == 1
