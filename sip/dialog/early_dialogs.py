"""The dialogs that reliable provisional responses to our INVITE make: RFC 3262 §4, RFC 3261 §12.1.2."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from offhook.sip.dialog.authenticated import Sender, send_within
from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.dialog.model import Dialog, from_answer
from offhook.sip.message import typed
from offhook.sip.message.body import sdp_of
from offhook.sip.message.message import Response
from offhook.sip.message.rack import RAck
from offhook.sip.transaction.client import ClientTransaction

U = TypeVar("U")


@dataclass(slots=True)
class _Early:
    dialog: Dialog
    cseq: int
    """Of the INVITE: RSeq begins anew with another one."""
    rseq: int
    answer: bytes = b""
    """To the INVITE's offer, in a reliable response; empty: there is none yet."""


class EarlyDialogs(Generic[U]):
    """One for each phone that rings. `owner` is whose they are in the core's `dialogs`: not kept, it refers to this."""

    def __init__(self, core: UserAgentCore[U]) -> None:
        self._core = core
        self._by_tag: dict[str, _Early] = {}
        self._first: _Early | None = None
        """The first that has answered our offer."""

    def receive(self, owner: U, client: ClientTransaction, response: Response, sender: Sender, now: float) -> bool:
        """Take in a 1xx, and acknowledge it if it is reliable. False: it is to be ignored. Raises ParseError."""
        rseq, tag = typed.rseq(response), typed.to(response).tag
        if rseq is None or not tag:
            return True
        invite = typed.cseq(client.request).number
        early = self._by_tag.get(tag)
        if early is None:
            if len(self._by_tag) >= self._core.settings.max_forks:
                self._core.counters.drop("fork beyond limit")
                return False
            early = self._add(owner, tag, from_answer(client.request, response, client.destination), invite)
        elif early.cseq != invite:
            early.cseq, early.rseq, early.answer = invite, 0, b""
        if early.rseq and rseq != early.rseq + 1:
            # §4: it was acknowledged already, or one in front of it is missing, and then it will come again.
            self._core.counters.drop("provisional out of order")
            return False
        early.rseq = rseq
        early.answer = early.answer or sdp_of(response) or b""
        if self._first is None and early.answer:
            self._first = early
        early.dialog.refresh_target(response)
        rack = RAck(rseq, invite, "INVITE")
        send_within(self._core, early.dialog, sender, "PRACK", now, fields=(("RAck", str(rack)),))
        return True

    def find(self, tag: str) -> Dialog | None:
        """The dialog with that tag of the far end."""
        early = self._by_tag.get(tag)
        return None if early is None else early.dialog

    @property
    def renegotiable(self) -> Dialog | None:
        """Where new offers may be made before the call is answered: one dialog, the first with an answer to ours (RFC
        3311 §5.1), although several phones may ring. There is one line, and it cannot be what each of them wants."""
        return None if self._first is None or not self._first.answer else self._first.dialog

    def answer_of(self, tag: str) -> bytes | None:
        """What the phone with that tag has answered our offer with; None: nothing that is sure to have arrived."""
        early = self._by_tag.get(tag)
        return None if early is None else early.answer or None

    def confirm(self, client: ClientTransaction, response: Response) -> Dialog:
        """The dialog of a 2xx: an early one, or a new one. Raises ParseError."""
        confirmed = from_answer(client.request, response, client.destination)
        early = self._by_tag.get(confirmed.remote_tag)
        if early is not None:
            # §13.2.2.4: the route set is made anew; the numbers of requests go on.
            confirmed.local_cseq = max(confirmed.local_cseq, early.dialog.local_cseq)
            confirmed.remote_cseq, confirmed.peer = early.dialog.remote_cseq, early.dialog.peer
        return confirmed

    def close(self, owner: U, confirmed: Dialog | None) -> None:
        """The INVITE has its final response: the far end's requests are in the confirmed dialog only."""
        for early in self._by_tag.values():
            key = early.dialog.id
            if self._core.dialogs.get(key) is owner and (confirmed is None or confirmed.id != key):
                del self._core.dialogs[key]

    def _add(self, owner: U, tag: str, dialog: Dialog, invite: int) -> _Early:
        early = self._by_tag[tag] = _Early(dialog, invite, 0)
        self._core.dialogs.setdefault(dialog.id, owner)
        return early
