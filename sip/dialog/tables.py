"""The life of a call, and of a re-INVITE or UPDATE in it, as tables: RFC 3261 §9, §13, §14, §15, RFC 3311.

A command without a row in a state is misuse; any other input without one is ignored.
"""

from collections.abc import Mapping
from enum import StrEnum

from offhook.sip.settings import UaSettings
from offhook.sip.transaction.machine import Pace, Start, Table


class CallState(StrEnum):
    """The states of a call."""

    INCOMING = "incoming"  # the INVITE waits for our final response
    ANSWER_HELD = "answer held"  # our 2xx waits for the PRACK of an SDP sent before
    ANSWERED = "answered"  # our 2xx waits for its ACK
    CLOSING = "closing"  # likewise, and our BYE waits for that ACK
    CALLING = "calling"  # our INVITE, no response yet
    PROCEEDING = "proceeding"  # our INVITE, after a provisional response
    CANCEL_HELD = "cancel held"  # cancelled, but a CANCEL may only follow a provisional response
    CANCELLING = "cancelling"  # CANCEL sent, waiting for the INVITE's final response
    CONFIRMED = "confirmed"
    ENDED = "ended"


class OfferState(StrEnum):
    """The states of a re-INVITE, or an UPDATE. One that waits after a glare is IDLE with its timer running."""

    IDLE = "idle"
    REMOTE = "remote"  # the far end's waits for our final response
    REMOTE_UPDATE = "remote update"  # likewise; nothing acknowledges that
    UNACKED = "unacked"  # our 2xx waits for its ACK
    LOCAL = "local"  # ours waits for its final response
    CLOSED = "closed"  # the call is over


class CallInput(StrEnum):
    """The inputs of a call or a re-INVITE, besides the expiry of a `CallTimer`."""

    RING = "ring"  # commands
    ANSWER = "answer"
    ANSWER_LATER = "answer when acknowledged"
    REJECT = "reject"
    BYE = "bye"
    CANCEL = "cancel"
    REINVITE = "reinvite"
    GOT_INVITE = "got invite"  # requests
    GOT_UPDATE = "got update"  # with an offer
    GOT_ACK = "got ack"
    GOT_PRACKS = "got all pracks"
    NO_PRACK = "no prack"
    GOT_CANCEL = "got cancel"
    GOT_BYE = "got bye"
    GOT_1XX = "got 1xx"  # responses
    GOT_2XX = "got 2xx"
    GOT_GLARE = "got 491, or 500 for now"
    GOT_FATAL = "got 408, 481 or nothing"
    GOT_FAILURE = "got 3xx-6xx"
    TIMED_OUT = "timed out"
    TRANSPORT = "transport error"
    NO_ACK = "a re-INVITE's 2xx was not acknowledged"
    LOST = "the far end no longer knows the call"
    NOT_REFRESHED = "the session was not refreshed"
    CLOSE = "the call is over"


class CallTimer(StrEnum):
    """The timers of the user agent core."""

    RETRANSMIT = "retransmit 2xx"
    ACK = "ack"
    PROVISIONAL = "repeat 1xx"
    LIMIT = "answer limit"
    UPDATE = "update limit"
    CANCEL = "cancel"
    GLARE = "glare"
    EXPIRES = "expires"


class CallAction(StrEnum):
    """What a call does."""

    SEND_1XX = "send 1xx"
    REPEAT_1XX = "repeat 1xx"
    KEEP_ANSWER = "keep answer"
    SEND_2XX = "send 2xx"
    REPEAT_2XX = "repeat 2xx"
    SEND_FAILURE = "send failure"
    SEND_480 = "send 480"
    SEND_487 = "send 487"
    SEND_504 = "send 504"
    SEND_491 = "send 491"
    SEND_RETRY_LATER = "send 500"
    SEND_INVITE = "send invite"
    SEND_ACK = "send ack"
    SEND_BYE = "send bye"
    SEND_BYE_ONCE = "send bye once"
    SEND_CANCEL = "send cancel"
    END_NO_ACK = "end: no ack"
    END_LOST = "end: lost"
    REPORT_CANCELLED = "report cancelled"
    REPORT_CONFIRMED = "report confirmed"
    REPORT_PROGRESS = "report progress"
    REPORT_ANSWERED = "report answered"
    REPORT_REJECTED = "report rejected"
    REPORT_RECEIVED = "report received"
    REPORT_REMOTE_BYE = "report remote bye"
    REPORT_LOCAL_BYE = "report local bye"
    REPORT_ACK_TIMEOUT = "report ack timeout"
    REPORT_TIMEOUT = "report timeout"
    REPORT_TRANSPORT = "report transport"
    REPORT_NOT_REFRESHED = "report not refreshed"


_S, _G, _T = CallState, CallInput, CallTimer
_END = _S.ENDED

_INCOMING: Mapping[tuple[CallState, StrEnum], tuple[CallState, tuple[CallAction | Start, ...]]] = {
    # §13.3.1: ring, answer or refuse; §13.3.1.1: proxies drop a call without a response for three minutes
    (_S.INCOMING, _G.RING): (_S.INCOMING, (CallAction.SEND_1XX, Start(_T.PROVISIONAL))),
    (_S.INCOMING, _T.PROVISIONAL): (_S.INCOMING, (CallAction.REPEAT_1XX, Start(_T.PROVISIONAL))),
    (_S.INCOMING, _G.ANSWER): (_S.ANSWERED, (CallAction.SEND_2XX, Start(_T.RETRANSMIT), Start(_T.ACK))),
    (_S.INCOMING, _G.REJECT): (_END, (CallAction.SEND_FAILURE,)),
    (_S.INCOMING, _T.EXPIRES): (_END, (CallAction.SEND_487, CallAction.REPORT_CANCELLED)),
    (_S.INCOMING, _T.LIMIT): (_END, (CallAction.SEND_480, CallAction.REPORT_TIMEOUT)),
    # RFC 3262 §3: no 2xx before an SDP that was sent reliably has arrived; and a 5xx where no PRACK comes
    (_S.INCOMING, _G.ANSWER_LATER): (_S.ANSWER_HELD, (CallAction.KEEP_ANSWER, Start(_T.LIMIT))),
    (_S.ANSWER_HELD, _G.GOT_PRACKS): (_S.ANSWERED, (CallAction.SEND_2XX, Start(_T.RETRANSMIT), Start(_T.ACK))),
    (_S.ANSWER_HELD, _G.BYE): (_END, (CallAction.SEND_480, CallAction.REPORT_LOCAL_BYE)),
    (_S.ANSWER_HELD, _G.GOT_CANCEL): (_END, (CallAction.SEND_487, CallAction.REPORT_CANCELLED)),
    (_S.ANSWER_HELD, _G.GOT_BYE): (_END, (CallAction.SEND_487, CallAction.REPORT_CANCELLED)),
    (_S.ANSWER_HELD, _T.LIMIT): (_END, (CallAction.SEND_480, CallAction.REPORT_TIMEOUT)),
    (_S.ANSWER_HELD, _G.GOT_INVITE): (_S.ANSWER_HELD, (CallAction.SEND_RETRY_LATER,)),
    (_S.INCOMING, _G.NO_PRACK): (_END, (CallAction.SEND_504, CallAction.REPORT_TIMEOUT)),
    (_S.ANSWER_HELD, _G.NO_PRACK): (_END, (CallAction.SEND_504, CallAction.REPORT_TIMEOUT)),
    # §9.2; §15.1.2: after a BYE in the early dialog the INVITE still needs an answer
    (_S.INCOMING, _G.GOT_CANCEL): (_END, (CallAction.SEND_487, CallAction.REPORT_CANCELLED)),
    (_S.INCOMING, _G.GOT_BYE): (_END, (CallAction.SEND_487, CallAction.REPORT_CANCELLED)),
    # §14.2: a second INVITE before the first has its final response
    (_S.INCOMING, _G.GOT_INVITE): (_S.INCOMING, (CallAction.SEND_RETRY_LATER,)),
    # §13.3.1.4: the core retransmits the 2xx, at T1 doubling up to T2, for 64·T1
    (_S.ANSWERED, _T.RETRANSMIT): (
        _S.ANSWERED,
        (CallAction.REPEAT_2XX, Start(_T.RETRANSMIT, Pace.DOUBLE_TO_T2)),
    ),
    (_S.ANSWERED, _G.GOT_ACK): (_S.CONFIRMED, (CallAction.REPORT_CONFIRMED,)),
    # The BYE that §13.3.1.4 asks for, sent once: a peer silent for 64·T1 may never have called (a forged source)
    (_S.ANSWERED, _T.ACK): (_END, (CallAction.SEND_BYE_ONCE, CallAction.REPORT_ACK_TIMEOUT)),
    (_S.ANSWERED, _G.GOT_BYE): (_END, (CallAction.REPORT_REMOTE_BYE,)),
    # RFC 5407 §3.1.5: the ACK is still on its way; ask for a retry
    (_S.ANSWERED, _G.GOT_INVITE): (_S.ANSWERED, (CallAction.SEND_491,)),
    # §15: the callee must not send a BYE before the ACK has come or its wait has timed out
    (_S.ANSWERED, _G.BYE): (_S.CLOSING, (CallAction.REPORT_LOCAL_BYE,)),
    (_S.CLOSING, _T.RETRANSMIT): (_S.CLOSING, (CallAction.REPEAT_2XX, Start(_T.RETRANSMIT, Pace.DOUBLE_TO_T2))),
    (_S.CLOSING, _G.GOT_ACK): (_END, (CallAction.SEND_BYE,)),
    (_S.CLOSING, _T.ACK): (_END, (CallAction.SEND_BYE_ONCE,)),
    (_S.CLOSING, _G.GOT_BYE): (_END, ()),
    (_S.CLOSING, _G.GOT_INVITE): (_S.CLOSING, (CallAction.SEND_491,)),
}

_OUTGOING: Mapping[tuple[CallState, StrEnum], tuple[CallState, tuple[CallAction | Start, ...]]] = {
    # §13.2.2
    (_S.CALLING, _G.GOT_1XX): (_S.PROCEEDING, (CallAction.REPORT_PROGRESS, Start(_T.LIMIT))),
    (_S.CALLING, _G.GOT_2XX): (_S.CONFIRMED, (CallAction.SEND_ACK, CallAction.REPORT_ANSWERED)),
    (_S.CALLING, _G.GOT_FAILURE): (_END, (CallAction.REPORT_REJECTED,)),
    (_S.CALLING, _G.TIMED_OUT): (_END, (CallAction.REPORT_TIMEOUT,)),
    (_S.CALLING, _G.TRANSPORT): (_END, (CallAction.REPORT_TRANSPORT,)),
    (_S.CALLING, _G.CANCEL): (_S.CANCEL_HELD, ()),
    (_S.PROCEEDING, _G.GOT_1XX): (_S.PROCEEDING, (CallAction.REPORT_PROGRESS,)),
    (_S.PROCEEDING, _G.GOT_2XX): (_S.CONFIRMED, (CallAction.SEND_ACK, CallAction.REPORT_ANSWERED)),
    (_S.PROCEEDING, _G.GOT_FAILURE): (_END, (CallAction.REPORT_REJECTED,)),
    (_S.PROCEEDING, _G.TIMED_OUT): (_END, (CallAction.REPORT_TIMEOUT,)),
    (_S.PROCEEDING, _G.TRANSPORT): (_END, (CallAction.REPORT_TRANSPORT,)),
    (_S.PROCEEDING, _G.CANCEL): (_S.CANCELLING, (CallAction.SEND_CANCEL, Start(_T.CANCEL))),
    (_S.PROCEEDING, _T.LIMIT): (_S.CANCELLING, (CallAction.SEND_CANCEL, Start(_T.CANCEL))),
    # §9.1: no CANCEL before a provisional response
    (_S.CANCEL_HELD, _G.GOT_1XX): (_S.CANCELLING, (CallAction.SEND_CANCEL, Start(_T.CANCEL))),
    (_S.CANCEL_HELD, _G.GOT_2XX): (_END, (CallAction.SEND_ACK, CallAction.SEND_BYE, CallAction.REPORT_LOCAL_BYE)),
    (_S.CANCEL_HELD, _G.GOT_FAILURE): (_END, (CallAction.REPORT_REJECTED,)),
    (_S.CANCEL_HELD, _G.TIMED_OUT): (_END, (CallAction.REPORT_TIMEOUT,)),
    (_S.CANCEL_HELD, _G.TRANSPORT): (_END, (CallAction.REPORT_TRANSPORT,)),
    # §9.1: the CANCEL may have crossed a 2xx; after 64·T1 without a response the INVITE is given up
    (_S.CANCELLING, _G.GOT_2XX): (_END, (CallAction.SEND_ACK, CallAction.SEND_BYE, CallAction.REPORT_LOCAL_BYE)),
    (_S.CANCELLING, _G.GOT_FAILURE): (_END, (CallAction.REPORT_REJECTED,)),
    (_S.CANCELLING, _G.TIMED_OUT): (_END, (CallAction.REPORT_TIMEOUT,)),
    (_S.CANCELLING, _G.TRANSPORT): (_END, (CallAction.REPORT_TRANSPORT,)),
    (_S.CANCELLING, _T.CANCEL): (_END, (CallAction.REPORT_TIMEOUT,)),
}

_CONFIRMED: Mapping[tuple[CallState, StrEnum], tuple[CallState, tuple[CallAction | Start, ...]]] = {
    # §15.1
    (_S.CONFIRMED, _G.BYE): (_END, (CallAction.SEND_BYE, CallAction.REPORT_LOCAL_BYE)),
    (_S.CONFIRMED, _G.GOT_BYE): (_END, (CallAction.REPORT_REMOTE_BYE,)),
    # §14.2; §14.1, §12.2.1.2
    (_S.CONFIRMED, _G.NO_ACK): (_END, (CallAction.SEND_BYE, CallAction.REPORT_ACK_TIMEOUT)),
    (_S.CONFIRMED, _G.LOST): (_END, (CallAction.SEND_BYE, CallAction.REPORT_TIMEOUT)),
    # RFC 4028 §10
    (_S.CONFIRMED, _G.NOT_REFRESHED): (_END, (CallAction.SEND_BYE, CallAction.REPORT_NOT_REFRESHED)),
}

INCOMING_CALL: Table[CallState, CallAction] = Table(
    "incoming call", (_S.INCOMING, (Start(_T.LIMIT), Start(_T.EXPIRES))), {**_INCOMING, **_CONFIRMED}
)
OUTGOING_CALL: Table[CallState, CallAction] = Table(
    "outgoing call", (_S.CALLING, (CallAction.SEND_INVITE,)), {**_OUTGOING, **_CONFIRMED}
)

_O = OfferState

# §14, RFC 3311 §5. The glare timer runs on during the far end's re-INVITE, and restarts if that is still in progress
# (§14.1: one INVITE at a time, in either direction).
OFFER: Table[OfferState, CallAction] = Table(
    "re-INVITE",
    (_O.IDLE, ()),
    {
        (_O.IDLE, _G.REINVITE): (_O.LOCAL, (CallAction.SEND_INVITE,)),
        (_O.IDLE, _T.GLARE): (_O.LOCAL, (CallAction.SEND_INVITE,)),
        (_O.IDLE, _G.GOT_INVITE): (_O.REMOTE, (CallAction.REPORT_RECEIVED, Start(_T.LIMIT))),
        (_O.IDLE, _G.GOT_UPDATE): (_O.REMOTE_UPDATE, (CallAction.REPORT_RECEIVED, Start(_T.UPDATE))),
        (_O.IDLE, _G.CLOSE): (_O.CLOSED, ()),
        (_O.REMOTE, _G.ANSWER): (_O.UNACKED, (CallAction.SEND_2XX, Start(_T.RETRANSMIT), Start(_T.ACK))),
        (_O.REMOTE, _G.REJECT): (_O.IDLE, (CallAction.SEND_FAILURE,)),
        (_O.REMOTE, _T.LIMIT): (_O.IDLE, (CallAction.SEND_480, CallAction.REPORT_REJECTED)),
        (_O.REMOTE, _T.GLARE): (_O.REMOTE, (Start(_T.GLARE),)),
        (_O.REMOTE, _G.GOT_INVITE): (_O.REMOTE, (CallAction.SEND_RETRY_LATER,)),
        (_O.REMOTE, _G.GOT_UPDATE): (_O.REMOTE, (CallAction.SEND_RETRY_LATER,)),
        (_O.REMOTE, _G.GOT_CANCEL): (_O.IDLE, (CallAction.SEND_487, CallAction.REPORT_REJECTED)),
        (_O.REMOTE, _G.CLOSE): (_O.CLOSED, (CallAction.SEND_487,)),
        (_O.REMOTE_UPDATE, _G.ANSWER): (_O.IDLE, (CallAction.SEND_2XX, CallAction.REPORT_CONFIRMED)),
        (_O.REMOTE_UPDATE, _G.REJECT): (_O.IDLE, (CallAction.SEND_FAILURE,)),
        (_O.REMOTE_UPDATE, _T.UPDATE): (_O.IDLE, (CallAction.SEND_FAILURE, CallAction.REPORT_REJECTED)),
        (_O.REMOTE_UPDATE, _T.GLARE): (_O.REMOTE_UPDATE, (Start(_T.GLARE),)),
        (_O.REMOTE_UPDATE, _G.GOT_INVITE): (_O.REMOTE_UPDATE, (CallAction.SEND_RETRY_LATER,)),
        (_O.REMOTE_UPDATE, _G.GOT_UPDATE): (_O.REMOTE_UPDATE, (CallAction.SEND_RETRY_LATER,)),
        (_O.REMOTE_UPDATE, _G.CLOSE): (_O.CLOSED, (CallAction.SEND_487,)),
        (_O.UNACKED, _T.RETRANSMIT): (
            _O.UNACKED,
            (CallAction.REPEAT_2XX, Start(_T.RETRANSMIT, Pace.DOUBLE_TO_T2)),
        ),
        (_O.UNACKED, _T.GLARE): (_O.UNACKED, (Start(_T.GLARE),)),
        (_O.UNACKED, _G.GOT_ACK): (_O.IDLE, (CallAction.REPORT_CONFIRMED,)),
        (_O.UNACKED, _T.ACK): (_O.IDLE, (CallAction.END_NO_ACK,)),
        (_O.UNACKED, _G.GOT_INVITE): (_O.UNACKED, (CallAction.SEND_491,)),
        (_O.UNACKED, _G.GOT_UPDATE): (_O.UNACKED, (CallAction.SEND_491,)),
        (_O.UNACKED, _G.CLOSE): (_O.CLOSED, ()),
        (_O.LOCAL, _G.GOT_2XX): (_O.IDLE, (CallAction.SEND_ACK, CallAction.REPORT_ANSWERED)),
        (_O.LOCAL, _G.GOT_GLARE): (_O.IDLE, (Start(_T.GLARE),)),
        (_O.LOCAL, _G.GOT_FAILURE): (_O.IDLE, (CallAction.REPORT_REJECTED,)),
        (_O.LOCAL, _G.GOT_FATAL): (_O.IDLE, (CallAction.END_LOST,)),
        (_O.LOCAL, _G.GOT_INVITE): (_O.LOCAL, (CallAction.SEND_491,)),
        (_O.LOCAL, _G.GOT_UPDATE): (_O.LOCAL, (CallAction.SEND_491,)),
        (_O.LOCAL, _G.CLOSE): (_O.CLOSED, ()),
    },
)


def durations(settings: UaSettings) -> dict[str, float | None]:
    """The first interval of each `CallTimer`, in seconds.

    GLARE is drawn anew each time (RFC 3261 §14.1), EXPIRES comes from the caller.
    """
    timers = settings.timers
    return {
        CallTimer.RETRANSMIT: timers.t1_s,
        CallTimer.ACK: timers.give_up_s,
        CallTimer.PROVISIONAL: settings.provisional_repeat_s,
        CallTimer.LIMIT: settings.answer_limit_s,
        CallTimer.UPDATE: timers.give_up_s / 2,  # before its sender gives up (timer F)
        CallTimer.CANCEL: timers.give_up_s,
    }
