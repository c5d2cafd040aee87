"""Requests that PJSIP has no answer for, or another one than our own SIP: it never has them, and they are answered
here. And challenges to requests in a call, which it would answer to anybody.

Theory of operation. The part in C asks `look` about them before PJSIP has them. A call is known by its dialog, from its
confirmation on. What belongs to no such call, and has our tag, is left to PJSIP, but for what it would not survive.
What cannot be read never comes to PJSIP. Who admits calls is asked what
an OPTIONS outside of all calls gets, and a call what its far end's REFER does: both are answered later. An INVITE with
Replaces loses it, and PJSIP takes it for a call like others; `replaced` says whose place it wants. One for which PJSIP
has no sockets gets 503, where PJSIP would answer 500.

Answers are sent without a transaction, so each call keeps its latest ones, for requests that come again.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

import structlog

from offhook.carriers.pjsua2.commands import with_retry_after
from offhook.carriers.pjsua2.messages import Probed, address_of, incoming, refused
from offhook.carriers.pjsua2.objects import PjCall
from offhook.carriers.pjsua2.transferee import Transferee
from offhook.observe.refusals import NO_CAPACITY
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Command, Reject
from offhook.sip.dialog.info import check_info, key_of
from offhook.sip.dialog.model import DialogId, request_dialog_id
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import Event, KeyReceived, PasswordWithheld, RequestRefused
from offhook.sip.message import typed
from offhook.sip.message.body import ACCEPT
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.methods import ALLOW, METHODS, Place
from offhook.sip.net.address import Address, numeric
from offhook.sip.policy import DialogPolicy, Network, Use
from offhook.sip.recent import Recent
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, RejectRefer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.refer.requests import referred_by, replaces_of, target_of
from offhook.sip.settings import UaSettings
from offhook.sip.uas_checks import Refusal, check_headers, check_method

PASS, TAKE, CHANGE = 0, 1, 2
"""Verdicts of `look`: see `_frames.look_at_messages`."""

MOST_ASKED = 64
"""OPTIONS that wait for an answer."""
MOST_KEPT = 8
"""Answers of a call."""
MOST_REPLACING = 64
"""INVITEs with Replaces whose repetitions are known."""

ENDED_S, MOST_ENDED = 64.0, 2_000
"""Calls that are over are known for so long, to answer challenges to their BYE."""

SETTINGS = UaSettings()
log = structlog.get_logger("offhook.pjsip")


@dataclass(frozen=True, slots=True)
class Servers:
    """Who may have the password of a call's trunk: the hosts that it went to, or came from, and the trunk's own."""

    trunk: str
    meant: frozenset[str]
    listed: tuple[Network, ...]

    def have(self, host: str) -> bool:
        """Whether that is one: see `sip.dialog.authenticated.Sender`."""
        number = numeric(host)
        return host in self.meant or (number is not None and any(number in network for network in self.listed))


@dataclass
class CallDialog:
    """A call whose dialog is confirmed, and what came in it."""

    call: PjCall
    policy: DialogPolicy
    servers: Servers
    number: int = 0
    """The highest CSeq."""
    answers: OrderedDict[int, Refusal | None] = field(default_factory=OrderedDict)
    """By CSeq; None: not answered yet."""
    transferee: Transferee | None = None

    def keep(self, number: int, answer: Refusal | None) -> None:
        """For when the request comes again."""
        self.answers[number] = answer
        if len(self.answers) > MOST_KEPT:
            self.answers.popitem(last=False)


class Requests:
    """Those of a user agent. `respond` is the function of the module in C; `trunk_at` names the trunk that calls from a
    host are of, or returns ""; `has_room` says whether there are sockets for another call."""

    def __init__(
        self,
        config: Config,
        respond: Callable[[object, int, str | None, tuple[tuple[str, str], ...]], bool],
        trunk_at: Callable[[str], str],
        on_event: Callable[[Event | Probed], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._send = respond
        self._has_room = has_room
        self._config = config
        self._trunk_at = trunk_at
        self._on_event = on_event
        self._dialogs: dict[DialogId, CallDialog] = {}
        self._of_calls: dict[str, CallDialog] = {}
        self._ended = Recent[DialogId, Servers](ENDED_S, MOST_ENDED)
        self._asked: dict[str, tuple[object, DialogPolicy]] = {}
        self._replacing: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._answers: Mapping[str, Callable[[CallDialog, Request, object], Refusal | None]] = {
            "OPTIONS": lambda dialog, request, copy: self._capabilities(dialog.policy),
            "INFO": self._info,
            "REFER": self._refer,
        }

    # --- calls

    def confirmed(self, call: PjCall, message: Request | Response | None) -> None:
        """A call is confirmed by that message: its ACK, or the answer to our INVITE."""
        try:
            match message:
                case Request():
                    dialog_id = request_dialog_id(message)
                case Response():
                    dialog_id = _dialog_id(message)
                case None:
                    return  # what comes in it is PJSIP's
        except ParseError:
            return
        call.dialog_id = dialog_id
        policy = self._policy(call.trunk)
        dialog = CallDialog(call, policy, Servers(call.trunk, call.meant, policy.servers))
        self._dialogs[_key(dialog_id)] = dialog
        self._of_calls[call.handle] = dialog

    def over(self, call: PjCall) -> None:
        """It is over, for PJSIP has hung up, or is about to."""
        if (dialog := self._of_calls.pop(call.handle, None)) is not None:
            if dialog.transferee is not None:
                dialog.transferee.close()
            dialog.transferee = None  # in a circle the call's object would live on, beyond PJSIP
            self._dialogs.pop(_key(call.dialog_id), None)
            self._ended.keep(_key(call.dialog_id), dialog.servers, monotonic())

    def replaced(self, call_id: str, from_tag: str) -> str:
        """The handle of the call whose place that INVITE wants; "": it is a call of its own."""
        return self._replacing.get((call_id, from_tag), "")

    def close(self) -> None:
        """Let all go that waits for an answer: before PJSIP is destroyed."""
        self._asked.clear()
        for dialog in tuple(self._dialogs.values()):
            self.over(dialog.call)

    # --- messages

    def look(self, text: bytes, source: str, copy: object | None) -> int:
        """The verdict on a message from `source`, HOST:PORT or "" if not known; `copy` is what answers a request."""
        try:
            message = parse(text)
            if isinstance(message, Response):
                return self._challenge(message, source)
            if message.method == "INVITE":
                return self._invite(message, source, copy)
            dialog = self._dialogs.get(_key(request_dialog_id(message)))
            if dialog is not None:
                return self._in_call(dialog, message, copy)
            if not typed.to_tag(message):
                return self._outside(message, source, copy)
            return self._before(message, text, copy)
        except ParseError as error:
            if copy is None:
                return CHANGE
            self._respond(copy, Refusal(error.status))
            return TAKE

    def do(self, command: Command) -> bool:
        """Answer an OPTIONS, if the command is for one: whether it is."""
        if command.call not in self._asked:
            return False
        copy, policy = self._asked.pop(command.call)
        match command:
            case Answer():
                self._respond(copy, self._capabilities(policy))
            case Reject(status=status, headers=headers, reason=reason):
                self._respond(copy, Refusal(status, headers, reason))
        return True

    def answer_refer(self, call: PjCall, command: AcceptRefer | RejectRefer | NotifyRefer) -> None:
        """Answer the far end's REFER, or tell it more. Raises LocalError; PJSIP's error."""
        dialog = self._of_calls.get(call.handle)
        if dialog is None or dialog.transferee is None:
            raise LocalError("the far end sent no REFER")
        dialog.transferee.do(command)

    # --- inside

    def _challenge(self, response: Response, source: str) -> int:
        key = _key(_dialog_id(response))
        dialog = self._dialogs.get(key)
        servers = self._ended.recall(key, monotonic()) if dialog is None else dialog.servers
        trunk = None if servers is None else self._config.trunks.get(servers.trunk)
        if servers is None or trunk is None or trunk.password is None:
            return PASS
        asks = address_of(source) if source else Address("", 0)
        if servers.have(asks.host):
            return PASS
        self._on_event(
            PasswordWithheld(typed.call_id(response), typed.cseq(response).method, trunk.uri_host.lower(), asks)
        )
        return CHANGE

    def _invite(self, request: Request, source: str, copy: object) -> int:
        if typed.to_tag(request):
            return PASS
        if not self._has_room():
            self._on_event(refused(incoming("", request, source), NO_CAPACITY, "no sockets are left"))
            self._respond(copy, Refusal(NO_CAPACITY))
            return TAKE
        if "Replaces" not in request.headers:
            return PASS
        key = typed.call_id(request), typed.from_tag(request)
        if key not in self._replacing:
            found = self._wanted(request)
            if isinstance(found, Refusal):
                self._respond(copy, found)
                return TAKE
            self._replacing[key] = found.handle
            if len(self._replacing) > MOST_REPLACING:
                self._replacing.popitem(last=False)
        return CHANGE

    def _wanted(self, request: Request) -> PjCall | Refusal:
        """RFC 3891 §3."""
        replaces = replaces_of(request)
        if replaces is None or isinstance(replaces, Refusal):
            return replaces or Refusal(400)
        dialog = self._dialogs.get(_key(replaces.dialog_id))
        if dialog is None:
            return Refusal(481)
        if dialog.call.released:
            return Refusal(603)
        return Refusal(486) if replaces.early_only else dialog.call

    def _in_call(self, dialog: CallDialog, request: Request, copy: object) -> int:
        number = typed.cseq(request).number
        if number in dialog.answers:
            if (again := dialog.answers[number]) is not None:
                self._respond(copy, again)
            return TAKE
        answer = self._refusal(dialog, request, number)
        if answer is not None:
            self._on_event(RequestRefused(dialog.call.handle, request.method, answer.status, answer.reason or ""))
        else:
            answer = self._answers[request.method](dialog, request, copy)
        dialog.keep(number, answer)
        if answer is not None:
            self._respond(copy, answer)
        return TAKE

    def _refusal(self, dialog: CallDialog, request: Request, number: int) -> Refusal | None:
        if number < dialog.number:
            return Refusal(500, reason="CSeq Out Of Order")  # RFC 3261 §12.2.2
        dialog.number = number
        refusal = check_method(request) or check_headers(request, SETTINGS, _options(dialog.policy))
        return refusal or (check_info(request) if request.method == "INFO" else None)

    def _info(self, dialog: CallDialog, request: Request, _: object) -> Refusal:
        key = key_of(request)
        if key is not None and key.digit:
            self._on_event(KeyReceived(dialog.call.handle, key.digit, key.duration_ms))
        return Refusal(200)

    def _refer(self, dialog: CallDialog, request: Request, copy: object) -> Refusal | None:
        """One at a time; its call decides."""
        if dialog.transferee is not None and dialog.transferee.busy:
            return Refusal(491)
        try:
            target = target_of(request)
        except ParseError as error:
            return Refusal(400, reason=error.reason)
        number = typed.cseq(request).number

        def respond(answer: Refusal) -> None:
            dialog.keep(number, answer)
            self._respond(copy, answer)

        dialog.transferee = Transferee(dialog.call, request, respond)
        self._on_event(ReferReceived(dialog.call.handle, target, referred_by(request)))
        return None

    def _before(self, request: Request, text: bytes, copy: object) -> int:
        """Of a call that is not confirmed, if it is of any."""
        refusal = check_method(request)
        if refusal is None and request.method == "INFO":
            refusal = check_info(request)
            if refusal is None and request.body and (not text.endswith(b"\r\n") or b"\0" in text):
                # PJSIP looks for the duration behind the line of the key, whether or not there is anything.
                refusal = Refusal(400, reason="The Key Has No Line Of Its Own")
        if refusal is None:
            return PASS
        self._respond(copy, refusal)
        return TAKE

    def _outside(self, request: Request, source: str, copy: object) -> int:
        asks = address_of(source)
        policy = self._policy(self._trunk_at(asks.host))
        refusal = check_method(request) or check_headers(request, SETTINGS, _options(policy))
        if refusal is None and METHODS[request.method] is Place.IN_DIALOG:
            refusal = Refusal(481)
        if refusal is None and request.method == "REFER":
            refusal = Refusal(403)  # RFC 3515 §5: nobody outside a call may have us call somebody
        if refusal is None and len(self._asked) >= MOST_ASKED:
            refusal = Refusal(NO_CAPACITY)
        if refusal is not None:
            self._respond(copy, refusal)
        else:
            handle = uuid4().hex
            self._asked[handle] = copy, policy
            self._on_event(Probed(handle, asks))
        return TAKE

    def _respond(self, copy: object, answer: Refusal) -> None:
        if not self._send(copy, answer.status, answer.reason, with_retry_after(answer.status, answer.headers)):
            log.info("a response was not sent", status=answer.status)

    def _policy(self, trunk: str) -> DialogPolicy:
        return self._config.signalling.policy(self._config.trunks.get(trunk))

    @staticmethod
    def _capabilities(policy: DialogPolicy) -> Refusal:
        """RFC 3261 §11.2."""
        supported = ", ".join(_options(policy))
        return Refusal(200, (("Allow", ALLOW), ("Accept", ACCEPT), ("Supported", supported)))


def _options(policy: DialogPolicy) -> tuple[str, ...]:
    """The option tags that may be required of us."""
    return tuple(option for option in SETTINGS.supported if policy.use(option) is not Use.OFF)


def _dialog_id(response: Response) -> DialogId:
    """The dialog of our request that it answers. Raises ParseError."""
    return typed.call_id(response), typed.from_tag(response), typed.to_tag(response)


def _key(dialog_id: DialogId) -> DialogId:
    """Tags are tokens, whose case does not count (RFC 3261 §7.3.1), as it does not to PJSIP."""
    call_id, ours, theirs = dialog_id
    return call_id, ours.lower(), theirs.lower()
