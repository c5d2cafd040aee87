"""When an offer is sent again that has met another one: RFC 3261 §14.1, RFC 3311 §5.2. Pure."""

from collections.abc import Callable

from offhook.sip.message import typed
from offhook.sip.message.message import Response

LONGEST_OVERLAP_S = 10.0
"""The longest Retry-After of a 500 to an offer that came too early (§14.2)."""


def pause_s(response: Response, *, owns_call_id: bool, chance: Callable[[], float]) -> float | None:
    """How long its sender waits, who has sent the first INVITE if it `owns_call_id`; None for a response that says
    nothing of the kind. `chance` gives a random number from 0 to 1."""
    if response.status == 500:
        # §14.2, RFC 3311 §5.2: the far end has to answer another one first.
        again_s = typed.retry_after_s(response)
        return again_s if again_s is not None and again_s <= LONGEST_OVERLAP_S else None
    if response.status != 491:
        return None
    # §14.1, item 1 and 2: in steps of 10 ms.
    low, high = (2.1, 4.0) if owns_call_id else (0.0, 2.0)
    return round(low + chance() * (high - low), 2)
