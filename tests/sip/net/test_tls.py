"""SIP over TLS on loopback, with certificates of an authority of our own."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from offhook.sip.commands import Answer, Bye, Invite, Register, Reinvite, Unregister
from offhook.sip.events import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    EndCause,
    Event,
    IncomingCall,
    Registered,
    RegistrationFailed,
)
from offhook.sip.message.message import Request, Response
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.net.tcp import StreamLimits, StreamTransport
from offhook.sip.net.tls import Tls, TlsFiles
from offhook.sip.net.unsent import Unsent
from tests.certificates import Authority, Issued
from tests.sip.dialog.harness import ANSWER, OFFER, inside, invite, reply, to_tag
from tests.sip.net.test_tcp import HOST, Peer

NAME = "bot.test"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls(authority: Authority, issued: Issued, *, client_certificates: bool = False) -> Tls:
    return Tls(TlsFiles(issued.certificate, issued.key, authority.certificate, client_certificates), port=0)


@asynccontextmanager
async def bot(carried: Tls) -> AsyncIterator[tuple[Endpoint, Address, "asyncio.Queue[Event]"]]:
    seen: asyncio.Queue[Event] = asyncio.Queue()

    def answer(event: Event) -> None:
        seen.put_nowait(event)
        if isinstance(event, IncomingCall):
            endpoint.do(Answer(event.call, ANSWER))

    endpoint = await Endpoint.open(HOST, 0, answer, tls=carried)
    assert endpoint.tls_address is not None
    try:
        yield endpoint, endpoint.tls_address, seen
    finally:
        endpoint.close()


async def connect(authority: Authority, address: Address, name: str = NAME, shows: Issued | None = None) -> Peer:
    context = ssl.create_default_context(cafile=authority.certificate)
    if shows is not None:
        context.load_cert_chain(shows.certificate, shows.key)
    return Peer(*await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname=name))


async def next_event(seen: "asyncio.Queue[Event]") -> Event:
    return await asyncio.wait_for(seen.get(), 5)


@pytest.mark.parametrize(
    ("uri", "contact"),
    [
        ("sip:bob@192.0.2.2;transport=tls", "<sip:offhook@{};transport=tls>"),
        ("sips:bob@192.0.2.2", "<sips:offhook@{}>"),
    ],
)
async def test_a_call_over_tls(authority: Authority, uri: str, contact: str) -> None:
    async with bot(tls(authority, authority.issue(NAME))) as (endpoint, address, seen):
        peer = await connect(authority, address)
        asked = invite(extra=("Contact: <sip:alice@127.0.0.1:9;transport=tls>",))
        peer.send(b" ".join((b"INVITE", uri.encode(), bytes(asked).split(b" ", 2)[2])))
        answered = await peer.next()
        while isinstance(answered, Response) and answered.status < 200:
            answered = await peer.next()
        assert isinstance(answered, Response)
        assert answered.status == 200
        assert answered.headers.get("Contact") == contact.format(address)
        peer.send(inside("ACK", to_tag(answered), 1))
        call = await next_event(seen)
        assert isinstance(call, IncomingCall)
        assert call.transport is Transport.TLS
        assert isinstance(await next_event(seen), CallConfirmed)
        endpoint.do(Bye(call.call))
        bye = await peer.next()
        assert isinstance(bye, Request)
        assert bye.headers.get_all("Via")[0].startswith(f"SIP/2.0/TLS {address};")
        peer.writer.close()


async def test_a_renewed_certificate_serves_the_next_connection(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    issued, renewed = authority.issue(NAME), authority.issue("renewed.test")
    async with bot(tls(authority, issued)) as (_, address, _):
        old = await connect(authority, address)
        good = issued.certificate.read_bytes()
        issued.certificate.write_bytes(renewed.certificate.read_bytes())  # its key is still to come
        (await connect(authority, address)).writer.close()
        assert "the one before stays" in caplog.text
        issued.key.write_bytes(renewed.key.read_bytes())
        (await connect(authority, address, "renewed.test")).writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(authority, address)
        old.send(b"\r\n\r\n")
        assert await asyncio.wait_for(old.reader.readexactly(2), 5) == b"\r\n"
        old.writer.close()
    assert good != issued.certificate.read_bytes()


async def test_the_name_that_was_called_is_verified(authority: Authority) -> None:
    ours = tls(authority, authority.issue("us.test"))
    async with bot(tls(authority, authority.issue(NAME))) as (_, address, called), bot(ours) as (us, _, seen):
        good = us.do(Invite(f"sip:x@{NAME};transport=tls", OFFER, destination=address))
        assert await next_event(seen) == CallAnswered(good, ANSWER)
        incoming = await next_event(called)
        assert isinstance(incoming, IncomingCall)
        assert isinstance(await next_event(called), CallConfirmed)
        # The connection there is for another name, and so is the certificate.
        other = us.do(Invite("sip:x@other.test;transport=tls", OFFER, destination=address))
        assert await next_event(seen) == CallEnded(other, EndCause.TRANSPORT)
        # Nor is it for the address alone.
        bare = us.do(Invite(f"sip:x@{address};transport=tls", OFFER))
        assert await next_event(seen) == CallEnded(bare, EndCause.TRANSPORT)
        # Within the call the address in the far end's Contact is reached by the connection that was verified.
        us.do(Bye(good))
        assert await next_event(called) == CallEnded(incoming.call, EndCause.REMOTE_BYE)


async def test_an_authority_that_nobody_trusts_is_refused(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Authority(tmp_path, "stranger")
    ours = tls(authority, authority.issue("us.test"))
    async with bot(tls(stranger, stranger.issue(NAME))) as (_, address, _), bot(ours) as (us, _, seen):
        call = us.do(Invite(f"sip:x@{NAME};transport=tls", OFFER, destination=address))
        assert await next_event(seen) == CallEnded(call, EndCause.TRANSPORT)
    assert f"is not trusted as {NAME}" in caplog.text


async def test_client_certificates(authority: Authority, tmp_path: Path) -> None:
    carried = tls(authority, authority.issue(NAME), client_certificates=True)
    stranger = Authority(tmp_path, "stranger")
    async with bot(carried) as (_, address, _):
        trusted = await connect(authority, address, shows=authority.issue("peer.test"))
        trusted.send(b"\r\n\r\n")
        assert await asyncio.wait_for(trusted.reader.readexactly(2), 5) == b"\r\n"
        for shows in (None, stranger.issue("peer.test", file="stranger-peer")):
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                # TLS 1.3: the client only learns of it when it reads.
                refused = await connect(authority, address, shows=shows)
                refused.send(b"\r\n\r\n")
                await asyncio.wait_for(refused.reader.readexactly(2), 5)
        trusted.writer.close()


async def test_what_is_no_handshake_is_left(authority: Authority) -> None:
    async with bot(tls(authority, authority.issue(NAME))) as (_, address, seen):
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(bytes(invite()))
        with pytest.raises((ConnectionError, EOFError)):
            async with asyncio.timeout(5):
                while await reader.read(65_536):
                    pass
                raise EOFError
        assert seen.empty()
        writer.close()


async def test_a_trunk_over_tls_needs_no_certificate_of_ours(authority: Authority) -> None:
    """Nobody can connect to us then: the port of the connection is registered, and calls come by it."""
    ours = Tls(TlsFiles(authorities=authority.certificate), port=0)
    issued = authority.issue(NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: accepted.put_nowait(Peer(r, w)), HOST, 0, ssl=context)
    there = Address(*server.sockets[0].getsockname()[:2])
    seen: asyncio.Queue[Event] = asyncio.Queue()

    def answer(event: Event) -> None:
        seen.put_nowait(event)
        if isinstance(event, IncomingCall):
            us.do(Answer(event.call, ANSWER))

    us = await Endpoint.open(HOST, 0, answer, tls=ours)
    try:
        assert us.tls_address is None
        for name, registered in (("other.test", False), (NAME, True)):
            target = Target(Transport.TLS, there, name)
            us.do(Register(name, f"sip:{name}", f"sip:bot@{name}", "bot", destination=target))
            if not registered:
                failed = await next_event(seen)
                assert isinstance(failed, RegistrationFailed)
                assert failed.status == 0
                us.do(Unregister(name))
                await next_event(seen)
        peer = await asyncio.wait_for(accepted.get(), 5)
        host, port = peer.writer.get_extra_info("peername")[:2]
        for own_port in (port, port + 1):  # the second one as by a NAT
            register = await peer.next()
            assert isinstance(register, Request)
            assert register.headers.get("Contact") == f"<sip:bot@{host}:{own_port};transport=tls>;expires=600"
            via = register.headers.get_all("Via")[0].replace(";rport", f";received={host};rport={port + 1}")
            register.headers.set("Via", via)
            peer.send(reply(register, 200))
        assert isinstance(await next_event(seen), Registered)
        asked = invite(extra=("Contact: <sip:alice@127.0.0.1:9;transport=tls>",))
        peer.send(asked)
        assert [(await peer.next()).status for _ in range(2)] == [100, 200]  # type: ignore[union-attr]
        peer.writer.close()
    finally:
        us.close()
        server.close()


@pytest.mark.parametrize("refused", [False, True])
async def test_a_call_over_tls_names_the_connection_that_it_opens(authority: Authority, refused: bool) -> None:
    """The far end needs no more than our Contact to end it; also where the first server was not there."""
    issued = authority.issue(NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    accepted: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: accepted.put_nowait(Peer(r, w)), HOST, 0, ssl=context)
    there = Target(Transport.TLS, Address(*server.sockets[0].getsockname()[:2]), NAME)
    nobody = Target(Transport.TLS, Address(HOST, 1), NAME)
    seen: asyncio.Queue[Event] = asyncio.Queue()
    us = await Endpoint.open(HOST, 0, seen.put_nowait, tls=Tls(TlsFiles(authorities=authority.certificate), port=0))
    try:
        destination, others = (nobody, (there,)) if refused else (there, ())
        us.do(Invite(f"sip:alice@{NAME}", OFFER, destination=destination, others=others))
        peer = await asyncio.wait_for(accepted.get(), 5)
        host, port = peer.writer.get_extra_info("peername")[:2]
        asked = await peer.next()
        assert isinstance(asked, Request)
        assert asked.headers.get("Contact") == f"<sip:offhook@{host}:{port};transport=tls>"
        assert (asked.headers.get("Via") or "").startswith(f"SIP/2.0/TLS {host}:{port};")
        target = f"Contact: <sip:alice@{there.address};transport=tls>"
        peer.send(reply(asked, 200, extra=(target,), body=ANSWER))
        ack = await peer.next()
        assert isinstance(ack, Request)
        assert (ack.headers.get("Via") or "").startswith(f"SIP/2.0/TLS {host}:{port};")
        call = await next_event(seen)
        assert isinstance(call, CallAnswered)
        us.do(Reinvite(call.call, OFFER))
        again = await peer.next()
        assert isinstance(again, Request)
        assert again.headers.get("Contact") == f"<sip:offhook@{host}:{port};transport=tls>"
        assert accepted.empty()
        peer.writer.close()
    finally:
        us.close()
        server.close()


async def test_ports_that_no_connection_came_of_are_given_back(authority: Authority) -> None:
    """As are those of connections that could not be opened."""
    failed: asyncio.Queue[tuple[Flow, Unsent]] = asyncio.Queue()
    tls = Tls(TlsFiles(authorities=authority.certificate), port=0)
    carrier = StreamTransport(
        Transport.TLS,
        Address(HOST, 0),
        lambda data, flow: None,
        lambda flow, why: failed.put_nowait((flow, why)),
        tls=tls,
        limits=StreamLimits(bound=2),
    )
    carrier.only_connect()
    flows = [Flow(Transport.TLS, carrier.local, Address(HOST, port)) for port in (1, 2, 3)]
    ports = [carrier.own_port(flow) for flow in flows]
    assert len(set(ports)) == 3
    assert [carrier.own_port(flow) for flow in flows[1:]] == ports[1:]
    for port, taken in zip(ports, (False, True, True), strict=True):
        assert is_taken(port) is taken
    carrier.send(b"x", flows[1])
    assert carrier.own_port(flows[1]) == ports[1]  # while it is opened
    flow, why = await asyncio.wait_for(failed.get(), 5)
    assert (flow, why.problem) == (flows[1], "unreachable")
    assert not is_taken(ports[1])
    carrier.close()
    assert not is_taken(ports[2])


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
