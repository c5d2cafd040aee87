"""What happens in queues, for others: counts for the metrics, and events for webhooks."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from offhook.observe.metrics import Metrics
from offhook.process.queue_file import KeptCallBack
from offhook.queues.distributor import Distributor
from offhook.queues.messages import JoinQueue
from offhook.queues.notices import Notice, WaitAnswered, WaitBegan, WaitLeft
from offhook.queues.orders import Place, QueueEnd
from offhook.queues.tables import AgentState, CallerState
from offhook.records.outbox import QUEUE_ANSWERED, QUEUE_CALL_BACK, QUEUE_JOINED, QUEUE_LEFT, OutboxEvent
from offhook.settings.queues import QueueConfig

ABANDONED = "abandoned"
"""How a wait ends that no `QueueEnd` ends: the caller has hung up, or the call has ended otherwise."""


class CallBackStep(StrEnum):
    """What becomes of a call-back."""

    WANTED = "wanted"
    PLACED = "placed"
    REACHED = "reached"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"  # by people


class CallBackRefused(StrEnum):
    """Why somebody is not called back."""

    NOT_LISTED = "call_back_not_listed"
    TOO_OFTEN = "call_back_too_often"
    FULL = "call_backs_full"


_REFUSALS = (QueueEnd.FULL, QueueEnd.NO_AGENTS, QueueEnd.TIMEOUT, QueueEnd.NOT_POSSIBLE)
_ENDS = ("answered", ABANDONED, *(end for end in QueueEnd if end is not QueueEnd.FULL))


class QueueReports:
    """`notify` puts an event into the outbox; it is set once the records are open."""

    def __init__(self, queues: Mapping[str, QueueConfig], metrics: Metrics) -> None:
        self.notify: Callable[[OutboxEvent], object] = lambda _: None
        self._queues = queues
        self._metrics = metrics
        self._about: dict[str, Mapping[str, object]] = {}
        for name in queues:
            metrics.queue_opened(name, ends=_ENDS, reasons=(*_REFUSALS, *CallBackRefused), steps=CallBackStep)

    # --- who it is about

    def comes(self, message: JoinQueue) -> None:
        """A call wants to wait."""
        self._about[message.call] = message.about

    def moved(self, call: str, to: str) -> None:
        """It has another handle now."""
        if (about := self._about.pop(call, None)) is not None:
            self._about[to] = about

    def gone(self, call: str) -> None:
        """It is over."""
        self._about.pop(call, None)

    def about(self, call: str) -> Mapping[str, object]:
        """What every event of the call has; empty for one that never wanted to wait."""
        return self._about.get(call, {})

    # --- what happens

    def pass_on(self, distributor: Distributor) -> None:
        """What has happened to callers since the last time."""
        while (notice := distributor.next_notice()) is not None:
            self.happened(notice, distributor.place_of(notice.call))

    def happened(self, notice: Notice, place: Place | None) -> None:
        """`place` is the caller's by now."""
        about = self.about(notice.call)
        match notice:
            case WaitBegan(_, queue, is_call_back):
                self._metrics.queue_joined(queue)
                position = None if place is None else place.position
                self._notify(about, QUEUE_JOINED, queue=queue, position=position, is_call_back=is_call_back)
            case WaitAnswered(_, queue, agent, waited_s):
                in_time = waited_s <= self._queues[queue].service_level_s
                self._metrics.queue_answered(queue, waited_s, in_time=in_time)
                self._notify(about, QUEUE_ANSWERED, queue=queue, agent=agent, waited_s=round(waited_s, 1))
            case WaitLeft(_, queue, end, waited_s):
                reason = ABANDONED if end is None else str(end)
                self._metrics.queue_left(queue, reason)
                self._notify(about, QUEUE_LEFT, queue=queue, reason=reason, waited_s=round(waited_s, 1))

    def refused(self, message: JoinQueue, end: QueueEnd) -> None:
        """A call may not wait."""
        if message.queue in self._queues:
            self._metrics.queue_refused(message.queue, end)
        self._notify(message.about, QUEUE_LEFT, queue=message.queue, reason=str(end), waited_s=0.0)

    def call_back(self, kept: KeptCallBack, step: CallBackStep, call: str = "") -> None:
        """Of somebody who is to be called back; `call` is the one that is placed."""
        if kept.queue in self._queues:
            self._metrics.queue_call_back(kept.queue, step)
        number = kept.name or kept.wish.number
        data = {"queue": kept.queue, "step": str(step), "number": number, "tries": kept.tries, "call": call or None}
        self._notify(kept.about, QUEUE_CALL_BACK, **data)

    def call_back_refused(self, queue: str, why: CallBackRefused) -> None:
        """Somebody is not to be called back."""
        if queue in self._queues:
            self._metrics.queue_refused(queue, why)

    def measure(self, distributor: Distributor, now: float) -> None:
        """Have the metrics say how the queues are."""
        for name in self._queues:
            callers = distributor.callers(name, now)
            queued = [each for each in callers if each["state"] != CallerState.TALKING]
            waited = [float(str(each["waited_s"])) for each in queued if each["waited_s"] is not None]
            doing = Counter(distributor.states_in(name))
            self._metrics.queue_now(
                name,
                waiting=len(waited),
                longest_s=max(waited, default=0.0),
                call_backs=len(queued) - len(waited),
                agents={state.name.lower(): doing[state] for state in AgentState},
            )

    def _notify(self, about: Mapping[str, object], type_: str, **data: object) -> None:
        if uniqueid := about.get("uniqueid"):
            self.notify(OutboxEvent(str(uniqueid), type_, f"evt_{uuid.uuid4().hex}", {**about, **data}))
