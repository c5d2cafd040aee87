"""How long a session lasts without a refresh, and who refreshes it, as each side writes it: RFC 4028 §7, §9."""

from contextlib import suppress
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.message.session_expires import Refresher, SessionExpires
from offhook.sip.policy import SMALLEST_INTERVAL_S, DialogPolicy, Use

TAG = "timer"

LONGEST_INTERVAL_S = 86_400
"""Longer ones are as good as none, and are not asked for again."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What was agreed on; None in place of it: the session has no end."""

    seconds: int
    ours: bool
    """Whether we refresh."""


def add_request_fields(request: Request, policy: DialogPolicy, agreed: Interval | None) -> None:
    """Ask for an interval, in an INVITE or UPDATE (§7.1, §7.4): that of before, or the policy's."""
    if policy.session_timer is Use.OFF:
        return
    # §7.4: who refreshed goes on doing so; at first the far end may choose.
    refresher = None if agreed is None else Refresher.UAC if agreed.ours else Refresher.UAS
    least_s = max(policy.min_session_expires_s, SMALLEST_INTERVAL_S)
    seconds = max(policy.session_expires_s, least_s) if agreed is None else agreed.seconds
    request.headers.set("Session-Expires", str(SessionExpires(seconds, refresher)))
    if least_s > SMALLEST_INTERVAL_S:
        request.headers.set("Min-SE", str(least_s))


def lengthen(request: Request, refused: Response) -> bool:
    """Ask for the interval that a 422 wants, in a copy of what it refused (§7.3).

    False: it wants none, or too long a one.
    """
    try:
        asked, least_s = typed.session_expires(request), typed.min_se_s(refused)
    except ParseError:
        return False
    if asked is None or least_s is None or not asked.interval_s < least_s <= LONGEST_INTERVAL_S:
        return False
    request.headers.set("Session-Expires", str(SessionExpires(least_s, asked.refresher)))
    request.headers.set("Min-SE", str(least_s))
    return True


def interval_of_2xx(response: Response, policy: DialogPolicy) -> Interval | None:
    """What the far end's 2xx agrees to (§7.2)."""
    agreed = _session_expires(response)
    if policy.session_timer is Use.OFF or agreed is None or agreed.interval_s == 0:
        return None
    return Interval(agreed.interval_s, ours=agreed.refresher is not Refresher.UAS)


def is_too_short(request: Request, policy: DialogPolicy) -> bool:
    """Whether the interval that the far end asks for is refused with 422: only who knows it can ask again (§9)."""
    asked = _session_expires(request)
    if policy.session_timer is Use.OFF or asked is None or TAG not in typed.options(request):
        return False
    return asked.interval_s < policy.min_session_expires_s


def answer_interval(request: Request, policy: DialogPolicy) -> tuple[Interval | None, tuple[tuple[str, str], ...]]:
    """What we agree to in the 2xx to an INVITE or UPDATE, and the fields that say so (§9)."""
    knows = TAG in typed.options(request)
    asked = _session_expires(request)
    if policy.session_timer is Use.OFF or (asked is None and not knows):
        return None, ()
    if asked is None:
        asked = SessionExpires(max(policy.session_expires_s, policy.min_session_expires_s, _min_se_s(request)))
    elif asked.interval_s < SMALLEST_INTERVAL_S:
        return None, ()  # of a proxy, for a caller who could not ask again: §4 has no such interval
    # Table 2: a refresher that was asked for stays, and who does not know the extension cannot refresh.
    refresher = (asked.refresher or Refresher.UAC) if knows else Refresher.UAS
    fields = [("Session-Expires", str(SessionExpires(asked.interval_s, refresher)))]
    if refresher is Refresher.UAC:
        fields.append(("Require", TAG))
    return Interval(asked.interval_s, ours=refresher is Refresher.UAS), tuple(fields)


def _session_expires(message: Request | Response) -> SessionExpires | None:
    with suppress(ParseError):
        return typed.session_expires(message)
    return None


def _min_se_s(request: Request) -> int:
    with suppress(ParseError):
        return typed.min_se_s(request) or SMALLEST_INTERVAL_S
    return SMALLEST_INTERVAL_S
