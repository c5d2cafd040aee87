"""Any requests, responses, repeats and failures in any order: what RFC 3261 §17 and RFC 6026 never allow."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.transaction.client import ClientTransaction, Failure
from offhook.sip.transaction.layer import AckReceived, ResponseReceived, TransactionLayer
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.transaction.tables import State
from offhook.sip.transaction.timers import Timers
from tests.sip.dialog.harness import ALICE, BOB, Message
from tests.sip.steps import Counted, some
from tests.sip.transaction.test_layer import answer, request

METHODS = st.sampled_from(["INVITE", "INVITE", "OPTIONS", "BYE"])
STATUSES = st.sampled_from([100, 180, 183, 200, 202, 302, 401, 486, 503, 603])
PICK = st.integers(0, 5)

RANK = {
    State.CALLING: 0,
    State.TRYING: 0,
    State.PROCEEDING: 1,
    State.COMPLETED: 2,
    State.ACCEPTED: 2,
    State.CONFIRMED: 3,
    State.TERMINATED: 4,
}
"""A transaction never goes back."""

OF_INVITES = frozenset({State.CALLING, State.ACCEPTED, State.CONFIRMED})
MOST_SENT = {"INVITE": 7, "OPTIONS": 11, "BYE": 11}
"""§17.1.1.2, §17.1.2.2: within 64·T1."""


@dataclass
class Seen:
    """What came of one transaction."""

    transaction: ClientTransaction | ServerTransaction
    delivered: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)  # server: by its user; client: by the far end
    failures: list[Failure] = field(default_factory=list)
    sent: int = 0
    acks: int = 0
    rank: int = 0

    @property
    def request(self) -> Request:
        return self.transaction.request

    @property
    def is_invite(self) -> bool:
        return self.request.method == "INVITE"


class Transactions(Counted):
    @initialize(transport=st.sampled_from([Transport.UDP, Transport.TCP]))
    def begin(self, transport: Transport) -> None:
        self.flow = Flow(transport, BOB, ALICE)
        self.layer = TransactionLayer(Timers())
        self.now = 0.0
        self.clients: list[Seen] = []
        self.servers: list[Seen] = []

    def fresh(self, method: str, of: str, count: int) -> Request:
        return request(Message(method, branch=f"z9hG4bK{of}{count}", call_id=f"{of}{count}"))

    # --- steps

    @rule(method=METHODS)
    def send(self, method: str) -> None:
        begun = self.layer.send_request(self.fresh(method, "c", len(self.clients)), self.flow, self.now)
        self.clients.append(Seen(begun))
        self.look()

    @rule(method=METHODS)
    def receive(self, method: str) -> None:
        came = self.fresh(method, "s", len(self.servers))
        assert self.layer.match(came) is None
        self.servers.append(Seen(self.layer.accept(came, self.flow, self.now)))
        self.look()

    @rule(pick=PICK, status=STATUSES, times=st.integers(1, 3))
    def be_answered(self, pick: int, status: int, times: int) -> None:
        if not self.clients:
            return
        seen = self.clients[pick % len(self.clients)]
        for _ in range(times):
            if self.layer.receive_response(answer(seen.request, status), self.now):
                seen.answered.append(status)
            else:
                assert seen.transaction.terminated
        self.look()

    @rule(pick=PICK, status=STATUSES)
    def answer(self, pick: int, status: int) -> None:
        if not self.servers:
            return
        seen = self.servers[pick % len(self.servers)]
        transaction = seen.transaction
        assert isinstance(transaction, ServerTransaction)
        self.layer.respond(transaction, answer(seen.request, status), self.now)
        sent = [parse(data) for data, _ in self.layer.messages_to_send()]
        final = [each for each in seen.answered if each >= 200]
        if sent:
            # Only a 2xx follows a final response, another 2xx: the core's own retransmission.
            assert not final or (seen.is_invite and final[0] < 300 and 200 <= status < 300)
            seen.answered.append(status)
        else:
            assert final or transaction.terminated
        self.look()

    @rule(pick=PICK, ack=st.booleans())
    def come_again(self, pick: int, ack: bool) -> None:
        if not self.servers:
            return
        seen = self.servers[pick % len(self.servers)]
        again = seen.request
        if ack and seen.is_invite:
            branch = (again.headers.get("Via") or "").partition("branch=")[2].partition(";")[0]
            again = request(Message("ACK", branch=branch, call_id=again.headers.get("Call-ID") or ""))
        matched = self.layer.match(again)
        assert matched is (None if seen.transaction.terminated else seen.transaction)
        if matched is None:
            return
        seen.acks += again.method == "ACK" and seen.answered[-1:] >= [300]
        self.layer.receive_again(matched, again, self.now)
        sent = [parse(data) for data, _ in self.layer.messages_to_send()]
        # A repeated request gets the latest answer or nothing, an ACK nothing.
        assert [each.status for each in sent if isinstance(each, Response)] in ([], seen.answered[-1:])
        assert not sent or again.method != "ACK"
        self.look()

    @rule(seconds=st.sampled_from([0.0, 0.3, 0.5, 2.0, 4.0, 5.0, 31.0, 33.0, 301.0]))
    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.layer.get_timer()) is not None and at <= end:
            assert at >= self.now
            self.now = at
            self.layer.handle_timer(self.now)
            self.look()
        self.now = end

    @rule()
    def fail_to_send(self) -> None:
        self.layer.transport_failed(self.flow, self.now)
        self.look()

    # --- what is never allowed

    def look(self) -> None:
        by_transaction = {id(seen.transaction): seen for seen in (*self.clients, *self.servers)}
        while (event := self.layer.next_event()) is not None:
            seen = by_transaction[id(event.transaction)]
            if isinstance(event, ResponseReceived):
                assert not seen.failures
                seen.delivered.append(event.response.status)
            elif isinstance(event, AckReceived):
                assert seen.is_invite
                assert 200 <= seen.answered[-1] < 300
            else:
                seen.failures.append(event.failure)
        self.count_sent()
        for seen in self.clients:
            self.check(seen)
            self.check_client(seen)
        for seen in self.servers:
            self.check(seen)
            self.check_server(seen)
        assert len(self.layer.dump(self.now)) == sum(
            not seen.transaction.terminated for seen in by_transaction.values()
        )

    def count_sent(self) -> None:
        requests = {seen.request.headers.get("Call-ID"): seen for seen in self.clients}
        for data, flow in self.layer.messages_to_send():
            assert flow == self.flow
            message = parse(data)
            if isinstance(message, Request):
                seen = requests[message.headers.get("Call-ID")]
                if message.method == "ACK":
                    seen.acks += 1
                else:
                    assert not [status for status in seen.answered if status >= 200]
                    seen.sent += 1

    def check(self, seen: Seen) -> None:
        state = seen.transaction.machine.state
        assert RANK[state] >= seen.rank
        seen.rank = RANK[state]
        assert seen.is_invite or state not in OF_INVITES
        assert not (seen.is_invite and state is State.TRYING)

    def check_client(self, seen: Seen) -> None:
        final = [status for status in seen.delivered if status >= 200]
        first = seen.delivered.index(final[0]) if final else len(seen.delivered)
        assert seen.delivered[first:] == final, "nothing provisional follows a final response"
        if not seen.is_invite or (final and final[0] >= 300):
            assert len(final) <= 1
        assert all(status < 300 for status in final[1:])
        assert not (final and Failure.TIMED_OUT in seen.failures)
        assert len(seen.failures) <= 1 + bool(final)
        assert seen.sent <= (1 if self.flow.transport.is_reliable else MOST_SENT[seen.request.method])
        refusals = [status for status in seen.answered if status >= 300]
        assert seen.acks <= (len(refusals) if seen.is_invite else 0)

    def check_server(self, seen: Seen) -> None:
        if Failure.TIMED_OUT in seen.failures:
            assert seen.is_invite
            assert seen.answered[-1] >= 300
            assert seen.acks == 0

    def teardown(self) -> None:
        if not hasattr(self, "layer"):
            return
        for pick in range(len(self.servers)):
            self.answer(pick, 503)
        self.wait(1_000.0)
        assert (self.layer.clients, self.layer.servers) == ({}, {})
        assert self.layer.get_timer() is None
        assert self.layer.dump(self.now) == []


Transactions.TestCase.settings = some(1_000)
TestTransactions = Transactions.TestCase
