"""The reliable provisional responses to one INVITE, sent one after the other, as a table: RFC 3262 §3."""

from enum import StrEnum

from offhook.sip.settings import UaSettings
from offhook.sip.transaction.machine import Pace, Start, Table


class ProvisionalState(StrEnum):
    """The states of what is sent reliably."""

    IDLE = "idle"
    UNACKED = "unacked"  # the latest waits for its PRACK
    CLOSED = "closed"  # the INVITE has its final response


class ProvisionalInput(StrEnum):
    """The inputs, besides the expiry of a `ProvisionalTimer`."""

    SEND = "send"
    GOT_PRACK = "got prack"  # for the latest
    CLOSE = "final response"


class ProvisionalTimer(StrEnum):
    """The timers."""

    RETRANSMIT = "retransmit"
    PRACK = "prack"


class ProvisionalAction(StrEnum):
    """What is done."""

    SEND = "send"
    REPEAT = "repeat"
    QUEUE = "queue"
    SEND_NEXT = "send next"
    GIVE_UP = "give up"


_S, _I, _T, _A = ProvisionalState, ProvisionalInput, ProvisionalTimer, ProvisionalAction

PROVISIONALS: Table[ProvisionalState, ProvisionalAction] = Table(
    "reliable provisional responses",
    (_S.IDLE, ()),
    {
        (_S.IDLE, _I.SEND): (_S.UNACKED, (_A.SEND, Start(_T.RETRANSMIT), Start(_T.PRACK))),
        (_S.IDLE, _I.CLOSE): (_S.CLOSED, ()),
        # Not before the one in front has arrived: then there is one to match a PRACK with, and their order is kept
        (_S.UNACKED, _I.SEND): (_S.UNACKED, (_A.QUEUE,)),
        # T1 doubling, without the T2 of other retransmissions, for 64·T1; then the INVITE is refused
        (_S.UNACKED, _T.RETRANSMIT): (_S.UNACKED, (_A.REPEAT, Start(_T.RETRANSMIT, Pace.DOUBLE))),
        (_S.UNACKED, _T.PRACK): (_S.CLOSED, (_A.GIVE_UP,)),
        (_S.UNACKED, _I.GOT_PRACK): (_S.IDLE, (_A.SEND_NEXT,)),
        (_S.UNACKED, _I.CLOSE): (_S.CLOSED, ()),
        # A PRACK may still be on its way to us
        (_S.CLOSED, _I.GOT_PRACK): (_S.CLOSED, ()),
    },
)


def provisional_durations(settings: UaSettings) -> dict[str, float | None]:
    """The first interval of each timer, in seconds; over any transport: a proxy may lose what TCP carried to it."""
    return {ProvisionalTimer.RETRANSMIT: settings.timers.t1_s, ProvisionalTimer.PRACK: settings.timers.give_up_s}
