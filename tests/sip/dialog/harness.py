"""Virtual time, an in-memory wire with chosen losses, and hand-made messages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from offhook.sip.commands import Command
from offhook.sip.events import Event
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.settings import UaSettings
from offhook.sip.ua import UserAgent

E = TypeVar("E")

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n"

ALICE = Address("192.0.2.1", 5060)
BOB = Address("192.0.2.2", 5060)
TARGET = "sip:bob@192.0.2.2"

LATENCY_S = 0.01


def udp(remote: Address, local: Address = BOB) -> Flow:
    """Where a datagram comes from."""
    return Flow(Transport.UDP, local, remote)


class Tokens:
    """Entropy that is the same in every run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def __call__(self) -> str:
        self._count += 1
        return f"{self._name}{self._count:04d}"


@dataclass
class Sent:
    """A datagram that was put on the wire."""

    at: float
    source: Address
    destination: Address
    data: bytes
    lost: bool

    @property
    def line(self) -> str:
        """Its first line, without the URI: "INVITE", "200 INVITE"."""
        message = parse(self.data)
        if isinstance(message, Request):
            return message.method
        return f"{message.status} {(message.headers.get('CSeq') or '').split()[1]}"


class Agent:
    """A user agent on the wire. `handler` sees each event and may give commands."""

    def __init__(self, wire: "Wire", ua: UserAgent, address: Address) -> None:
        self.wire = wire
        self.ua = ua
        self.address = address
        self.events: list[Event] = []
        self.handler: Callable[[Event], None] = lambda event: None

    def do(self, command: Command) -> str:
        """Execute it; returns the call's handle."""
        self.ua.do(command, self.wire.now)
        self.pump()
        return command.call

    def pump(self) -> None:
        while True:
            for data, destination in self.ua.messages_to_send():
                self.wire.carry(data, self.address, destination.remote)
            event = self.ua.next_event()
            if event is None:
                return
            self.events.append(event)
            self.handler(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Wire:
    """Carries datagrams in order, `LATENCY_S` each; loses those whose ordinal is in `lose`, or that `drop` names."""

    def __init__(self, lose: Iterable[int] = ()) -> None:
        self.now = 1000.0
        self.lose = set(lose)
        self.drop: Callable[[Sent], bool] = lambda sent: False
        self.log: list[Sent] = []
        self._flying: list[tuple[float, Sent]] = []
        self._agents: dict[Address, Agent] = {}

    def add(self, name: str, address: Address, settings: UaSettings | None = None) -> Agent:
        ua = UserAgent(address, settings=settings or UaSettings(), entropy=Tokens(name))
        self._agents[address] = Agent(self, ua, address)
        return self._agents[address]

    def carry(self, data: bytes, source: Address, destination: Address) -> None:
        sent = Sent(self.now, source, destination, data, len(self.log) in self.lose)
        sent.lost = sent.lost or self.drop(sent)
        self.log.append(sent)
        if not sent.lost:
            self._flying.append((self.now + LATENCY_S, sent))

    def run(self, seconds: float) -> None:
        """Let time pass: arrivals and timers, in their order."""
        end = self.now + seconds
        while (at := self._next()) is not None and at <= end:
            self.now = max(self.now, at)
            self._arrive()
            for agent in self._agents.values():
                timer = agent.ua.get_timer()
                if timer is not None and timer <= self.now:
                    agent.ua.handle_timer(self.now)
                    agent.pump()
        self.now = end

    def lines(self, source: Address | None = None) -> list[str]:
        """What was sent, in order, "INVITE", "200 INVITE" …"""
        return [sent.line for sent in self.log if source in {None, sent.source}]

    def times(self, line: str, source: Address | None = None) -> list[float]:
        """When such a message was sent, since the start."""
        return [round(sent.at - 1000.0, 3) for sent in self.log if sent.line == line and source in {None, sent.source}]

    def _next(self) -> float | None:
        times = [at for at, _ in self._flying]
        times += [at for agent in self._agents.values() if (at := agent.ua.get_timer()) is not None]
        return min(times, default=None)

    def _arrive(self) -> None:
        due = [sent for at, sent in self._flying if at <= self.now]
        self._flying = [(at, sent) for at, sent in self._flying if at > self.now]
        for sent in due:
            agent = self._agents.get(sent.destination)
            if agent is not None:
                agent.ua.receive(sent.data, udp(sent.source, sent.destination), self.now)
                agent.pump()


@dataclass
class Message:
    """A request written by hand, to be changed here and there."""

    method: str = "INVITE"
    uri: str = "sip:bot@192.0.2.2"
    branch: str = "z9hG4bKcaller1"
    via_parameters: str = ";rport"
    sender: str = "<sip:alice@example.com>;tag=alice"
    to: str = "<sip:bot@example.com>"
    call_id: str = "call-1"
    cseq: int = 1
    cseq_method: str | None = None
    extra: tuple[str, ...] = ("Contact: <sip:alice@192.0.2.1:5060>",)
    body: bytes = b""
    content_type: str | None = "application/sdp"
    version: str = "SIP/2.0"
    without: tuple[str, ...] = field(default=())

    def __bytes__(self) -> bytes:
        lines = [
            f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch={self.branch}{self.via_parameters}",
            "Max-Forwards: 70",
            f"From: {self.sender}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {self.cseq_method or self.method}",
            *self.extra,
        ]
        if self.body and self.content_type is not None:
            lines.append(f"Content-Type: {self.content_type}")
        lines.append(f"Content-Length: {len(self.body)}")
        kept = [line for line in lines if line.partition(":")[0] not in self.without]
        head = "\r\n".join([f"{self.method} {self.uri} {self.version}", *kept, "", ""])
        return head.encode() + self.body


class Phone:
    """One user agent and a peer written by hand, at virtual time."""

    def __init__(self, settings: UaSettings | None = None) -> None:
        self.ua = UserAgent(BOB, settings=settings or UaSettings(), entropy=Tokens("bob"))
        self.now = 0.0
        self.sent: list[tuple[bytes, Address]] = []
        self.events: list[Event] = []

    def send(self, message: Message | Request | Response | bytes, source: Address = ALICE) -> list[Response]:
        """Give the user agent a datagram; returns the responses that it sent at once."""
        self.ua.receive(bytes(message), udp(source), self.now)
        return self.responses()

    def do(self, command: Command) -> str:
        """A command, whose datagrams stay for `responses` or `requests`; returns the call's handle."""
        self.ua.do(command, self.now)
        return command.call

    def collect(self) -> list[Request | Response]:
        """What the user agent sent since it was last asked."""
        fresh = [(data, flow.remote) for data, flow in self.ua.messages_to_send()]
        self.sent += fresh
        while (event := self.ua.next_event()) is not None:
            self.events.append(event)
        return [parse(data) for data, _ in fresh if data != b"\r\n"]

    def responses(self) -> list[Response]:
        return [message for message in self.collect() if isinstance(message, Response)]

    def requests(self) -> list[Request]:
        return [message for message in self.collect() if isinstance(message, Request)]

    def run(self, seconds: float) -> list[tuple[float, Request | Response]]:
        """Let time pass; returns what was sent, and when."""
        end = self.now + seconds
        out: list[tuple[float, Request | Response]] = []
        while (at := self.ua.get_timer()) is not None and at <= end:
            self.now = max(self.now, at)
            self.ua.handle_timer(self.now)
            out += [(self.now, message) for message in self.collect()]
        self.now = end
        return out

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        self.collect()
        return [event for event in self.events if isinstance(event, kind)]


def invite(body: bytes = OFFER, **changes: object) -> Message:
    """An INVITE with an offer."""
    return Message(body=body, **changes)  # type: ignore[arg-type]


def to_tag(response: Response) -> str:
    """Its To tag."""
    return (response.headers.get("To") or "").partition(";tag=")[2]


def inside(method: str, tag: str, cseq: int, **changes: object) -> Message:
    """A request of the caller in the dialog whose callee's tag is `tag`."""
    return Message(
        method=method,
        branch=f"z9hG4bK{method.lower()}{cseq}",
        to=f"<sip:bot@example.com>;tag={tag}",
        cseq=cseq,
        **changes,  # type: ignore[arg-type]
    )


def reply(
    request: Request,
    status: int,
    *,
    tag: str = "callee",
    extra: tuple[str, ...] = ("Contact: <sip:callee@192.0.2.1:5060>",),
    body: bytes = b"",
) -> bytes:
    """A hand-written response to our request."""
    to = request.headers.get("To") or ""
    if ";tag=" not in to and status > 100:
        to += f";tag={tag}"
    lines = [f"SIP/2.0 {status} Whatever"]
    lines += [f"Via: {value}" for value in request.headers.get_all("Via")]
    lines += [f"From: {request.headers.get('From')}", f"To: {to}"]
    lines += [f"{name}: {request.headers.get(name)}" for name in ("Call-ID", "CSeq")]
    lines += extra
    if body:
        lines.append("Content-Type: application/sdp")
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
