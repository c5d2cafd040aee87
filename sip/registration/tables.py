"""The life of a registration, as a table: RFC 3261 §10.2."""

from enum import StrEnum

from offhook.sip.transaction.machine import Start, Table


class RegistrationState(StrEnum):
    """The states of a registration."""

    REGISTERING = "registering"  # a REGISTER waits for its final response
    REGISTERED = "registered"
    WAITING = "waiting"  # refused or unanswered; tried again later
    ENDING = "ending"  # as REGISTERING, and to be removed after that: one REGISTER at a time (§10.2)
    REMOVING = "removing"  # the removal waits for its final response
    ENDED = "ended"


class RegistrationInput(StrEnum):
    """What happens to it, besides the expiry of a `RegistrationTimer`."""

    ACCEPTED = "got 2xx"
    TOO_BRIEF = "got 423"
    REFUSED = "got 3xx-6xx or nothing"
    MOVED = "moved to another server"
    LOST = "lost its connection"
    REMOVE = "remove"


class RegistrationTimer(StrEnum):
    """Its timers."""

    REFRESH = "refresh"
    RETRY = "retry"


class RegistrationAction(StrEnum):
    """What it does."""

    SEND = "send"
    SEND_REMOVAL = "send removal"
    REPORT_REGISTERED = "report registered"
    REPORT_FAILED = "report failed"
    REPORT_ENDED = "report ended"


_S, _I, _T, _A = RegistrationState, RegistrationInput, RegistrationTimer, RegistrationAction

REGISTRATION: Table[RegistrationState, RegistrationAction] = Table(
    "registration",
    (_S.REGISTERING, (_A.SEND,)),
    {
        (_S.REGISTERING, _I.ACCEPTED): (_S.REGISTERED, (_A.REPORT_REGISTERED, Start(_T.REFRESH))),
        # §10.2.8: asked for a longer time, at once
        (_S.REGISTERING, _I.TOO_BRIEF): (_S.REGISTERING, (_A.SEND,)),
        (_S.REGISTERING, _I.REFUSED): (_S.WAITING, (_A.REPORT_FAILED, Start(_T.RETRY))),
        (_S.REGISTERING, _I.REMOVE): (_S.ENDING, ()),
        (_S.REGISTERED, _T.REFRESH): (_S.REGISTERING, (_A.SEND,)),
        (_S.WAITING, _T.RETRY): (_S.REGISTERING, (_A.SEND,)),
        (_S.REGISTERED, _I.MOVED): (_S.REGISTERING, (_A.SEND,)),
        (_S.WAITING, _I.MOVED): (_S.REGISTERING, (_A.SEND,)),
        # RFC 5626 §4.5: calls can no longer come by it
        (_S.REGISTERED, _I.LOST): (_S.WAITING, (_A.REPORT_FAILED, Start(_T.RETRY))),
        (_S.REGISTERED, _I.REMOVE): (_S.REMOVING, (_A.SEND_REMOVAL,)),
        (_S.WAITING, _I.REMOVE): (_S.ENDED, (_A.REPORT_ENDED,)),
        (_S.ENDING, _I.ACCEPTED): (_S.REMOVING, (_A.SEND_REMOVAL,)),
        (_S.ENDING, _I.TOO_BRIEF): (_S.ENDED, (_A.REPORT_ENDED,)),
        (_S.ENDING, _I.REFUSED): (_S.ENDED, (_A.REPORT_ENDED,)),
        (_S.REMOVING, _I.ACCEPTED): (_S.ENDED, (_A.REPORT_ENDED,)),
        (_S.REMOVING, _I.TOO_BRIEF): (_S.ENDED, (_A.REPORT_ENDED,)),
        (_S.REMOVING, _I.REFUSED): (_S.ENDED, (_A.REPORT_ENDED,)),
    },
)
