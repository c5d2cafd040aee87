"""How a transfer ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from offhook.usererror import UserError

TransferMode = Literal["auto", "refer", "bridge", "attended"]
"""`refer`: the caller's side calls the agent (REFER; over Twilio, its API). `bridge`: the bot calls the agent and stays
between the two. `attended`: likewise, and the agent is asked first. `auto`: `refer` where that is possible, else
`bridge`."""

MODES: tuple[TransferMode, ...] = ("auto", "refer", "bridge", "attended")


class TransferFailure(StrEnum):
    """Why a caller is back."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # the caller's side does not transfer calls
    NOT_ALLOWED = "not_allowed"  # by the bot's settings
    NOT_POSSIBLE = "not_possible"  # over this carrier, or now


class TransferError(UserError):
    """The transfer failed, and the caller is with the bot again. `reason` says why in one word, `status` is the SIP
    status that the agent's side, or the caller's, gave (0: none)."""

    def __init__(self, reason: TransferFailure, what: str, why: str, todo: str = "", status: int = 0) -> None:
        super().__init__(what, why, todo)
        self.reason = reason
        self.status = status

    def again(self) -> "TransferError":
        """The same to be raised where this one is kept: the traceback of an error has what keeps it."""
        (problem,) = self.problems
        return type(self)(self.reason, problem.what, problem.why, problem.todo, self.status)


class OnlyReferError(TransferError):
    """The caller's network connects the caller itself, and to one target alone: `refer` is the mode there."""


_TELLING = (TransferFailure.NO_ANSWER, TransferFailure.BUSY, TransferFailure.DECLINED)


def worst_of(failed: Sequence[TransferError]) -> TransferError:
    """What is reported where nobody of several took the call (at least one): that one rang for nothing, was busy, or
    declined; else the first."""
    return next((each for reason in _TELLING for each in failed if each.reason is reason), failed[0])


@dataclass(frozen=True, slots=True)
class Transferred:
    """A transfer that succeeded. `by` is the way that was taken.

    `returned`: the agent has hung up, or the bot took the caller back, and the caller is still there: say something.
    Otherwise the call is over.
    """

    target: str
    by: Literal["refer", "replaces", "bridge"]
    returned: bool = False
    talked_s: float = field(default=0.0, compare=False)
    """How long the caller and the agent were connected by a bridge."""


_BY_STATUS = {
    **dict.fromkeys((486, 600), TransferFailure.BUSY),
    **dict.fromkeys((408, 480, 487), TransferFailure.NO_ANSWER),
    **dict.fromkeys((403, 603, 607, 608), TransferFailure.DECLINED),
}


def failure_of(status: int) -> TransferFailure:
    """What the final status of a call to the agent means; 0: no answer to our INVITE at all."""
    return _BY_STATUS.get(status, TransferFailure.UNREACHABLE)
