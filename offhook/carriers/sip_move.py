"""A call that goes on with another far end: by a REFER that we accepted, we call them with the same ports."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

from structlog.typing import FilteringBoundLogger

from offhook.carriers.call_target import MAX_HEADER_CHARS, MAX_HEADERS, may_be_given
from offhook.carriers.place_call import LegRefused, LegWanted, PlaceCall
from offhook.records import EndedBy
from offhook.sip.commands import Bye, Cancel, Command, CommandFailed, Invite
from offhook.sip.errors import RemoteError
from offhook.sip.events import CallAnswered, CallEnded, CallEvent, CallProgress, CallRejected
from offhook.sip.refer.commands import NotifyRefer
from offhook.sip.refer.refer_to import ReferTo
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError as MediaError


def wanted_headers(target: ReferTo) -> tuple[tuple[str, str], ...]:
    """Those headers of a Refer-To that our INVITE gets: Replaces, and what others may choose. RFC 3261 §19.1.5 wants
    the rest ignored: it would say who we are, or what we need."""
    may = [each for each in target.headers if each[0].lower() == "replaces" or may_be_given(each[0])]
    return tuple((name, value) for name, value in may[:MAX_HEADERS] if len(value) <= MAX_HEADER_CHARS)


class Moving(Protocol):
    """The call that moves."""

    handle: str

    def do(self, command: Command | LegWanted) -> None:
        """Have the user agent execute it, or a call placed."""

    def leg_wanted(self, to: str, headers: tuple[tuple[str, str], ...]) -> LegWanted:
        """A call to another party; its handle is still to be filled in."""

    def moved_to(self, handle: str, offers: OfferAnswer | None) -> None:
        """The call has another dialog, and media, from now on. Raises RemoteError, LocalError of media."""

    def not_moved(self) -> None:
        """It stays with the far end that it has, if that is still there."""


class SipMove:
    """One attempt. `on_over(self)` is called when it is over without success."""

    def __init__(self, call: Moving, log: FilteringBoundLogger, on_over: Callable[["SipMove"], None]) -> None:
        self.handle = uuid4().hex
        self._call = call
        self._log = log
        self._on_over = on_over
        self._offers: OfferAnswer | None = None
        self._over = False

    def begin(self, to: str, headers: tuple[tuple[str, str], ...], offers: OfferAnswer | None) -> None:
        """Call `to`, a number or a URI; without `offers` the user agent negotiates."""
        self._offers = offers
        self._call.do(replace(self._call.leg_wanted(to, headers), call=self.handle))

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """Stop it."""
        if not self._over:
            self._call.do(Cancel(self.handle))
            self._failed(487, reason)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {"handle": self.handle, "state": "moving"}

    def on_event(self, event: CallEvent | CommandFailed | PlaceCall | LegRefused) -> None:
        """Whether the call can be placed, then an event of the new dialog, until the call has moved."""
        match event:
            case PlaceCall(invite=invite) if not self._over:
                self._call.do(invite if self._offers is None else replace(invite, sdp=self._offers.offer()))
            case LegRefused(why=why):
                self._failed(503, why)
            case CallProgress(status=status, reason=reason):
                self._call.do(NotifyRefer(self._call.handle, status, reason))
            case CallAnswered(sdp=sdp):
                self._answered(sdp)
            case CallRejected(status=status, reason=reason):
                self._failed(status, reason)
            case CallEnded(cause=cause):
                self._failed(408, str(cause))
            case CommandFailed(command=Invite(), why=why):
                self._failed(503, why)

    def _answered(self, sdp: bytes | None) -> None:
        try:
            if self._offers is not None and sdp is None:
                raise RemoteError(400, "the answer has no session description")
            if self._offers is not None and sdp is not None:
                self._offers.accept(sdp)
            self._call.moved_to(self.handle, self._offers)
        except (RemoteError, MediaError) as error:
            self._call.do(Bye(self.handle))
            self._failed(488, str(error))
            return
        self._over = True

    def _failed(self, status: int, why: str) -> None:
        if self._over:
            return
        self._over = True
        self._log.info("the call stays where it is", status=status, why=why)
        self._call.do(NotifyRefer(self._call.handle, status))
        self._on_over(self)
        self._call.not_moved()
