"""SIPp's calls are counted, and their times read, by `bench.sip_rate`."""

import re
import sys
from pathlib import Path

from bench.runs import Child
from bench.sip_rate import call, row


def test_calls_of_sipp_to_the_user_agent(tmp_path: Path) -> None:
    with Child(0, [sys.executable, "-m", "bench.sip_rate_uas"], {}) as server:
        port = int(re.findall(r"sip:\S+:(\d+)", server.ready_line)[0])
        found = call("ours", server.pid, port, 50, 1.0, str(tmp_path), warm_up_s=0.1)
    assert (found.calls, found.failed) == (50, 0)
    assert len(found.trying) == len(found.answered) == 50
    assert all(first <= last for first, last in zip(sorted(found.trying), sorted(found.answered), strict=True))
    assert found.cpu_ms > 0
    assert row(found, found).split()[-1] == "1.00"
