"""A far end that keeps to no rule, and an owner who commands anything: each call has one end, and all are forgotten."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from offhook.sip.commands import (
    Answer,
    AnswerReinvite,
    Bye,
    Cancel,
    Command,
    Invite,
    Reinvite,
    Reject,
    RejectReinvite,
    Ring,
    Update,
)
from offhook.sip.dialog.tables import CallState
from offhook.sip.errors import LocalError
from offhook.sip.events import CallCancelled, CallEnded, CallRejected, IncomingCall
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import Address
from offhook.sip.policy import DialogPolicy, Use
from offhook.sip.settings import UaSettings
from tests.sip.dialog.harness import ALICE, ANSWER, OFFER, Message, Phone, inside, invite, reply, to_tag, udp
from tests.sip.steps import Counted, some

LAST = (CallCancelled, CallRejected, CallEnded)
CONTACT = "Contact: <sip:alice@192.0.2.1:5060>"
PICK = st.integers(0, 7)
METHODS = st.sampled_from(
    ["INVITE", "INVITE", "ACK", "ACK", "BYE", "UPDATE", "PRACK", "OPTIONS", "INFO", "NOTIFY", "CANCEL", "REFER"]
)
COMMANDS: tuple[Callable[[str], Command], ...] = (
    Ring,
    lambda call: Ring(call, 183, ANSWER),
    lambda call: Answer(call, ANSWER),
    lambda call: Answer(call, ANSWER),
    lambda call: Reject(call, 486),
    Bye,
    Cancel,
    lambda call: Reinvite(call, OFFER),
    lambda call: Update(call, OFFER),
    lambda call: AnswerReinvite(call, ANSWER),
    lambda call: RejectReinvite(call, 488),
)
MEMORY_S = 30.0
"""For so long a repeated request is known again (§17.2)."""


@dataclass
class Theirs:
    """A call of the far end."""

    call_id: str
    tag: str = ""
    cseq: int = 1


class RudePeer(Counted):
    @initialize(reliable=st.sampled_from(list(Use)))
    def begin(self, reliable: Use) -> None:
        self.phone = Phone(UaSettings(policy=DialogPolicy(reliable_provisionals=reliable)))
        self.calls: list[Theirs] = []
        self.said: list[bytes] = []
        self.ours: list[Request] = []
        self.handles: list[str] = []
        self.rejected: set[str] = set()
        self.finals: dict[tuple[str, str], tuple[float, int]] = {}
        self.dialled = 0

    def say(self, message: Message | bytes, source: Address = ALICE) -> None:
        self.said.append(bytes(message))
        self.phone.ua.receive(bytes(message), udp(source), self.phone.now)
        self.note(self.phone.collect())

    def note(self, sent: list[Request | Response]) -> None:
        for message in sent:
            if isinstance(message, Request):
                self.ours.append(message)
                continue
            call_id, cseq = message.headers.get("Call-ID") or "", message.headers.get("CSeq") or ""
            for call in self.calls:
                if call.call_id == call_id and message.status > 100 and cseq.endswith("INVITE"):
                    call.tag = to_tag(message)
            if message.status >= 200 and cseq.endswith("INVITE"):
                self.check_final(message.headers.get("Via") or "", cseq, message.status)

    def check_final(self, via: str, cseq: str, status: int) -> None:
        """An INVITE is never both accepted and refused."""
        at, before = self.finals.setdefault((via, cseq), (self.phone.now, status))
        if self.phone.now - at < MEMORY_S:
            assert (before < 300) == (status < 300), (via, before, status)

    # --- the far end

    @rule(offer=st.booleans(), extra=st.sampled_from([(), ("Supported: 100rel, timer",), ("Require: 100rel",)]))
    def call(self, offer: bool, extra: tuple[str, ...]) -> None:
        number = len(self.calls)
        self.calls.append(Theirs(f"rude-{number}"))
        body = OFFER if offer else b""
        self.say(invite(body, call_id=f"rude-{number}", branch=f"z9hG4bKr{number}", extra=(CONTACT, *extra)))

    @rule(
        pick=PICK,
        method=METHODS,
        sdp=st.booleans(),
        skip=st.sampled_from([1, 1, 1, 5, 0, -1]),
        wrong_tag=st.sampled_from([False, False, False, True]),
        rseq=st.integers(0, 3),
    )
    def ask(self, pick: int, method: str, sdp: bool, skip: int, wrong_tag: bool, rseq: int) -> None:
        if not self.calls:
            return
        call = self.calls[pick % len(self.calls)]
        if method not in {"ACK", "CANCEL"}:
            call.cseq = max(0, call.cseq + skip)
        cseq = 1 if method == "CANCEL" else call.cseq
        extra = (CONTACT, f"RAck: {rseq} 1 INVITE") if method == "PRACK" else (CONTACT,)
        message = inside(
            method,
            "other" if wrong_tag else call.tag,
            cseq,
            call_id=call.call_id,
            extra=extra,
            body=OFFER if sdp else b"",
        )
        message.branch += call.call_id
        if method == "CANCEL":
            message.to, message.branch = "<sip:bot@example.com>", f"z9hG4bKr{call.call_id.partition('-')[2]}"
        self.say(message)

    @rule(pick=PICK, moved=st.booleans())
    def repeat(self, pick: int, moved: bool) -> None:
        if self.said:
            self.say(self.said[-1 - pick % len(self.said)], Address("192.0.2.77", 5060) if moved else ALICE)

    @rule(
        pick=PICK,
        status=st.sampled_from([100, 180, 183, 200, 200, 200, 401, 408, 481, 486, 491, 500]),
        sdp=st.booleans(),
    )
    def reply(self, pick: int, status: int, sdp: bool) -> None:
        asked = [request for request in self.ours if request.method != "ACK"]
        if asked:
            extra = (CONTACT, "Require: 100rel", f"RSeq: {pick}") if status == 183 else (CONTACT,)
            self.say(reply(asked[-1 - pick % len(asked)], status, extra=extra, body=ANSWER if sdp else b""))

    # --- the owner

    def known(self) -> list[str]:
        return [*self.handles, *(event.call for event in self.phone.of(IncomingCall))]

    def command(self, command: Command) -> None:
        try:
            self.phone.do(command)
        except LocalError:
            return
        if isinstance(command, Reject):
            self.rejected.add(command.call)
        self.note(self.phone.collect())

    @rule(pick=PICK, make=st.sampled_from(COMMANDS))
    def decide(self, pick: int, make: Callable[[str], Command]) -> None:
        if calls := self.known():
            self.command(make(calls[-1 - pick % len(calls)]))

    @rule()
    def dial(self) -> None:
        self.dialled += 1
        self.handles.append(f"ours-{self.dialled}")
        self.command(Invite(f"sip:x@{ALICE}", OFFER, call=self.handles[-1]))

    @rule(seconds=st.sampled_from([0.0, 0.2, 1.0, 5.0, 33.0, 200.0]))
    def wait(self, seconds: float) -> None:
        self.note([message for _, message in self.phone.run(seconds)])

    # --- what holds

    @invariant()
    def nothing_follows_the_last_word(self) -> None:
        if not hasattr(self, "phone"):
            return
        dead = set[str]()
        for event in self.phone.events:
            call = getattr(event, "call", "")
            assert call not in dead
            if isinstance(event, LAST):
                dead.add(call)

    @invariant()
    def each_state_is_one(self) -> None:
        if not hasattr(self, "phone"):
            return
        calls = self.phone.ua.dump(self.phone.now)["calls"]
        assert isinstance(calls, list)
        assert {call["state"] for call in calls} <= {state.value for state in CallState}

    def teardown(self) -> None:
        if not hasattr(self, "phone"):
            return
        for call in self.known():
            for command in (Reject(call, 503), Cancel(call), Bye(call)):
                self.command(command)
        self.wait(200.0)
        for call in self.known():
            self.command(Bye(call))
        self.wait(2_000.0)
        assert self.phone.ua.idle, self.phone.ua.dump(self.phone.now)
        assert self.phone.ua.get_timer() is None
        ended = [event.call for event in self.phone.events if isinstance(event, LAST)]
        assert sorted(ended) == sorted(call for call in self.known() if call not in self.rejected)


RudePeer.TestCase.settings = some(1_000)
TestRudePeer = RudePeer.TestCase
