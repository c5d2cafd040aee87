"""The certificate for SIP over TLS, and its port."""

import time
from collections.abc import Iterator

from offhook.cli.checks.finding import Finding, noting
from offhook.process.tls_files import days_left, open_tls
from offhook.settings.config import Config

SOON_DAYS = 14


def check(config: Config) -> Iterator[Finding]:
    """Check the certificate: it can be used, and for how long."""
    certificate = config.sip.tls_certificate
    found: list[Finding] = []
    with noting(found, "tls"):
        tls = open_tls(config.sip)
        if certificate is not None:
            days = days_left(tls, certificate, time.time())
            if days < SOON_DAYS:
                what = f"the certificate for SIP over TLS ends in {days:.0f} days: {certificate}"
                found.append(
                    Finding.warning("tls", what, "far ends refuse it from then on", "renew it: no restart is needed")
                )
            else:
                found.append(Finding.ok("tls", f"{certificate} is valid for {days:.0f} days"))
    yield from found
    if config.rtp.srtp != "off" and certificate is None:
        what = (
            "the keys for encrypted media can be read"
            if config.rtp.srtp == "preferred"
            else "every call will be refused"
        )
        why = f'`rtp.srtp = "{config.rtp.srtp}"` sends keys in SDP, and SIP is not encrypted'
        yield Finding.warning("tls", what, why, "`tls_certificate = …` below `[sip]`")
