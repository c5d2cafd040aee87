"""Silence that the bot owes to end. This file is only the table; `silence` runs it.

Theory of operation. Beside the floor, which says who may speak, there is a *debt*: nobody speaks, and the next sound
has to come from the bot, because an engine or the dialog is at work. A part that is slow, or never answers, must not
make the line go dead:

- Nobody owes anything (NONE) while somebody speaks, and in the silence that is the caller's: after a question, in a
  pause of a turn, on hold.
- When the bot owes a sound (OWED), a filler is due ("One moment, please."): FILLED. When it still owes one, a fallback
  is: the stage that stalled is given up where it can be, the dialog is notified, and the bot apologises (STALLED). From
  then on something is said again and again.
- Audio of an utterance pays the debt, and so does the caller by speaking. A filler does not.

Times count from the last sound that anybody made, not from the moment at which the debt was noticed.
"""

from enum import StrEnum


class Debt(StrEnum):
    """Whether the bot owes the next sound."""

    NONE = "none"  # somebody speaks, or the silence is the caller's
    OWED = "owed"  # the bot has to say something
    FILLED = "filled"  # … and has said a filler
    STALLED = "stalled"  # … and has apologised: something stands still


class DebtMove(StrEnum):
    """What changes it."""

    OWE = "owe"  # nobody speaks, and the bot should
    PAY = "pay"  # an utterance is heard, the caller speaks, or it is their turn
    DUE = "due"  # the timer


class DebtAction(StrEnum):
    """What is done."""

    ARM_FILLER = "arm-filler"
    ARM_FALLBACK = "arm-fallback"  # earlier, if the filler is over
    ARM_AGAIN = "arm-again"
    DISARM = "disarm"
    FILL = "fill"  # say a filler
    STALL = "stall"  # give up what stalls, notify the dialog, apologise


_A, _D, _M = DebtAction, Debt, DebtMove

DEBTS: dict[tuple[Debt, DebtMove], tuple[Debt, tuple[DebtAction, ...]]] = {
    (_D.NONE, _M.OWE): (_D.OWED, (_A.ARM_FILLER,)),
    (_D.OWED, _M.DUE): (_D.FILLED, (_A.FILL, _A.ARM_FALLBACK)),
    (_D.FILLED, _M.DUE): (_D.STALLED, (_A.STALL, _A.ARM_AGAIN)),
    (_D.STALLED, _M.DUE): (_D.STALLED, (_A.FILL, _A.ARM_AGAIN)),
    (_D.OWED, _M.PAY): (_D.NONE, (_A.DISARM,)),
    (_D.FILLED, _M.PAY): (_D.NONE, (_A.DISARM,)),
    (_D.STALLED, _M.PAY): (_D.NONE, (_A.DISARM,)),
}
