"""Addresses under which callers reach the bot: NAT, and what is open to other machines."""

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from offhook.cli.checks.finding import Finding, noting
from offhook.settings.config import Config
from offhook.settings.resolve import with_addresses

_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Documentation addresses (RFC 5737, RFC 3849): only their route is looked up, nothing is sent."""


def check(config: Config) -> list[Finding]:
    """Check the SIP address, and the URLs of pages and carriers."""
    found: list[Finding] = []
    with noting(found, "address"):
        resolved = with_addresses(config).sip
        found += _sip(config, resolved.advertised_host)
    found += _http(config)
    found += _twilio(config)
    return found


def _sip(config: Config, advertised: str | None) -> Iterator[Finding]:
    host, port = config.sip.host, config.sip.port
    if advertised is not None:
        given = "" if advertised == config.sip.advertised_host else f" ({config.sip.advertised_host})"
        shown = f"{advertised}{given}, port {config.sip.advertised_port or port}"
        yield Finding.ok("address", f"callers are given {shown}")
        number = _number(advertised)
        if number is not None and number.is_loopback and not _is_loopback(host):
            why = f"calls come in at {host}, and callers from elsewhere would send their media to themselves"
            yield Finding.warning("address", f"{advertised} is advertised", why, "the address that callers reach")
        return
    if _is_loopback(host):
        yield Finding.ok("address", f"{host}: calls from this machine only")
        return
    number = _number(host)
    local = outward(host) if number is not None and number.is_unspecified else host
    yield Finding.ok("address", f"callers are given {local or 'the address that reaches them'}")
    number = _number(local or "")
    if number is not None and number.is_private:
        yield Finding.warning(
            "address",
            f"callers outside your network cannot send media to {local}",
            "it is a private address (RFC 1918), and behind NAT a public one is needed",
            "`advertised_host = …` under `[sip]`, if calls come from the Internet",
        )


def _http(config: Config) -> Iterator[Finding]:
    if not config.http.enabled or _is_loopback(config.http.host) or config.http.password is not None:
        return
    why = f"HTTP is open to others at {config.http.host}, and no password is set"
    todo = "export OFFHOOK_HTTP__PASSWORD=…, if others are meant to see them"
    yield Finding.warning("http", "the pages are shown on this machine only", why, todo)


def _twilio(config: Config) -> Iterator[Finding]:
    twilio = config.twilio
    if twilio.auth_token is not None and twilio.public_url is None:
        why = "its signature is over the address that Twilio calls, which is not set"
        yield Finding.warning("twilio", "Twilio's requests may be refused", why, "`public_url = …` below `[twilio]`")
    if twilio.account_sid is not None and twilio.auth_token is None:
        why = "`twilio.account_sid` needs `twilio.auth_token`"
        yield Finding.warning("twilio", "Twilio's API cannot be used", why, "export OFFHOOK_TWILIO__AUTH_TOKEN=…")
    for key, url in (("twilio", twilio.public_url), ("carriers", config.carriers.public_url)):
        parts = urlsplit(url or "")
        if url is not None and parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
            why = "calls and secrets pass in the clear, and carriers require wss: for media streams"
            yield Finding.warning(key, f"`{key}.public_url` is not https", why, f"https://{parts.netloc}{parts.path}")


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    number = _number(host)
    return host == "localhost" or (number is not None and number.is_loopback)


def outward(host: str) -> str | None:
    """This machine's address on the route to the Internet; None without a route."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_OUTSIDE[family], 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
