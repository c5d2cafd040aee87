"""The end of a call, as its dialog gets it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offhook.api.message import Message


class CallEnded(Exception):
    """The call is over: nothing more can be said or asked.

    Raised at the dialog's current await when either side ends the call. A dialog need not catch it. `message` is what
    `Call.record` had recorded by then.
    """

    message: "Message | None" = None
