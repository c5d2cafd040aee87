"""A session that ends unless it is refreshed, as a table: RFC 4028 §7.2, §9, §10."""

from collections.abc import Mapping
from enum import StrEnum

from offhook.sip.transaction.machine import Start, Table


class SessionState(StrEnum):
    """Who refreshes."""

    UNLIMITED = "unlimited"  # nobody: the session has no interval
    OURS = "ours"
    THEIRS = "theirs"
    ENDED = "ended"


class SessionInput(StrEnum):
    """The inputs, besides the expiry of a `SessionTimerName`."""

    AGREED_NONE = "agreed on none"  # by a 2xx to an INVITE or UPDATE, either way
    AGREED_OURS = "agreed that we refresh"
    AGREED_THEIRS = "agreed that they refresh"
    REFUSED = "refresh refused"


class SessionTimerName(StrEnum):
    """The timers."""

    REFRESH = "refresh"
    AGAIN = "refresh again"
    EXPIRY = "expiry"


class SessionAction(StrEnum):
    """What is done."""

    SEND_REFRESH = "send refresh"
    END = "end"


_S, _I, _T, _A = SessionState, SessionInput, SessionTimerName, SessionAction

_Rows = Mapping[tuple[SessionState, StrEnum], tuple[SessionState, tuple[SessionAction | Start, ...]]]


def _agreed(state: SessionState) -> _Rows:
    # §7.2: each refresh agrees anew, also on who refreshes
    return {
        (state, _I.AGREED_NONE): (_S.UNLIMITED, ()),
        (state, _I.AGREED_OURS): (_S.OURS, (Start(_T.REFRESH), Start(_T.EXPIRY))),
        (state, _I.AGREED_THEIRS): (_S.THEIRS, (Start(_T.EXPIRY),)),
    }


SESSION: Table[SessionState, SessionAction] = Table(
    "session timer",
    (_S.UNLIMITED, ()),
    {
        **_agreed(_S.UNLIMITED),
        **_agreed(_S.OURS),
        **_agreed(_S.THEIRS),
        # §7.4, §10: a refresh that is refused does not end the session; its expiry does
        (_S.OURS, _T.REFRESH): (_S.OURS, (_A.SEND_REFRESH,)),
        (_S.OURS, _I.REFUSED): (_S.OURS, (Start(_T.AGAIN),)),
        (_S.OURS, _T.AGAIN): (_S.OURS, (_A.SEND_REFRESH,)),
        # §10: BYE, shortly before the end
        (_S.OURS, _T.EXPIRY): (_S.ENDED, (_A.END,)),
        (_S.THEIRS, _T.EXPIRY): (_S.ENDED, (_A.END,)),
    },
)


def session_durations(interval_s: float) -> dict[str, float | None]:
    """The timers of a session interval: §10 refreshes after half of it, and ends it 32 s, at most a third, early."""
    return {
        SessionTimerName.REFRESH: interval_s / 2,
        SessionTimerName.AGAIN: interval_s / 18,  # of 90 s: 5 s, three times before its end
        SessionTimerName.EXPIRY: interval_s - min(32.0, interval_s / 3),
    }
