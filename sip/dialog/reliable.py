"""The provisional responses that we send reliably: RFC 3262 §3, the callee's side."""

from collections import deque
from typing import Any

from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.provisional_tables import (
    PROVISIONALS,
    ProvisionalAction,
    ProvisionalInput,
    ProvisionalState,
    provisional_durations,
)
from offhook.sip.message import typed
from offhook.sip.message.message import Response
from offhook.sip.message.rack import RAck
from offhook.sip.transaction.machine import Machine
from offhook.sip.transaction.server import ServerTransaction


class ReliableProvisionals:
    """Those to one INVITE: at most one waits for its PRACK, further ones wait behind it."""

    def __init__(self, core: UserAgentCore[Any], server: ServerTransaction) -> None:
        self._core = core
        self._server = server
        self._invite = typed.cseq(server.request)
        self.machine: Machine[ProvisionalState, ProvisionalAction] = Machine(
            PROVISIONALS, provisional_durations(core.settings), core.settings.timers.t2_s
        )
        self._queue: deque[Response] = deque()
        self._latest: Response | None = None
        # §3: the first one at random, so that a stray PRACK of another call matches nothing.
        self._rseq = int(1 + core.fraction() * (2**31 - 2))

    @property
    def unacked_sdp(self) -> bool:
        """Whether an SDP waits for its PRACK: until then the INVITE must not have a 2xx (§3)."""
        waiting = [self._latest] if self._latest is not None else []
        return any(response.body for response in (*waiting, *self._queue))

    def send(self, response: Response, now: float) -> None:
        """Send a 101 to 199 until its PRACK has come."""
        response.headers.add("Require", "100rel")
        self._queue.append(response)
        self._handle(ProvisionalInput.SEND, now)

    def waits_for(self, rack: RAck) -> bool:
        """Whether we sent such a response and no PRACK for it has come; it may be repeated no longer."""
        sent = (self._rseq, self._invite.number, self._invite.method)
        return self._latest is not None and (rack.rseq, rack.cseq, rack.method) == sent

    def acknowledged(self, now: float) -> None:
        """The latest has arrived: the next may be sent."""
        self._latest = None
        self._handle(ProvisionalInput.GOT_PRACK, now)

    def close(self, now: float) -> None:
        """The INVITE gets its final response: nothing is repeated any more."""
        self._queue.clear()
        self._handle(ProvisionalInput.CLOSE, now)

    def handle_timer(self, now: float) -> bool:
        """Run the timers that are due; whether no PRACK came in time."""
        gave_up = False
        while (timer := self.machine.pop_due(now)) is not None:
            for action in self.machine.handle(timer, now) or ():
                gave_up |= action is ProvisionalAction.GIVE_UP
                self._act(action, now)
        return gave_up

    def _handle(self, given: ProvisionalInput, now: float) -> None:
        for action in self.machine.handle(given, now) or ():
            self._act(action, now)

    def _act(self, action: ProvisionalAction, now: float) -> None:
        if action is ProvisionalAction.SEND:
            response = self._latest = self._queue.popleft()
            self._rseq += 1
            response.headers.add("RSeq", str(self._rseq))
            self._core.layer.respond(self._server, response, now)
        elif action is ProvisionalAction.REPEAT:
            self._core.layer.repeat(self._server)
        elif action is ProvisionalAction.SEND_NEXT and self._queue:
            self._handle(ProvisionalInput.SEND, now)
