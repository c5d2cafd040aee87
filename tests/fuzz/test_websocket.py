"""The WebSocket's fast path against the library alone, for some thousand cases that are always the same."""

import random

import pytest

from fuzz.seeds import seeds
from fuzz.websocket import check_websocket

CASES = 3_000
MAX_BYTES = 48


def cases(count: int) -> list[bytes]:
    choice = random.Random(6455)
    return [*seeds()["websocket"], *(choice.randbytes(choice.randrange(4, MAX_BYTES)) for _ in range(count))]


def test_both_come_to_the_same() -> None:
    for case in cases(CASES):
        check_websocket(case)


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("FrameReader._frame", lambda self, frame: None),
        ("FRAGMENTS_MAX", 65),
        ("_WHOLE_TEXT", 0x01),
    ],
)
def test_a_reader_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch, what: str, instead: object) -> None:
    """The check can fail."""
    monkeypatch.setattr(f"offhook.web.websocket_frames.{what}", instead)
    with pytest.raises(AssertionError):
        for case in cases(CASES):
            check_websocket(case)
