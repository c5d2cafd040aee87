"""The 49 messages of RFC 4475, each sent to a user agent: what it answers, and that nothing is left of it."""

from pathlib import Path

import pytest

from offhook.sip.auth.server import DigestServer
from offhook.sip.events import IncomingCall
from offhook.sip.invite_guard import InviteGuard
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import BOB, Message, Phone, Tokens, to_tag

MESSAGES = Path(__file__).parent.parent / "data" / "rfc4475"

SILENCE: frozenset[int] = frozenset()
ANSWERS: dict[str, frozenset[int]] = {
    # §3.1.1: valid. INVITEs get 100; that of wsinv has a To tag, and no dialog.
    "wsinv": frozenset({481}),
    "intmeth": frozenset({501}),
    "esc01": frozenset({100}),
    "escnull": frozenset({405}),
    "esc02": frozenset({501}),
    "lwsdisp": frozenset({200}),
    "longreq": frozenset({100}),
    "dblreq": frozenset({405}),
    "semiuri": frozenset({200}),
    "transports": frozenset({200}),
    "mpart01": frozenset({405}),
    "unreason": SILENCE,
    "noreason": SILENCE,
    # §3.1.2: invalid
    "badinv01": frozenset({400}),
    "clerr": frozenset({400}),
    "ncl": frozenset({400}),
    "scalar02": frozenset({400}),
    "scalarlg": SILENCE,
    "quotbal": frozenset({400}),
    "ltgtruri": frozenset({400}),
    "lwsruri": frozenset({400}),
    "lwsstart": frozenset({400}),
    "trws": frozenset({400}),
    "escruri": frozenset({400}),
    "baddate": frozenset({100}),  # nothing depends on Date
    "regbadct": frozenset({400}),
    "badaspec": frozenset({400}),
    "baddn": frozenset({400}),
    "badvers": frozenset({505}),
    "mismatch01": frozenset({400}),
    "mismatch02": frozenset({400}),
    "bigcode": SILENCE,
    # §3.2, §3.3, §3.4
    "badbranch": frozenset({200}),
    "insuf": frozenset({400}),
    "unkscm": frozenset({416}),
    "novelsc": frozenset({416}),
    "unksm2": frozenset({405}),
    "bext01": frozenset({420}),
    "invut": frozenset({415}),
    "regaut01": frozenset({405}),
    "multi01": frozenset({400}),
    "mcl01": frozenset({400}),
    "bcast": SILENCE,
    "zeromf": frozenset({200}),
    "cparam01": frozenset({405}),
    "cparam02": frozenset({405}),
    "regescrt": frozenset({405}),
    "sdp01": frozenset({406}),
    "inv2543": frozenset({400}),  # a Contact is needed, which RFC 2543 did not ask for
}

"""What we answer at once."""

_REGISTRARS = frozenset({200})
ASKED: dict[str, frozenset[int]] = {
    # Where the RFC asks for something else than `ANSWERS`, or leaves a choice.
    "wsinv": frozenset({100, 481}),
    "intmeth": frozenset({405, 501}),
    "escnull": _REGISTRARS,
    "esc02": frozenset({405, 501}),
    "dblreq": _REGISTRARS,
    "mpart01": frozenset({200, 405, 415}),
    "baddate": frozenset({100, 400}),
    "mismatch02": frozenset({400, 501}),
    "unksm2": frozenset({400, 416}),
    "regaut01": frozenset({401}),
    "cparam01": _REGISTRARS,
    "cparam02": _REGISTRARS,
    "regescrt": _REGISTRARS,
    "inv2543": frozenset({100}),
}
"""One of the first answers that the RFC allows an element that takes what it should."""

_NO_REGISTRAR = "we are no registrar: every REGISTER that can be read gets 405 and Allow (RFC 3261 §8.2.1)"
DEVIATIONS = {
    "escnull": _NO_REGISTRAR,
    "dblreq": _NO_REGISTRAR,
    "unksm2": _NO_REGISTRAR,
    "regaut01": _NO_REGISTRAR,
    "cparam01": _NO_REGISTRAR,
    "cparam02": _NO_REGISTRAR,
    "regescrt": _NO_REGISTRAR,
    "inv2543": "it has no Contact, which RFC 2543 did not ask for: the call's BYE would have nowhere to go",
}
"""Where we answer something else than the RFC asks for, and why."""


def test_all_of_them_are_here() -> None:
    assert {path.stem for path in MESSAGES.glob("*.dat")} == set(ANSWERS)
    assert len(ANSWERS) == 49


def test_every_deviation_is_listed_and_is_one() -> None:
    """One that is no more fails as well."""
    differ = {name for name, asked in ASKED.items() if len(ANSWERS[name]) != 1 or not ANSWERS[name] <= asked}
    assert differ == set(DEVIATIONS)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_it_is_answered(name: str) -> None:
    phone = Phone()
    responses = phone.send((MESSAGES / f"{name}.dat").read_bytes())
    assert {response.status for response in responses} == ANSWERS[name]
    begun = ANSWERS[name] == {100}
    assert len(phone.of(IncomingCall)) == begun
    (alive,) = phone.send(Message("OPTIONS", branch="z9hG4bKalive", call_id="alive"))
    assert alive.status == 200 and to_tag(alive)
    phone.run(400 if begun else 40)
    assert phone.ua.idle


def test_the_unsupported_extensions_are_named() -> None:
    (response,) = Phone().send((MESSAGES / "bext01.dat").read_bytes())
    assert response.headers.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"


def test_a_second_message_in_one_datagram_starts_nothing() -> None:
    phone = Phone()
    phone.send((MESSAGES / "dblreq.dat").read_bytes())
    assert phone.of(IncomingCall) == []


AS_A_REGISTRAR = {
    **dict.fromkeys(("escnull", "dblreq", "unksm2", "regaut01", "cparam01", "cparam02", "regescrt"), 401),
    **dict.fromkeys(("scalar02", "regbadct"), 400),
}
"""Their senders show no password that we know; what is malformed is answered before that is asked for."""


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_registrar_answers(name: str) -> None:
    phone = Phone()
    guard = InviteGuard(DigestServer("offhook", lambda user, realm, algorithm: None, b"key"), lambda source: True)
    phone.ua = UserAgent(BOB, entropy=Tokens("b"), guard=guard, registrar=Registrar())
    data = (MESSAGES / f"{name}.dat").read_bytes()
    assert data.startswith(b"REGISTER ") == (name in AS_A_REGISTRAR)
    expected = {AS_A_REGISTRAR[name]} if name in AS_A_REGISTRAR else ANSWERS[name]
    assert {response.status for response in phone.send(data)} == expected
