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
