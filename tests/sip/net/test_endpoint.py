"""The pump over real sockets on loopback, with asyncio's loop and with uvloop."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from offhook.sip.commands import Answer, Bye, Invite, Ring
from offhook.sip.errors import LocalError
from offhook.sip.events import CallAnswered, CallConfirmed, CallEnded, EndCause, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.tcp import StreamTransport
from offhook.sip.settings import UaSettings
from offhook.sip.transaction.timers import Timers
from tests.sip.dialog.harness import ANSWER, OFFER, Message

QUICK = UaSettings(timers=Timers(t1_s=0.008, t2_s=0.032, t4_s=0.05, d_s=0.1))


async def call_and_hang_up(host: str, *, tcp: bool) -> None:
    ended: asyncio.Queue[Event] = asyncio.Queue()

    def answer(event: Event) -> None:
        if isinstance(event, IncomingCall):
            bob.do(Ring(event.call))
            bob.do(Answer(event.call, ANSWER))
        elif isinstance(event, CallConfirmed | CallEnded):
            ended.put_nowait(event)

    def hang_up(event: Event) -> None:
        if isinstance(event, CallAnswered):
            assert event.sdp == ANSWER
            alice.do(Bye(event.call))

    bob = await Endpoint.open(host, 0, answer, settings=QUICK, tcp=tcp)
    alice = await Endpoint.open(host, 0, hang_up, settings=QUICK, tcp=tcp)
    call = alice.do(Invite(f"sip:bob@{bob.address}{';transport=tcp' if tcp else ''}", OFFER))
    assert isinstance(call, str)
    confirmed = await asyncio.wait_for(ended.get(), 5)
    over = await asyncio.wait_for(ended.get(), 5)
    assert isinstance(confirmed, CallConfirmed)
    assert isinstance(over, CallEnded)
    assert over.cause is EndCause.REMOTE_BYE
    async with asyncio.timeout(10):
        await alice.drained()
        await bob.drained()
    assert alice.ua.idle
    assert bob.ua.idle
    alice.close()
    bob.close()
    bob.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


Runner = Callable[[Awaitable[None]], None]


def with_asyncio(work: Awaitable[None]) -> None:
    with asyncio.Runner() as runner:
        runner.run(work)  # type: ignore[arg-type]


def with_uvloop(work: Awaitable[None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)  # type: ignore[arg-type]


@pytest.mark.parametrize("run", [with_asyncio, with_uvloop])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("tcp", [False, True])
def test_a_call_over_sockets(run: Runner, host: str, tcp: bool) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("no IPv6 here")
    run(call_and_hang_up(host, tcp=tcp))


@pytest.mark.parametrize("run", [with_asyncio, with_uvloop])
def test_nobody_there(run: Runner) -> None:
    async def work() -> None:
        events: asyncio.Queue[Event] = asyncio.Queue()
        endpoint = await Endpoint.open("127.0.0.1", 0, events.put_nowait, settings=QUICK)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        call = endpoint.do(Invite(f"sip:x@127.0.0.1:{port}", OFFER))
        event = await asyncio.wait_for(events.get(), 5)
        assert isinstance(event, CallEnded)
        assert event.call == call
        assert event.cause in {EndCause.TIMEOUT, EndCause.TRANSPORT}
        endpoint.close()

    run(work())


@pytest.mark.parametrize("run", [with_asyncio, with_uvloop])
def test_what_cannot_be_sent_ends_the_call_at_once(run: Runner) -> None:
    async def work() -> None:
        events: asyncio.Queue[Event] = asyncio.Queue()
        endpoint = await Endpoint.open("127.0.0.1", 0, events.put_nowait)
        # From a loopback address nothing else can be reached.
        far = Address("192.0.2.1", 5060)
        call = endpoint.do(Invite("sip:x@192.0.2.1", OFFER * 3000, destination=far))
        event = await asyncio.wait_for(events.get(), 5)
        assert event == CallEnded(call, EndCause.TRANSPORT)
        endpoint.close()

    run(work())


async def test_what_comes_before_all_sockets_are_bound_is_left_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listen = StreamTransport.listen

    async def late(transport: StreamTransport) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.sendto(bytes(Message("OPTIONS")), (transport.local.host, transport.local.port))
        await asyncio.sleep(0.05)
        await listen(transport)

    monkeypatch.setattr(StreamTransport, "listen", late)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context))
    endpoint = await Endpoint.open("127.0.0.1", 0, lambda event: None, tcp=True)
    assert not failed
    assert endpoint.ua.counters.received == 0
    endpoint.close()


async def test_a_handler_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    twice = asyncio.Event()

    def fail(event: Event) -> None:
        seen.append(event)
        if len(seen) == 2:
            twice.set()
        raise ValueError("the owner's mistake")

    bob = await Endpoint.open("127.0.0.1", 0, fail, settings=QUICK)
    alice = await Endpoint.open("127.0.0.1", 0, lambda event: None, settings=QUICK)
    with caplog.at_level(logging.ERROR, "sip.net"):
        for _ in range(2):
            alice.do(Invite(f"sip:bob@{bob.address}", OFFER))
        async with asyncio.timeout(5):
            await twice.wait()
    assert [type(event) for event in seen] == [IncomingCall, IncomingCall]
    assert [record.name for record in caplog.records] == ["sip.net", "sip.net"]
    alice.close()
    bob.close()


async def test_a_wildcard_socket_names_the_address_that_reaches_the_peer() -> None:
    endpoint = await Endpoint.open("0.0.0.0", 0, lambda event: None)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        host, port = peer.getsockname()
        endpoint.do(Invite(f"sip:x@{host}:{port}", OFFER))
        data = await asyncio.wait_for(loop.sock_recv(peer, 4096), 5)
    assert f"Contact: <sip:offhook@127.0.0.1:{endpoint.address.port}>\r\n".encode() in data
    assert f"Via: SIP/2.0/UDP 127.0.0.1:{endpoint.address.port};branch=".encode() in data
    endpoint.close()


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("sip:x@192.0.2.1", "192.0.2.1:5060/UDP"),
        ("sip:x@192.0.2.1:5070", "192.0.2.1:5070/UDP"),
        ("sip:x@[2001:db8::1];transport=tcp", "[2001:db8::1]:5060/TCP"),
        ("sip:x@localhost:5080", "127.0.0.1:5080/UDP"),
        ("sip:x@nowhere.test;maddr=192.0.2.7", "192.0.2.7:5060/UDP"),
    ],
)
async def test_where_a_uri_leads(uri: str, target: str) -> None:
    endpoint = await Endpoint.open("127.0.0.1", 0, lambda event: None, tcp=True)
    assert [str(each) for each in await endpoint.find(uri)] == [target]
    endpoint.close()


async def test_where_no_uri_leads() -> None:
    endpoint = await Endpoint.open("127.0.0.1", 0, lambda event: None)
    for uri in (
        "nonsense",
        "tel:+15551234",
        "sip:x@192.0.2.1;transport=tcp",
        "sip:x@192.0.2.1;transport=carrier-pigeon",
    ):
        with pytest.raises(LocalError):
            await endpoint.find(uri)
    endpoint.close()


async def test_a_closed_endpoint_refuses_commands() -> None:
    endpoint = await Endpoint.open("127.0.0.1", 0, lambda event: None)
    with pytest.raises(LocalError, match="no call"):
        endpoint.do(Bye("nobody"))
    endpoint.close()
    with pytest.raises(LocalError, match="closed"):
        endpoint.do(Bye("nobody"))


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    endpoint = await Endpoint.open("127.0.0.1", 0, lambda event: None)
    with pytest.raises(OSError):
        await Endpoint.open("127.0.0.1", endpoint.address.port, lambda event: None)
    endpoint.close()
