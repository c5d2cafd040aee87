"""Phones that register with us, at virtual time, and calls that reach them."""

import pytest

from offhook.sip.auth.client import Account, Authenticator
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer
from offhook.sip.commands import Answer, Invite, Register, Reject, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    CallAnswered,
    CallRejected,
    Event,
    IncomingCall,
    Registered,
    RegistrationFailed,
    UserRegistered,
)
from offhook.sip.invite_guard import BURST, InviteGuard
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.registrar.bindings import MAX_CONTACTS
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.settings import UaSettings
from offhook.sip.silence import Silence
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import ALICE, ANSWER, BOB, OFFER, Agent, Message, Tokens, Wire, udp

PASSWORDS = {"alice": "s3cret", "carol": "other"}
CAROL = Address("192.0.2.3", 5070)


def secret(user: str, realm: str, algorithm: str) -> str | None:
    return secret_of(algorithm, user, realm, PASSWORDS[user]) if user in PASSWORDS else None


def bot(wire: Wire, silence: Silence | None = None) -> Agent:
    """Takes registrations at BOB."""
    agent = wire.add("b", BOB)
    guard = InviteGuard(DigestServer("offhook", secret, b"key", algorithms=("MD5",)), lambda source: False)
    settings = UaSettings(domains=frozenset({"bot"}))
    agent.ua = UserAgent(
        BOB, settings=settings, entropy=Tokens("b"), guard=guard, registrar=Registrar(), silence=silence
    )
    return agent


def phone(wire: Wire, name: str, address: Address, *, user: str = "alice", password: str | None = None) -> Agent:
    account = Account(user, password or PASSWORDS[user], frozenset({BOB.host}))
    return wire.add(name, address, UaSettings(accounts=(account,)))


def register(agent: Agent, wire: Wire, *, user: str = "alice", contact: str = "alice", expires_s: int = 300) -> str:
    aor = f"sip:{user}@{BOB.host}"
    account = agent.do(Register(f"{agent.address}", f"sip:{BOB.host}", aor, contact, expires_s, BOB))
    wire.run(1)
    return account


def answers(agent: Agent, status: int = 200) -> None:
    """Calls that come to it, with that status."""

    def handle(event: Event) -> None:
        if isinstance(event, IncomingCall):
            agent.do(Answer(event.call, ANSWER) if status == 200 else Reject(event.call, status))

    agent.handler = handle


def users(agent: Agent, wire: Wire) -> list[dict[str, object]]:
    found = agent.ua.dump(wire.now)["users"]
    assert isinstance(found, list)
    return found


def test_a_user_registers_with_a_password_refreshes_and_leaves() -> None:
    wire = Wire()
    here, alice = bot(wire), phone(wire, "a", ALICE)
    account = register(alice, wire)
    assert alice.of(Registered) == [Registered(account, 268)]
    assert wire.lines()[:4] == ["REGISTER", "401 REGISTER", "REGISTER", "200 REGISTER"]
    (known,) = users(here, wire)
    assert (known["user"], known["contact"]) == ("alice", "sip:alice@192.0.2.1:5060")
    assert here.of(UserRegistered) == [UserRegistered("alice", 1, ALICE)]
    wire.run(1_000)
    assert len(users(here, wire)) == 1
    assert len(alice.of(Registered)) == 4
    alice.do(Unregister(account))
    wire.run(1)
    assert users(here, wire) == []
    assert here.of(UserRegistered)[-1] == UserRegistered("alice", 0, ALICE)


def test_a_contact_is_forgotten_at_its_end() -> None:
    wire = Wire()
    here, alice = bot(wire), phone(wire, "a", ALICE)
    register(alice, wire, expires_s=90)
    wire.drop = lambda sent: True
    wire.run(80)
    assert len(users(here, wire)) == 1
    wire.run(20)
    assert users(here, wire) == []


@pytest.mark.parametrize(("user", "password"), [("alice", "guess"), ("nobody", "guess")])
def test_nobody_else_registers(user: str, password: str) -> None:
    wire = Wire()
    here, stranger = bot(wire), phone(wire, "s", ALICE, user=user, password=password)
    register(stranger, wire, user=user)
    assert [event.status for event in stranger.of(RegistrationFailed)] == [401]
    assert users(here, wire) == []


def test_a_user_registers_nobody_else() -> None:
    wire = Wire()
    here, alice = bot(wire), phone(wire, "a", ALICE)
    for other in ("carol", "nobody"):
        register(alice, wire, user=other)
        assert [event.status for event in alice.of(RegistrationFailed)] == [403]
        alice.events.clear()
        alice.ua.do(Unregister(f"{ALICE}"), wire.now)
        alice.pump()
    assert users(here, wire) == []


def test_a_user_is_called_where_they_are() -> None:
    wire = Wire()
    here, alice = bot(wire), phone(wire, "a", ALICE)
    register(alice, wire, contact="line-1")
    answers(alice)
    call = here.do(Invite("sip:alice@bot", OFFER))
    wire.run(1)
    assert here.of(CallAnswered) == [CallAnswered(call, ANSWER)]
    (incoming,) = alice.of(IncomingCall)
    assert incoming.request_uri == "sip:line-1@192.0.2.1:5060"


def test_of_several_phones_the_next_is_called_when_one_is_gone() -> None:
    wire = Wire()
    here, first, second = bot(wire), phone(wire, "a", ALICE), phone(wire, "c", CAROL)
    register(first, wire)
    register(second, wire)
    assert [each["user"] for each in users(here, wire)] == ["alice", "alice"]
    answers(second, 480)
    answers(first)
    call = here.do(Invite("sip:alice@bot", OFFER))
    wire.run(1)
    assert len(second.of(IncomingCall)) == 1  # the latest to register
    assert here.of(CallAnswered) == [CallAnswered(call, ANSWER)]
    # Who is busy at one phone is busy.
    answers(second, 486)
    call = here.do(Invite("sip:alice@bot", OFFER))
    wire.run(1)
    assert here.of(CallRejected) == [CallRejected(call, 486, "Busy Here")]


def test_who_is_not_registered_cannot_be_called() -> None:
    here = bot(Wire())
    with pytest.raises(LocalError, match="alice is not registered"):
        here.do(Invite("sip:alice@bot", OFFER))


class ByHand:
    """REGISTERs written by hand, with a right password."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.here = bot(self.wire)
        self.cseq = 0
        self.realm = ""

    def ask(self, *extra: str, cseq: int | None = None, call_id: str = "r1", source: Address = ALICE) -> Response:
        self.cseq = self.cseq + 1 if cseq is None else cseq
        message = Message(
            "REGISTER",
            uri="sip:192.0.2.2",
            to="<sip:alice@192.0.2.2>",
            branch=f"z9hG4bKr{len(self.wire.log)}{self.cseq}{call_id}",
            call_id=call_id,
            cseq=self.cseq,
            extra=extra,
        )
        refused = self.send(bytes(message), source)
        if refused.status != 401:
            return refused
        again = parse(bytes(message))
        assert isinstance(again, Request)
        assert Authenticator([Account("alice", "s3cret", frozenset({"x"}))], Tokens("n")).answer(again, refused, "x")
        again.headers.set("Via", (again.headers.get("Via") or "").replace("branch=z9hG4bK", "branch=z9hG4bKagain"))
        return self.send(bytes(again), source)

    def send(self, data: bytes, source: Address) -> Response:
        self.here.ua.receive(data, udp(source), self.wire.now)
        ((answer, _),) = self.here.ua.messages_to_send()
        self.sent, parsed = data, parse(answer)
        assert isinstance(parsed, Response)
        return parsed

    def contacts(self) -> list[object]:
        return [each["contact"] for each in users(self.here, self.wire)]


CONTACT = "Contact: <sip:alice@192.0.2.1>"


@pytest.mark.parametrize(
    ("lines", "status", "expires"),
    [
        ((CONTACT,), 200, 600),
        ((CONTACT, "Expires: 120"), 200, 120),
        ((CONTACT + ";expires=60", "Expires: 120"), 200, 60),
        ((CONTACT + ";expires=99999",), 200, 3_600),
        ((CONTACT + ";expires=soon",), 200, 600),
        ((CONTACT + ";expires=59",), 423, None),
        ((CONTACT, "Expires: 1"), 423, None),
        (("Contact: <tel:+1555>",), 400, None),
        (("Contact: *",), 400, None),
        (("Contact: *", CONTACT, "Expires: 0"), 400, None),
        (("Contact: *", "Expires: 60"), 400, None),
        (("Contact: sip:alice@192.0.2.1?Route=%3Csip:x%3E",), 400, None),
        ((CONTACT, "Require: path, gruu"), 420, None),
        ((), 200, None),
    ],
)
def test_what_is_asked_for(lines: tuple[str, ...], status: int, expires: int | None) -> None:
    phone = ByHand()
    answer = phone.ask(*lines)
    assert answer.status == status
    if status == 423:
        assert answer.headers.get("Min-Expires") == "60"
    found = answer.headers.get_all("Contact")
    assert found == ([] if expires is None else [f"<sip:alice@192.0.2.1>;expires={expires}"])


def test_headers_of_a_contact_are_followed_nowhere() -> None:
    phone = ByHand()
    phone.ask("Contact: <sip:alice@192.0.2.1?Route=%3Csip:evil.example%3E>")
    assert phone.contacts() == ["sip:alice@192.0.2.1"]


def test_all_contacts_go_at_once() -> None:
    phone = ByHand()
    phone.ask(CONTACT, "Contact: <sip:alice@192.0.2.9>;q=0.5")
    assert phone.contacts() == ["sip:alice@192.0.2.1", "sip:alice@192.0.2.9"]
    assert phone.ask("Contact: *", "Expires: 0").status == 200
    assert phone.contacts() == []


def test_a_late_register_changes_nothing() -> None:
    phone = ByHand()
    phone.ask(CONTACT, cseq=5)
    assert phone.ask(CONTACT + ";expires=0", cseq=4).status == 500
    assert phone.contacts() == ["sip:alice@192.0.2.1"]
    assert phone.ask("Contact: *", "Expires: 0", cseq=4).status == 500
    assert phone.ask(CONTACT + ";expires=0", cseq=1, call_id="rebooted").status == 200
    assert phone.contacts() == []


def test_nothing_is_kept_of_what_is_refused() -> None:
    phone = ByHand()
    assert phone.ask(CONTACT, "Contact: <sip:alice@192.0.2.9>;expires=3").status == 423
    assert phone.contacts() == []


def test_contacts_are_limited() -> None:
    phone = ByHand()
    many = [f"Contact: <sip:alice@192.0.2.{number}>" for number in range(1, MAX_CONTACTS + 2)]
    assert phone.ask(*many[:-1]).status == 200
    assert phone.ask(many[-1]).status == 403
    assert len(phone.contacts()) == MAX_CONTACTS


def test_a_copy_gets_the_same_answer() -> None:
    phone = ByHand()
    first = phone.ask(CONTACT)
    again = phone.send(phone.sent, ALICE)
    assert bytes(again) == bytes(first)
    assert phone.here.ua.counters.retransmissions_received == 1


def test_a_path_is_kept_and_shown() -> None:
    phone = ByHand()
    answer = phone.ask(CONTACT, "Path: <sip:edge.example;lr>", "Supported: path", source=CAROL)
    assert answer.headers.get_all("Path") == ["<sip:edge.example;lr>"]
    phone.here.ua.do(Invite("sip:alice@bot", OFFER), phone.wire.now)
    ((data, flow),) = phone.here.ua.messages_to_send()
    invite = parse(data)
    assert isinstance(invite, Request)
    assert (invite.uri, flow.remote) == ("sip:alice@192.0.2.1", CAROL)
    assert invite.headers.get_all("Route") == ["<sip:edge.example;lr>"]


def test_a_flood_of_challenges_is_not_answered() -> None:
    here, answered = bot(Wire()), 0
    for number in range(200):
        message = Message("REGISTER", branch=f"z9hG4bK{number}", to=f"<sip:{number}@x>", call_id=str(number), extra=())
        here.ua.receive(bytes(message), udp(ALICE), 1.0)
        answered += len(here.ua.messages_to_send())
    assert answered == BURST
    here.ua.receive(bytes(Message("REGISTER", branch="z9hG4bKx", call_id="x", extra=())), udp(CAROL), 1.0)
    assert len(here.ua.messages_to_send()) == 1  # others are
    here.ua.receive(bytes(Message("REGISTER", branch="z9hG4bKy", call_id="y", extra=())), udp(ALICE), 2.0)
    assert len(here.ua.messages_to_send()) == 1


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (bytes(Message("OPTIONS")), False),
        (bytes(Message("OPTIONS", uri="sip:sip.example.com")), False),
        (bytes(Message("INVITE")), False),
        (bytes(Message("INVITE", uri="sip:bot@sip.example.com")), True),
        (bytes(Message("REGISTER", uri="sip:SIP.example.com", extra=())), True),
        (bytes(Message("REGISTER", uri="sip:192.0.2.2", extra=())), False),
        (bytes(Message("BYE", to="<sip:x@y>;tag=1")), False),
        (bytes(Message("CANCEL")), False),
        (bytes(Message("FOO")), False),
        (b"\r\n\r\n", False),
        (b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
    ],
)
def test_unknown_senders_get_nothing_unless_they_know_the_domain(data: bytes, answered: bool) -> None:
    known = bot(Wire(), Silence(lambda source, now: source == CAROL, "sip.example.com"))
    known.ua.receive(data, udp(ALICE), 1.0)
    assert bool(known.ua.messages_to_send()) == answered


def test_known_senders_are_answered() -> None:
    known = bot(Wire(), Silence(lambda source, now: source == CAROL, None))
    for data in (bytes(Message("OPTIONS")), b"\r\n\r\n"):
        known.ua.receive(data, udp(CAROL), 1.0)
        assert known.ua.messages_to_send()
    known.ua.receive(bytes(Message("INVITE", uri="sip:bot@sip.example.com")), udp(ALICE), 1.0)
    assert not known.ua.messages_to_send()


def test_a_path_that_cannot_be_read_leaves_nothing_behind() -> None:
    phone = ByHand()
    assert phone.ask(CONTACT, "Path: <sip:edge.example;lr").status == 400
    assert phone.contacts() == []
    phone.here.ua.handle_timer(phone.wire.now + 40)
    assert phone.here.ua.idle
