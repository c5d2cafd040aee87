"""What a dialog asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from offhook.transfer.outcome import TransferError, TransferMode

Brief = Callable[[Any], Awaitable[bool]]
"""Talks to the agent, whose Call it gets, and says whether they take the caller."""


class Waiter(Protocol):
    """A caller who hears and does something else until they are joined, without a ringing tone."""

    def agent_answered(self) -> None:
        """The agent has; what they hear first begins."""

    def joining(self) -> None:
        """Both are about to be connected."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`target` is a name of the settings, a number or an address. `mode` None: that of the settings.

    With `attended` the agent hears `summary` and is asked, or `brief` does that. `user_to_user` (RFC 7433) and
    `headers` reach the agent: inside Refer-To, or in the bot's own INVITE. `return_key`: a key with which either of the
    two brings the caller back from a bridge; after `limit_s` the bot does.
    """

    target: str
    mode: TransferMode | None = None
    summary: str = ""
    brief: Brief | None = None
    user_to_user: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    ring_s: float | None = None
    return_key: str | None = None
    language: str | None = None
    limit_s: float | None = None
    also: tuple[str, ...] = ()
    """Others who ring at the same time: the first who answers has the caller, by a bridge."""

    on_call: Callable[[str], None] | None = None
    """Called with each target that the bot calls."""

    on_ringing: Callable[[str], None] | None = None
    """Called with each target whose phone rings, as far as its network says so."""

    on_answer: Callable[[str], None] | None = None
    """Called with the target that has answered."""

    on_failure: Callable[[str, TransferError], None] | None = None
    """Called with each target that may not be called, or did not take the call, and why."""

    waiter: Waiter | None = None
    """The bot stays between the two then, whatever the caller's side can."""

    @property
    def target_headers(self) -> tuple[tuple[str, str], ...]:
        """For the INVITE to the agent."""
        uui = () if self.user_to_user is None else (("User-to-User", self.user_to_user),)
        return (*uui, *self.headers)
