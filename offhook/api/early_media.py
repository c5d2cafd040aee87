"""Early media: what a dialog says before its call is answered, and who begins that early."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from offhook.api.agent import AgentDialog, CallAgent, DialogAgent
from offhook.api.call import Dialog


@runtime_checkable
class SpeaksEarly(Protocol):
    """A dialog that may begin before its call is answered."""

    def speaks_early(self, called: str, trunk: str) -> bool:
        """Whether it does, in a call to `called` (a SIP URI) that came by `trunk` (empty: by none)."""
        ...


class EarlyDialog(AgentDialog):
    """An agent that begins before the call is answered, and answers it by `Call.answer`."""

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly."""
        return True


def speaks_early(talks: CallAgent | Dialog | Callable[..., object], called: str, trunk: str) -> bool:
    """Whether a dialog begins before a call is answered: see SpeaksEarly."""
    while not isinstance(talks, SpeaksEarly):
        if isinstance(talks, AgentDialog):
            talks = talks.agent
        elif isinstance(talks, DialogAgent):
            talks = talks.dialog
        else:
            return False
    return talks.speaks_early(called, trunk)
