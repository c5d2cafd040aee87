"""What is reported of a call that the bot places, for its owner."""

from typing import Protocol

from offhook.calls.conversation import Conversation
from offhook.calls.outcome import SipOutcome
from offhook.records import EndedBy


class PlacedCall(Protocol):
    """A call that was placed."""

    @property
    def conversation(self) -> Conversation:
        """What is said in it."""

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End it from our side."""

    def rang_out(self) -> None:
        """Give up, since nobody answers."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


class CallWatcher(Protocol):
    """Its owner. After `call_over` nothing more is reported."""

    def call_rings(self) -> None:
        """A phone rings, as far as its network says (180, or 183); of several, each."""

    def call_has_early_media(self) -> None:
        """The line is open before the answer: a ringing tone, an announcement. Reported each time it changes."""

    def call_forwarded(self) -> None:
        """It rings somewhere else from now on: what was heard may have ended."""

    def call_answered(self) -> None:
        """Its dialog has begun."""

    def call_over(self, outcome: SipOutcome, *, answered: bool) -> None:
        """It has ended; its records may still be written."""
