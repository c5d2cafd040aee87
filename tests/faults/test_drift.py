"""The far end's clock runs 200 parts in a million wrong, for half an hour of virtual time."""

import pytest

from offhook.telephony.rtp import AudioGap, AudioPayload
from tests.telephony.rtp.support import REMOTE as SOURCE
from tests.telephony.rtp.support import START, audio, events, run_timers, session

PACKETS = 30 * 60 * 50


@pytest.mark.parametrize("ppm", [200, -200])
def test_nothing_grows_and_nothing_is_made_up(ppm: int) -> None:
    line = session()
    heard = gaps = 0
    for number in range(PACKETS):
        now = START + number * 0.02 * (1 - ppm / 1_000_000)
        run_timers(line, now)
        line.receive_rtp(audio(number), SOURCE, now)
        line.rtcp_to_send()
        for event in events(line):
            heard += isinstance(event, AudioPayload)
            gaps += event.ticks if isinstance(event, AudioGap) else 0
    stats = line.stats()
    assert (heard, gaps) == (PACKETS, 0)
    assert (stats.lost, stats.late, stats.rate_limited) == (0, 0, 0)
    assert line.dump()["waiting_packets"] == 0
    assert line.dump()["position_ticks"] == PACKETS * 160
