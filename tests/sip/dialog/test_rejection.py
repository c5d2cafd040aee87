"""What a refusal of our INVITE says, well-formed or not."""

from collections.abc import Callable
from time import process_time

import pytest

from offhook.sip.dialog.rejection import MAX_CONTACTS, rejected
from offhook.sip.events import CallRejected
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Response


def refused(status: int, *fields: tuple[str, str]) -> CallRejected:
    headers = Headers()
    for name, value in fields:
        headers.add(name, value)
    return rejected("call", Response(status, "Reason", headers))


def cpu_s(work: Callable[[], object]) -> float:
    """The best of five, in seconds of this process."""
    taken = []
    for _ in range(5):
        since = process_time()
        work()
        taken.append(process_time() - since)
    return min(taken)


@pytest.mark.parametrize(
    "unit", ["Q.850;", "Q.850;cause=", "Q.850;a;", 'Q.850;text="', "Q.850,", "Q.850; ", "q.850;x=1 "]
)
def test_a_long_reason_takes_no_longer_than_it_is(unit: str) -> None:
    fields = [("Reason", (unit * 8_192)[:8_192])] * 4
    response = refused(486, *fields)
    assert response.q850 is None
    assert cpu_s(lambda: refused(486, *fields)) < 0.01


def test_contacts_by_their_weight() -> None:
    fields = (("Contact", "<sip:a@x>;q=0.1, <sip:b@x>"), ("Contact", '"C" <sip:c@x;user=phone>;q=0.5;expires=9'))
    assert refused(302, *fields).contacts == ("sip:b@x", "sip:c@x;user=phone", "sip:a@x")
    assert refused(486, *fields).contacts == ()
    assert refused(302).contacts == ()


@pytest.mark.parametrize("value", ["", "<", "<sip:a", "*", "sip:a@x,,<", "a" * 5_000])
def test_contacts_that_are_none(value: str) -> None:
    assert refused(302, ("Contact", value)).contacts == ()


def test_many_contacts() -> None:
    assert len(refused(302, ("Contact", ", ".join(f"<sip:{n}@x>" for n in range(30)))).contacts) == MAX_CONTACTS


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5),
        (" 120 ", 120),
        ("18000;duration=3600", 18_000),
        ("120 (I'm in a meeting)", 120),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
        ("9" * 40, None),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    assert refused(503, ("Retry-After", value)).retry_after_s == seconds


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ('Q.850;cause=17;text="User busy"', 17),
        ("q.850 ; cause = 1", 1),
        ('SIP;cause=486;text="Busy", Q.850;cause=17', 17),
        ('Q.850;text="no";cause=18', 18),
        ("SIP;cause=200", None),
        ("Q.850;cause=0", None),
        ("Q.850;cause=999", None),
        ("Q.850", None),
        ("", None),
    ],
)
def test_the_networks_cause(value: str, cause: int | None) -> None:
    assert refused(480, ("Reason", value)).q850 == cause
