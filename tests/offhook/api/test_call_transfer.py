"""Transfers to several, as a dialog asks for them."""

from collections.abc import Mapping

import pytest

from offhook.api.call import Call
from offhook.testing import SimulatedCall, run
from offhook.transfer.outcome import TransferError, TransferFailure, Transferred, worst_of
from offhook.usererror import UserError

BUSY, LATE, AWAY = (
    TransferError(reason, "not connected", "for a test")
    for reason in (TransferFailure.BUSY, TransferFailure.NO_ANSWER, TransferFailure.UNREACHABLE)
)


async def _asks(_agent: Call) -> bool:
    return True


@pytest.mark.parametrize(
    ("targets", "options", "what"),
    [
        ([], {}, "transferred to nobody"),
        (["anna", "ben"], {"mode": "attended"}, "cannot be rung like this"),
        (["anna", "ben"], {"mode": "refer"}, "cannot be rung like this"),
        (["anna", "ben"], {"summary": "About an invoice"}, "cannot be rung like this"),
        (["anna", "ben"], {"brief": _asks}, "cannot be rung like this"),
    ],
)
def test_what_several_cannot_be_asked_is_said(targets: list[str], options: Mapping[str, object], what: str) -> None:
    async def dialog(call: Call) -> None:
        with pytest.raises(UserError, match=what) as found:
            await call.transfer(targets, **options)  # type: ignore[arg-type]
        assert found.value.problems[0].todo

    async def talk() -> SimulatedCall:
        async with SimulatedCall(dialog, transfers=True) as caller:
            await caller.over.wait()
        return caller

    assert run(talk()).transfer is None


@pytest.mark.parametrize("options", [{"mode": "attended"}, {"summary": "About an invoice"}, {"brief": _asks}])
def test_one_in_a_list_is_asked_as_one(options: Mapping[str, object]) -> None:
    async def dialog(call: Call) -> None:
        await call.transfer(["anna"], **options)  # type: ignore[arg-type]

    async def talk() -> SimulatedCall:
        async with SimulatedCall(dialog, transfers=True) as caller:
            await caller.over.wait()
        return caller

    assert run(talk()).transferred_to == "anna"


def test_a_dialog_learns_of_each() -> None:
    told: list[tuple[str, ...]] = []
    taken = Transferred("ben", "bridge", returned=True)
    ends: dict[str, Transferred | TransferError | None] = {"anna": BUSY, "ben": taken, "chris": AWAY}

    async def dialog(call: Call) -> None:
        await call.transfer(
            list(ends),
            on_call=lambda who: told.append(("called", who)),
            on_ringing=lambda who: told.append(("rings", who)),
            on_answer=lambda who: told.append(("answered", who)),
            on_failure=lambda who, error: told.append((str(error.reason), who)),
        )

    async def talk() -> None:
        async with SimulatedCall(dialog, transfers=True, transfer_ends_of=ends.__getitem__) as caller:
            await caller.over.wait()

    run(talk())
    called = [("called", "anna"), ("called", "ben"), ("rings", "ben"), ("called", "chris")]
    assert told == [*called, ("busy", "anna"), ("unreachable", "chris"), ("answered", "ben")]


def test_of_several_failures_the_one_that_tells_most_is_reported() -> None:
    assert worst_of([AWAY, BUSY, LATE]) is LATE
    assert worst_of([AWAY, BUSY]) is BUSY
    assert worst_of([AWAY]) is AWAY
