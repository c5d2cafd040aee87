"""A client transaction: our request until its final response (RFC 3261 §17.1)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response
from offhook.sip.net.flow import Flow
from offhook.sip.net.unsent import Unsent
from offhook.sip.transaction.keys import Key
from offhook.sip.transaction.machine import Machine
from offhook.sip.transaction.tables import CLIENT, INVITE_CLIENT, Action, Input, State


class Failure(StrEnum):
    """How our request ended without a final response."""

    TIMED_OUT = "timed out"
    TRANSPORT = "transport error"


class TransactionUser(Protocol):
    """The sender of our request (the "TU" of RFC 3261 §17)."""

    def on_response(self, client: "ClientTransaction", response: Response, now: float) -> None:
        """A response from the transaction. May raise ParseError: the response then counts as lost."""

    def on_failure(self, client: "ClientTransaction", failure: Failure, now: float) -> None:
        """The request got no answer, or could not be sent."""


class ClientTransaction:
    """One request and its machine. `user` is None when the outcome does not matter."""

    __slots__ = ("acks", "created", "destination", "key", "machine", "request", "unsent", "user", "wire")

    def __init__(
        self,
        key: Key,
        request: Request,
        destination: Flow,
        durations: Mapping[str, float | None],
        t2_s: float,
        now: float,
    ) -> None:
        self.key = key
        self.request = request
        self.destination = destination
        self.wire = bytes(request)
        self.user: TransactionUser | None = None
        self.acks: dict[str, tuple[bytes, Flow]] = {}
        """To tag of a 2xx -> its ACK and where that goes, repeated with each repeated 2xx (§13.2.2.4)."""
        self.unsent: Unsent | None = None
        self.created = now
        self.machine: Machine[State, Action] = Machine(
            INVITE_CLIENT if request.method == "INVITE" else CLIENT, durations, t2_s
        )

    def why(self, failure: Failure) -> str:
        """How it failed, in words."""
        return failure.value if self.unsent is None else self.unsent.why

    @property
    def terminated(self) -> bool:
        """Whether it is over."""
        return self.machine.state is State.TERMINATED


def response_input(status: int) -> Input:
    """The input for a status code."""
    if status < 200:
        return Input.R1XX
    return Input.R2XX if status < 300 else Input.R3_6XX


def ack_of_failure(request: Request, response: Response) -> Request:
    """The ACK to 300 to 699, within the INVITE's transaction (§17.1.1.3)."""
    headers = Headers()
    # The ACK has one Via, the INVITE's top one, and the INVITE's Route.
    headers.add("Via", request.headers.get_all("Via")[0])
    for name in ("Max-Forwards", "Route", "From"):
        for value in request.headers.get_all(name):
            headers.add(name, value)
    headers.add("To", response.headers.get("To") or "")
    headers.add("Call-ID", request.headers.get("Call-ID") or "")
    number = (request.headers.get("CSeq") or "").partition(" ")[0]
    headers.add("CSeq", f"{number} ACK")
    return Request("ACK", request.uri, headers)
