"""PJSIP's objects as Python sees them: each passes what happens to its owner. What is noted on one is its owner's.

Their methods are called by PJSIP while it is polled, and nobody there takes an exception: it is logged here.
"""

from asyncio import TimerHandle
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2.media_source import MediaSource
from offhook.sip.dialog.model import DialogId

OK = 200
log = structlog.get_logger("offhook.pjsip")


def _kept_here(method: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @wraps(method)
    def guarded(own: Any, what: Any) -> None:
        try:
            method(own, what)
        except Exception:
            log.exception("an event of PJSIP was lost", callback=method.__name__)

    return guarded


class Owner(Protocol):
    """What happens to calls and accounts."""

    def on_incoming(self, account: "PjAccount", what: Any) -> None:
        """An INVITE has come."""

    def account_of(self, source: str) -> int:
        """PJSIP's number for the account of a call that comes from there."""

    def on_refused(self, what: Any) -> None:
        """PJSIP has refused an INVITE itself: it has no room for another call, or cannot use its offer."""

    def on_registration(self, account: "PjAccount", what: Any) -> None:
        """A REGISTER has got its answer, or none."""

    def on_state(self, call: "PjCall", what: Any) -> None:
        """A call's dialog has changed."""

    def on_media(self, call: "PjCall") -> None:
        """A call's media has begun, changed or stopped."""

    def on_stream(self, call: "PjCall", stream: int) -> None:
        """A call's media is about to begin, as PJMEDIA's stream at that address."""

    def on_stream_over(self, call: "PjCall") -> None:
        """A call's media is about to stop."""

    def on_acknowledged(self, call: "PjCall") -> None:
        """A PRACK has come."""

    def on_offer(self, call: "PjCall", what: Any) -> None:
        """Our INVITE or UPDATE was sent, or has its answer."""

    def on_key(self, call: "PjCall", what: Any) -> None:
        """A key has come."""

    def on_refer_progress(self, call: "PjCall", what: Any) -> None:
        """What became of our REFER."""

    def on_referred(self, call: "PjCall", what: Any) -> None:
        """The far end asks us to call somebody else, before the call is confirmed."""


class PjEndpoint(pj.Endpoint):  # type: ignore[misc]
    """PJSUA, of which there is one in a process. For `may_be_used` see `Connections`."""

    def __init__(self, owner: Owner, may_be_used: Callable[[Any], bool]) -> None:
        super().__init__()
        self.owner = owner
        self.may_be_used = may_be_used

    @_kept_here
    def onSelectAccount(self, what: Any) -> None:
        """From PJSIP, which otherwise goes by To: that a stranger writes as they want."""
        what.accountIndex = self.owner.account_of(str(what.rdata.srcAddress))

    @_kept_here
    def onRejectedIncomingCall(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_refused(what)

    @_kept_here
    def onTransportState(self, what: Any) -> None:
        """From PJSIP, before it sends what waits for a connection: that fails where it is shut down here."""
        useful = False
        try:
            useful = self.may_be_used(what)
        finally:
            if not useful:
                self.transportShutdown(what.hnd)


class PjAccount(pj.Account):  # type: ignore[misc]
    """An account, or what calls without one have. `name` is the trunk's, or empty."""

    def __init__(self, owner: Owner, name: str) -> None:
        super().__init__()
        self.owner = owner
        self.name = name
        self.proxy = ""
        self.host = ""
        """The address of the trunk's server, once it is known."""
        self.secure_host = ""
        """The host that the certificate of its server is for; "": it is reached without TLS."""
        self.wanted = False
        """Whether it is to be registered."""

    @_kept_here
    def onIncomingCall(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_incoming(self, what)

    @_kept_here
    def onRegState(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_registration(self, what)


class PjCall(pj.Call):  # type: ignore[misc]
    """A call. `handle` is its name everywhere else."""

    def __init__(self, owner: Owner, account: PjAccount, handle: str, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.owner = owner
        self.handle = handle
        self.trunk = account.name
        self.meant: frozenset[str] = frozenset()
        """The hosts that were called, or that it came from: its trunk's own."""
        self.dialog_id: DialogId = ("", "", "")
        """Once it is confirmed."""
        self.is_inbound = call_id >= 0
        self.confirmed = False
        self.allow: frozenset[str] = frozenset()
        """What the far end that we called takes."""
        self.answered = False
        self.released = False
        """Whether its owner has let it go: nothing is reported any more."""
        self.gave_up = False
        self.refer_accepted = False
        self.audio: int | None = None
        """Which of its media is the audio."""
        self.may_send = False
        """Whether audio may go out before it is confirmed."""
        self.silent: int | None = None
        """The stream that does not send yet."""
        self.source = MediaSource()
        self.refreshed_s = 0
        """The session interval that our latest re-INVITE or UPDATE was to begin anew; 0: none."""
        self.refused = 0
        """How many of them in a row were refused."""
        self.again: TimerHandle | None = None
        """Sends the next one."""

    @_kept_here
    def onCallState(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_state(self, what)

    @_kept_here
    def onCallTsxState(self, what: Any) -> None:
        """From PJSIP."""
        of = what.e.body.tsxState.tsx
        if of.method == "PRACK" and of.role == pj.PJSIP_ROLE_UAS and of.statusCode == OK:
            self.owner.on_acknowledged(self)
        elif of.method in ("INVITE", "UPDATE") and of.role == pj.PJSIP_ROLE_UAC:
            self.owner.on_offer(self, what)

    @_kept_here
    def onCallMediaState(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_media(self)

    @_kept_here
    def onStreamCreated(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_stream(self, int(what.stream))

    @_kept_here
    def onStreamDestroyed(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_stream_over(self)

    @_kept_here
    def onDtmfDigit(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_key(self, what)

    @_kept_here
    def onCallTransferStatus(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_refer_progress(self, what)

    @_kept_here
    def onCallReplaceRequest(self, what: Any) -> None:
        """From PJSIP: another call wants this one's place, and has come by `requests`, which sees to that."""
        log.warning("refused a call that wants another's place", why="PJSIP would decide by itself")
        what.statusCode, what.reason = 403, "Forbidden"

    @_kept_here
    def onCallTransferRequest(self, what: Any) -> None:
        """From PJSIP."""
        self.owner.on_referred(self, what)
