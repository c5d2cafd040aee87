"""The two SIP backends side by side in the documentation."""

from typing import Any

from bench.report import BACKENDS_PAGE, backends_of, with_section
from bench.runs import BENCH, sip_sweep


def measured(calls: int, barge_in_ms: int) -> dict[str, Any]:
    return {"calls": calls, "conversation": {"barge_in_ms": {"p50": barge_in_ms, "p95": barge_in_ms}}}


def test_a_run_with_another_backend_is_kept_beside_our_own() -> None:
    assert (sip_sweep(10).name, sip_sweep(10).server) == ("SIP, 10 calls", BENCH)
    other = sip_sweep(10, "pjsua2")
    assert (other.name, other.server) == ("pjsua2, 10 calls", (*BENCH, "--sip-backend", "pjsua2"))


def test_rows_of_both_with_the_same_numbers_of_calls() -> None:
    report = {
        "SIP, 1 calls": measured(1, 11),
        "SIP, 10 calls": measured(10, 12),
        "SIP, 300 calls": measured(300, 13),
        "pjsua2, 10 calls": measured(10, 22),
        "pjsua2, 1 calls": measured(1, 21),
        "pjsua2, 50 calls": {"error": "the caller ended with 1"},
    }
    rows = [(cells[0], cells[1], cells[3]) for cells in backends_of(report)]
    assert rows == [
        ("own", "1", "11 / 11"),
        ("pjsua2", "1", "21 / 21"),
        ("own", "10", "12 / 12"),
        ("pjsua2", "10", "22 / 22"),
    ]
    assert backends_of({"SIP, 10 calls": measured(10, 12)}) == []


def test_the_page_has_a_place_for_them() -> None:
    page = BACKENDS_PAGE.read_text()
    (changed,) = set(with_section(page, "backends", "| own | 1 |").splitlines()) - set(page.splitlines())
    assert changed == "| own | 1 |"
