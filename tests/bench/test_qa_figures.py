"""The same calls by the calling program (`--sip-caller PATH`, see bench/README.md), `offhook qa pcap` and tshark."""

import sys
from pathlib import Path

import pytest

from bench.qa_figures import measured
from bench.runs import Callers

pytestmark = [pytest.mark.alone, pytest.mark.peer]

APART_MS = 2.0
"""The caller has its socket's times, the capture those of the interface."""

AFTER_THE_END = 10
"""Packets that still come when a caller has hung up."""


def test_three_programs_agree(request: pytest.FixtureRequest) -> None:
    caller: Path | None = request.config.getoption("--sip-caller")
    if caller is None:
        pytest.skip("no calling program was given (--sip-caller)")
    (_, *by_caller), (_, *by_qa), (_, *by_tshark) = measured(Callers(caller, None, sys.executable), 2)
    packets, lost, jitter, most, pace = range(5)
    assert by_qa[packets] == by_tshark[packets] == pytest.approx(by_caller[packets], abs=AFTER_THE_END)
    assert by_caller[lost] == by_qa[lost] == by_tshark[lost] == 0
    for figure in (jitter, most, pace):
        assert by_qa[figure] == pytest.approx(by_caller[figure], abs=APART_MS)
    assert by_qa[pace] == pytest.approx(by_tshark[pace], abs=0.01)
