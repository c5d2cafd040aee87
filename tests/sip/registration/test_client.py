"""A registration at virtual time, against a registrar written by hand."""

import re
from typing import cast

import pytest

from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.commands import MoveRegistration, Register, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import Registered, RegistrationEnded, RegistrationFailed
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, Phone, reply, udp

REGISTRAR = Address("192.0.2.1", 5060)
REALM = DigestServer("fritz.box", lambda user, realm, algorithm: secret_of(algorithm, user, realm, "s3cret"), b"key")


def registering(**changes: object) -> tuple[Phone, Request]:
    account = Account("bot", "s3cret", frozenset({"fritz.box"}))
    phone = Phone(UaSettings(accounts=(account,)))
    fields = {"registrar": "sip:fritz.box", "aor": "sip:bot@fritz.box", "contact_user": "620", **changes}
    phone.do(Register("home", destination=REGISTRAR, **fields))  # type: ignore[arg-type]
    (request,) = phone.requests()
    return phone, request


def give(phone: Phone, data: bytes) -> list[Request]:
    phone.ua.receive(data, udp(ALICE), phone.now)
    return phone.requests()


def accept(phone: Phone, request: Request, *extra: str) -> list[Request]:
    contact = request.headers.get("Contact") or ""
    return give(phone, reply(request, 200, extra=extra or (f"Contact: {contact}",)))


def later(phone: Phone, seconds: float) -> list[tuple[float, Request]]:
    return [(at, message) for at, message in phone.run(seconds) if isinstance(message, Request)]


def test_a_register_has_what_registrars_need() -> None:
    _, request = registering()
    assert (request.method, request.uri) == ("REGISTER", "sip:fritz.box")
    assert request.headers.get("To") == "<sip:bot@fritz.box>"
    assert re.fullmatch(r"<sip:bot@fritz\.box>;tag=\w+", request.headers.get("From") or "")
    assert request.headers.get("Contact") == "<sip:620@192.0.2.2:5060>;expires=600"
    assert request.headers.get("Expires") == "600"


def test_it_is_refreshed_well_before_its_end() -> None:
    phone, first = registering()
    accept(phone, first)
    assert phone.of(Registered) == [Registered("home", 568)]
    ((at, second),) = later(phone, 568.2)
    assert at == pytest.approx(568)
    assert typed.cseq(second).number == typed.cseq(first).number + 1
    assert second.headers.get("Call-ID") == first.headers.get("Call-ID")
    assert typed.from_tag(second) == typed.from_tag(first)


@pytest.mark.parametrize(
    ("answer", "refresh_s"),
    [
        ("Contact: <sip:620@192.0.2.2:5060>;expires=40", 20),
        ("Contact: <sip:other@192.0.2.9>;expires=9, <sip:620@192.0.2.2:5060>;expires=1800", 1_768),
        ("Expires: 120", 88),
        ("Contact: <sip:620@192.0.2.2:5060>", 568),
        ("Contact: <sip:620@192.0.2.2:5060>;expires=never", 568),
        ("Contact: <sip:620@192.0.2.2:5060>;expires=0", 568),
        ("Contact: broken <", 568),
    ],
)
def test_the_registrar_says_how_long(answer: str, refresh_s: float) -> None:
    phone, request = registering()
    accept(phone, request, answer)
    assert phone.of(Registered) == [Registered("home", refresh_s)]


def test_a_challenge_is_answered_and_the_refresh_has_credentials_at_once() -> None:
    phone, first = registering()
    asks = tuple(f"WWW-Authenticate: {value}" for value in REALM.challenges(phone.now))
    (second,) = give(phone, reply(first, 401, extra=asks))
    assert REALM.judge(second, phone.now)[0] is Verdict.RIGHT
    assert [typed.cseq(each).number for each in (first, second)] == [1, 2]
    accept(phone, second)
    ((_, third),) = later(phone, 568.2)
    assert typed.cseq(third).number == 3
    assert REALM.judge(third, 1.0)[0] is Verdict.RIGHT
    fresh = tuple(f"WWW-Authenticate: {value}" for value in REALM.challenges(phone.now))
    (fourth,) = give(phone, reply(third, 401, extra=fresh))  # a new nonce, and no word that the old one is stale
    assert REALM.judge(fourth, phone.now)[0] is Verdict.RIGHT


def test_a_wrong_password_waits() -> None:
    phone, first = registering()
    asks = tuple(f"WWW-Authenticate: {value}" for value in REALM.challenges(phone.now))
    (second,) = give(phone, reply(first, 401, extra=asks))
    assert give(phone, reply(second, 401, extra=asks)) == []
    (failed,) = phone.of(RegistrationFailed)
    assert failed.status == 401
    assert 15 <= failed.retry_s <= 30


def test_an_interval_that_is_too_brief_is_asked_for_again_at_once() -> None:
    phone, first = registering(expires_s=60)
    (second,) = give(phone, reply(first, 423, extra=("Min-Expires: 300",)))
    assert second.headers.get("Expires") == "300"
    accept(phone, second)
    assert phone.of(Registered) == [Registered("home", 268)]


def test_a_423_that_asks_for_nothing_is_a_refusal() -> None:
    phone, first = registering(expires_s=300)
    assert give(phone, reply(first, 423, extra=("Min-Expires: 60",))) == []
    assert [event.status for event in phone.of(RegistrationFailed)] == [423]


def test_attempts_grow_rarer_and_are_spread() -> None:
    phone, request = registering()
    waits = []
    for _ in range(9):
        assert give(phone, reply(request, 503)) == []
        waits.append(phone.of(RegistrationFailed)[-1].retry_s)
        ((_, request),) = later(phone, waits[-1])
    for number, wait in enumerate(waits):
        longest = min(1_800, 30 * 2**number)
        assert longest / 2 <= wait <= longest
    assert len({round(wait / min(1_800, 30 * 2**number), 3) for number, wait in enumerate(waits)}) > 3
    accept(phone, request)
    assert phone.of(Registered)


def test_a_retry_after_counts_for_more() -> None:
    phone, request = registering()
    give(phone, reply(request, 503, extra=("Retry-After: 3600 (maintenance)",)))
    assert phone.of(RegistrationFailed)[0].retry_s == 3_600


def test_no_answer_is_a_failure() -> None:
    phone, _ = registering()
    phone.run(33)
    assert [(event.status, event.reason) for event in phone.of(RegistrationFailed)] == [(0, "timed out")]


def test_it_is_removed() -> None:
    phone, request = registering()
    accept(phone, request)
    phone.do(Unregister("home"))
    (removal,) = phone.requests()
    assert removal.headers.get("Contact") == "<sip:620@192.0.2.2:5060>;expires=0"
    assert removal.headers.get("Expires") == "0"
    give(phone, reply(removal, 200, extra=()))
    assert phone.of(RegistrationEnded) == [RegistrationEnded("home")]
    phone.run(64)
    assert phone.ua.idle


def test_a_removal_waits_for_the_register_before_it() -> None:
    phone, request = registering()
    phone.do(Unregister("home"))
    assert phone.requests() == []
    (removal,) = accept(phone, request)
    assert removal.headers.get("Expires") == "0"
    give(phone, reply(removal, 500))
    assert phone.of(RegistrationEnded)


def test_what_was_not_to_be_had_needs_no_removal() -> None:
    phone, request = registering()
    give(phone, reply(request, 403))
    phone.do(Unregister("home"))
    assert phone.requests() == []
    assert phone.of(RegistrationEnded)


def test_misuse() -> None:
    phone, _ = registering()
    ours = {"registrar": "sip:fritz.box", "aor": "sip:bot@fritz.box", "contact_user": "620"}
    for changes in ({"registrar": "sip:bot@fritz.box"}, {"registrar": "nonsense"}, {"contact_user": "a b"}, {}):
        fields = {**ours, **changes}
        with pytest.raises(LocalError):
            phone.do(Register("home", fields["registrar"], fields["aor"], fields["contact_user"], 60, REGISTRAR))
    with pytest.raises(LocalError):
        phone.do(Unregister("away"))
    with pytest.raises(LocalError):
        phone.do(Register("other", ours["registrar"], ours["aor"], ours["contact_user"]))  # which host is that?


def test_dump() -> None:
    phone, request = registering()
    give(phone, reply(request, 403))
    (entry,) = cast(list[dict[str, object]], phone.ua.dump(phone.now)["registrations"])
    assert (entry["account"], entry["state"], entry["answer"]) == ("home", "waiting", "403 Whatever")


OTHER = Address("192.0.2.7", 5060)


def test_it_moves_to_another_server_at_once() -> None:
    phone, first = registering()
    accept(phone, first)
    phone.do(MoveRegistration("home", OTHER))
    (second,) = phone.requests()
    assert phone.sent[-1][1] == OTHER
    assert second.headers.get("Call-ID") == first.headers.get("Call-ID")
    assert typed.cseq(second).number == typed.cseq(first).number + 1


def test_after_a_failure_the_other_server_is_not_waited_for() -> None:
    phone, first = registering()
    give(phone, reply(first, 503))
    phone.do(MoveRegistration("home", OTHER))
    (second,) = phone.requests()
    accept(phone, second)
    assert phone.of(Registered)


def test_moving_leaves_a_register_on_its_way_and_a_removal_alone() -> None:
    phone, first = registering()
    phone.do(MoveRegistration("home", OTHER))
    assert phone.requests() == []
    accept(phone, first)
    phone.do(Unregister("home"))
    phone.requests()
    phone.do(MoveRegistration("home", REGISTRAR))
    assert phone.requests() == []
    with pytest.raises(LocalError):
        phone.do(MoveRegistration("away", OTHER))


def test_where_another_registrar_may_do_silence_is_not_waited_for() -> None:
    phone, _ = registering(give_up_s=4.0)
    phone.run(3.9)
    assert phone.of(RegistrationFailed) == []
    phone.run(0.2)
    (failed,) = phone.of(RegistrationFailed)
    assert (failed.status, failed.reason) == (0, "timed out")
    phone.do(MoveRegistration("home", Address("192.0.2.9", 5060)))
    (second,) = phone.requests()
    accept(phone, second)
    assert len(phone.of(Registered)) == 1
