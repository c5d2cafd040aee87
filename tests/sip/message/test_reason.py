import pytest

from offhook.sip.commands import Answer
from offhook.sip.errors import ParseError
from offhook.sip.events import CallCancelled, CallEnded, IncomingCall
from offhook.sip.message.reason import EndReason
from tests.sip.dialog.harness import ANSWER, Message, Phone, inside, invite, to_tag

VALUES = [
    ('Q.850;cause=16;text="Normal call clearing"', EndReason("Q.850", 16, "Normal call clearing")),
    ("SIP ; cause = 200 ;text=done", EndReason("SIP", 200, "done")),
    ("Preemption", EndReason("Preemption")),
    ("Q.850;cause=99999", EndReason("Q.850")),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_round_trip(text: str, value: EndReason) -> None:
    assert EndReason.parse(text) == value
    assert EndReason.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", ";cause=16", "Q 850", 'Q.850;text="'])
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        EndReason.parse(text)


def test_for_people() -> None:
    assert [value.words for _, value in VALUES[:3]] == ["Q.850 16: Normal call clearing", "SIP 200: done", "Preemption"]


def test_a_bye_says_why() -> None:
    phone = Phone()
    phone.send(invite())
    phone.do(Answer(phone.of(IncomingCall)[0].call, ANSWER))
    (ok,) = phone.responses()
    phone.send(inside("ACK", to_tag(ok), 1))
    extra = ("Reason: Q.850;cause=31, ;;broken", 'Reason: SIP;cause=480;text="Gone"')
    assert [response.status for response in phone.send(inside("BYE", to_tag(ok), 2, extra=extra))] == [200]
    assert [event.reasons for event in phone.of(CallEnded)] == [(EndReason("SIP", 480, "Gone"),)]


def test_a_cancel_says_why() -> None:
    phone = Phone()
    phone.send(invite())
    phone.send(Message("CANCEL", extra=('Reason: SIP;cause=200;text="Call completed elsewhere"',)))
    assert [event.reasons for event in phone.of(CallCancelled)] == [
        (EndReason("SIP", 200, "Call completed elsewhere"),)
    ]
