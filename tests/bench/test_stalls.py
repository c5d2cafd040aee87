"""The report of engines that stall: one sum for the recognisers, one for the voices."""

from bench.report import with_section
from bench.stalls_report import Row, summary, sums

ROWS = (
    Row("recogniser", "deepgram", "mute", [0.1, 0.2, 0.5], 0),
    Row("recogniser", "openai", "mute", [0.3], 1),
    Row("voice", "deepgram", "mute", [0.0, 0.4], 0),
)
REPORT = {f"{row.part} | {row.vendor} | {row.fault}": row._asdict() for row in ROWS}


def test_sums() -> None:
    recognisers, voices = sums(REPORT)
    assert recognisers == Row("recogniser", "2 vendors", "1 faults", [0.1, 0.2, 0.5, 0.3], 1)
    assert voices.added_s == [0.0, 0.4]
    assert recognisers.shown()["longest s"] == "0.50"


def test_a_part_that_was_not_measured() -> None:
    assert [row.part for row in sums({name: row for name, row in REPORT.items() if row["part"] == "voice"})] == [
        "voice"
    ]
    assert sums({}) == []


def test_the_page_gets_both() -> None:
    page = with_section("a <!-- stalls --> old <!-- /stalls --> b", "stalls", summary(REPORT))
    assert "old" not in page
    assert page.count("| recogniser |") == page.count("| voice |") == 1
