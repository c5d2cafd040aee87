"""When an offer that has met another one is sent again."""

import pytest

from offhook.sip.dialog.overlap import LONGEST_OVERLAP_S, pause_s
from offhook.sip.message.message import Response
from offhook.sip.message.parser import parse

FIELDS = (
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.2>;tag=2\r\n"
    "Call-ID: 1\r\nCSeq: 2 INVITE\r\n{0}Content-Length: 0\r\n\r\n"
)


def response(status: int, again: str = "") -> Response:
    found = parse((f"SIP/2.0 {status} Whatever\r\n" + FIELDS.format(again and f"Retry-After: {again}\r\n")).encode())
    assert isinstance(found, Response)
    return found


@pytest.mark.parametrize(("owns", "low", "high"), [(True, 2.1, 4.0), (False, 0.0, 2.0)])
def test_after_a_491_who_has_sent_the_first_invite_waits_longer(owns: bool, low: float, high: float) -> None:
    def pause(share: float) -> float:
        found = pause_s(response(491), owns_call_id=owns, chance=lambda: share)
        assert found is not None
        return found

    assert (pause(0.0), pause(1.0)) == (low, high)
    assert all(pause(share / 997) == round(pause(share / 997), 2) for share in range(997))


@pytest.mark.parametrize(
    ("status", "again", "expected"),
    [
        (500, "3", 3.0),
        (500, f"{LONGEST_OVERLAP_S:.0f}", LONGEST_OVERLAP_S),
        (500, "11", None),
        (500, "soon", None),
        (500, "", None),
        (503, "3", None),
        (488, "3", None),
        (200, "", None),
    ],
)
def test_after_others_what_they_say(status: int, again: str, expected: float | None) -> None:
    assert pause_s(response(status, again), owns_call_id=True, chance=lambda: 0.5) == expected
