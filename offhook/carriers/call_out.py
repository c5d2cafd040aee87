"""A call that somebody wants the bot to place, and why it is not placed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.queues.messages import CallBack
from offhook.usererror import Problem, UserError


@dataclass(frozen=True, slots=True)
class CallOut:
    """A call that is wanted. `to` is a number or a SIP address, `caller` a number, `trunk` None: the only one there is.
    `dialog` is the kind and the name of a route's dialog, None: the default one."""

    to: str
    caller: str | None = None
    trunk: str | None = None
    dialog: tuple[str, str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    ring_s: float | None = None
    by_others: bool = False
    """A program or a caller asks for it, and not the one who runs the bot: only listed numbers may be called."""
    call_back: CallBack | None = None
    """It calls somebody back who has waited in a queue."""


class NotNowError(Exception):
    """A call that may be placed, but not now. `status` is HTTP's: 429 for the trunk's limits, 503 for the bot's."""

    def __init__(self, status: int, problem: Problem, retry_after_s: int | None = None) -> None:
        super().__init__(problem.render())
        self.status = status
        self.problem = problem
        self.retry_after_s = retry_after_s


class ForbiddenError(UserError):
    """The settings do not allow to call that number."""


class UnknownDialogError(UserError):
    """No route has that dialog for calls out."""
