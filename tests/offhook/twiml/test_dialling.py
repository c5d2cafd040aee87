"""What status URLs learn of the calls of a Dial, beyond the table."""

from pathlib import Path

import pytest

from offhook.testing import run
from offhook.transfer.outcome import OnlyReferError, TransferError, TransferFailure, Transferred
from offhook.twiml.limits import MAX_TOLD
from tests.offhook.twiml.table import Case, End, Outcome, played, written

FIRST, SECOND = "+15557654321", "+15557654322"
STATUS = "statusCallback='/progress' statusCallbackEvent='initiated answered completed'"


def number(address: str) -> str:
    return f"<Number {STATUS}>{address}</Number>"


def told(outcome: Outcome) -> list[tuple[str, str]]:
    """Whom it is about, and the status, in the order in which they came."""
    return [(given["To"], given["CallStatus"]) for _, path, given in outcome.asked if path == "/progress"]


def dialled(inner: str, tmp_path: Path, **ends: End) -> Outcome:
    by_number = {f"+{name[1:]}": end for name, end in ends.items()}
    return run(played(Case("", written(inner, progress=""), ends=by_number), tmp_path))


def test_who_does_not_answer_first_is_canceled(tmp_path: Path) -> None:
    both = f"<Dial>{number(FIRST)}{number(SECOND)}</Dial>"
    talk = Transferred(FIRST, "bridge", returned=True, talked_s=60.4)
    outcome = dialled(both, tmp_path, _15557654321=talk, _15557654322=talk)
    assert told(outcome) == [
        (FIRST, "initiated"),
        (SECOND, "initiated"),
        (FIRST, "in-progress"),
        (FIRST, "completed"),
        (SECOND, "canceled"),
    ]


def test_each_dial_has_calls_of_its_own(tmp_path: Path) -> None:
    busy = TransferError(TransferFailure.BUSY, "not connected", "for a test")
    outcome = dialled(2 * f"<Dial>{number(FIRST)}</Dial>", tmp_path, _15557654321=busy)
    calls: dict[str, list[tuple[str, str]]] = {}
    for _, path, given in outcome.asked:
        if path == "/progress":
            calls.setdefault(given["CallSid"], []).append((given["CallStatus"], given["SequenceNumber"]))
    assert list(calls.values()) == 2 * [[("initiated", "0"), ("busy", "1")]]


def test_a_network_that_connects_the_caller_itself_is_asked_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, object]] = []

    async def transfer(_call: object, target: object, *, mode: object = None, **_options: object) -> Transferred:
        asked.append((target, mode))
        if mode is not None:
            raise OnlyReferError(TransferFailure.NOT_POSSIBLE, "not here", "for a test")
        return Transferred(FIRST, "refer")

    monkeypatch.setattr("offhook.api.call_transfer.CallTransfer.transfer", transfer)
    outcome = dialled(f"<Dial>{number(FIRST)}{number(SECOND)}</Dial>", tmp_path)
    assert asked == [([FIRST, SECOND], "bridge"), ([FIRST], None)]
    assert told(outcome) == []


def test_another_reason_is_no_reason_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[object] = []

    async def transfer(_call: object, _target: object, *, mode: object = None, **_options: object) -> Transferred:
        modes.append(mode)
        raise TransferError(TransferFailure.NOT_POSSIBLE, "not now", "it is being transferred already")

    monkeypatch.setattr("offhook.api.call_transfer.CallTransfer.transfer", transfer)
    outcome = dialled(f"<Dial>{number(FIRST)}</Dial>", tmp_path)
    assert (modes, told(outcome)) == (["bridge"], [(FIRST, "failed")])


def test_a_document_is_no_flood_of_callbacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.twiml.telling.MAX_TOLD", most := 20)
    refused = TransferError(TransferFailure.NOT_ALLOWED, "not allowed", "for a test")
    outcome = dialled(30 * f"<Dial>{number(FIRST)}</Dial>", tmp_path, _15557654321=refused)
    assert told(outcome) == most * [(FIRST, "failed")]
    assert outcome.reports == [f"TwiML: callbacks are left out ({MAX_TOLD} wait to be sent)"]


@pytest.mark.parametrize(("timeout_s", "goes_on"), [(6, True), (1, False)])
def test_who_waits_for_callers_goes_on_for_a_shift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout_s: int, goes_on: bool
) -> None:
    monkeypatch.setattr("offhook.twiml.agent.MAX_BRIEF_DOCUMENTS", 10)
    desk = f"<Dial action='/done' timeout='{timeout_s}'><Queue>support</Queue></Dial>"
    pages = written(desk, done="<Redirect>/voice</Redirect>")
    outcome = run(played(Case("", pages, caller=("waits 100", "hangs up")), tmp_path))
    assert outcome.end == ("caller" if goes_on else "hung up")
    assert any("10 documents in turn take less than 5 s" in each for each in outcome.reports) is not goes_on
