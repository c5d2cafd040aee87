"""What the build of PJSIP that is installed cannot do, and no function of it says.

Asked for too much, PJSIP ends its process by an assertion. So a process of its own tries it (`attempt`).
"""

import subprocess
import sys
from collections.abc import Iterator

from offhook.carriers.pjsua2.library import OWN
from offhook.settings.config import Config
from offhook.settings.values import split_host_port
from offhook.usererror import Problem, UserError

USUAL_ACCOUNTS = 8
"""PJSUA_MAX_ACC, unless a build has another: these are not tried."""

ATTEMPT_S = 30.0


def check(config: Config, host: str) -> None:
    """Refuse what the build has no room for, all at once, where SIP listens at `host`. PJSIP is installed. Blocks for a
    second where something is to be tried. Raises UserError."""
    if problems := [*_ipv6(config, host), *_accounts(config)]:
        raise UserError.of(problems)


def _accounts(config: Config) -> Iterator[Problem]:
    wanted = 1 + len(config.trunks)  # one for calls without a trunk
    if wanted > USUAL_ACCOUNTS and (room := accounts(wanted)) < wanted:
        what = f"{len(config.trunks)} trunks are too many for PJSIP"
        why = f"this build of it has room for {room - 1} (PJSUA_MAX_ACC, less one for calls without a trunk)"
        yield Problem(what, why, f"remove trunks, take a build with more, or {OWN}", "trunks")


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
    command = [sys.executable, "-m", "offhook.carriers.pjsua2.attempt", str(wanted), *(["ipv6"] if ipv6 else [])]
    try:
        # By what it has written: where there are fewer, it ends by SIGABRT.
        done = subprocess.run(command, capture_output=True, timeout=ATTEMPT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return wanted  # not known: PJSIP itself will say
    return done.stdout.count(b"account\n")
