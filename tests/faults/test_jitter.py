"""Ten minutes of jitter with spikes, in virtual time: nothing is lost for it, nothing drifts, nothing stays behind."""

import pytest

from offhook.testkit.impair import Impairer, Impairment
from telephony.rtp import AudioPayload
from tests.telephony.rtp.support import REMOTE as SOURCE
from tests.telephony.rtp.support import START, audio, events, indices, run_timers, session

BAD = Impairment(jitter_ms=60, spike_percent=0.5, spike_ms=200)
BAD_S, CALM_S = 600.0, 90.0
"""After the calm even what was learnt of the spikes is forgotten."""
PACKET_S = 0.02


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_wait_comes_back_and_nothing_drifts(seed: int) -> None:
    line, way = session(), Impairer(BAD, seed=seed, stream="rtp", start=START)
    arrivals = []
    for number in range(round((BAD_S + CALM_S) / PACKET_S)):
        at = START + number * PACKET_S
        data = audio(number)
        arrivals += [(one.send_at, data) for one in way.packet(data, at)] if at < START + BAD_S else [(at, data)]
    arrivals.sort(key=lambda arrival: arrival[0])
    heard: dict[int, float] = {}
    places: dict[int, int] = {}
    for at, data in arrivals:
        run_timers(line, at)
        line.receive_rtp(data, SOURCE, at)
        line.rtcp_to_send()
        for event in events(line):
            if isinstance(event, AudioPayload):
                (number,) = indices([event])
                heard[number], places[number] = at, event.at_sample
    stats, last = line.stats(), len(arrivals) - 1
    assert stats.lost == 0
    assert stats.late < 0.02 * len(arrivals)
    # Jitter keeps the order, so nothing waits for anything: what comes in sequence passes with its arrival.
    assert heard[last] == pytest.approx(START + last * PACKET_S)
    assert line.dump()["waiting_packets"] == 0
    # Audio time is the sender's, however much was made up for it meanwhile.
    assert places[last] - places[0] == 160 * last
