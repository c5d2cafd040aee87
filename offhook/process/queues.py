"""Owns the queues of a bot: one distributor beside the user agent, whatever worker carries the calls.

Theory of operation. Calls say what they want (`JoinQueue` …) through their workers, and get orders (`RingAgents` …)
the same way. A call whose worker is gone, or that is over, is removed from the placements, and leaves its queue by
that: the others keep their places, and its agent is free. People and the switches of flows close queues
(`queue_doors`). What has to outlive this process is in a file: who is logged in, which queues people have closed, and
who is to be called back (`call_backs`). Callers on the line do not outlive it: their calls end with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future

import structlog

from offhook.observe.metrics import Metrics
from offhook.process.call_backs import CallBacks, Placer, caller_of
from offhook.process.called_in import CalledIn
from offhook.process.queue_doors import FlowSwitches, QueueDoors
from offhook.process.queue_file import QueueFile, QueueState
from offhook.process.queue_reports import QueueReports
from offhook.queues.distributor import Distributor
from offhook.queues.messages import (
    AgentMissed,
    AgentReleased,
    AgentTook,
    AskPlace,
    CallBackKept,
    JoinQueue,
    LeaveQueue,
    LeaveTake,
    MovedInQueue,
    PlaceInQueue,
    TakeCaller,
    ToOwner,
    WantCallBack,
)
from offhook.queues.orders import (
    DropCallBack,
    EndTake,
    EndWait,
    HangUpCallBack,
    JoinCalls,
    KeepAgent,
    Order,
    PlaceCallBack,
    QueueEnd,
    RingAgents,
    StopRinging,
)
from offhook.queues.tables import AgentState, CallerState
from offhook.settings.config import Config
from offhook.settings.queues import NotInQueuesError
from offhook.usererror import UserError, did_you_mean

ACTIONS = ("login", "logout", "pause")
"""What agents do."""

LOOK_S = 60.0
"""How often it is looked whether a switch that has an end is over."""


class Queues:
    """All of a bot. `send` passes an order to a call's worker, with a descriptor or none; does nothing for a call that
    is over."""

    def __init__(
        self,
        config: Config,
        calls_out: Placer,
        send: Callable[[str, object, int | None], None],
        metrics: Metrics,
        switches: FlowSwitches,
    ) -> None:
        self._config = config
        self._send: Callable[[str, object], None] = lambda call, message: send(call, message, None)
        self._loop = asyncio.get_running_loop()
        policies = {name: queue.policy for name, queue in config.queues.items()}
        self._distributor = Distributor(policies, self._loop.time())
        self.reports = QueueReports(config.queues, metrics)
        """Others learn from them what happens."""
        self._call_backs = CallBacks(config, calls_out, self._distributor, self.reports)
        self._doors = QueueDoors(config.queues, switches)
        self._doors_timer: asyncio.TimerHandle | None = None
        self._called_in = CalledIn(self._distributor, send)
        self._file: QueueFile | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("offhook.queues")

    async def start(self) -> None:
        """Go on with what an earlier process has left. Calls can be placed."""
        if not self._config.queues:
            return
        file = QueueFile(self._config.records.dir.resolve())
        state = await asyncio.to_thread(file.read)
        now = self._loop.time()
        for name in set(state.closed) & set(self._config.queues):
            self._doors.set(name, closed=True)
        self.follow_switches()
        for name in self._distributor.agent_states():
            there = any(name in queue.agents and queue.logged_in for queue in self._config.queues.values())
            match state.agents.get(name, "login" if there else "logout"):
                case "login":
                    self._distributor.log_in(name, now)
                case "pause":
                    self._distributor.pause(name, now)
        self._call_backs.restore(state.call_backs, now)
        self._file = file  # not before: it would be written without what is in it, by whatever happens meanwhile
        self._settle()

    async def stop(self) -> None:
        """Write what outlives this process."""
        for timer in (self._timer, self._doors_timer):
            if timer is not None:
                timer.cancel()
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
            case TakeCaller() | LeaveTake():
                self._agent_calls(message, now)
            case AskPlace(call):
                self._send(call, PlaceInQueue(call, it.place_of(call), it.queue_now(call, now)))
            case WantCallBack():
                self._promise(message.call, self._call_backs.want(message, now))
            case AgentTook(call, agent):
                self._took(call, agent, now)
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
        self._call_backs.hung_up(call)
        self._called_in.leaves(call, now)
        self._left(call, now)
        self._call_backs.failed(call, now)
        self._settle()
        self.reports.gone(call)

    # --- from people

    def agent(self, name: str, action: str, by: str = "") -> dict[str, object]:
        """Log an agent in or out, or pause them; returns their state. Who has called in, by their number as `dump` has
        it, is logged out for their call. `by` is for the log: who wants it. Raises UserError, NotInQueuesError for a
        stranger."""
        if action not in ACTIONS:
            raise UserError(f"an agent cannot `{action[:40]}`", "they log in, log out or pause", ", ".join(ACTIONS))
        states = self._distributor.agent_states()
        if name not in states:
            return self._agent_who_called(name, action, by)
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

    def _agent_who_called(self, who: str, action: str, by: str) -> dict[str, object]:
        if not self._called_in.has(who):
            names, why = list(self._distributor.agent_states()), "no queue has this agent"
            raise NotInQueuesError(f"there is no agent `{who[:80]}`", why, did_you_mean(who, names))
        if action != "logout":
            what, why = f"`{who[:80]}` cannot {action.replace('log', 'log ')}", "they have called in"
            raise UserError(what, why, f"offhook queue logout {who[:80]}")
        self._called_in.log_out(who, self._loop.time())
        self._log.info("an agent", agent=who, action=action, by=by)
        self._settle()
        return {"agent": self._called_in.caller(who) or who, "state": str(AgentState.OUT)}

    def close(self, name: str, *, closed: bool, by: str = "") -> dict[str, object]:
        """Close a queue, or open it again; returns which it is, and which switches keep it closed. `by` is for the log:
        who wants it. Raises NotInQueuesError for one that is not there."""
        names = list(self._config.queues)
        if name not in names:
            raise NotInQueuesError(f"there is no queue `{name[:80]}`", "[queues] has none", did_you_mean(name, names))
        self._doors.set(name, closed=closed)
        self._log.info("a queue", queue=name, closed=closed, by=by)
        self.follow_switches()
        self._settle()
        return {"queue": name, **self._door(name)}

    def follow_switches(self) -> None:
        """What the switches of the flows are may have changed."""
        for name in self._config.queues:
            if (closed := self._doors.is_closed(name)) is not self._distributor.is_closed(name):
                self._log.info("a queue is closed" if closed else "a queue is open", queue=name, **self._door(name))
                self._distributor.close(name, self._loop.time(), closed=closed)
                self._settle()
        if self._doors_timer is not None:
            self._doors_timer.cancel()
        again_in_s = self._doors.look_again_in_s
        if again_in_s is not None:  # by a clock that may be set meanwhile
            self._doors_timer = self._loop.call_later(min(again_in_s, LOOK_S), self.follow_switches)
        else:
            self._doors_timer = None

    def _door(self, name: str) -> dict[str, object]:
        return {"closed": self._doors.is_closed(name), "closed_by": self._doors.closed_by(name)}

    def drop_call_backs(self, number: str) -> dict[str, object]:
        """Call nobody back at a number, as `dump` has it, and nobody who has asked for it from there; returns it, and
        how many there were. Raises NotInQueuesError, also for who is on the line already."""
        dropped = self._call_backs.drop(number)
        self._settle()
        return {"number": number, "dropped": dropped}

    def waiting(self, queue: str) -> list[dict[str, object]]:
        """Those who have a place in a queue, in their order, as plain values."""
        callers = self._distributor.callers(queue, self._loop.time())
        return [each for each in callers if each["state"] != CallerState.TALKING]

    def states(self) -> dict[str, str]:
        """What each agent does."""
        return {name: str(state) for name, state in self._distributor.agent_states().items()}

    def dump(self) -> Mapping[str, object]:
        """The live state, as plain values."""
        now = self._loop.time()
        queues = {
            name: {
                "agents": list(queue.agents),
                **self._door(name),
                "callers": [
                    each | {"caller": self._caller(str(each["call"]))} for each in self._distributor.callers(name, now)
                ],
            }
            for name, queue in self._config.queues.items()
        }
        called_in = {
            name: {"caller": self._called_in.caller(name), **agent}
            for name, agent in self._distributor.dump_called_in().items()
        }
        return {
            "queues": queues,
            "agents": self._distributor.dump_agents(),
            "called_in": called_in,
            "call_backs": self._call_backs.dump(),
        }

    def _caller(self, key: str) -> str:
        name = self._call_backs.name_of(key)
        return caller_of(self.reports.about(key)) if name is None else name

    def measure(self) -> None:
        """Have the metrics say how the queues are."""
        self.reports.measure(self._distributor, self._loop.time())

    # --- inside

    def _join(self, message: JoinQueue, now: float) -> None:
        call = message.call
        self.reports.comes(message)
        if message.ticket:
            end = None if self._call_backs.answered(message.ticket, call, now) else QueueEnd.TIMEOUT
        elif message.queue not in self._config.queues or self._distributor.state_of(call) is not None:
            end = QueueEnd.NOT_POSSIBLE
        else:
            end = self._distributor.join(call, message.queue, now, message.priority)
        self._log.info("a caller comes", call=call, queue=message.queue, refused=None if end is None else str(end))
        if end is not None:
            self.reports.refused(message, end)
            self._send(call, EndWait(call, end))

    def _agent_calls(self, message: TakeCaller | LeaveTake, now: float) -> None:
        if isinstance(message, LeaveTake):
            self._called_in.stops(message.call, now)
            return
        is_known = message.queue in self._config.queues
        if (end := self._called_in.takes(message, now) if is_known else QueueEnd.NOT_POSSIBLE) is not None:
            self._send(message.call, EndWait(message.call, end))

    def _moved(self, call: str, to: str) -> None:
        self._distributor.move(call, to)
        self._called_in.moved(call, to)
        self.reports.moved(call, to)
        self._call_backs.moved(call, to)

    def _left(self, call: str, now: float, end: QueueEnd | None = None) -> None:
        if self._distributor.state_of(call) is not None:
            self._distributor.leave(call, now, end)
            self._call_backs.left(call)

    def _took(self, call: str, agent: str, now: float) -> None:
        if self._distributor.taken(call, agent, now):
            self._call_backs.left(call)

    def _promise(self, call: str, is_kept: bool) -> None:
        """Say whether a caller is called back."""
        if (written := self._save()) is None or not is_kept:
            self._send(call, CallBackKept(call, is_kept))
        else:
            self._task(self._promised(call, written))

    async def _promised(self, call: str, written: Future[bool]) -> None:
        """The promise is on the disk before it is given. Where it cannot be, it holds as long as this process does."""
        await asyncio.shield(asyncio.wrap_future(written))
        self._send(call, CallBackKept(call, True))

    def _settle(self) -> None:
        """Carry out what the distributor wants, and set its timer."""
        while (order := self._distributor.next_order()) is not None:
            self._do(order)
        self.reports.pass_on(self._distributor)
        if self._timer is not None:
            self._timer.cancel()
        due = self._distributor.get_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._on_timer)
        self._save()

    def _save(self) -> Future[bool] | None:
        """Have what outlives this process written; None: it is not kept."""
        if self._file is None:
            return None
        return self._file.write(QueueState(self._agents(), self._call_backs.kept, self._doors.shut))

    def _on_timer(self) -> None:
        self._distributor.handle_timer(self._loop.time())
        self._settle()

    def _do(self, order: Order) -> None:
        match order:
            case RingAgents() | StopRinging() | EndWait():
                self._send(order.call, order)
                if isinstance(order, EndWait):
                    self._call_backs.left(order.call)
            case JoinCalls():
                self._called_in.join(order, self._loop.time())
            case KeepAgent() | EndTake():
                self._called_in.tell(order)
            case PlaceCallBack(ticket, ring_s):
                self._task(self._place(ticket, ring_s))
            case HangUpCallBack(ticket):
                self._call_backs.hang_up(ticket)
            case DropCallBack(ticket):
                self._call_backs.give_up(ticket)

    async def _place(self, ticket: str, ring_s: float) -> None:
        await self._call_backs.place(ticket, ring_s)
        self._settle()

    def _agents(self) -> dict[str, str]:
        """Each agent by what they want."""
        wanted = {AgentState.OUT: "logout", AgentState.LEAVING: "logout"}
        wanted |= dict.fromkeys((AgentState.PAUSED, AgentState.PAUSING), "pause")
        return {name: wanted.get(state, "login") for name, state in self._distributor.agent_states().items()}

    def _task(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
