"""Owns the queues of a bot: one distributor beside the user agent, whatever worker carries the calls.

Theory of operation. Calls say what they want (`JoinQueue` …) through their workers, and get orders (`RingAgents` …)
the same way. A call whose worker is gone, or that is over, is removed from the placements, and leaves its queue by
that: the others keep their places, and its agent is free. What has to outlive this process is in a file: who is logged
in, which queues are closed, and who is to be called back. Callers on the line do not outlive it: their calls end with it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

import structlog

from offhook.carriers.call_out import CallOut, NotNowError
from offhook.carriers.call_target import keyed_number
from offhook.carriers.checked_call import checked_call
from offhook.observe.metrics import Metrics
from offhook.process.queue_file import KeptCallBack, QueueFile, QueueState
from offhook.process.queue_reports import CallBackRefused, CallBackStep, QueueReports
from offhook.queues.asked import AskedNumbers
from offhook.queues.distributor import Distributor
from offhook.queues.members import LEAVES_S
from offhook.queues.messages import (
    AgentMissed,
    AgentReleased,
    AgentTook,
    AskPlace,
    CallBack,
    CallBackKept,
    JoinQueue,
    LeaveQueue,
    MovedInQueue,
    PlaceInQueue,
    ToOwner,
    WantCallBack,
)
from offhook.queues.orders import (
    DropCallBack,
    EndWait,
    HangUpCallBack,
    Order,
    PlaceCallBack,
    QueueEnd,
    RingAgents,
    StopRinging,
)
from offhook.queues.tables import AgentState, CallerState
from offhook.settings.config import Config
from offhook.settings.queues import NotInQueuesError
from offhook.settings.routes import dialled_number
from offhook.usererror import UserError, did_you_mean

ACTIONS = ("login", "logout", "pause")
"""What agents do."""

_NO_LONGER = "the queue calls back no longer"


class Placer(Protocol):
    """Places calls."""

    async def place(self, wanted: CallOut) -> str:
        """Begin a call; returns its id. Raises UserError, NotNowError."""

    def hang_up(self, call: str, why: str = "") -> bool:
        """End a call; False if there is none."""


class Queues:
    """All of a bot. `send` passes an order to a call's worker; does nothing for a call that is over."""

    def __init__(
        self, config: Config, calls_out: Placer, send: Callable[[str, object], None], metrics: Metrics
    ) -> None:
        self._config = config
        self._calls_out = calls_out
        self._send = send
        self._loop = asyncio.get_running_loop()
        policies = {name: queue.policy for name, queue in config.queues.items()}
        self._distributor = Distributor(policies, self._loop.time())
        self.reports = QueueReports(config.queues, metrics)
        """Others learn from them what happens."""
        self._call_backs: dict[str, KeptCallBack] = {}
        self._calls: dict[str, str] = {}
        """The ticket of each call-back that is being made, or that waits."""
        self._placing: dict[str, object] = {}  # the attempt at each ticket
        self._asking: dict[str, str] = {}  # the ticket of each call that has asked for one, until it is over
        self._gone: dict[str, asyncio.Event] = {}  # by these tickets
        self._asked = AskedNumbers()
        self._file: QueueFile | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("offhook.queues")

    async def start(self) -> None:
        """Go on with what an earlier process has left. Calls can be placed."""
        if not self._config.queues:
            return
        self._file = QueueFile(self._config.records.dir.resolve())
        state = await asyncio.to_thread(self._file.read)
        now = self._loop.time()
        for name in set(state.closed) & set(self._config.queues):
            self._distributor.close(name, now)
        for name in self._distributor.agent_states():
            there = any(name in queue.agents and queue.logged_in for queue in self._config.queues.values())
            match state.agents.get(name, "login" if there else "logout"):
                case "login":
                    self._distributor.log_in(name, now)
                case "pause":
                    self._distributor.pause(name, now)
        for kept in state.call_backs:
            age_s = time.time() - kept.at_s
            if self._distributor.restore_call_back(kept.ticket, kept.queue, now, age_s=age_s, tries=kept.tries):
                self._call_backs[kept.ticket] = kept
                self._asked.has(kept.name, now)
            else:
                self._log.info("called back no more", ticket=kept.ticket)
                self.reports.call_back(kept, CallBackStep.GIVEN_UP)
        self._settle()

    async def stop(self) -> None:
        """Write what outlives this process."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    def __len__(self) -> int:
        return len(self._config.queues)

    # --- from calls

    def handle(self, message: ToOwner) -> None:
        """What a call says."""
        it, now = self._distributor, self._loop.time()
        match message:
            case JoinQueue():
                self._join(message, now)
            case LeaveQueue(call, end):
                self._left(call, now, end)
            case AskPlace(call):
                self._send(call, PlaceInQueue(call, it.place_of(call)))
            case WantCallBack():
                self._want_call_back(message, now)
            case AgentTook(call, agent):
                it.taken(call, agent, now)
                self._done(self._calls.get(call, ""))
            case AgentMissed(call, agent, reached):
                it.missed(call, agent, now, reached=reached)
            case AgentReleased(call, agent):
                it.withdrawn(call, agent, now)
            case MovedInQueue(call, to):
                self._moved(call, to)
        self._settle()

    def released(self, call: str) -> None:
        """The call is over, or its worker is gone."""
        if not self._config.queues:
            return
        now = self._loop.time()
        if (ticket := self._asking.pop(call, None)) is not None:
            self._gone.pop(ticket).set()
        self._left(call, now)
        self._distributor.call_back_failed(self._calls.pop(call, ""), now)
        self._settle()
        self.reports.gone(call)

    # --- from people

    def agent(self, name: str, action: str, by: str = "") -> dict[str, object]:
        """Log an agent in or out, or pause them; returns their state. `by` is for the log: who wants it. Raises
        UserError, NotInQueuesError for a stranger."""
        if action not in ACTIONS:
            raise UserError(f"an agent cannot `{action[:40]}`", "they log in, log out or pause", ", ".join(ACTIONS))
        states = self._distributor.agent_states()
        if name not in states:
            why = "no queue has this agent"
            raise NotInQueuesError(f"there is no agent `{name[:80]}`", why, did_you_mean(name, list(states)))
        now = self._loop.time()
        match action:
            case "login":
                self._distributor.log_in(name, now)
            case "logout":
                self._distributor.log_out(name, now)
            case "pause":
                self._distributor.pause(name, now)
        self._log.info("an agent", agent=name, action=action, by=by)
        self._settle()
        return {"agent": name, "state": str(self._distributor.agent_states()[name])}

    def close(self, name: str, *, closed: bool, by: str = "") -> dict[str, object]:
        """Close a queue, or open it again; returns which it is. `by` is for the log: who wants it. Raises
        NotInQueuesError for one that is not there."""
        names = list(self._config.queues)
        if name not in names:
            raise NotInQueuesError(f"there is no queue `{name[:80]}`", "[queues] has none", did_you_mean(name, names))
        self._distributor.close(name, self._loop.time(), closed=closed)
        self._log.info("a queue", queue=name, closed=closed, by=by)
        self._settle()
        return {"queue": name, "closed": closed}

    def drop_call_backs(self, number: str) -> dict[str, object]:
        """Call nobody back at a number, as `dump` has it, and nobody who has asked for it from there; returns it, and
        how many there were. Raises NotInQueuesError, also for who is on the line already."""
        wanted, asker = number.removeprefix("tel:").replace(" ", ""), _bare(number)
        asked = [
            each
            for each in self._call_backs.values()
            if wanted in (each.name, each.name.removeprefix("+")) or (asker and asker == _bare(_caller_of(each.about)))
        ]
        found = [each for each in asked if self._distributor.state_of(each.ticket) is not None]
        if not found:
            what, why = f"nobody is to be called back at `{number[:80]}`", "no queue has this number"
            raise NotInQueuesError(what, "they are on the line" if asked else why, "offhook queue")
        for each in found:
            self._distributor.leave(each.ticket, self._loop.time())
            self._done(each.ticket)
            self.reports.call_back(each, CallBackStep.DROPPED)
        self._log.info("called back no more", dropped=len(found))
        self._settle()
        return {"number": number, "dropped": len(found)}

    def waiting(self, queue: str) -> list[dict[str, object]]:
        """Those who have a place in a queue, in their order, as plain values."""
        callers = self._distributor.callers(queue, self._loop.time())
        return [each for each in callers if each["state"] != CallerState.TALKING]

    def states(self) -> dict[str, str]:
        """What each agent does."""
        return {name: str(state) for name, state in self._distributor.agent_states().items()}

    def dump(self) -> Mapping[str, object]:
        """The live state, as plain values."""
        backs = [
            {"queue": each.queue, "number": each.name, "trunk": each.trunk, "tries": each.tries}
            for each in self._call_backs.values()
        ]
        now = self._loop.time()
        queues = {
            name: {
                "agents": list(queue.agents),
                "closed": self._distributor.is_closed(name),
                "callers": [
                    each | {"caller": self._caller(str(each["call"]))} for each in self._distributor.callers(name, now)
                ],
            }
            for name, queue in self._config.queues.items()
        }
        return {**self._distributor.dump(now), "queues": queues, "call_backs": backs}

    def _caller(self, key: str) -> str:
        if (kept := self._call_backs.get(key)) is not None:
            return kept.name
        return _caller_of(self.reports.about(key))

    def measure(self) -> None:
        """Have the metrics say how the queues are."""
        self.reports.measure(self._distributor, self._loop.time())

    # --- inside

    def _join(self, message: JoinQueue, now: float) -> None:
        call, end = message.call, None
        self.reports.comes(message)
        if message.ticket:
            kept = self._call_backs.get(message.ticket)
            if not self._distributor.call_back_answered(message.ticket, call, now):
                end = QueueEnd.TIMEOUT
            elif kept is not None:
                self.reports.call_back(kept, CallBackStep.REACHED, call)
        elif message.queue not in self._config.queues or self._distributor.state_of(call) is not None:
            end = QueueEnd.NOT_POSSIBLE
        else:
            end = self._distributor.join(call, message.queue, now, message.priority)
        self._log.info("a caller comes", call=call, queue=message.queue, refused=None if end is None else str(end))
        if end is not None:
            self.reports.refused(message, end)
            self._send(call, EndWait(call, end))

    def _moved(self, call: str, to: str) -> None:
        self._distributor.move(call, to)
        self.reports.moved(call, to)
        for tickets in (self._calls, self._asking):
            if (ticket := tickets.pop(call, None)) is not None:
                tickets[to] = ticket

    def _left(self, call: str, now: float, end: QueueEnd | None = None) -> None:
        if self._distributor.state_of(call) is not None:
            self._distributor.leave(call, now, end)
            self._done(self._calls.get(call, ""))

    def _want_call_back(self, message: WantCallBack, now: float) -> None:
        call, trunk = message.call, self._config.trunks.get(message.trunk)
        wish = message.wish if trunk is None else replace(message.wish, number=keyed_number(message.wish.number, trunk))
        queue, about = self._distributor.queue_of(call), self.reports.about(call)
        kept = KeptCallBack(uuid4().hex, queue, message.trunk, "", wish, time.time(), about=about)
        is_kept = False
        try:
            target, *_ = checked_call(_call_out(kept, 30.0), self._config)
            is_kept = self._keeps(call, replace(kept, name=target.name), now)
        except UserError as error:
            self._no_call_back(kept, call, CallBackRefused.NOT_LISTED, str(error))
        if (written := self._save()) is None or not is_kept:
            self._send(call, CallBackKept(call, is_kept))
        else:
            self._task(self._promised(call, written))

    async def _promised(self, call: str, written: Future[bool]) -> None:
        """The promise is on the disk before it is given. Where it cannot be, it holds as long as this process does."""
        await asyncio.shield(asyncio.wrap_future(written))
        self._send(call, CallBackKept(call, True))

    def _keeps(self, call: str, kept: KeptCallBack, now: float) -> bool:
        """Whether the caller leaves the line for a call-back. There is one for each number: the oldest."""
        if self._distributor.place_of(call) is None:
            return False
        if any(each.queue == kept.queue and each.name == kept.name for each in self._call_backs.values()):
            self._distributor.leave(call, now, QueueEnd.CALL_BACK, rings=True)
            return True
        if not self._asked.may_have(kept.name, now):
            self._no_call_back(kept, call, CallBackRefused.TOO_OFTEN, "it was done too often today")
            return False
        if not self._distributor.want_call_back(call, kept.ticket, now):
            self._no_call_back(kept, call, CallBackRefused.FULL, "`max_call_backs` are to be called back")
            return False
        self._asked.has(kept.name, now)
        self._call_backs[kept.ticket] = kept
        self._asking[call], self._gone[kept.ticket] = kept.ticket, asyncio.Event()
        self._log.info("to be called back", call=call, queue=kept.queue, ticket=kept.ticket)
        self._report()  # that the caller has left comes first
        self.reports.call_back(kept, CallBackStep.WANTED)
        return True

    def _no_call_back(self, kept: KeptCallBack, call: str, reason: CallBackRefused, why: str) -> None:
        self._log.warning("nobody can be called back there", call=call, why=why)
        self.reports.call_back_refused(kept.queue, reason)

    def _report(self) -> None:
        """Pass on what has happened to callers."""
        while (notice := self._distributor.next_notice()) is not None:
            self.reports.happened(notice, self._distributor.place_of(notice.call))

    def _settle(self) -> None:
        """Carry out what the distributor wants, and set its timer."""
        while (order := self._distributor.next_order()) is not None:
            self._do(order)
        self._report()
        if self._timer is not None:
            self._timer.cancel()
        due = self._distributor.get_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)
        self._save()

    def _save(self) -> Future[bool] | None:
        """Have what outlives this process written; None: it is not kept."""
        if self._file is None:
            return None
        closed = tuple(filter(self._distributor.is_closed, self._config.queues))
        return self._file.write(QueueState(self._agents(), tuple(self._call_backs.values()), closed))

    def _on_timer(self) -> None:
        self._distributor.handle_timer(self._loop.time())
        self._settle()

    def _do(self, order: Order) -> None:
        match order:
            case RingAgents() | StopRinging() | EndWait():
                self._send(order.call, order)
                if isinstance(order, EndWait):
                    self._done(self._calls.get(order.call, ""))
            case PlaceCallBack(ticket, ring_s):
                self._task(self._place(ticket, ring_s))
            case HangUpCallBack(ticket):
                self._placing.pop(ticket, None)
                for call in [call for call, its in self._calls.items() if its == ticket]:
                    self._calls.pop(call)
                    self._calls_out.hang_up(call, _NO_LONGER)
            case DropCallBack(ticket):
                self._log.info("called back no more", ticket=ticket)
                if (kept := self._call_backs.get(ticket)) is not None:
                    self.reports.call_back(kept, CallBackStep.GIVEN_UP)
                self._done(ticket)

    async def _place(self, ticket: str, ring_s: float) -> None:
        kept = self._call_backs.get(ticket)
        if kept is None:
            return
        attempt = self._placing[ticket] = object()
        if (gone := self._gone.get(ticket)) is not None:  # their line would be busy
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVES_S):
                    await gone.wait()
        if self._placing.get(ticket) is not attempt:
            return
        try:
            call = await self._calls_out.place(_call_out(kept, ring_s))
        except (UserError, NotNowError) as error:
            self._log.warning("the call-back cannot be placed", ticket=ticket, why=str(error))
            if self._placing.get(ticket) is attempt:
                tried = not isinstance(error, NotNowError)
                self._distributor.call_back_failed(ticket, self._loop.time(), tried=tried)
        else:
            self._placed(ticket, call, is_wanted=self._placing.get(ticket) is attempt)
        self._settle()

    def _placed(self, ticket: str, call: str, *, is_wanted: bool) -> None:
        kept = self._call_backs.get(ticket)
        if kept is None or not is_wanted:
            self._calls_out.hang_up(call, _NO_LONGER)
            return
        self._log.info("calling back", ticket=ticket, call=call)
        self._calls[call] = ticket
        kept = self._call_backs[ticket] = replace(kept, tries=kept.tries + 1)
        self.reports.call_back(kept, CallBackStep.PLACED, call)

    def _done(self, ticket: str) -> None:
        """The call-back is no longer wanted."""
        self._call_backs.pop(ticket, None)
        self._placing.pop(ticket, None)

    def _agents(self) -> dict[str, str]:
        """Each agent by what they want."""
        wanted = {AgentState.OUT: "logout", AgentState.LEAVING: "logout"}
        wanted |= dict.fromkeys((AgentState.PAUSED, AgentState.PAUSING), "pause")
        return {name: wanted.get(state, "login") for name, state in self._distributor.agent_states().items()}

    def _task(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _caller_of(about: Mapping[str, object]) -> str:
    """Who talks with the bot, of what every event of a call has; empty: that is not known."""
    return str(about.get("dst" if about.get("direction") == "outbound" else "src", ""))


def _bare(address: str) -> str:
    """Its number, without the plus sign that some trunks leave out."""
    return dialled_number(address).removeprefix("+")


def _call_out(kept: KeptCallBack, ring_s: float) -> CallOut:
    # A caller has entered the number: only listed ones are called.
    back = CallBack(kept.ticket, kept.queue, kept.wish)
    return CallOut(kept.wish.number, trunk=kept.trunk or None, ring_s=ring_s, by_others=True, call_back=back)
