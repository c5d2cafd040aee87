"""Whether a trunk's servers take connections, and whether their certificates are trusted (RFC 5922).

Theory of operation. A handshake verifies chain and name, as the bot's connections do. Where that fails, two more fetch
the certificate to say what is wrong with it: one reads its bytes, and one trusts it alone, whatever its name and its
time, so that the standard library decodes it.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report, shown
from offhook.process.tls_files import open_tls
from offhook.sip.net.flow import Target, Transport
from offhook.usererror import Problem

CONNECT_S = 5.0
"""As the bot's own connections (sip/net/tcp.py), the handshake included."""

MAX_TRIED = 4
"""Targets of a domain that are tried."""

SOON_DAYS = 14

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module does not name."""

NOT_YET_VALID, EXPIRED = 9, 10
SELF_SIGNED = (18, 19)
NO_ISSUER = (20, 21)
OTHER_NAME = (62, 64)
"""X509_V_ERR_… of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; what is not known is empty."""

    names: tuple[str, ...] = ()
    issuer: str = ""
    not_before: str = ""
    not_after: str = ""

    @classmethod
    def of(cls, decoded: dict[str, object]) -> "Certificate":
        """From what `getpeercert` returns."""
        alternatives = decoded.get("subjectAltName") or ()
        names = tuple(str(value) for _, value in alternatives) if isinstance(alternatives, Sequence) else ()
        issuer = _common_name(decoded.get("issuer"))
        return cls(names, issuer, str(decoded.get("notBefore") or ""), str(decoded.get("notAfter") or ""))


@dataclass(frozen=True, slots=True)
class _Found:
    """Of one target: `problem` None if it can be used; `text` for people."""

    target: Target
    text: str = ""
    problem: Problem | None = None
    warns: bool = False
    details: dict[str, object] | None = None


async def connect(probe: Probe, report: Report) -> None:
    """Connect to each target over TCP and TLS. Those that cannot be used are left out from then on."""
    tried = probe.targets[:MAX_TRIED]
    streams = [each for each in tried if each.transport is not Transport.UDP]
    found = await asyncio.gather(*(_connect(probe, each) for each in streams))
    lost = {each.target for each in found if each.problem is not None and not each.warns}
    probe.targets = tuple(each for each in tried if each not in lost)
    for each in found:
        step = "tls" if each.target.transport is Transport.TLS else "connect"
        if each.problem is None:
            report.ok(step, each.text, each.details)
        else:
            report.problem(step, each.problem, fails=not probe.targets, details=each.details)


async def _connect(probe: Probe, target: Target) -> _Found:
    began = time.monotonic()
    name = target.name or target.address.host
    secure = target.transport is Transport.TLS
    context = open_tls(probe.config.sip).client if secure else None
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(
                target.address.host, target.address.port, ssl=context, server_hostname=name if secure else None
            )
    except ssl.SSLCertVerificationError as error:
        certificate = await _certificate(target, name)
        details: dict[str, object] = {"verify_code": error.verify_code, "names": list(certificate.names)}
        return _Found(target, problem=untrusted(probe.name, target, error, certificate), details=details)
    except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
        return _Found(target, problem=_unreachable(probe.name, target, error))
    took_ms = round((time.monotonic() - began) * 1_000)
    tls = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    if tls is None:
        return _Found(target, f"{target} takes a connection after {took_ms} ms")
    return _trusted(target, tls, name, took_ms)


def _trusted(target: Target, tls: ssl.SSLObject, name: str, took_ms: int) -> _Found:
    certificate = Certificate.of(dict(tls.getpeercert() or {}))
    days = (ssl.cert_time_to_seconds(certificate.not_after) - time.time()) / 86_400
    details: dict[str, object] = {
        "names": list(certificate.names),
        "issuer": certificate.issuer,
        "days_left": round(days, 1),
        "version": tls.version(),
    }
    if days < SOON_DAYS:
        why = "the bot refuses it from then on"
        problem = Problem(f"the certificate of {target} ends in {days:.0f} days", why, "ask the trunk's operator")
        return _Found(target, problem=problem, warns=True, details=details)
    cipher = (tls.cipher() or ("",))[0]
    signed = f"signed by {shown(certificate.issuer)}, valid for {days:.0f} days"
    return _Found(
        target, f"{target} after {took_ms} ms: {tls.version()}, {cipher}; for {name}, {signed}", details=details
    )


def untrusted(trunk: str, target: Target, error: ssl.SSLCertVerificationError, certificate: Certificate) -> Problem:
    """What is wrong with a certificate."""
    name = target.name or target.address.host
    what = f"the certificate of {target} is not trusted as {name}"
    now = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime())
    code = error.verify_code
    names = shown(", ".join(certificate.names)) or "nobody"
    if code == EXPIRED:
        why = f"it ended on {certificate.not_after}, and this machine's clock says {now}"
        return Problem(what, why, "the trunk's operator has to renew it; or set this machine's clock: timedatectl")
    if code == NOT_YET_VALID:
        why = f"it begins on {certificate.not_before}, and this machine's clock says {now}"
        return Problem(what, why, "set this machine's clock: timedatectl")
    if code in OTHER_NAME:
        first = next((each for each in certificate.names if "*" not in each), "the name in it")
        todo = f'`host = "{first}"` below `[trunks.{trunk}]`, if that is the trunk, perhaps with `outbound_proxy`'
        return Problem(what, f"it is for {names}", todo)
    if code in SELF_SIGNED:
        why = "it is self-signed, or by an authority that this machine does not know"
        return Problem(what, why, "`tls_authorities = …` below `[sip]`, a file with the authority's certificate")
    if code in NO_ISSUER:
        why = (
            f"who signed it is not known here ({shown(certificate.issuer)}), or the server leaves that certificate out"
        )
        return Problem(what, why, "`tls_authorities = …` below `[sip]`, a file with the missing certificates")
    return Problem(what, error.verify_message, f"openssl s_client -connect {target.address} -servername {name}")


def _unreachable(trunk: str, target: Target, error: OSError | TimeoutError) -> Problem:
    what, below = f"{target} cannot be connected to", f"below `[trunks.{trunk}]`"
    if isinstance(error, ConnectionRefusedError):
        return Problem(what, "nobody listens on that port", f"`port` and `transport` {below}")
    if isinstance(error, ssl.SSLError):
        why = f"the TLS handshake failed: {error.reason or error}"
        if "WRONG_VERSION" in str(error) or "RECORD" in str(error).upper():
            return Problem(what, f"{why}: that port does not speak TLS", f"`port` and `transport` {below}")
        return Problem(what, why, "`tls_certificate` below `[sip]`, if the trunk asks for ours; TLS 1.2 or later")
    if isinstance(error, TimeoutError):
        over = ", the TLS handshake included" if target.transport is Transport.TLS else ""
        why = f"it was not done within {CONNECT_S:g} s{over}"
        return Problem(what, why, f"`host`, `port` and `transport` {below}; or a firewall in between drops it")
    return Problem(what, error.strerror or str(error) or type(error).__name__, f"`host` and `port` {below}")


async def _certificate(target: Target, name: str) -> Certificate:
    """The certificate that a server shows, trusted or not; empty if it cannot be had."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        encoded = await _shown_by(target, name, blind, binary=True)
        alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        alone.check_hostname = False
        alone.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
        alone.load_verify_locations(cadata=encoded if isinstance(encoded, bytes) else b"")
        decoded = await _shown_by(target, name, alone, binary=False)
    except (OSError, TimeoutError, ValueError):
        return Certificate()
    return Certificate.of(decoded) if isinstance(decoded, dict) else Certificate()


async def _shown_by(
    target: Target, name: str, context: ssl.SSLContext, *, binary: bool
) -> bytes | dict[str, object] | None:
    async with asyncio.timeout(CONNECT_S):
        _, writer = await asyncio.open_connection(
            target.address.host, target.address.port, ssl=context, server_hostname=name
        )
    tls = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    found = tls.getpeercert(binary)
    return found if isinstance(found, bytes) or found is None else dict(found)


def _common_name(name: object) -> str:
    """From the nested tuples of `getpeercert`."""
    parts: dict[str, str] = {}
    for relative in name if isinstance(name, Sequence) else ():
        for key, value in relative:
            parts.setdefault(str(key), str(value))
    return parts.get("commonName") or parts.get("organizationName") or ""
