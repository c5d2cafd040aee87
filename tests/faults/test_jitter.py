"""Ten minutes of jitter with spikes, in virtual time: nothing is lost for it, nothing drifts, nothing stays behind."""

import pytest

from offhook.telephony.rtp import AudioGap, AudioPayload
from offhook.testing.impair import Impairer, Impairment
from tests.telephony.rtp.support import REMOTE as SOURCE
from tests.telephony.rtp.support import START, audio, events, indices, run_timers, session

BAD = Impairment(jitter_ms=60, spike_percent=0.5, spike_ms=200)
BAD_S, CALM_S = 600.0, 90.0
"""After the calm even what was learnt of the spikes is forgotten."""
PACKET_S = 0.02
LEAST_WAIT_S = 0.02 + PACKET_S
"""Behind a hole, on a line without jitter."""
PACKETS = round((BAD_S + CALM_S) / PACKET_S)
MISSING = PACKETS - 10


def arrivals(seed: int) -> list[tuple[float, bytes]]:
    """When each packet comes; one of the last never does."""
    way = Impairer(BAD, seed=seed, stream="rtp", start=START)
    came = []
    for number in range(PACKETS):
        at, data = START + number * PACKET_S, audio(number)
        if at < START + BAD_S:
            came += [(one.send_at, data) for one in way.packet(data, at)]
        elif number != MISSING:
            came.append((at, data))
    return sorted(came, key=lambda arrival: arrival[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_wait_comes_back_and_nothing_drifts(seed: int) -> None:
    line = session()
    heard: dict[int, tuple[float, int]] = {}
    gaps: list[float] = []
    for at, data in arrivals(seed):
        run_timers(line, at)
        line.receive_rtp(data, SOURCE, at)
        line.rtcp_to_send()
        for event in events(line):
            if isinstance(event, AudioPayload):
                heard[indices([event])[0]] = at, event.at_tick
            elif isinstance(event, AudioGap):
                gaps.append(at)
    stats, last = line.stats(), PACKETS - 1
    assert (stats.lost, line.dump()["waiting_packets"]) == (1, 0)
    assert stats.late < 0.02 * PACKETS
    # At the end all is as on a line that was never bad: what is in order passes at once, a hole waits shortly.
    assert heard[last][0] == pytest.approx(START + last * PACKET_S)
    assert gaps[-1] - (START + (MISSING + 1) * PACKET_S) < LEAST_WAIT_S + 0.001
    # Audio time is the sender's, however much was made up for it meanwhile.
    assert heard[last][1] - heard[0][1] == 160 * last
