"""A trunk over TLS: what its server's certificate has to say before anything is sent, by both backends."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")
pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")

from offhook.carriers.pjsua2.user_agent import PjsuaUserAgent
from offhook.sip.commands import Register
from offhook.sip.events import CallEnded, EndCause, Event, Registered, RegistrationFailed
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.tls import Tls, TlsFiles
from tests.certificates import Authority, Issued
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import HOST, own_port

NAME = "localhost"
TRUNK = "provider"
WAIT_S = 8.0

Events = Sequence[object]

ROWS: dict[str, tuple[str, tuple[str, ...], str, bool, bool]] = {
    "its name": (NAME, (NAME,), "/CN=test", True, True),
    "another name": (NAME, ("other.test",), "/CN=test", False, False),
    "a common name beside another name": (NAME, ("other.test",), f"/CN={NAME}", False, False),
    "a common name alone": (NAME, (), f"/O=test/CN={NAME}", True, True),
    "an organisation that looks like one": (NAME, (), rf"/O=x\/CN={NAME}/CN=other.test", False, False),
    "a common name that has one": (NAME, (), rf"/CN=x\/CN={NAME}", False, False),
    "an address for a name": (NAME, (f"IP:{HOST}",), f"/CN={NAME}", True, False),  # RFC 5922 §7.1, step 2
    "a domain": (NAME, (f"URI:sip:{NAME}",), "/CN=test", False, True),  # §7.1, step 1: ours looks for hosts alone
    "a user of the domain": (NAME, (f"URI:sip:bot@{NAME}",), "/CN=test", False, False),
    "its address": (HOST, (f"IP:{HOST}",), "/CN=test", True, True),
    "another address": (HOST, ("IP:192.0.2.7",), f"/CN={HOST}", False, False),
    "an address as a name": (HOST, (f"DNS:{HOST}",), "/CN=test", False, False),
    "an address as a common name": (HOST, (), f"/CN={HOST}", False, False),
}
"""The trunk's host, the alternative names of a certificate, its subject, and whether ours and PJSIP take it."""


class Server:
    """A registrar over TLS; `received` has what came by each connection, once that is over."""

    def __init__(self, issued: Issued) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(issued.certificate, issued.key)
        self._handlers: set[asyncio.Task[None]] = set()
        self.received: list[bytes] = []
        self._over = asyncio.Event()
        self.address = Address(HOST, 0)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._serve, HOST, 0, ssl=self._context)
        self.address = Address(*server.sockets[0].getsockname()[:2])
        try:
            yield self
        finally:
            server.close()
            for handler in self._handlers:
                handler.cancel()
            await asyncio.gather(*self._handlers, return_exceptions=True)

    async def got_nothing(self) -> bool:
        """By the connection that was opened, once it is over."""
        await asyncio.wait_for(self._over.wait(), WAIT_S)
        return self.received == [b""]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        whole = b""
        try:
            with suppress(OSError):
                while data := await reader.read(65_536):
                    whole += data
                    copied = re.findall(r"^(?:Via|From|To|Call-ID|CSeq|Contact): .*\r$", data.decode(), re.MULTILINE)
                    fields = [each.strip() + (";tag=x" if each.startswith("To:") else "") for each in copied]
                    writer.write("\r\n".join(["SIP/2.0 200 OK", *fields, "Content-Length: 0", "", ""]).encode())
        finally:
            self.received.append(whole)
            self._over.set()
            writer.close()


def pjsip(authority: Authority, host: str, port: int) -> Agent:
    trunk = {"host": host, "port": port, "user": "bot", "transport": "tls", "registration": True}
    sip = {"backend": "pjsua2", "tls_authorities": authority.certificate, "tls_port": own_port()}
    return Agent(sip=sip, trunks={TRUNK: trunk})


@asynccontextmanager
async def registering(backend: str, authority: Authority, host: str, server: Server) -> AsyncIterator[Events]:
    """A user agent whose trunk registers there: its events."""
    target = Target(Transport.TLS, server.address, "" if host == HOST else host)
    command = Register(TRUNK, f"sip:{host}:{server.address.port}", f"sip:bot@{host}", "bot", destination=target)
    if backend == "own":
        tls, seen = Tls(TlsFiles(authorities=authority.certificate), port=0), list[Event]()
        endpoint = await Endpoint.open(HOST, 0, seen.append, tls=tls)
        endpoint.do(command)
        try:
            yield seen
        finally:
            endpoint.close()
        return
    agent = pjsip(authority, host, server.address.port)
    agent.pjsip.start()
    try:
        agent.pjsip.do(command)
        yield agent.events
    finally:
        agent.pjsip.stop()


async def outcome(events: Events) -> Registered | RegistrationFailed:
    async with asyncio.timeout(WAIT_S):
        while True:
            for each in events:
                if isinstance(each, (Registered, RegistrationFailed)):
                    return each
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("backend", ["own", "pjsua2"])
@pytest.mark.parametrize("row", ROWS)
async def test_whom_a_trunk_trusts(tmp_path: Path, row: str, backend: str) -> None:
    host, names, subject, by_own, by_pjsip = ROWS[row]
    authority = Authority(tmp_path)
    async with Server(authority.issue(*names, file="server", subject=subject)).open() as server:
        async with registering(backend, authority, host, server) as events:
            found = await outcome(events)
        if by_own if backend == "own" else by_pjsip:
            assert isinstance(found, Registered)
            return
        assert isinstance(found, RegistrationFailed)
        assert (found.status, found.unsent and found.unsent.problem) == (0, "untrusted")
        assert found.reason.startswith(f"its certificate is not trusted as {host}: ")
        if backend == "own":
            assert not server.received, "the handshake fails"
        else:
            assert await server.got_nothing()


async def test_a_call_without_a_trunk_is_not_sent(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with Server(authority.issue("other.test", subject=f"/CN={NAME}")).open() as server:
        agent = pjsip(authority, HOST, own_port())
        agent.pjsip.start()
        try:
            with capture_logs() as logged:
                agent.call("out", f"{NAME}:{server.address.port};transport=tls")
                assert (await agent.wait_for(CallEnded, "out")).cause is EndCause.TRANSPORT
        finally:
            agent.pjsip.stop()
        assert await server.got_nothing()
    (refused,) = [each for each in logged if each["event"] == "a connection is not used"]
    assert refused["peer"] == str(server.address)
    assert refused["why"] == f"its certificate is not trusted as {NAME}: it is for other.test"
    assert "signed by an authority" in refused["todo"]


async def test_what_cannot_be_verified_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(agent: PjsuaUserAgent, handle: object) -> str:
        raise OSError("planted")

    monkeypatch.setattr(PjsuaUserAgent, "_peer_of", fails)
    authority = Authority(tmp_path)
    async with Server(authority.issue(NAME)).open() as server:
        async with registering("pjsua2", authority, NAME, server) as events:
            assert isinstance(await outcome(events), RegistrationFailed)
        assert await server.got_nothing()
