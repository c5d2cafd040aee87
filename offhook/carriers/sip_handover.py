"""The transfers of a call over SIP: those of the bot, and those of its far end.

`Handover` is the part of a `SipCall` that knows about them. The bot's own are a `SipTransfer`. The far end may
have the bot go on with another party, by REFER (a `SipMove`) or by an INVITE with Replaces: then dialog and media
change, and the conversation stays.
"""

import secrets
from dataclasses import dataclass
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from offhook.calls.conversation import Conversation
from offhook.calls.link import close_end
from offhook.calls.services import Services
from offhook.calls.transfers import Transferring
from offhook.carriers.call_watcher import CallWatcher, PlacedCall
from offhook.carriers.place_call import LegWanted, PlaceCall
from offhook.carriers.sip_fork import SipFork
from offhook.carriers.sip_leg import AgentLeg, LegOwner
from offhook.carriers.sip_move import SipMove, wanted_headers
from offhook.carriers.sip_queue import SipQueue
from offhook.carriers.sip_resources import SipResources
from offhook.carriers.sip_take import SipTake
from offhook.carriers.sip_transfer import ReferEvent, SipTransfer, not_possible
from offhook.queues.messages import Linked, ToCall, ToOwner
from offhook.records import EndedBy
from offhook.sip.commands import Answer, Bye, Command
from offhook.sip.errors import RemoteError
from offhook.sip.events import IncomingCall
from offhook.sip.message.headers import Headers
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, RejectRefer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import SrtpPolicy
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortPair
from offhook.transfer.outcome import TransferError
from offhook.transfer.request import TransferRequest
from offhook.transfer.targets import Target, target_of, targets_of


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a call: where its signalling comes from, and how; the headers of its INVITE, if there was one;
    `own_uri` is what it knows us by."""

    address: Address
    transport: Transport
    headers: Headers
    own_uri: str


class Legs(Protocol):
    """The dialogs of this process's calls, besides those that the calls came with."""

    def add(self, leg: AgentLeg | SipMove) -> None:
        """Pass it its events from now on."""

    def over(self, leg: AgentLeg | SipMove) -> None:
        """It is over."""

    def place(self, place: PlaceCall, services: Services, watcher: CallWatcher | None = None) -> PlacedCall:
        """Begin a call out; it takes the place of the leg that wanted it."""

    def moved(self, handle: str, before: str) -> None:
        """A call has this dialog now, and no longer `before`."""

    def refused(self, handle: str, status: int) -> None:
        """Refuse a call that wanted the place of another one."""


class Handover:
    """What is declared here belongs to the call."""

    handle: str
    log: FilteringBoundLogger
    _services: Services
    _resources: SipResources
    _trunk: str
    _peer: Peer
    _conversation: Conversation
    _legs: Legs
    _media_host: str
    _signalling_host: str
    _pair: PortPair | None
    _offers: OfferAnswer | None
    _codecs: AudioCapabilities
    _captured: str

    def __init__(self) -> None:
        self._transfer: SipTransfer | SipFork | None = None
        self._queue: SipQueue | None = None
        self._take: SipTake | None = None
        self._move: SipMove | None = None
        self._left = False  # the far end, while the call moves to another one

    @property
    def conversation(self) -> Conversation:
        """What is said in the call."""
        return self._conversation

    @property
    def trunk(self) -> str:
        """The one by which the call came; empty: none."""
        return self._trunk

    def do(self, command: Command | LegWanted | ToOwner) -> None:
        """Have the user agent execute a command, a call placed, or the owner of the queues notified."""
        self._resources.do(command)

    def transfer(self, request: TransferRequest) -> Transferring:
        """See CallTransfers."""
        if self._transfer is not None and not self._transfer.over:
            raise not_possible("it is being transferred already")
        targets = self._allowed_targets(request)
        if request.also:
            settings = self._services.config.transfer
            self._transfer = SipFork(self._conversation, request, targets, settings, self.new_transfer)
        else:
            self._transfer = self.new_transfer(request, targets[0])
        return self._transfer.run

    def _allowed_targets(self, request: TransferRequest) -> list[Target]:
        """Those that may be called. Raises TransferError if none may; others are left out, and named in the log."""
        targets, refused = targets_of((request.target, *request.also), self._services.config)
        raised = None if targets else next(iter(refused.values()))
        for to, error in refused.items():
            if request.on_failure is not None:
                request.on_failure(to, error)
            if error is not raised:
                problem = error.problems[0]
                self.log.warning("not called", to=to[:80], why=problem.why, todo=problem.todo)
        if raised is not None:
            raise raised
        return targets

    def new_transfer(self, request: TransferRequest, target: Target) -> SipTransfer:
        """One that has not begun."""
        # §20.5: without an Allow nothing is known, and REFER is tried.
        allow = self._peer.headers.get_all("Allow")
        can_refer = not allow or any("REFER" in value.upper() for value in allow)
        config = self._services.config
        return SipTransfer(self, request, target, config, self._number_host, trunk=self._trunk, can_refer=can_refer)

    def enter_queue(self) -> SipQueue:
        """See CallQueues."""
        self._leave_queues()
        self._queue = SipQueue(self, self._services.config)
        return self._queue

    def take_caller(self) -> SipTake:
        """See CallQueues."""
        self._leave_queues()
        self._take = SipTake(self)
        return self._take

    def _leave_queues(self) -> None:
        if self._queue is not None:
            self._queue.close()
        if self._take is not None:
            self._take.close()
        self._queue = self._take = None

    def queue_event(self, event: ToCall) -> None:
        """What the owner of the queues wants, or says."""
        if (wait := self._queue or self._take) is not None:
            wait.on_event(event)
        elif isinstance(event, Linked):
            close_end(event.fd)

    def refer_event(self, event: ReferEvent) -> None:
        """What became of our REFER."""
        if self._transfer is not None:
            self._transfer.on_event(event)

    def referred(self, event: ReferReceived) -> None:
        """The far end wants us to call somebody else, and go on with them."""
        config = self._services.config
        trunk = config.trunks.get(self._trunk)
        why, to = "", ""
        if trunk is None or trunk.refer != "accept":
            why = '`refer = "accept"` below the trunk would allow it'
        elif self._codecs.srtp.policy is SrtpPolicy.REQUIRED:
            why = "`rtp.srtp` requires encryption, which this is not sure of"
        elif not self._has_media or self._move is not None or self._is_with_agents:
            why = "the call is being transferred already"
        else:
            try:
                to = target_of(event.target.uri, config).address
            except TransferError as error:
                why = error.problems[0].why
        if why:
            self.log.warning("refused a transfer by the far end", to=event.target.uri, why=why)
            self._resources.do(RejectRefer(self.handle, 403))
            return
        self.log.info("the far end transfers the call", to=event.target.uri)
        self._resources.do(AcceptRefer(self.handle))
        self._move = SipMove(self, self.log, self._legs.over)
        self._legs.add(self._move)
        self._has_dialog(self._move.handle)
        headers = wanted_headers(event.target)
        if event.referred_by:
            headers += (("Referred-By", event.referred_by),)
        self._move.begin(to, headers, self._new_offers())

    @property
    def _is_with_agents(self) -> bool:
        """Whether one rings for it, or talks to the caller."""
        wait = self._queue or self._take
        return (wait is not None and wait.is_open) or (self._transfer is not None and not self._transfer.over)

    def moved_to(self, handle: str, offers: OfferAnswer | None) -> None:
        """See Moving."""
        self._take_moved(handle, offers)
        before, self.handle = self.handle, handle
        if not self._left:
            self._resources.do(NotifyRefer(before, 200, "OK"))
            self._resources.do(Bye(before))
        self._move, self._left = None, False
        if (wait := self._queue or self._take) is not None:
            wait.moved(before)
        self._legs.moved(self.handle, before)
        self._media_changed()  # who transferred it may have held it before
        self._conversation.suspend(False)

    def not_moved(self) -> None:
        """See Moving."""
        self._move = None
        if self._left:
            self._far_end_left()

    def _replaced_by(self, event: IncomingCall) -> None:
        """Another far end takes the place of the one that we have (RFC 3891), if its media can be used."""
        if not self._has_media or self._conversation.over or self._move is not None:
            self._legs.refused(event.call, 481)
            return
        if self._codecs.srtp.policy is SrtpPolicy.REQUIRED and not event.transport.is_secure:
            self._legs.refused(event.call, 488)
            return
        try:
            sdp = self._take_replacing(event)
        except (RemoteError, MediaError) as error:
            self.log.info("not replaced", why=str(error))
            self._legs.refused(event.call, 488)
            return
        before, self.handle = self.handle, event.call
        self._has_dialog(event.call)
        self._peer = Peer(event.source, event.transport, event.headers, event.request_uri)
        self.log.info("another far end has taken the call over", source=str(event.source), by=event.from_uri)
        self._resources.do(Answer(self.handle, sdp))
        self._resources.do(Bye(before))
        if (wait := self._queue or self._take) is not None:
            wait.moved(before)
        self._legs.moved(self.handle, before)
        self._media_changed()

    def _has_dialog(self, handle: str) -> None:
        """The capture has the messages of a further dialog, too."""
        if self._resources.captures is not None:
            self._resources.captures.join(handle, self._captured)

    # Its media, which go with it to another far end.

    @property
    def _has_media(self) -> bool:
        return self._pair is not None

    def _new_offers(self) -> OfferAnswer | None:
        """What another far end is offered at our ports; None: the user agent negotiates."""
        assert self._pair is not None, "it has media"
        return OfferAnswer(LocalMedia(self._media_host, self._pair.port, secrets.randbits(31), 1), self._codecs)

    def _take_moved(self, handle: str, offers: OfferAnswer | None) -> None:
        """Go on with the media of the dialog `handle`. Raises RemoteError, LocalError of media."""
        assert offers is not None, "it was begun with them"
        self._take_media(offers, None)

    def _take_replacing(self, event: IncomingCall) -> bytes:
        """Go on with the media of that call; the description that answers it. Raises RemoteError, LocalError of
        media."""
        offers = self._new_offers()
        assert offers is not None, "they are ours"
        sdp = offers.offer() if event.sdp is None else offers.answer(event.sdp)
        self._take_media(offers, event.source.host)
        return sdp

    def _take_media(self, offers: OfferAnswer, host: str | None) -> None:
        """Raises RemoteError and LocalError of media, and changes nothing then."""
        before = self._offers, self._signalling_host
        self._offers = offers
        if offers.agreed is not None:
            self._signalling_host = host or offers.agreed.remote_host
        try:
            self._change_line()
        except (RemoteError, MediaError):
            self._offers, self._signalling_host = before
            raise

    def new_leg(self, owner: LegOwner) -> AgentLeg:
        """A leg of the bot's own, to the agent."""
        legs, part_of = self._legs, self._conversation.id
        leg = AgentLeg(self._services, self._resources.do, legs.place, owner, legs.over, part_of)
        legs.add(leg)
        return leg

    def leg_wanted(self, to: str, headers: tuple[tuple[str, str], ...]) -> LegWanted:
        """A call to another party, for this one; its handle is still to be filled in."""
        return LegWanted("", to, self._trunk, self._number_host, self._peer.own_uri, headers, part_of=self.handle)

    @property
    def _number_host(self) -> str:
        """Where numbers are: the trunk's host, else the far end's."""
        trunk = self._services.config.trunks.get(self._trunk)
        return trunk.uri_host if trunk is not None else self._peer.address.uri_host

    def _caller_gone(self) -> str | None:
        """Why the call is over, if a transfer ended it; stops every leg that rings for it."""
        if self._move is not None:
            move, self._move = self._move, None
            move.hang_up(EndedBy.NETWORK, "the call is over")
        if (wait := self._queue or self._take) is not None:
            wait.caller_gone()
        return self._transfer.caller_gone() if self._transfer is not None else None

    # What the call does.

    def _change_line(self) -> None:
        raise NotImplementedError

    def _media_changed(self) -> None:
        raise NotImplementedError

    def _far_end_left(self) -> None:
        raise NotImplementedError
