"""PJSIP's figures of a call's media, in our words; the library is played by plain values."""

from types import SimpleNamespace
from typing import Any

import pytest

from offhook.carriers.pjsua2.figures import figures_of
from offhook.telephony.rtp import emodel


def measured(**received: int) -> Any:
    """A call that has received this, with a round trip of 80 ms and 40 ms of jitter buffer."""
    none = SimpleNamespace(mean=0, n=0)
    runs = SimpleNamespace(mean=0, n=received.pop("runs", 0))
    counts = {"pkt": 0, "bytes": 0, "loss": 0, "dup": 0, "reorder": 0, "discard": 0, "updateCount": 0, **received}
    came = SimpleNamespace(**counts, jitterUsec=SimpleNamespace(mean=2_500, n=9), lossPeriodUsec=runs)
    sent = SimpleNamespace(pkt=50, bytes=8_000, loss=0, updateCount=0, jitterUsec=none)
    rtcp = SimpleNamespace(rxStat=came, txStat=sent, rttUsec=SimpleNamespace(mean=80_000, n=1))
    found = SimpleNamespace(rtcp=rtcp, jbuf=SimpleNamespace(avgDelayMsec=40))
    stream = SimpleNamespace(audTxEventPt=101)
    return SimpleNamespace(getStreamStat=lambda index: found, getStreamInfo=lambda index: stream)


def test_audio_without_loss_is_judged_by_its_delay_alone() -> None:
    found = figures_of(measured(pkt=500), 0)
    assert found.r_factor == pytest.approx(emodel.r_factor(80 / 2 + 20 + 40, 0.0))
    assert found.mos == pytest.approx(emodel.mean_opinion(emodel.BEST_R))
    assert (found.jitter_ms, found.rtt_ms, found.jitter_buffer_ms, found.late) == (2.5, 80.0, 40.0, 0)


def test_what_was_lost_or_came_too_late_counts_with_the_length_of_its_runs() -> None:
    found = figures_of(measured(pkt=460, loss=40, runs=10, discard=13, dup=3), 0)
    assert (found.lost, found.late, found.duplicate) == (40, 10, 3)
    loss = 50 / 500
    assert found.r_factor == pytest.approx(emodel.r_factor(100, loss, burst_ratio=4 * (1 - loss)))
    assert found.mos is not None and found.mos < 3.5


def test_a_quality_needs_audio() -> None:
    found = figures_of(measured(), 0)
    assert (found.r_factor, found.mos, found.fraction_lost) == (None, None, 0.0)
