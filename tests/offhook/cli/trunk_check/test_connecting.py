"""Certificates and connections of a TLS server with one fault each."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from offhook.cli.checks.finding import Level
from offhook.cli.trunk_check import asking
from tests.certificates import Authority, Issued
from tests.dns_server import DnsServer
from tests.offhook.cli.trunk_check.conftest import Check, Found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def listening(issued: Issued | None, says: bytes = b"") -> AsyncIterator[int]:
    """A server that shows a certificate, or nothing; then it says nothing, or `says`."""
    context = None
    if issued is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        with suppress(OSError):
            while await reader.read(4_096):
                pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
async def over_tls(check: Check, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Check]:
    """Checks `pbx.test` at a port over TLS; the authority is trusted unless other settings are given."""
    monkeypatch.setattr(asking, "ANSWER_S", 0.1)
    names = await DnsServer({("pbx.test", "A"): ["127.0.0.1"]}).start()

    async def checked(port: int, **sip: object) -> Found:
        settings = {"dns_servers": [str(names.address)], "tls_authorities": str(authority.certificate), **sip}
        return await check(host="pbx.test", port=port, transport="tls", sip=settings)

    yield checked
    names.close()


async def test_a_good_certificate(over_tls: Check, authority: Authority) -> None:
    async with listening(authority.issue("pbx.test")) as port:
        found = await over_tls(port)
    (tls,) = found.of("tls")
    assert tls.level is Level.OK
    assert "TLSv1.3" in tls.problem.what and "signed by authority, valid for 30 days" in tls.problem.what
    assert tls.details["names"] == ["pbx.test"]


async def test_a_certificate_that_ends_soon(over_tls: Check, authority: Authority) -> None:
    async with listening(authority.issue("pbx.test", file="soon", days=5)) as port:
        found = await over_tls(port)
    assert found.problem("ends in").level is Level.WARNING


async def test_an_expired_certificate(over_tls: Check, authority: Authority) -> None:
    async with listening(authority.issue("pbx.test", file="old", days=-1)) as port:
        found = await over_tls(port)
    assert found.status == 1
    problem = found.problem("is not trusted").problem
    assert "it ended on" in problem.why and "this machine's clock says" in problem.why
    assert not found.of("options"), "nothing is sent to who is not trusted"


async def test_a_certificate_for_another_name(over_tls: Check, authority: Authority) -> None:
    async with listening(authority.issue("sip.other.test", "*.other.test", file="other")) as port:
        found = await over_tls(port)
    problem = found.problem("is not trusted as pbx.test").problem
    assert problem.why == "it is for sip.other.test, *.other.test"
    assert '`host = "sip.other.test"`' in problem.todo


async def test_a_certificate_by_an_unknown_authority(over_tls: Check, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with listening(stranger.issue("pbx.test")) as port:
        found = await over_tls(port)
    problem = found.problem("is not trusted").problem
    assert "stranger" in problem.why
    assert "`tls_authorities" in problem.todo


async def test_a_self_signed_certificate(over_tls: Check, tmp_path: Path) -> None:
    Authority(tmp_path, "pbx.test")
    async with listening(Issued(tmp_path / "pbx.test.pem", tmp_path / "pbx.test.key")) as port:
        found = await over_tls(port)
    assert "self-signed" in found.problem("is not trusted").problem.why


async def test_a_handshake_without_end(over_tls: Check) -> None:
    async with listening(None) as port:
        found = await over_tls(port)
    assert found.status == 1
    assert "the TLS handshake included" in found.problem("cannot be connected to").problem.why


async def test_a_port_that_does_not_speak_tls(over_tls: Check) -> None:
    async with listening(None, b"SIP/2.0 400 Bad Request\r\n\r\n") as port:
        found = await over_tls(port)
    assert "does not speak TLS" in found.problem("cannot be connected to").problem.why
