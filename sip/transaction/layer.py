"""All transactions of a user agent: matching, timers, retransmission."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.net.flow import Flow
from offhook.sip.net.unsent import Unsent
from offhook.sip.transaction.agenda import Agenda
from offhook.sip.transaction.client import ClientTransaction, Failure, TransactionUser, ack_of_failure, response_input
from offhook.sip.transaction.keys import Key, client_key, merge_key, server_key
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.transaction.tables import Action, Input
from offhook.sip.transaction.timers import Timer, Timers

Transaction: TypeAlias = ClientTransaction | ServerTransaction


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response from a transaction."""

    transaction: ClientTransaction
    response: Response


@dataclass(frozen=True, slots=True)
class AckReceived:
    """An ACK for a 2xx that came with the INVITE's own branch (RFC 6026 §7.1)."""

    transaction: ServerTransaction
    request: Request


@dataclass(frozen=True, slots=True)
class TransactionFailed:
    """No final response to a request, no ACK for a 3xx-6xx, or a failure to send."""

    transaction: Transaction
    failure: Failure


LayerEvent: TypeAlias = ResponseReceived | AckReceived | TransactionFailed


_FAILURES = {Action.REPORT_TIMEOUT: Failure.TIMED_OUT, Action.REPORT_TRANSPORT: Failure.TRANSPORT}


class TransactionLayer:
    """Owns every transaction. Each has the timers of its own transport."""

    def __init__(self, timers: Timers, *, retransmit_limit: int = 32) -> None:
        self.clients: dict[Key, ClientTransaction] = {}
        self.servers: dict[Key, ServerTransaction] = {}
        self._merged: dict[Key, ServerTransaction] = {}
        self._t2_s = timers.t2_s
        self._durations = {reliable: timers.durations(reliable) for reliable in (False, True)}
        self._retransmit_limit = retransmit_limit
        self._agenda: Agenda[Transaction] = Agenda()
        self._outbox: list[tuple[bytes, Flow]] = []
        self._answered: list[Headers] = []
        self._events: deque[LayerEvent] = deque()

    # --- client

    def send_request(
        self, request: Request, destination: Flow, now: float, user: TransactionUser | None = None
    ) -> ClientTransaction:
        """Send a request, not an ACK, whose top Via has a new branch, and retransmit it until it is answered."""
        durations = self._durations[destination.transport.is_reliable]
        transaction = ClientTransaction(client_key(request), request, destination, durations, self._t2_s, now)
        transaction.user = user
        self.clients[transaction.key] = transaction
        self._run_client(transaction, transaction.machine.start(now), None)
        self._reschedule(transaction)
        return transaction

    def receive_response(self, response: Response, now: float) -> bool:
        """Take in a response; False when it belongs to no transaction. Raises ParseError."""
        transaction = self.clients.get(client_key(response))
        if transaction is None:
            return False
        self._handle(transaction, response_input(response.status), now, response)
        return True

    # --- server

    def match(self, request: Request) -> ServerTransaction | None:
        """The transaction that the request is a retransmission or the ACK of. Raises ParseError."""
        return self.servers.get(server_key(request))

    def match_cancelled(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE transaction that a CANCEL refers to (§9.2). Raises ParseError."""
        return self.servers.get(server_key(cancel, "INVITE"))

    def merged(self, request: Request) -> bool:
        """Whether another copy of the request is being processed (§8.2.2.2). Raises ParseError."""
        key = merge_key(request)
        return key is not None and key in self._merged

    def accept(
        self, request: Request, reply_to: Flow, now: float, *, most_repeats: int | None = None
    ) -> ServerTransaction:
        """Begin the transaction of a new request that is not an ACK. Raises ParseError."""
        key = server_key(request)
        durations = self._durations[reply_to.transport.is_reliable]
        transaction = ServerTransaction(key, request, reply_to, durations, self._t2_s, now, most_repeats)
        self.servers[key] = transaction
        if (merge := merge_key(request)) is not None:
            transaction.merge_key = merge
            self._merged.setdefault(merge, transaction)
        transaction.machine.start(now)
        return transaction

    def receive_again(self, transaction: ServerTransaction, request: Request, now: float) -> bool:
        """Take in what `match` found to be a retransmission of the request, or its ACK.

        False when it was dropped: it exceeded the retransmission limit, or this state ignores it.
        """
        if request.method == "ACK":
            return self._handle(transaction, Input.ACK, now, request)
        if transaction.repeats >= self._retransmit_limit:
            return False
        transaction.repeats += 1
        return self._handle(transaction, Input.REQUEST, now, request)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Send a response; one after the final response is discarded (§17.2)."""
        given = response_input(response.status)
        if transaction.machine.accepts(given):
            transaction.wire = bytes(response)
            transaction.repeated = 0
            self._handle(transaction, given, now)
            if response.status >= 200:
                transaction.user = None  # what has been answered cannot be cancelled
                self._answered.append(transaction.request.headers)
            if given is Input.R3_6XX:
                # Not "ongoing" in the sense of §8.2.2.2 any more: a proxy that forks serially, or fixes what was wrong
                # with the request, sends the next one with the same Call-ID, From tag and CSeq.
                self._forget_merged(transaction)

    def repeat(self, transaction: ServerTransaction) -> None:
        """Send the latest response once more: the core's own retransmission of a 2xx (§13.3.1.4) or a 180."""
        if transaction.wire is not None and not transaction.terminated and transaction.repeats_unasked():
            self._outbox.append((transaction.wire, transaction.reply_to))

    # --- both

    def transmit(self, data: bytes, destination: Flow) -> None:
        """Send something without a transaction: an ACK of a 2xx, a stateless response."""
        self._outbox.append((data, destination))

    def transport_failed(self, destination: Flow, now: float, why: Unsent | None = None) -> None:
        """Something could not be sent there: fail every transaction of that flow."""
        for client in [each for each in self.clients.values() if each.destination == destination]:
            client.unsent = why
            self._handle(client, Input.TRANSPORT_ERROR, now)
        for server in [each for each in self.servers.values() if each.reply_to == destination]:
            self._handle(server, Input.TRANSPORT_ERROR, now)

    def next_event(self) -> LayerEvent | None:
        """Events for the core, oldest first."""
        return self._events.popleft() if self._events else None

    def messages_to_send(self) -> list[tuple[bytes, Flow]]:
        """What to send, and where, in order; each is returned once."""
        outbox, self._outbox = self._outbox, []
        # An answered request is kept half a minute more for its copies, and what is read of it then (for the ACK of a
        # re-INVITE) can be parsed again: with hundreds of calls a second each full garbage collection would traverse a
        # hundred thousand parsed headers.
        for headers in self._answered:
            headers.forget_parsed()
        self._answered.clear()
        return outbox

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        return self._agenda.get_timer()

    def handle_timer(self, now: float) -> None:
        """Run every timer that is due."""
        while (transaction := self._agenda.pop_due(now)) is not None:
            timer = transaction.machine.pop_due(now)
            if timer is not None:
                self._handle(transaction, timer, now)
            self._reschedule(transaction)

    def dump(self, now: float) -> list[dict[str, object]]:
        """Every live transaction."""
        everything: list[Transaction] = [*self.clients.values(), *self.servers.values()]
        return [dump_transaction(each, now) for each in everything]

    def _handle(
        self,
        transaction: Transaction,
        given: StrEnum,
        now: float,
        message: Request | Response | None = None,
    ) -> bool:
        actions = transaction.machine.handle(given, now)
        if actions is None:
            return False
        if isinstance(transaction, ClientTransaction):
            self._run_client(transaction, actions, message)
        else:
            if given is Timer.G and not transaction.repeats_unasked():
                actions = [action for action in actions if action is not Action.RESEND]
            self._run_server(transaction, actions, message)
        self._reschedule(transaction)
        return True

    def _run_client(
        self, transaction: ClientTransaction, actions: list[Action], message: Request | Response | None
    ) -> None:
        for action in actions:
            if action in {Action.SEND, Action.RESEND}:
                self._outbox.append((transaction.wire, transaction.destination))
            elif action is Action.SEND_ACK and isinstance(message, Response):
                ack = bytes(ack_of_failure(transaction.request, message))
                self._outbox.append((ack, transaction.destination))
            elif action is Action.DELIVER and isinstance(message, Response):
                self._events.append(ResponseReceived(transaction, message))
            else:
                self._report(transaction, action)

    def _run_server(
        self, transaction: ServerTransaction, actions: list[Action], message: Request | Response | None
    ) -> None:
        for action in actions:
            if action in {Action.SEND, Action.RESEND}:
                if transaction.wire is not None:
                    self._outbox.append((transaction.wire, transaction.reply_to))
            elif action is Action.DELIVER and isinstance(message, Request):
                self._events.append(AckReceived(transaction, message))
            else:
                self._report(transaction, action)

    def _report(self, transaction: Transaction, action: Action) -> None:
        if action in _FAILURES:
            self._events.append(TransactionFailed(transaction, _FAILURES[action]))

    def _reschedule(self, transaction: Transaction) -> None:
        self._agenda.schedule(transaction, transaction.machine.get_timer())
        if not transaction.terminated:
            return
        if isinstance(transaction, ClientTransaction):
            self.clients.pop(transaction.key, None)
            return
        self.servers.pop(transaction.key, None)
        transaction.user = None  # it refers back to the transaction
        self._forget_merged(transaction)

    def _forget_merged(self, transaction: ServerTransaction) -> None:
        if transaction.merge_key is not None and self._merged.get(transaction.merge_key) is transaction:
            del self._merged[transaction.merge_key]


def dump_transaction(transaction: Transaction, now: float) -> dict[str, object]:
    """A live transaction as plain values."""
    if isinstance(transaction, ClientTransaction):
        kind, peer = "client", transaction.destination
    else:
        kind, peer = "server", transaction.reply_to
    at = transaction.machine.get_timer()
    return {
        "kind": kind,
        "method": transaction.request.method,
        "branch": transaction.key[0],
        "peer": str(peer),
        "state": transaction.machine.state.value,
        "age_s": round(now - transaction.created, 3),
        "timer": transaction.machine.next_timer(),
        "timer_in_s": None if at is None else round(at - now, 3),
    }
