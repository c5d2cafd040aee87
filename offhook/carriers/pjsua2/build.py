"""What the build of PJSIP that is installed cannot do, and no function of it says.

Asked for too much, PJSIP ends its process by an assertion. So a process of its own tries it (`attempt`).
"""

import subprocess
import sys
from collections.abc import Iterator

from offhook.carriers.pjsua2.library import OWN
from offhook.carriers.pjsua2.setup import missing_codecs
from offhook.settings.config import Config
from offhook.settings.values import split_host_port
from offhook.usererror import Problem, UserError

USUAL_ACCOUNTS = 8
"""PJSUA_MAX_ACC, unless a build has another: these are not tried."""

USUAL_CODECS = frozenset(("PCMU", "PCMA"))
"""Those of every build."""

ATTEMPT_S = 30.0


def check(config: Config, host: str) -> None:
    """Refuse what the build has no room for, all at once, where SIP listens at `host`. PJSIP is installed. Blocks for a
    second where something is to be tried. Raises UserError."""
    if problems := [*_ipv6(config, host), *_accounts(config), *_codecs(config)]:
        raise UserError.of(problems)


def _accounts(config: Config) -> Iterator[Problem]:
    wanted = 1 + len(config.trunks)  # one for calls without a trunk
    if wanted > USUAL_ACCOUNTS and (room := accounts(wanted)) < wanted:
        what = f"{len(config.trunks)} trunks are too many for PJSIP"
        why = f"this build of it has room for {room - 1} (PJSUA_MAX_ACC, less one for calls without a trunk)"
        yield Problem(what, why, f"remove trunks, take a build with more, or {OWN}", "trunks")


def _codecs(config: Config) -> list[Problem]:
    if not set(config.rtp.codecs) - USUAL_CODECS:
        return []
    there = codecs()
    return missing_codecs(config.rtp.codecs, there) if there else []


def _ipv6(config: Config, host: str) -> Iterator[Problem]:
    given = [("sip.host", host), ("sip.advertised_host", config.sip.advertised_host)]
    for name, trunk in config.trunks.items():
        given.append((f"trunks.{name}.host", trunk.host))
        proxy = trunk.outbound_proxy
        given.append((f"trunks.{name}.outbound_proxy", split_host_port(proxy)[0] if proxy is not None else None))
    used = [(where, address) for where, address in given if address is not None and ":" in address]
    if used and not accounts(1, ipv6=True):
        why = "this build of PJSIP was compiled without IPv6 (PJ_HAS_IPV6)"
        for where, address in used:
            yield Problem(f"PJSIP cannot use {address}", why, f"an IPv4 address, a build with IPv6, or {OWN}", where)


def accounts(wanted: int, *, ipv6: bool = False) -> int:
    """How many accounts, up to `wanted`, the build has."""
    written = _attempt(str(wanted), *(["ipv6"] if ipv6 else []))
    return wanted if written is None else written.count(b"account\n")  # not known: PJSIP itself will say


def codecs() -> list[str]:
    """The codecs that the build has; empty: not known."""
    return _written("codec ", "codecs")


def most_calls() -> int:
    """How many calls the build takes at once; 0: not known."""
    return int(next(iter(_written("calls ", "calls")), 0))


def _written(prefix: str, about: str) -> list[str]:
    lines = (_attempt(about) or b"").decode("utf-8", "replace").splitlines()  # PJSIP writes some of its own
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def _attempt(*arguments: str) -> bytes | None:
    """What a process of its own has written, however it ended: too much ends it by SIGABRT. None: not to be tried."""
    command = [sys.executable, "-m", "offhook.carriers.pjsua2.attempt", *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=ATTEMPT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
