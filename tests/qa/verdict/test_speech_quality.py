import pytest

from offhook.qa.verdict.speech_quality import Arrival, Arrivals, clipping_percent, holes
from offhook.telephony.tones import tones


def arrivals(count: int = 50, late: dict[int, float] | None = None, loud: bool = True) -> list[Arrival]:
    found, delay_s = [], 0.0
    for n in range(count):
        delay_s += (late or {}).get(n, 0.0)
        found.append(Arrival(1.0 + 0.02 * n + delay_s, 160 * n, 160, n == 0, loud, loud))
    return found


def test_a_pause_of_the_sender_is_one_hole() -> None:
    (hole,) = holes(arrivals(late={20: 0.06}))
    assert hole.hole_ms == pytest.approx(60) and not hole.is_lost
    assert hole.at_s == pytest.approx(1.4)


def test_lost_packets_are_a_hole() -> None:
    packets = [each for each in arrivals() if each.at_tick // 160 not in (20, 21, 22)]
    (hole,) = holes(packets)
    assert hole.hole_ms == pytest.approx(60) and hole.is_lost


def test_jitter_is_a_hole_once_and_silence_is_none() -> None:
    jitter = arrivals()
    assert holes(jitter) == []
    late = [each._replace(at_s=each.at_s + 0.03 * (each.at_tick // 160 % 5 == 4)) for each in jitter]
    assert [round(each.hole_ms) for each in holes(late)] == [30], "then they are played later, as by a jitter buffer"
    assert holes(arrivals(late={20: 0.3}, loud=False)) == []
    assert holes([]) == []


def test_clipping() -> None:
    assert clipping_percent(tones((300,), 500, level_dbfs=-10)) == 0.0
    assert clipping_percent(tones((300,), 500, level_dbfs=3)) > 20
    assert clipping_percent(b"") == 0.0


def test_arrivals_come_back_as_they_were() -> None:
    kept, flags = Arrivals(), [(False, False, True), (True, False, False), (False, True, False)]
    packets = [Arrival(1.0 + n / 50, 160 * n - 480, 160, *flags[n % 3]) for n in range(10)]
    for each in packets:
        kept.append(each)
    assert list(kept) == packets and kept[-1] == packets[-1] and kept[2:4] == packets[2:4] and len(kept) == 10
    assert holes(kept) == holes(packets) and not Arrivals()
