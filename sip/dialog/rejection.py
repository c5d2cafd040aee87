"""What a final response that refuses our INVITE says: where else to try, when, why. RFC 3261 §20.10, §20.33, RFC 3326.

All of it is advice: what is malformed is left out.
"""

import re
from contextlib import suppress

from offhook.sip.errors import ParseError
from offhook.sip.events import CallRejected
from offhook.sip.message import typed
from offhook.sip.message.limits import MAX_DIGITS
from offhook.sip.message.message import Response
from offhook.sip.message.reason import reasons

MAX_CONTACTS = 10

_RETRY_AFTER = re.compile(rf"\s*([0-9]{{1,{MAX_DIGITS}}})\s*(?:[;(].*)?")


def rejected(call: str, response: Response) -> CallRejected:
    """The event of a response from 300 to 699."""
    return CallRejected(
        call,
        response.status,
        response.reason,
        contacts=_contacts(response) if response.status < 400 else (),
        retry_after_s=_retry_after_s(response),
        q850=q850_cause(response),
    )


def q850_cause(message: Response) -> int | None:
    """The cause of the telephone network (RFC 6432 for responses); None if there is none."""
    causes = (each.cause for each in reasons(message) if each.protocol.upper() == "Q.850")
    return next((cause for cause in causes if cause is not None and 0 < cause < 128), None)


def _contacts(response: Response) -> tuple[str, ...]:
    """The URIs of Contact, the most wanted first; those of one weight in their order."""
    with suppress(ParseError):
        found = typed.contacts(response)[:MAX_CONTACTS]
        return tuple(str(each.uri) for each in sorted(found, key=lambda each: -_weight(each.params.get("q"))))
    return ()


def _weight(q: str | None) -> float:
    try:
        return min(1.0, max(0.0, float(q))) if q else 1.0
    except ValueError:
        return 0.0


def _retry_after_s(response: Response) -> int | None:
    found = _RETRY_AFTER.fullmatch(response.headers.get("Retry-After") or "")
    return None if found is None else int(found[1])
