"""Whether the bot takes a new call now, and which worker gets it."""

from collections.abc import Callable
from dataclasses import replace

from offhook.observe.refusals import Reason, Refusal, RefusalLog
from offhook.process.placements import Placements
from offhook.process.source_shares import Capacity, SourceShares
from offhook.process.worker_handle import WorkerHandle
from offhook.process.worker_pool import WorkerPool
from offhook.sip.net.address import Address
from offhook.sip.uas_checks import Refusal as SipRefusal


class CallAdmission:
    """All new calls of a bot. `max_calls` 0: as many as the workers carry; `now` is the loop's time."""

    def __init__(
        self,
        workers: WorkerPool,
        placements: Placements,
        shares: SourceShares,
        refusals: RefusalLog,
        max_calls: int,
        now: Callable[[], float],
    ) -> None:
        self._workers = workers
        self._placements = placements
        self._shares = shares
        self._refusals = refusals
        self._max_calls = max_calls
        self._now = now
        self.ready = False
        """Whether everything has started."""
        self.draining = False
        """Whether the bot is about to stop."""
        self.most_callers: int | None = None
        """How many calls may come in over SIP at once, where the rest is kept for calls out."""

    def admit(self, method: str, source: Address) -> SipRefusal | None:
        """Called before any other work on a new call over SIP, so that refusing a flood of calls costs little.

        OPTIONS only asks what a call would get, and is not counted.
        """
        is_call = method == "INVITE"
        refusal = self._closed_to_callers() or self._shares.refusal(
            source, self._capacity(), self._now(), asks_only=not is_call
        )
        if refusal is None and isinstance(chosen := self._workers.choose(), Refusal):
            refusal = chosen
        if refusal is None:
            return None
        if is_call:
            self._refusals.refused(refusal, "udp")
        return refusal.answer

    def choose(self, *, ports: bool = True) -> WorkerHandle | Refusal:
        """The worker for a new call out, or one over a stream, which needs no ports."""
        return self.closed() or self._workers.choose(ports=ports)

    def choose_for_caller(self) -> WorkerHandle | Refusal:
        """The worker for a new call that comes in over SIP."""
        return self._closed_to_callers() or self._workers.choose()

    def closed(self) -> Refusal | None:
        """Why the whole bot takes no more calls."""
        if self.draining:
            return Refusal(Reason.DRAINING, "the bot is stopping")
        if not self.ready:
            return Refusal(Reason.STARTING, "the workers are starting")
        most = self._max_calls
        if most and len(self._placements) >= most:
            return Refusal(Reason.MAX_CALLS, f"all {most} allowed calls are in progress")
        return None

    def _closed_to_callers(self) -> Refusal | None:
        if (refusal := self.closed()) is not None or self.most_callers is None:
            return refusal
        if self._placements.callers < self.most_callers:
            return None
        return Refusal(
            Reason.MAX_CALLS, f"{self.most_callers} callers are there, and other calls are kept for calls out"
        )

    def _capacity(self) -> Capacity:
        capacity, most = self._workers.capacity(), self._max_calls
        return replace(capacity, places=min(capacity.places, most - len(self._placements))) if most else capacity
