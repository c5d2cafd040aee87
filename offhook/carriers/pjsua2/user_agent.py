"""PJSIP as a user agent: commands in, events out, both those of `sip`; these come of `reports`, and of how calls end
(`ends`). The lines of its calls are in `call_lines`.

Theory of operation. PJSIP's library (PJSUA) exists once in a process. It has no thread for signalling here: `_poll` has
it work every few milliseconds, on the event loop's thread, and all that it reports comes from within that. Its media
has threads of its own, in C, which exchange audio with the lines (`line`) and never run Python.

PJSIP makes and answers offers by itself, so commands carry no session description, and of events only that of a new
call does, which says that there is one: a call's line is connected when its media begins. What the far end changes
later (hold, another address, another codec) it handles likewise, and only hold is reported, to the line. What it would
answer in another way than our own SIP goes to `requests`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2 import build, descriptions, headers, library, setup
from offhook.carriers.pjsua2.accounts import Accounts, meant_by
from offhook.carriers.pjsua2.call_lines import CallLines
from offhook.carriers.pjsua2.commands import COMMANDS, SERVER_ERROR, add_headers, answer, invitation
from offhook.carriers.pjsua2.connections import Connections
from offhook.carriers.pjsua2.ends import Ends
from offhook.carriers.pjsua2.line import FrameLine
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.pjsua2.names import Names
from offhook.carriers.pjsua2.objects import PjCall, PjEndpoint
from offhook.carriers.pjsua2.refreshes import Refreshes
from offhook.carriers.pjsua2.reports import Reports
from offhook.carriers.pjsua2.requests import Requests
from offhook.carriers.pjsua2.sockets import Sockets
from offhook.carriers.pjsua2.transferor import refer
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, Command, Invite
from offhook.sip.dialog.model import DialogId
from offhook.sip.errors import LocalError
from offhook.sip.events import CallEnded, EndCause, Event
from offhook.sip.message.reason import fields
from offhook.sip.net.address import Address
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.usererror import UserError

POLL_S = 0.005
EVENTS_A_POLL = 64
POLLED_S = 0.02
"""A single event of a connection may be hundreds of messages."""
LAST_S = 2.0
"""For the answers to the last requests."""
log = structlog.get_logger("offhook.pjsip")


class PjsuaUserAgent:
    """One for a process. Everything runs on the event loop's thread, which has to be the process's main one.
    `count_refused(status)` is called for each request that is refused and is no event: for its session description, or
    since it cannot be read."""

    def __init__(
        self,
        config: Config,
        address: Address,
        on_event: Callable[[Event | Probed], None],
        count_refused: Callable[[int], None],
    ) -> None:
        self.max_calls = 0
        """How many calls this build of PJSIP takes at once."""
        self._config = config
        self._address = address
        self._on_event = on_event
        self._count_refused = count_refused
        self._endpoint: Any = None
        self._frames: Any = None
        self._sockets: Sockets | None = None
        self._connections = Connections(self._peer_of)
        self._accounts = Accounts(config, address, on_event, self._connections.untrusted)
        self._calls = LiveCalls()
        self._requests = Requests(config, self._respond, self._accounts.trunk_at, on_event, self._has_sockets)
        self._ends = Ends(self._calls, self._requests, on_event)
        self._lines = CallLines(config, self._calls, lambda handle: self._ends.hang_up(handle, SERVER_ERROR))
        refreshes = Refreshes(self._calls, self._refresh)
        self._reports = Reports(
            self._calls, self._accounts, self._requests, self._lines, self._ends, refreshes, on_event, count_refused
        )
        self._names = Names(config, address, self._name_found)
        self._timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self._commands: Mapping[type, Callable[[PjCall, Any], None]] = {
            **COMMANDS,
            Answer: self._answer,
            Bye: self._bye,
            Refer: lambda call, command: refer(call, command, self._calls.get),
            AcceptRefer: self._requests.answer_refer,
            RejectRefer: self._requests.answer_refer,
            NotifyRefer: self._requests.answer_refer,
        }

    # --- its life

    def start(self) -> None:
        """Open the sockets and take calls. Raises UserError; `stop` frees what was opened."""
        setup.check(self._config)
        library.load()
        build.check(self._config, self._address.host)
        try:
            self._open()
        except pj.Error as error:
            why, todo = f"{error.title}: {error.reason}", f"the settings below `[sip]`, or {library.OWN}"
            raise UserError("PJSIP does not start", why, todo, library.WHERE) from error
        log.info("PJSIP is ready", version=self._endpoint.libVersion().full, most_calls=self.max_calls)
        self._timer = asyncio.get_running_loop().call_later(POLL_S, self._poll)

    def _open(self) -> None:
        self._endpoint = PjEndpoint(self._reports, self._connections.may_be_used)
        self._endpoint.libCreate()
        self._endpoint.libInit(setup.endpoint_config(pj, self._config))
        checks = library.Checks(
            descriptions=descriptions.judge(
                self._address.host,
                setup.audio(self._config.rtp),
                ice=self._config.sip.ice,
                on_refused=self._count_refused,
            ),
            headers=headers.judge(self._count_refused),
            messages=self._requests.look,
            names=self._names.ask,
        )
        self._frames, self.max_calls = library.opened(pj, checks)
        self._lines.frames = self._frames
        self._sockets = Sockets(self._frames.sockets, self._frames.end_stuck)
        setup.set_codecs(pj, self._endpoint, self._config.rtp.codecs)
        for name, kind, settings in setup.transports(pj, self._config, self._address):
            try:
                self._endpoint.transportCreate(kind, settings)
            except pj.Error as error:
                todo = "an address of this machine and a port that is free, or a build of PJSIP that has this transport"
                raise UserError(f"PJSIP cannot use {name}", error.reason, todo, "[sip]") from error
        self._endpoint.audDevManager().setNullDev()
        self._endpoint.libStart()
        self._accounts.open(self._reports)

    async def drain(self) -> None:
        """Wait, for a limited time, until all calls and registrations are over at the far ends, too."""
        if self._timer is not None:
            self._settled.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), LAST_S)

    def stop(self) -> None:
        """End everything at once. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._names.close()
        if self._endpoint is None:
            return
        self._lines.close()
        self._endpoint.hangupAllCalls()
        # Before the library: taking them apart afterwards would call it.
        self._calls.clear()
        self._requests.close()
        self._accounts.close()
        # Without waiting for answers, for which `drain` has waited.
        self._endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)
        self._endpoint = None

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        calls = {"calls": len(self._calls), "most_calls": self.max_calls, "free": self.free}
        sockets = self._sockets.dump() if self._sockets is not None else {}
        return {**calls, "lines": len(self._lines), "names": len(self._names), "sockets": sockets}

    @property
    def free(self) -> int:
        """How many more calls it takes: one that we have ended has its place until the far end has answered."""
        return 0 if self._timer is None else self.max_calls - int(self._frames.calls())

    def line(self, handle: str) -> FrameLine:
        """The line of a call, which is connected when PJSIP has negotiated its media. Raises OSError."""
        if self._endpoint is None:
            raise OSError("PJSIP is not open")
        return self._lines.line(handle)

    def hand_over(self, before: str, after: str) -> None:
        """Give a call the line of another one, whose place it takes."""
        self._lines.hand_over(before, after)

    def do(self, command: Command) -> None:
        """Execute a command. Raises LocalError."""
        if self._endpoint is None:
            raise LocalError("PJSIP is not open")
        try:
            if isinstance(command, Invite):
                self._invite(command)
            elif self._requests.do(command):
                return
            elif (execute := self._commands.get(type(command))) is None:
                self._accounts.do(command)
            elif (call := self._calls.get(command.call)) is None or call.released:
                if not isinstance(command, NotifyRefer):  # nobody is left who wants to know
                    raise LocalError("there is no such call")
            else:
                self._ends.execute(call, partial(execute, call, command))
        except pj.Error as error:
            raise LocalError(f"PJSIP refuses it: {error.reason}") from error

    # --- commands

    def _invite(self, command: Invite) -> None:
        if self.free <= 0:
            todo = "fewer callers by `max_calls` below `[calls]`, or a build of PJSIP with more (docs/backends.md)"
            raise LocalError(f"all {self.max_calls} calls of PJSIP are in use; type {todo}")
        account, target = self._accounts.for_call(command)
        options = invitation(command)
        call = PjCall(self._reports, account, command.call)
        call.meant = meant_by(command)
        self._calls.add(call)
        try:
            call.makeCall(target, options)
        except pj.Error:
            self._calls.over(call)
            raise

    def _answer(self, call: PjCall, command: Answer) -> None:
        answer(call)
        self._ends.expect_ack(call)

    def _bye(self, call: PjCall, command: Bye) -> None:
        call.released = True
        options = pj.CallOpParam()
        add_headers(options, fields(command.reasons))
        call.hangup(options)
        self._on_event(CallEnded(call.handle, EndCause.LOCAL_BYE))

    # --- inside

    def _respond(self, request: object, status: int, reason: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        return bool(self._frames.respond(request, status, reason, tuple(headers)))

    def _has_sockets(self) -> bool:
        return bool(self._frames.has_room())

    def _refresh(self, dialog_id: DialogId) -> bool:
        return bool(self._frames.refresh(*(each.encode("utf-8", "surrogateescape") for each in dialog_id)))

    def _peer_of(self, handle: Any) -> str:
        return str(self._frames.transport_peer(library.path_of(pj), int(handle)))

    def _name_found(self, lookup: object, address: str | None, port: int) -> None:
        self._frames.name_found(lookup, address, port)

    def _poll(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(POLL_S, self._poll)
        end = monotonic() + POLLED_S
        for _ in range(EVENTS_A_POLL):
            if self._endpoint is None or self._endpoint.libHandleEvents(0) <= 0 or monotonic() > end:
                break
        self._calls.tidy()
        if self._sockets is not None:
            self._sockets.poll(monotonic())
        if not self._frames.calls() and not self._accounts.ending:
            self._settled.set()
        self._lines.poll()
