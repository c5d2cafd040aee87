"""What tcpdump captures on loopback, and what tshark says of it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.peers import program

STREAM = re.compile(
    r"^ *[\d.]+ +[\d.]+ +(\S+) +(\d+) +(\S+) +(\d+) +0x([0-9A-F]{8}) .*? +(\d+) +(-?\d+) \([-\d.]+%\)"
    r" +([-\d.]+) +([\d.]+) +([\d.]+) +([-\d.]+) +([\d.]+) +([\d.]+)",
    re.MULTILINE,
)


def by_tshark(path: Path) -> dict[tuple[str, str, str], dict[str, float]]:
    """Packets, loss (what came twice counts twice, RFC 3550 A.3) and jitter of each stream."""
    command = [program("tshark"), "-r", str(path), "-q", "-z", "rtp,streams", "--enable-heuristic", "rtp_udp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = {}
    for source, port, target, to_port, ssrc, *figures in STREAM.findall(done.stdout):
        packets, lost, _, _, _, _, jitter_mean, jitter_max = map(float, figures)
        key = (f"{source}:{port}", f"{target}:{to_port}", f"0x{ssrc}")
        found[key] = {
            "packets": packets,
            "lost": lost,
            "jitter_mean_ms": jitter_mean,
            "jitter_max_ms": jitter_max,
        }
    assert found, done.stdout + done.stderr
    return found


FIELDS = ("ip.src", "udp.srcport", "ip.dst", "udp.dstport", "rtp.ssrc", "frame.time_epoch", "rtp.seq", "rtp.timestamp")


def pace_by_tshark(path: Path) -> dict[tuple[str, str, str], float]:
    """By the packets as tshark dissects them, of each stream: how far the time between two that follow each other in
    one talk spurt was, at most, from that between their timestamps (of 8000 Hz), in ms."""
    command = [program("tshark"), "-r", str(path), "--enable-heuristic", "rtp_udp", "-Y", "rtp", "-T", "fields"]
    command += [part for name in (*FIELDS, "rtp.marker") for part in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[tuple[str, str, str], float] = {}
    latest: dict[tuple[str, str, str], tuple[float, int, int]] = {}
    for line in done.stdout.splitlines():
        source, port, target, to_port, ssrc, *numbers, marker = line.split("\t")
        key = (f"{source}:{port}", f"{target}:{to_port}", f"0x{int(ssrc, 16):08X}")
        at_s, number, timestamp = float(numbers[0]), int(numbers[1]), int(numbers[2])
        before = latest.get(key)
        if before is not None and (number - before[1]) & 0xFFFF > 0x8000:
            continue  # out of order
        if before is not None and (number - before[1]) & 0xFFFF == 1 and marker not in ("1", "True"):
            step_s = (timestamp - before[2] & 0xFFFFFFFF) / 8_000
            found[key] = max(found.get(key, 0.0), 1_000 * abs(at_s - before[0] - step_s))
        latest[key] = (at_s, number, timestamp)
    return found


@contextmanager
def tcpdump(path: Path, what: str) -> Iterator[None]:
    """A capture on loopback."""
    command = [program("tcpdump"), "-i", "lo", "-U", "-s", "0", "-w", str(path), what]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        while "listening" not in line:
            assert line, "tcpdump did not start"
            line = process.stderr.readline()
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)
