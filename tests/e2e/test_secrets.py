"""Secrets that callers key, by every way, and a bot that keeps all that it can: none of it is found anywhere."""

import pytest

from bench.planted import WAYS, Planted, kept_in, numbers
from bench.planted_secrets import HEARS_TONES, SETTINGS, searched

# Its packets are received by the media pump.
UNCAPTURED = SETTINGS | {"OFFHOOK_RECORDS__CAPTURE": "false"}


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("ways", "settings", "config"),
    [(WAYS[:-1], SETTINGS, ""), (WAYS[:1], UNCAPTURED, ""), (WAYS[-1:], SETTINGS, HEARS_TONES)],
    ids=["captured", "by the pump", "tones"],
)
async def test_nothing_of_them_is_kept(ways: tuple[str, ...], settings: dict[str, str], config: str) -> None:
    planted = numbers(len(ways), ways, seed=7)
    search, missed = await searched(planted, settings, at_once=len(ways), config=config)
    assert (search.found, missed, search.recordings) == ([], [], len(planted))
    assert search.places > 10 and search.octets > 10_000


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"the card 4000056655665556!", True),
        (b"x05665566555x", False),
        (b"x00566556655566x", True),
        (b'{"key":"4"} {"key":"0"} ' + b" ".join(b"%c" % each for each in b"00056655665556"), True),
        (b"4000 0566 5566 5556", False),  # which no machine writes
        (b"2026-11-29 12:00:00.123456", False),
    ],
)
def test_the_search_finds_them(content: bytes, found: bool) -> None:
    assert kept_in(content, [Planted("info", "4000056655665556", "918273645546")]) == ["4000056655665556"] * found
