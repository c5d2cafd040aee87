"""What `python -m bench.refreshed_calls` finds wrong in a call, and that a call without faults has none."""

import struct
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from bench.refreshed_calls import Result, Stream
from bench.refreshed_scenarios import CALLS, RefreshedCall

GOOD = Result(
    "in-bot", 4, 90, [45.0, 90.1, 135.0, 180.2], 181.0, "caller hung up", 20, 20, 6_000, 0, 1, 30, 20, 9_040, 0
)


def stream(packets: list[tuple[float, int, int]], source: int = 7) -> Stream:
    """Of packets that come at a time, with a number and a timestamp."""
    found = Stream()
    for at, number, timestamp in packets:
        found.add(at, struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, timestamp & 0xFFFFFFFF, source) + bytes(160))
    return found


def test_a_stream_without_faults() -> None:
    # Numbers and timestamps begin anew, and for a second nothing is said.
    said = [(10 + 0.02 * n, 65_530 + n, (1 << 32) - 800 + 160 * n) for n in range(100)]
    later = [(13 + 0.02 * n, 65_630 + n, (1 << 32) - 800 + 24_000 + 160 * n) for n in range(100)]
    found = stream(said + later)
    assert (found.packets, found.lost, found.sources) == (200, 0, {7})
    assert found.apart_ms == pytest.approx(20)
    assert found.late_ms == pytest.approx(0, abs=1e-6)


def test_lost_packets_and_a_gap() -> None:
    found = stream([(0.00, 1, 160), (0.02, 2, 320), (0.10, 3, 480), (0.10, 4, 640), (0.14, 7, 1_120)])
    assert found.lost == 2
    assert found.apart_ms == pytest.approx(80)
    assert found.late_ms == pytest.approx(60)


def test_a_packet_that_comes_twice_or_late_changes_nothing() -> None:
    good = [(0.02 * n, n, 160 * n) for n in range(10)]
    found = stream([*good, (0.19, 9, 1_440), (0.19, 5, 800)])
    assert found.lost == 0
    assert found.apart_ms == pytest.approx(20)
    assert found.packets == 12


def test_a_call_without_faults() -> None:
    assert GOOD.faults() == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"refreshed_at": [45.0, 90.0, 135.0]}, "3 refreshes, and not 4"),
        ({"refreshed_at": [45.0, 90.0, 160.0, 180.0]}, "refreshed after [70.0, 20.0] s"),
        ({"end_reason": "the session was not refreshed"}, "it ended because: the session was not refreshed"),
        ({"lasted_s": 130.0}, "it ended after 130 s"),
        ({"lost": 1}, "1 packets lost"),
        ({"lost_there": 2}, "2 on the way to the bot"),
        ({"packets_there": 8_000}, "8000 packets came to the bot"),
        ({"sources": 2}, "2 sources of media"),
        ({"apart_ms": 61.0}, "61 ms apart"),
        ({"heard": 19}, "19 of 20 sentences were heard"),
        ({"said": 0, "heard": 0}, "0 of 0 sentences were heard"),
    ],
)
def test_a_fault_is_told(change: dict[str, object], told: str) -> None:
    (fault,) = replace(GOOD, **change).faults()  # type: ignore[arg-type]
    assert told in fault


@pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])
def test_a_scenario_is_xml(call: RefreshedCall) -> None:
    text = ElementTree.fromstring(call.scenario(90, 8).partition("\n")[2])
    said = "".join(text.itertext())
    assert ("Session-Expires: 90;refresher=uac" in said) or call.called == "bot"
    assert ("UPDATE [next_url]" in said) == ((call.refreshed_by, call.method) == ("sipp", "UPDATE"))


def test_both_roles_refresh_by_both_methods() -> None:
    assert {(call.called, call.refreshed_by) for call in CALLS} == {
        (called, by) for called in ("bot", "sipp") for by in ("bot", "sipp")
    }
    assert {(call.refreshed_by, call.method) for call in CALLS} == {
        (by, method) for by in ("bot", "sipp") for method in ("INVITE", "UPDATE")
    }
