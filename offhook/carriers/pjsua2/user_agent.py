"""PJSIP as a user agent: commands in, events out, both those of `sip`; the lines of its calls are in `call_lines`.

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
from typing import Any
from uuid import uuid4

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2 import build, descriptions, library, setup, streams
from offhook.carriers.pjsua2.accounts import Accounts, meant_by
from offhook.carriers.pjsua2.call_lines import CallLines
from offhook.carriers.pjsua2.commands import COMMANDS, add_headers, answer, invitation, options_of
from offhook.carriers.pjsua2.line import FrameLine
from offhook.carriers.pjsua2.live_calls import LiveCalls
from offhook.carriers.pjsua2.messages import Probed, allowed, end_of, from_info, incoming_of, last_message
from offhook.carriers.pjsua2.objects import PjAccount, PjCall, PjEndpoint
from offhook.carriers.pjsua2.requests import Requests
from offhook.carriers.pjsua2.transferor import progress, refer
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, Command, Invite
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import (
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallRefused,
    EarlyMediaConfirmed,
    EndCause,
    Event,
)
from offhook.sip.message.message import Response
from offhook.sip.message.reason import fields
from offhook.sip.net.address import Address
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.usererror import UserError

POLL_S = 0.005
EVENTS_A_POLL = 64
LAST_S = 2.0
"""For the answers to the last requests."""
ACK_S = 33.0
"""After an answer. PJSIP waits for 32 s (RFC 3261 §13.3.1.4), and then as long again for an answer to its BYE."""
REQUEST_TIMEOUT, SERVER_ERROR = 408, 500
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
        self._accounts = Accounts(self, config, address, on_event)
        self._calls = LiveCalls()
        self._requests = Requests(config, self._respond, self._accounts.trunk_at, on_event)
        self._lines = CallLines(config, self._calls, lambda handle: self._hang_up(handle, SERVER_ERROR))
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
        self._endpoint = PjEndpoint(self)
        self._endpoint.libCreate()
        self._endpoint.libInit(setup.endpoint_config(pj, self._config))
        judge = descriptions.judge(self._address.host, ice=self._config.sip.ice, on_refused=self._count_refused)
        self._frames, self.max_calls = library.opened(pj, judge, self._requests.look)
        self._lines.frames = self._frames
        setup.set_codecs(pj, self._endpoint, self._config.rtp.codecs)
        for name, kind, settings in setup.transports(pj, self._config, self._address):
            try:
                self._endpoint.transportCreate(kind, settings)
            except pj.Error as error:
                todo = "an address of this machine and a port that is free, or a build of PJSIP that has this transport"
                raise UserError(f"PJSIP cannot use {name}", error.reason, todo, "[sip]") from error
        self._endpoint.audDevManager().setNullDev()
        self._endpoint.libStart()
        self._accounts.open()

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
        return {**calls, "lines": len(self._lines)}

    @property
    def free(self) -> int:
        """How many more calls it takes: one that we have ended has its place until the far end has answered."""
        return 0 if self._endpoint is None else self.max_calls - int(self._frames.calls())

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
                self._execute(call, partial(execute, call, command))
        except pj.Error as error:
            raise LocalError(f"PJSIP refuses it: {error.reason}") from error

    # --- commands

    def _invite(self, command: Invite) -> None:
        account, target = self._accounts.for_call(command)
        call = PjCall(self, account, command.call)
        call.meant = meant_by(command)
        self._calls.add(call)
        try:
            call.makeCall(target, invitation(command))
        except pj.Error:
            self._calls.over(call)
            raise

    def _execute(self, call: PjCall, step: Callable[[], None]) -> None:
        try:
            step()
        except pj.Error:
            if not call.isActive():  # PJSIP has ended it without a word
                self._over(call, CallEnded(call.handle, EndCause.TRANSPORT))
            raise

    def _answer(self, call: PjCall, command: Answer) -> None:
        answer(call)
        asyncio.get_running_loop().call_later(ACK_S, self._check_ack, call.handle)

    def _check_ack(self, handle: str) -> None:
        call = self._calls.get(handle)
        if call is not None and not call.confirmed:
            self._hang_up(handle, REQUEST_TIMEOUT)

    def _bye(self, call: PjCall, command: Bye) -> None:
        call.released = True
        options = pj.CallOpParam()
        add_headers(options, fields(command.reasons))
        call.hangup(options)
        self._on_event(CallEnded(call.handle, EndCause.LOCAL_BYE))

    # --- from PJSIP

    def on_incoming(self, account: PjAccount, what: Any) -> None:
        """An INVITE has come."""
        handle = uuid4().hex
        call = PjCall(self, account, handle, what.callId)
        self._calls.add(call)
        try:
            event = incoming_of(handle, what.rdata.wholeMsg, what.rdata.srcAddress, self._requests.replaced)
            call.meant, call.may_send = frozenset((event.source.host,)), event.proven
            self._on_event(event)
        except ParseError as error:
            log.info("an INVITE cannot be read", why=str(error))
            self._count_refused(error.status)
            self._turn_away(call, error.status)
        except Exception:
            self._count_refused(SERVER_ERROR)
            self._turn_away(call, SERVER_ERROR)  # PJSIP would wait for ever for somebody to answer it
            raise

    def account_of(self, source: str) -> int:
        """PJSIP's number for the account of a call that comes from there."""
        return self._accounts.of(source)

    def on_refused(self, what: Any) -> None:
        """PJSIP has refused an INVITE itself, perhaps one that it has reported as a call before."""
        if (call := self._calls.numbered(int(what.callId))) is not None:
            self._over(call, CallCancelled(call.handle))
        status, reason = int(what.statusCode), str(what.reason)
        try:
            event = incoming_of("", what.rdata.wholeMsg, what.rdata.srcAddress)
        except ParseError as error:
            log.info("PJSIP has refused an INVITE that cannot be read", status=status, why=str(error))
            self._count_refused(status)
            return
        self._on_event(CallRefused("", event.call_id, event.from_uri, event.request_uri, event.source, status, reason))

    def on_registration(self, account: PjAccount, what: Any) -> None:
        """A REGISTER has got its answer, or none."""
        self._accounts.registered(account, what)

    def on_state(self, call: PjCall, what: Any) -> None:
        """A call's dialog has changed."""
        info = call.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            event: Event = CallEnded(call.handle, EndCause.TRANSPORT)
            try:
                event = end_of(pj, call, info, what.e)
            finally:  # PJSIP does not say so twice
                self._over(call, event)
            return
        message = last_message(pj, what.e)
        status, reason = from_info(info)
        if call.released:
            return
        if info.state == pj.PJSIP_INV_STATE_EARLY and not call.is_inbound:
            body = message.body if isinstance(message, Response) and message.body else None
            self._on_event(CallProgress(call.handle, status, reason, body))
        elif info.state == pj.PJSIP_INV_STATE_CONNECTING and isinstance(message, Response):
            self._requests.confirmed(call, message)
            call.allow = allowed(message)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not call.confirmed:
            call.confirmed = True
            streams.confirmed(self._frames, call)
            if call.is_inbound:
                self._requests.confirmed(call, message)
                self._on_event(CallConfirmed(call.handle, None))
            else:
                self._on_event(CallAnswered(call.handle, None, call.allow))

    def on_media(self, call: PjCall) -> None:
        """A call's media has begun, changed or stopped."""
        self._lines.on_media(call)

    def on_stream(self, call: PjCall, stream: int) -> None:
        """A call's media is about to begin."""
        streams.begun(self._frames, call, stream)

    def on_stream_over(self, call: PjCall) -> None:
        """A call's media is about to stop: its figures go with it."""
        call.silent = None
        self._lines.on_media_over(call)

    def on_acknowledged(self, call: PjCall) -> None:
        """The far end has our answer, by its PRACK (RFC 3262)."""
        if call.is_inbound and not call.confirmed and not call.released:
            streams.confirmed(self._frames, call)
            self._on_event(EarlyMediaConfirmed(call.handle))

    def on_key(self, call: PjCall, what: Any) -> None:
        """A key has come."""
        self._lines.on_key(call, what)

    def on_refer_progress(self, call: PjCall, what: Any) -> None:
        """What became of our REFER: its answer, and then that of the INVITE which it asked for."""
        if not call.released:
            for event in progress(call, what):
                self._on_event(event)

    def on_referred(self, call: PjCall, what: Any) -> None:
        """The far end asks us to call somebody else before the call is confirmed: later it does by `requests`."""
        log.warning("refused a transfer by the far end", to=what.dstUri, why="the call is not confirmed")
        what.statusCode = 403

    # --- inside

    def _respond(self, request: object, status: int, reason: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        return bool(self._frames.respond(request, status, reason, tuple(headers)))

    def _turn_away(self, call: PjCall, status: int) -> None:
        call.released = True
        # Not now: PJSIP ends its process where a call is refused from within its report of it. And by its handle: the
        # object must not outlive the library.
        asyncio.get_running_loop().call_soon(self._hang_up, call.handle, status)

    def _hang_up(self, handle: str, status: int) -> None:
        if (call := self._calls.get(handle)) is None:
            return
        with suppress(pj.Error):  # it is over
            self._execute(call, partial(call.hangup, options_of(status)))

    def _over(self, call: PjCall, event: Event) -> None:
        """The one place where a call ends: once, by whatever means it comes to light."""
        self._requests.over(call)
        self._calls.over(call)
        if not call.released:
            call.released = True
            self._on_event(event)

    def _poll(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(POLL_S, self._poll)
        for _ in range(EVENTS_A_POLL):
            if self._endpoint is None or self._endpoint.libHandleEvents(0) <= 0:
                break
        self._calls.tidy()
        if not self._frames.calls() and not self._accounts.ending:
            self._settled.set()
        self._lines.poll()
