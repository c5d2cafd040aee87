"""Calls that come in over SIP: each is given to a worker, or refused."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import structlog

from offhook.observe.refusals import Refusal, RefusalLog
from offhook.process.call_admission import CallAdmission
from offhook.process.placements import WORKER_GONE, Placement, Placements
from offhook.process.source_shares import SourceShares
from offhook.process.trunk_sources import TrunkSources
from offhook.process.worker_handle import WorkerHandle
from offhook.sip.commands import Command, Reject
from offhook.sip.events import IncomingCall
from offhook.sip.message.identities import untrusted


class SipIntake:
    """Of a bot. `do` executes a command of the user agent; `watch(event, worker)` is called with each new call before
    its worker gets it, and its result once the worker has it; `now` is the loop's time."""

    def __init__(
        self,
        admission: CallAdmission,
        placements: Placements,
        shares: SourceShares,
        trunks: TrunkSources,
        refusals: RefusalLog,
        *,
        do: Callable[[Command], None],
        watch: Callable[[IncomingCall, WorkerHandle], Callable[[], None]],
        now: Callable[[], float],
    ) -> None:
        self._admission = admission
        self._placements = placements
        self._shares = shares
        self._trunks = trunks
        self._refusals = refusals
        self._do = do
        self._watch = watch
        self._now = now

    def incoming(self, event: IncomingCall) -> None:
        """A new call, or one whose worker was lost before it was answered."""
        trunk = self._trunks.of(event.source, event.request_uri)
        if event.replaces:
            self._take_over(replace(event, trunk=trunk), trunk)
            return
        chosen = self._trunks.refusal(trunk, self._now()) or self._admission.choose_for_caller()
        believed = event.identities if self._shares.is_peer(event.source) else untrusted(event.identities)
        # A name of its own each time: the record that a lost worker has begun is not that of the next one.
        event = replace(event, trunk=trunk, identities=believed, uniqueid=uuid.uuid4().hex)
        if isinstance(chosen, Refusal):
            self.refuse(event.call, chosen)
        elif not self._give(event, Placement(chosen, event, trunk=trunk, host=event.source.host)):
            self.refuse(event.call, WORKER_GONE)

    def refuse(self, call: str, refusal: Refusal) -> None:
        """Answer an INVITE with why it is not taken."""
        self._do(Reject(call, refusal.status))
        self._refusals.refused(refusal, "udp")

    def _take_over(self, event: IncomingCall, trunk: str) -> None:
        """A call that wants another's place (RFC 3891 §5: only by who could have it anyway): of the same trunk, or from
        the same host."""
        placement = self._placements.get(event.replaces)
        if placement is None or placement.is_leg:
            self._do(Reject(event.call, 481))
            return
        same = trunk == placement.trunk if trunk else not placement.trunk and event.source.host == placement.host
        if not same:
            log = structlog.get_logger("offhook.process")
            log.warning("refused", why="it would take a call over that is not its own", source=str(event.source))
            self._do(Reject(event.call, 403))
        elif not self._give(event, Placement(placement.worker, None, trunk=trunk, host=event.source.host)):
            self.refuse(event.call, WORKER_GONE)

    def _give(self, event: IncomingCall, placement: Placement) -> bool:
        watched = self._watch(event, placement.worker)
        if not placement.worker.give(event.call, event):
            return False
        now = self._now()
        self._trunks.taken(event.call, placement.trunk, now)
        self._placements.add(event.call, placement)
        self._shares.accepted(event.call, event.source, now)
        watched()
        return True
