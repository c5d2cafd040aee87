"""A server transaction: an incoming request until its final response has arrived (RFC 3261 §17.2)."""

from collections.abc import Mapping
from typing import Protocol

from offhook.sip.message.message import Request
from offhook.sip.net.flow import Flow
from offhook.sip.transaction.keys import Key
from offhook.sip.transaction.machine import Machine
from offhook.sip.transaction.tables import INVITE_SERVER, SERVER, Action, State


class InviteServerUser(Protocol):
    """The handler of an incoming INVITE."""

    def on_cancel(self, server: "ServerTransaction", cancel: Request, now: float) -> None:
        """The INVITE is cancelled; no effect once it has its final response (§9.2)."""


class ServerTransaction:
    """One request and its machine. Responses go to `reply_to`; `wire` is the latest one, for retransmission.

    `most_repeats`: how often each response may be repeated unasked; None for as often as the timers say. `repeats`
    counts copies that were asked for, by a retransmission of the request.
    """

    __slots__ = (
        "created",
        "key",
        "local_tag",
        "machine",
        "merge_key",
        "most_repeats",
        "repeated",
        "repeats",
        "reply_to",
        "request",
        "user",
        "wire",
    )

    def __init__(
        self,
        key: Key,
        request: Request,
        reply_to: Flow,
        durations: Mapping[str, float | None],
        t2_s: float,
        now: float,
        most_repeats: int | None = None,
    ) -> None:
        self.key = key
        self.merge_key: Key | None = None
        self.request = request
        self.reply_to = reply_to
        self.wire: bytes | None = None
        self.user: InviteServerUser | None = None
        """Who answers it; None once that has been done."""
        self.local_tag = ""
        """The tag of every response to an INVITE that has a user (§9.2: also of that to its CANCEL)."""
        self.repeats = 0
        self.repeated = 0
        self.most_repeats = most_repeats
        self.created = now
        self.machine: Machine[State, Action] = Machine(
            INVITE_SERVER if request.method == "INVITE" else SERVER, durations, t2_s
        )

    def repeats_unasked(self) -> bool:
        """Whether the response may be repeated unasked now; counts it."""
        self.repeated += 1
        return self.most_repeats is None or self.repeated <= self.most_repeats

    @property
    def terminated(self) -> bool:
        """Whether it is over."""
        return self.machine.state is State.TERMINATED
