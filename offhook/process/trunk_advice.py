"""What is wrong with a trunk, and what to do about it."""

from offhook.settings.trunks import TrunkConfig
from offhook.sip.events import Pinged, RegistrationFailed
from offhook.sip.net.address import Address, numeric

SERVER_FAILURES = range(500, 600)
"""Answers after which another server of the host may do (RFC 3263 §4.3); and no answer at all."""

PROBLEMS = ("untrusted", "unreachable", "silent", "refused")
"""What the metrics tell apart."""


def problem_of(event: RegistrationFailed | Pinged) -> str:
    """Which of `PROBLEMS` it is, for what is no success."""
    if event.unsent is not None:
        return event.unsent.problem
    return "refused" if event.status else "silent"


def is_cut_off(bound: Address, trunk: Address | None) -> bool:
    """Whether SIP is bound to this machine's loopback, and the trunk is elsewhere."""
    own, other = numeric(bound.host), numeric(trunk.host) if trunk is not None else None
    return own is not None and other is not None and own.is_loopback and not other.is_loopback


def what_to_do(name: str, trunk: TrunkConfig, status: int) -> str:
    """What to look at, or to type, when a registrar answers with `status` (0: not at all)."""
    below = f"below `[trunks.{name}]`"
    match status:
        case 0:
            return f"`host`, `port` and `transport` {below}; or a firewall is in between"
        case 401 | 407 if trunk.password is None:
            return f"export OFFHOOK_TRUNKS__{name.upper()}__PASSWORD=…"
        case 401 | 407 if trunk.realm is not None:
            return f"the password, `user`, `auth_user` and `realm` {below}"
        case 401 | 407:
            return f"the password, `user` and `auth_user` {below}"
        case 403 | 404:
            return f"`user` and the password {below}; or the trunk does not allow this machine's address"
        case _ if status in SERVER_FAILURES:
            return "nothing: the trunk has a fault, and is asked again"
        case _:
            return "the trunk's operator knows why"
