"""The four transaction machines of RFC 3261 §17.1 and §17.2 as amended by RFC 6026.

Over a reliable transport the tables are the same; the timers that would retransmit never start
(`Timers.durations`).
"""

from enum import StrEnum

from offhook.sip.transaction.machine import Pace, Start, Table
from offhook.sip.transaction.timers import Timer


class State(StrEnum):
    """The states of RFC 3261 §17 and RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Input(StrEnum):
    """The inputs of a transaction, besides the expiry of a `Timer`."""

    R1XX = "1xx"  # a response: received by a client, sent by the user of a server transaction
    R2XX = "2xx"
    R3_6XX = "3xx-6xx"
    REQUEST = "request"  # a retransmitted request
    ACK = "ack"
    TRANSPORT_ERROR = "transport error"


class Action(StrEnum):
    """What a transaction does."""

    SEND = "send"  # client: the request; server: the user's response
    RESEND = "resend"  # the same bytes again
    SEND_ACK = "send ack"  # the ACK of a 3xx-6xx
    DELIVER = "deliver"  # to the transaction user
    REPORT_TIMEOUT = "report timeout"
    REPORT_TRANSPORT = "report transport"


_S, _I, _T = State, Input, Timer
_END = _S.TERMINATED

# RFC 3261 §17.1.1, figure 5 as replaced by RFC 6026 §8.4.
INVITE_CLIENT: Table[State, Action] = Table(
    "INVITE client",
    (_S.CALLING, (Action.SEND, Start(_T.A), Start(_T.B))),
    {
        # §17.1.1.2: retransmit at T1, 2·T1, 4·T1 … until anything comes back
        (_S.CALLING, _T.A): (_S.CALLING, (Action.RESEND, Start(_T.A, Pace.DOUBLE))),
        (_S.CALLING, _T.B): (_END, (Action.REPORT_TIMEOUT,)),
        (_S.CALLING, _I.R1XX): (_S.PROCEEDING, (Action.DELIVER, Start(_T.C))),
        (_S.CALLING, _I.R2XX): (_S.ACCEPTED, (Action.DELIVER, Start(_T.M))),
        (_S.CALLING, _I.R3_6XX): (_S.COMPLETED, (Action.SEND_ACK, Action.DELIVER, Start(_T.D))),
        (_S.CALLING, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        # §17.1.1.2: after a provisional response no retransmission, and no time-out but that of §16.6
        (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (Action.DELIVER, Start(_T.C))),
        (_S.PROCEEDING, _T.C): (_END, (Action.REPORT_TIMEOUT,)),
        (_S.PROCEEDING, _I.R2XX): (_S.ACCEPTED, (Action.DELIVER, Start(_T.M))),
        (_S.PROCEEDING, _I.R3_6XX): (_S.COMPLETED, (Action.SEND_ACK, Action.DELIVER, Start(_T.D))),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        # §17.1.1.2: every retransmission of the final response is acknowledged again
        (_S.COMPLETED, _I.R3_6XX): (_S.COMPLETED, (Action.SEND_ACK,)),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        (_S.COMPLETED, _T.D): (_END, ()),
        # RFC 6026 §7.2, §8.4: each 2xx, retransmitted or forked, goes to the core, which acknowledges it
        (_S.ACCEPTED, _I.R2XX): (_S.ACCEPTED, (Action.DELIVER,)),
        (_S.ACCEPTED, _T.M): (_END, ()),
    },
)

# RFC 3261 §17.1.2, figure 6.
CLIENT: Table[State, Action] = Table(
    "non-INVITE client",
    (_S.TRYING, (Action.SEND, Start(_T.E), Start(_T.F))),
    {
        # §17.1.2.2: retransmit at T1, doubling up to T2
        (_S.TRYING, _T.E): (_S.TRYING, (Action.RESEND, Start(_T.E, Pace.DOUBLE_TO_T2))),
        (_S.TRYING, _T.F): (_END, (Action.REPORT_TIMEOUT,)),
        (_S.TRYING, _I.R1XX): (_S.PROCEEDING, (Action.DELIVER,)),
        (_S.TRYING, _I.R2XX): (_S.COMPLETED, (Action.DELIVER, Start(_T.K))),
        (_S.TRYING, _I.R3_6XX): (_S.COMPLETED, (Action.DELIVER, Start(_T.K))),
        (_S.TRYING, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        # §17.1.2.2: after a provisional, retransmit every T2
        (_S.PROCEEDING, _T.E): (_S.PROCEEDING, (Action.RESEND, Start(_T.E, Pace.T2))),
        (_S.PROCEEDING, _T.F): (_END, (Action.REPORT_TIMEOUT,)),
        (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (Action.DELIVER,)),
        (_S.PROCEEDING, _I.R2XX): (_S.COMPLETED, (Action.DELIVER, Start(_T.K))),
        (_S.PROCEEDING, _I.R3_6XX): (_S.COMPLETED, (Action.DELIVER, Start(_T.K))),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        # §17.1.2.2: K outlives the responses still in flight; they are absorbed here
        (_S.COMPLETED, _I.R1XX): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.R2XX): (_S.COMPLETED, ()),
        (_S.COMPLETED, _I.R3_6XX): (_S.COMPLETED, ()),
        (_S.COMPLETED, _T.K): (_END, ()),
    },
)

# RFC 3261 §17.2.1, figure 7 as replaced by RFC 6026 §8.5. The core sends the 100 (Trying), at once.
INVITE_SERVER: Table[State, Action] = Table(
    "INVITE server",
    (_S.PROCEEDING, (Action.DELIVER,)),
    {
        # §17.2.1: a retransmitted INVITE gets the latest provisional again
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (Action.RESEND,)),
        (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (Action.SEND,)),
        (_S.PROCEEDING, _I.R2XX): (_S.ACCEPTED, (Action.SEND, Start(_T.L))),
        (_S.PROCEEDING, _I.R3_6XX): (_S.COMPLETED, (Action.SEND, Start(_T.G), Start(_T.H))),
        # RFC 6026 §8.5: an error is reported, and changes nothing
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, (Action.REPORT_TRANSPORT,)),
        # §17.2.1: the final response at T1, doubling up to T2, until its ACK
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (Action.RESEND,)),
        (_S.COMPLETED, _T.G): (_S.COMPLETED, (Action.RESEND, Start(_T.G, Pace.DOUBLE_TO_T2))),
        (_S.COMPLETED, _T.H): (_END, (Action.REPORT_TIMEOUT,)),
        (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, (Start(_T.I),)),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, (Action.REPORT_TRANSPORT,)),
        # §17.2.1: I outlives the ACKs still in flight
        (_S.CONFIRMED, _I.ACK): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _I.REQUEST): (_S.CONFIRMED, ()),
        (_S.CONFIRMED, _T.I): (_END, ()),
        # RFC 6026 §7.1: retransmitted INVITEs end here; the core retransmits the 2xx and takes its ACK
        (_S.ACCEPTED, _I.REQUEST): (_S.ACCEPTED, ()),
        (_S.ACCEPTED, _I.R2XX): (_S.ACCEPTED, (Action.SEND,)),
        (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, (Action.DELIVER,)),
        (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, (Action.REPORT_TRANSPORT,)),
        (_S.ACCEPTED, _T.L): (_END, ()),
    },
)

# RFC 3261 §17.2.2, figure 8.
SERVER: Table[State, Action] = Table(
    "non-INVITE server",
    (_S.TRYING, (Action.DELIVER,)),
    {
        # §17.2.2: nothing to repeat yet
        (_S.TRYING, _I.REQUEST): (_S.TRYING, ()),
        (_S.TRYING, _I.R1XX): (_S.PROCEEDING, (Action.SEND,)),
        (_S.TRYING, _I.R2XX): (_S.COMPLETED, (Action.SEND, Start(_T.J))),
        (_S.TRYING, _I.R3_6XX): (_S.COMPLETED, (Action.SEND, Start(_T.J))),
        (_S.PROCEEDING, _I.REQUEST): (_S.PROCEEDING, (Action.RESEND,)),
        (_S.PROCEEDING, _I.R1XX): (_S.PROCEEDING, (Action.SEND,)),
        (_S.PROCEEDING, _I.R2XX): (_S.COMPLETED, (Action.SEND, Start(_T.J))),
        (_S.PROCEEDING, _I.R3_6XX): (_S.COMPLETED, (Action.SEND, Start(_T.J))),
        (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        # §17.2.2: a retransmitted request gets the final response again; a second final response is discarded
        (_S.COMPLETED, _I.REQUEST): (_S.COMPLETED, (Action.RESEND,)),
        (_S.COMPLETED, _I.TRANSPORT_ERROR): (_END, (Action.REPORT_TRANSPORT,)),
        (_S.COMPLETED, _T.J): (_END, ()),
    },
)
