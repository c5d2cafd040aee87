"""Figures of the same packets by three programs: python -m bench.qa_figures --caller PATH/sip_caller.py [--calls 4]

The calling program (see bench.__main__) measures what the bot sends as it comes; `offhook qa pcap` and tshark read the
capture of these very calls (tcpdump on loopback, which needs its right). Packets, loss and jitter (RFC 3550 §6.4.1) are
of the bot's streams; `off pace` is how far the time between two packets of one talk spurt was, at most, from that
between their timestamps.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.runs import BENCH, MEDIA_PORTS, TALK, Bot, Callers, Run, call
from tests.e2e.sniffer import by_tshark, pace_by_tshark, tcpdump

ROW = "{:<14}{:>9}{:>7}{:>16}{:>15}{:>13}"
HEADINGS = ("by", "packets", "lost", "jitter mean ms", "jitter max ms", "off pace ms")


def by_qa(path: Path, server: range) -> list[dict[str, Any]]:
    """The bot's streams, as `offhook qa pcap` has them; what else uses these ports is of no call in the capture."""
    command = [sys.executable, "-m", "offhook", "qa", "pcap", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    streams: Sequence[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return [each for each in streams if each["call"] and int(each["source"].rpartition(":")[2]) in server]


def of_caller(rtp: Mapping[str, Any]) -> tuple[object, ...]:
    """The caller's JSON. Its `jitter_ms` is that at the end of each call, of which this is the mean."""
    counts = rtp["counts"]
    received = counts["expected"] - counts["missing"]
    jitter, most, pace = rtp["jitter_ms"]["mean"], rtp["jitter_max_ms"]["max"], rtp["pacing_dev_ms"]["max"]
    return ("caller", received, counts["missing"], jitter, most, pace)


def of_qa(streams: Sequence[Mapping[str, Any]]) -> tuple[object, ...]:
    """The same by our own reading: the jitter is the last value, too."""
    last = sum(each["jitter_ms"] for each in streams) / len(streams)
    pace = max(each["pace_max_ms"] for each in streams)
    most = max(each["jitter_max_ms"] for each in streams)
    packets, lost = (sum(each) for each in zip(*((s["packets"], s["loss"]["lost"]) for s in streams), strict=True))
    return ("qa pcap", packets, lost, round(last, 3), round(most, 3), round(pace, 3))


def of_tshark(streams: Sequence[Mapping[str, float]], paces_ms: Sequence[float]) -> tuple[object, ...]:
    """tshark's, which has the mean over each stream, and no last value; the pace is by packets as it dissects them."""
    mean = sum(each["jitter_mean_ms"] for each in streams) / len(streams)
    packets, lost = (int(sum(each[name] for each in streams)) for name in ("packets", "lost"))
    most = max(each["jitter_max_ms"] for each in streams)
    return ("tshark", packets, lost, f"({mean:.3f})", most, round(max(paces_ms), 3))


def measured(callers: Callers, calls: int) -> tuple[tuple[object, ...], ...]:
    """The rows: by the caller, by `offhook qa pcap`, by tshark."""
    run = Run("figures", BENCH, ("--calls", str(calls), "--cps", "2", *TALK))
    low, high = map(int, MEDIA_PORTS.split("-"))
    server = range(low, high + 1)
    with tempfile.TemporaryDirectory() as directory, Bot(run, directory) as bot:
        path = Path(directory) / "calls.pcap"
        with tcpdump(path, f"udp and (port {bot.sip.rpartition(':')[2]} or portrange {low}-{high})"):
            rtp = call(callers, run, bot)["rtp"]
        streams, theirs, paces_ms = by_qa(path, server), by_tshark(path), pace_by_tshark(path)
        keys = [(each["source"], each["destination"], each["ssrc"]) for each in streams]
    return (
        of_caller(rtp),
        of_qa(streams),
        of_tshark([theirs[each] for each in keys], [paces_ms[each] for each in keys]),
    )


def main() -> None:
    """The command."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--caller", type=Path, required=True, help="the program that calls over SIP")
    options.add_argument("--caller-python", default=sys.executable)
    options.add_argument("--calls", type=int, default=4)
    args = options.parse_args()
    rows = (HEADINGS, *measured(Callers(args.caller, None, args.caller_python), args.calls))
    print("\n".join(ROW.format(*map(str, row)) for row in rows))


if __name__ == "__main__":
    main()
