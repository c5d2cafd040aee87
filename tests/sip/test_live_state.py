"""What a user agent has alive, a page at a time."""

import time

import pytest

from offhook.sip.commands import Answer, Invite
from offhook.sip.events import Event, IncomingCall
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, TARGET, Agent, Wire


def calls(number: int) -> tuple[Agent, float]:
    """Bob, with so many answered calls, and what time it is."""
    wire = Wire()
    alice, bob = wire.add("alice", ALICE), wire.add("bob", BOB)

    def handle(event: Event) -> None:
        if isinstance(event, IncomingCall):
            bob.do(Answer(event.call, ANSWER))

    bob.handler = handle
    for _ in range(number):
        alice.do(Invite(TARGET, OFFER))
    wire.run(1)
    return bob, wire.now


def test_a_page_at_a_time() -> None:
    bob, now = calls(25)
    live = bob.ua.live
    summary = live.summary(now)
    assert (summary["dialogs"], summary["dialogs_by_state"]) == (25, {"confirmed": 25})
    assert summary["transactions_by_state"] == {"INVITE accepted": 25}
    pages = [live.page("dialogs", offset, 10, now) for offset in (0, 10, 20, 30)]
    assert [page.total for page in pages] == [25] * 4
    assert [len(page.rows) for page in pages] == [10, 10, 5, 0]
    call_ids = {str(row["call_id"]) for page in pages for row in page.rows}
    assert len(call_ids) == 25
    handle = str(pages[0].rows[0]["call"])
    assert live.call_id_of(handle) == pages[0].rows[0]["call_id"] and live.call_id_of("nothing") is None
    (transaction, *_) = live.page("transactions", 0, 1, now).rows
    assert (transaction["method"], transaction["state"]) == ("INVITE", "accepted")
    for part in ("registrations", "users", "banned"):
        assert live.page(part, 0, 10, now).total == 0
    with pytest.raises(KeyError):
        live.page("nothing", 0, 10, now)


def test_hundreds_of_calls_take_no_time() -> None:
    bob, now = calls(300)
    live = bob.ua.live
    took = []
    for _ in range(20):
        began = time.perf_counter()
        live.summary(now)
        for part in ("dialogs", "transactions"):
            assert live.page(part, 0, 200, now).total == 300
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02
