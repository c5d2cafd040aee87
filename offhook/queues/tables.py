"""The caller's place in a queue, and an agent of it, as tables.

Theory of operation. A caller waits (WAITING) until agents ring for them (RINGING: one, or several at once), and talks
to the first who takes the call (TALKING). Where nobody takes it they wait on at the same place; a caller whose time is
over while somebody rings has this one chance (RINGING_LAST). A caller who wants to be called back keeps the place
without a call (AWAY). When it is their turn an agent is kept free and the bot calls them (CALLING_BACK); once they have
answered that agent rings (RINGING), and if they do not, it is tried again later (RETRYING). Once the time is over in
which they may be called, a call that has begun is the last one.

An agent is OUT, PAUSED or takes part. READY ones ring for one caller at a time (RINGING), or are kept for a call-back
(RESERVED). After a call they have time for it (WRAP_UP); who does not answer is left alone for a while (RESTING). To
log out or to pause during a call ends nothing: it holds from the end of the call on (LEAVING, PAUSING). Who has called
in waits for one caller at a time: after each, and after a wait in vain, they have a while to wait again (WRAP_UP).

Every state of an agent but OUT, PAUSED, READY and those of a call has a timer, and those of a call end with it: nobody
is busy for ever. Which agents ring for whom, and in which order, is decided by `distributor` when it picks the inputs.
"""

from collections.abc import Mapping
from enum import StrEnum

from offhook.sip.transaction.machine import Start, Table


class CallerState(StrEnum):
    """The states of a caller."""

    WAITING = "waiting"
    RINGING = "ringing"
    RINGING_LAST = "ringing for the last time"
    TALKING = "talking"
    AWAY = "away"  # to be called back
    CALLING_BACK = "calling back"
    RETRYING = "retrying"
    OVER = "over"


class CallerInput(StrEnum):
    """The inputs of a caller, besides the expiry of a `CallerTimer`."""

    OFFERED = "offered to agents"
    TAKEN = "taken"
    REFUSED = "taken by nobody"
    NOBODY_THERE = "no agents"
    LEFT = "left"
    WANTS_CALL_BACK = "wants a call-back"
    ANSWERED = "answered the call-back"
    ANSWERED_ALONE = "answered the call-back, agent gone"
    NOT_REACHED = "not reached"
    NOT_REACHED_AGAIN = "not reached for the last time"
    TALK_OVER = "talk over"


class CallerTimer(StrEnum):
    """The timers of a caller."""

    WAITED = "longest wait"
    RING = "ring"
    KEPT = "call-back kept"
    BACK = "call-back answered"
    AGAIN = "call-back again"


class CallerAction(StrEnum):
    """What is done for a caller."""

    RING = "ring agents"
    WITHDRAW = "stop ringing"
    RELEASE = "release agents"
    PLACE = "place call-back"
    HANG_UP = "hang up call-back"
    COUNT_TRY = "count as not reached"
    LAST_TRY = "make it the last try"
    END_TIMEOUT = "end: timeout"
    END_NO_AGENTS = "end: no agents"
    DROP = "drop call-back"


class AgentState(StrEnum):
    """The states of an agent."""

    OUT = "out"
    READY = "ready"
    PAUSED = "paused"
    RESERVED = "reserved"
    RINGING = "ringing"
    TALKING = "talking"
    LEAVING = "talking, then out"
    PAUSING = "talking, then paused"
    WRAP_UP = "wrap-up"
    RESTING = "resting"


class AgentInput(StrEnum):
    """The inputs of an agent, besides the expiry of an `AgentTimer`."""

    LOG_IN = "log in"
    LOG_OUT = "log out"
    PAUSE = "pause"
    RING = "ring"
    RESERVE = "reserve"
    TAKES = "takes the call"
    MISSES = "does not take it"
    MISSES_AGAIN = "does not take it again"
    WITHDRAWN = "no longer needed"
    OVER = "call over"
    STEPS_AWAY = "waits no longer, and may again"


class AgentTimer(StrEnum):
    """The timers of an agent."""

    WRAP_UP = "wrap-up over"
    REST = "rest over"


class AgentAction(StrEnum):
    """What is done for an agent."""

    WITHDRAW = "stop ringing"


C, G, T, A = CallerState, CallerInput, CallerTimer, CallerAction

_Rows = Mapping[tuple[CallerState, StrEnum], tuple[CallerState, tuple[CallerAction | Start, ...]]]

_RUNG = (A.RING, Start(T.RING))

_WAIT: _Rows = {
    (C.WAITING, G.OFFERED): (C.RINGING, _RUNG),
    (C.WAITING, G.LEFT): (C.OVER, ()),
    (C.WAITING, G.WANTS_CALL_BACK): (C.AWAY, (Start(T.KEPT),)),
    (C.WAITING, G.NOBODY_THERE): (C.OVER, (A.END_NO_AGENTS,)),
    (C.WAITING, T.WAITED): (C.OVER, (A.END_TIMEOUT,)),
    (C.RINGING, G.TAKEN): (C.TALKING, ()),
    (C.RINGING, G.REFUSED): (C.WAITING, ()),
    (C.RINGING, G.LEFT): (C.OVER, (A.RELEASE,)),
    (C.RINGING, G.WANTS_CALL_BACK): (C.AWAY, (A.WITHDRAW, Start(T.KEPT))),
    (C.RINGING, T.RING): (C.WAITING, (A.WITHDRAW,)),
    (C.RINGING, T.WAITED): (C.RINGING_LAST, ()),
    (C.RINGING_LAST, G.TAKEN): (C.TALKING, ()),
    (C.RINGING_LAST, G.REFUSED): (C.OVER, (A.END_TIMEOUT,)),
    (C.RINGING_LAST, G.LEFT): (C.OVER, (A.RELEASE,)),
    (C.RINGING_LAST, G.WANTS_CALL_BACK): (C.AWAY, (A.WITHDRAW, Start(T.KEPT))),
    (C.RINGING_LAST, T.RING): (C.OVER, (A.WITHDRAW, A.END_TIMEOUT)),
    (C.TALKING, G.TALK_OVER): (C.OVER, ()),
    (C.TALKING, G.LEFT): (C.OVER, ()),
}

_TRIED = (C.RETRYING, (A.RELEASE, Start(T.AGAIN)))

_BACK: _Rows = {
    (C.AWAY, G.OFFERED): (C.CALLING_BACK, (A.PLACE, Start(T.BACK))),
    (C.AWAY, G.LEFT): (C.OVER, (A.DROP,)),
    (C.AWAY, T.KEPT): (C.OVER, (A.DROP,)),
    (C.CALLING_BACK, G.ANSWERED): (C.RINGING, (*_RUNG, Start(T.WAITED))),
    (C.CALLING_BACK, G.ANSWERED_ALONE): (C.WAITING, (Start(T.WAITED),)),
    (C.CALLING_BACK, G.NOT_REACHED): _TRIED,
    (C.CALLING_BACK, G.NOT_REACHED_AGAIN): (C.OVER, (A.RELEASE, A.DROP)),
    (C.CALLING_BACK, G.LEFT): (C.OVER, (A.RELEASE, A.HANG_UP, A.DROP)),
    # The call's own ring time-out comes first: its end got lost
    (C.CALLING_BACK, T.BACK): (C.CALLING_BACK, (A.HANG_UP, A.COUNT_TRY)),
    (C.CALLING_BACK, T.KEPT): (C.CALLING_BACK, (A.LAST_TRY,)),
    (C.RETRYING, T.AGAIN): (C.AWAY, ()),
    (C.RETRYING, T.KEPT): (C.OVER, (A.DROP,)),
    (C.RETRYING, G.LEFT): (C.OVER, (A.DROP,)),
}

_START = (C.WAITING, (Start(T.WAITED),))

CALLER: Table[CallerState, CallerAction] = Table("caller in a queue", _START, {**_WAIT, **_BACK})

S, N, W = AgentState, AgentInput, AgentTimer

_WITHDRAWN = (AgentAction.WITHDRAW,)
_BETWEEN = (Start(W.WRAP_UP),)

_AGENT: Mapping[tuple[AgentState, StrEnum], tuple[AgentState, tuple[AgentAction | Start, ...]]] = {
    (S.OUT, N.LOG_IN): (S.READY, ()),
    (S.PAUSED, N.LOG_IN): (S.READY, ()),
    (S.PAUSED, N.LOG_OUT): (S.OUT, ()),
    (S.READY, N.RING): (S.RINGING, ()),
    (S.READY, N.RESERVE): (S.RESERVED, ()),
    (S.READY, N.PAUSE): (S.PAUSED, ()),
    (S.READY, N.LOG_OUT): (S.OUT, ()),
    (S.READY, N.STEPS_AWAY): (S.WRAP_UP, _BETWEEN),
    (S.RESERVED, N.RING): (S.RINGING, ()),
    (S.RESERVED, N.WITHDRAWN): (S.READY, ()),
    (S.RESERVED, N.PAUSE): (S.PAUSED, _WITHDRAWN),
    (S.RESERVED, N.LOG_OUT): (S.OUT, _WITHDRAWN),
    (S.RESERVED, N.STEPS_AWAY): (S.WRAP_UP, (*_WITHDRAWN, *_BETWEEN)),
    (S.RINGING, N.TAKES): (S.TALKING, ()),
    (S.RINGING, N.MISSES): (S.RESTING, (Start(W.REST),)),
    (S.RINGING, N.MISSES_AGAIN): (S.PAUSED, ()),
    (S.RINGING, N.WITHDRAWN): (S.READY, ()),
    (S.RINGING, N.PAUSE): (S.PAUSED, _WITHDRAWN),
    (S.RINGING, N.LOG_OUT): (S.OUT, _WITHDRAWN),
    (S.RINGING, N.STEPS_AWAY): (S.WRAP_UP, (*_WITHDRAWN, *_BETWEEN)),
    (S.TALKING, N.OVER): (S.WRAP_UP, (Start(W.WRAP_UP),)),
    (S.TALKING, N.PAUSE): (S.PAUSING, ()),
    (S.TALKING, N.LOG_OUT): (S.LEAVING, ()),
    (S.LEAVING, N.OVER): (S.OUT, ()),
    (S.LEAVING, N.LOG_IN): (S.TALKING, ()),
    (S.LEAVING, N.PAUSE): (S.PAUSING, ()),
    (S.PAUSING, N.OVER): (S.PAUSED, ()),
    (S.PAUSING, N.LOG_IN): (S.TALKING, ()),
    (S.PAUSING, N.LOG_OUT): (S.LEAVING, ()),
    (S.WRAP_UP, W.WRAP_UP): (S.READY, ()),
    (S.WRAP_UP, N.LOG_IN): (S.READY, ()),
    (S.WRAP_UP, N.PAUSE): (S.PAUSED, ()),
    (S.WRAP_UP, N.LOG_OUT): (S.OUT, ()),
    (S.RESTING, W.REST): (S.READY, ()),
    (S.RESTING, N.LOG_IN): (S.READY, ()),
    (S.RESTING, N.PAUSE): (S.PAUSED, ()),
    (S.RESTING, N.LOG_OUT): (S.OUT, ()),
    (S.RESTING, N.STEPS_AWAY): (S.WRAP_UP, _BETWEEN),
}

AGENT: Table[AgentState, AgentAction] = Table("agent of a queue", (S.OUT, ()), _AGENT)

IN_CALL = frozenset({S.TALKING, S.LEAVING, S.PAUSING})
"""An agent who talks to a caller."""

ON_THE_LINE = frozenset({C.WAITING, C.RINGING, C.RINGING_LAST})
"""A caller who has a place, and hears the music."""

QUEUED = ON_THE_LINE | {C.AWAY, C.CALLING_BACK, C.RETRYING}
"""A caller who has a place."""
