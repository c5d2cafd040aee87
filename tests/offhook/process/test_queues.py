"""The owner of the queues, with calls that a test places, in virtual time."""

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.carriers.call_out import CallOut, NotNowError
from offhook.observe.metrics import Metrics
from offhook.process.queue_file import NAME, KeptCallBack, QueueFile, QueueState
from offhook.process.queues import LOOK_S, Queues
from offhook.queues.members import LEAVES_S
from offhook.queues.messages import (
    AgentKept,
    AgentTook,
    CallBackKept,
    CallBackWish,
    JoinQueue,
    LeaveTake,
    Linked,
    MovedInQueue,
    TakeCaller,
    WantCallBack,
)
from offhook.queues.orders import EndWait, QueueEnd
from offhook.records.outbox import OutboxEvent
from offhook.settings.config import Config
from offhook.settings.queues import NotInQueuesError
from offhook.testing.virtual_time import run
from offhook.usererror import Problem, UserError


class Thrown:
    """Switches that a test throws; `on` after `ends_in_s` is what follows by itself."""

    def __init__(self) -> None:
        self.on: set[str] = set()
        self.ends_in_s: float | None = None

    def is_on(self, name: str) -> bool:
        return name in self.on


class Bench:
    """A queue with one agent, whose first caller has asked to be called back at 200, and `stays` on the line."""

    def __init__(self, *, stays: bool, **queue: object) -> None:
        config = {
            "trunks": {"pbx": {"host": "192.0.2.7", "allowed_numbers": ["2*"]}},
            "transfer": {"targets": {"anna": "201"}},
            "queues": {"support": {"agents": ["anna"], "empty": "wait", **queue}},
        }
        self.sent: list[object] = []
        self.placed: list[CallOut] = []
        self.hung_up: list[str] = []
        self.failure: Exception | None = None
        self.may_place = asyncio.Event()
        self.may_place.set()
        self.metrics = Metrics()
        self.events: list[OutboxEvent] = []
        self.switches = Thrown()
        self.has_files = True
        """Whether descriptors can be sent."""
        self.queues = Queues(
            Config.model_validate(config),
            self,
            self._send,
            self.metrics,
            self.switches,
        )
        self.queues.reports.notify = self.events.append
        self.queues.handle(JoinQueue("c1", "support", about={"uniqueid": "u1", "src": "sip:1@192.0.2.9"}))
        self.queues.handle(WantCallBack("c1", "pbx", CallBackWish("200")))
        if not stays:
            self.queues.released("c1")

    def _send(self, call: str, order: object, fd: int | None) -> None:
        if fd is not None and not self.has_files:
            raise OSError(errno.EMFILE, "Too many open files")
        self.sent.append(order)

    async def place(self, wanted: CallOut) -> str:
        self.placed.append(wanted)
        await self.may_place.wait()
        if self.failure is not None:
            raise self.failure
        return f"back{len(self.placed)}"

    def hang_up(self, call: str, why: str = "") -> bool:
        self.hung_up.append(call)
        return True

    @property
    def kept(self) -> list[object]:
        found = self.queues.dump()["call_backs"]
        assert isinstance(found, list)
        return found

    @property
    def told(self) -> list[tuple[object, ...]]:
        """Of each event its call, its type, and what is its own: all but times."""
        own = ("position", "agent", "reason", "step", "tries", "call")
        return [
            (each.uniqueid, each.type.removeprefix("queue."), *(each.data[name] for name in own if name in each.data))
            for each in self.events
        ]

    def value(self, name: str, **labels: str) -> float | None:
        """Of a metric of the queue."""
        self.queues.measure()
        return self.metrics.registry.get_sample_value(f"offhook_queue_{name}", {"queue": "support", **labels})

    @property
    def ticket(self) -> str:
        back = self.placed[-1].call_back
        assert back is not None
        return back.ticket


def played(play: Callable[[Bench], Awaitable[None]], *, stays: bool = False, **queue: object) -> None:
    async def on_a_loop() -> None:
        bench = Bench(stays=stays, **queue)
        try:
            await play(bench)
        finally:
            await bench.queues.stop()

    run(on_a_loop())


def test_a_call_back_is_one_until_it_is_served() -> None:
    async def play(bench: Bench) -> None:
        assert CallBackKept("c1", True) in bench.sent
        assert bench.kept == [{"queue": "support", "number": "200", "trunk": "pbx", "tries": 0}]
        bench.queues.agent("anna", "login")
        await asyncio.sleep(1)
        assert bench.kept == [{"queue": "support", "number": "200", "trunk": "pbx", "tries": 1}]
        bench.queues.handle(JoinQueue("back1", "support", ticket=bench.ticket))
        bench.queues.handle(MovedInQueue("back1", "back2"))  # its far end was replaced
        bench.queues.handle(AgentTook("back2", "anna"))
        assert bench.kept == []

    played(play)


class NoCalls:
    """Places none."""

    async def place(self, wanted: CallOut) -> str:
        raise AssertionError("nobody is logged in")

    def hang_up(self, call: str, why: str = "") -> bool:
        return False


@pytest.mark.parametrize("keeps", [True, False])
async def test_what_a_call_back_is_about_is_written_where_words_are_kept(tmp_path: Path, keeps: bool) -> None:
    config = {
        "records": {"dir": tmp_path, "transcripts": keeps},
        "trunks": {"pbx": {"host": "192.0.2.7", "allowed_numbers": ["2*"]}},
        "transfer": {"targets": {"anna": "201"}},
        "queues": {"support": {"agents": ["anna"], "empty": "wait"}},
    }
    queues = Queues(Config.model_validate(config), NoCalls(), lambda call, order, fd: None, Metrics(), Thrown())
    await queues.start()
    queues.handle(JoinQueue("c1", "support"))
    queues.handle(WantCallBack("c1", "pbx", CallBackWish("200", summary="It is about my illness.")))
    await queues.stop()
    text = (tmp_path / NAME).read_text()
    assert '"200"' in text and ("illness" in text) is keeps


@pytest.mark.parametrize("hangs_up", [True, False])
def test_nobody_is_called_back_while_they_are_on_the_line(hangs_up: bool) -> None:
    async def play(bench: Bench) -> None:
        bench.queues.agent("anna", "login")
        await asyncio.sleep(LEAVES_S - 1)
        assert bench.placed == []
        if hangs_up:
            bench.queues.handle(MovedInQueue("c1", "c2"))
            bench.queues.released("c2")
            await asyncio.sleep(0.1)
        else:
            await asyncio.sleep(2)
        assert len(bench.placed) == 1 and bench.queues.states() == {"anna": "reserved"}

    played(play, stays=True)


@pytest.mark.parametrize("number", ["200", "1", "sip:1@192.0.2.9"])
@pytest.mark.parametrize("is_called", [True, False])
def test_a_call_back_is_dropped_by_its_number_or_that_of_who_asked(is_called: bool, number: str) -> None:
    async def play(bench: Bench) -> None:
        if is_called:
            bench.queues.agent("anna", "login")
            await asyncio.sleep(1)
        assert bench.queues.drop_call_backs(number) == {"number": number, "dropped": 1}
        assert bench.kept == [] and bench.queues.waiting("support") == []
        assert bench.hung_up == (["back1"] if is_called else [])
        with pytest.raises(NotInQueuesError, match="nobody is to be called back at `200`"):
            bench.queues.drop_call_backs("200")

    played(play)


def test_who_is_on_the_line_is_not_dropped() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.agent("anna", "login")
        await asyncio.sleep(1)
        bench.queues.handle(JoinQueue("back1", "support", ticket=bench.ticket, about={"uniqueid": "back1"}))
        with pytest.raises(NotInQueuesError, match="they are on the line"):
            bench.queues.drop_call_backs("200")
        assert len(bench.kept) == 1
        bench.queues.handle(AgentTook("back1", "anna"))
        assert bench.kept == []
        assert [(type_, what) for _, type_, what, *_ in bench.told[4:]] == [
            ("call_back", "reached"),
            ("joined", 1),
            ("answered", "anna"),
        ]

    played(play)


def test_a_queue_is_closed_and_opened_again() -> None:
    async def play(bench: Bench) -> None:
        assert bench.queues.close("support", closed=True, by="127.0.0.1") == {
            "queue": "support",
            "closed": True,
            "closed_by": [],
        }
        queues = bench.queues.dump()["queues"]
        assert isinstance(queues, dict) and queues["support"]["closed"] is True
        bench.queues.agent("anna", "login")
        bench.queues.handle(JoinQueue("c2", "support", about={"uniqueid": "u2"}))
        await asyncio.sleep(1)
        assert bench.told[-1] == ("u2", "left", "no_agents") and bench.placed == []
        assert bench.queues.close("support", closed=False)["closed"] is False
        await asyncio.sleep(1)
        assert len(bench.placed) == 1
        with pytest.raises(NotInQueuesError, match="did you mean `support`"):
            bench.queues.close("suport", closed=True)

    played(play)


def test_a_switch_closes_a_queue_whatever_people_do_and_its_end_opens_it() -> None:
    async def play(bench: Bench) -> None:
        queues, switches = bench.queues, bench.switches
        queues.agent("anna", "pause")
        queues.handle(JoinQueue("c2", "support", about={"uniqueid": "u2"}))
        switches.on, switches.ends_in_s = {"strike", "storm"}, 60.0
        queues.follow_switches()
        queues.handle(JoinQueue("c3", "support", about={"uniqueid": "u3"}))
        assert bench.told[-3:] == [("u2", "joined", 2), ("u2", "left", "no_agents"), ("u3", "left", "no_agents")]
        door = {"queue": "support", "closed": True, "closed_by": ["storm"]}
        assert queues.close("support", closed=True) == queues.close("support", closed=False) == door
        queues.agent("anna", "login")
        switches.on = {"strike"}
        await asyncio.sleep(59)
        assert bench.placed == []
        switches.ends_in_s = None
        await asyncio.sleep(2)
        assert len(bench.placed) == 1  # the call-back has waited
        assert queues.close("support", closed=False) == {"queue": "support", "closed": False, "closed_by": []}

    played(play, closed_by=["emergency", "storm"])


def test_a_closed_queue_is_closed_after_a_restart(tmp_path: Path) -> None:
    settings = {
        "records": {"dir": tmp_path},
        "transfer": {"targets": {"anna": "sip:200@192.0.2.7"}},
        "queues": {name: {"agents": ["anna"]} for name in ("a", "b")},
    }

    async def restarted() -> list[object]:
        queues = Queues(Config.model_validate(settings), Nobody(), lambda call, order, fd: None, Metrics(), Thrown())
        await queues.start()
        found = queues.dump()["queues"]
        queues.close("b", closed=True)
        await queues.stop()
        assert isinstance(found, dict)
        return [found["a"]["closed"], found["b"]["closed"]]

    assert asyncio.run(restarted()) == [False, False]
    assert asyncio.run(restarted()) == [False, True]


def test_a_switch_that_is_over_by_a_clock_that_was_set_opens_the_queue_soon() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.agent("anna", "login")
        bench.switches.on, bench.switches.ends_in_s = {"storm"}, 3_600.0
        bench.queues.follow_switches()
        await asyncio.sleep(1)
        bench.switches.on = set()
        await asyncio.sleep(LOOK_S)
        bench.queues.handle(JoinQueue("c2", "support", about={"uniqueid": "u2"}))
        assert bench.told[-1][:2] == ("u2", "joined")

    played(play, closed_by=["storm"])


def test_an_agent_who_is_gone_has_not_used_up_the_call_back() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.agent("anna", "login")
        await asyncio.sleep(1)
        bench.queues.handle(JoinQueue("back1", "support", ticket=bench.ticket))
        bench.queues.agent("anna", "logout")
        bench.queues.handle(AgentTook("back1", "anna"))  # was on its way
        assert len(bench.kept) == 1

    played(play)


def test_nothing_is_written_before_all_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptCallBack("t1", "a", "", "200", CallBackWish("200"), time.time())
    left = QueueState({"anna": "login"}, (kept,), ("a",))
    file = QueueFile(tmp_path)
    file.write(left)
    file.close()
    written: list[QueueState] = []
    write = QueueFile.write

    def noted(its: QueueFile, state: QueueState) -> Future[bool]:
        written.append(state)
        return write(its, state)

    monkeypatch.setattr(QueueFile, "write", noted)
    settings = {
        "records": {"dir": tmp_path},
        "transfer": {"targets": {"anna": "sip:200@192.0.2.7"}},
        "queues": {name: {"agents": ["anna"]} for name in ("a", "b")},
    }

    async def restarted() -> None:
        queues = Queues(Config.model_validate(settings), Nobody(), lambda call, order, fd: None, Metrics(), Thrown())
        starting = asyncio.create_task(queues.start())
        await asyncio.sleep(0)
        queues.handle(JoinQueue("c1", "b"))  # calls are taken already
        await starting
        await queues.stop()

    asyncio.run(restarted())
    assert written and all(state == left for state in written)


DORA = TakeCaller("d1", "support", {"uniqueid": "u9", "src": "sip:+15557654321@192.0.2.9"})
"""Calls in, as an agent."""


def called_in(bench: Bench) -> dict[str, str]:
    found = bench.queues.dump()["called_in"]
    assert isinstance(found, dict)
    return {name: agent["state"] for name, agent in found.items()}


def test_who_has_called_in_and_is_kept_for_a_call_back_learns_of_it() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.handle(DORA)
        assert bench.sent[-1] == AgentKept("d1", 75.0) and called_in(bench) == {"u9": "reserved"}

    played(play)


@pytest.mark.parametrize("who", ["u9", "+15557654321", "15557654321", "sip:+15557654321@192.0.2.9"])
def test_who_has_called_in_is_logged_out_for_their_call(who: str) -> None:
    async def play(bench: Bench) -> None:
        bench.queues.drop_call_backs("200")
        bench.queues.handle(DORA)
        with pytest.raises(NotInQueuesError):
            bench.queues.agent("+15550000000", "logout")
        with pytest.raises(UserError, match="cannot log in"):
            bench.queues.agent(who, "login")
        shown = DORA.about["src"] if who == "u9" else who
        assert bench.queues.agent(who, "logout") == {"agent": shown, "state": "out"}
        assert bench.sent[-1] == EndWait("d1", QueueEnd.LEFT) and called_in(bench) == {}
        bench.queues.handle(LeaveTake("d1"))
        bench.sent.clear()
        bench.queues.handle(DORA)  # the same call
        assert bench.sent == [EndWait("d1", QueueEnd.LEFT)] and called_in(bench) == {}
        bench.queues.released("d1")
        bench.queues.handle(DORA)
        assert called_in(bench) == {"u9": "ready"}

    played(play)


def test_who_cannot_be_connected_with_a_caller_is_tried_again() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.drop_call_backs("200")
        bench.queues.handle(DORA)
        bench.has_files = False
        bench.queues.handle(JoinQueue("c2", "support"))
        assert called_in(bench) == {"u9": "resting"}
        bench.has_files = True
        await asyncio.sleep(31)
        assert bench.sent[-2:] == [Linked("c2", "u9"), Linked("d1")]

    played(play)


def test_who_has_called_in_does_not_wait_in_a_closed_queue() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.drop_call_backs("200")
        bench.queues.handle(DORA)
        bench.queues.close("support", closed=True)
        bench.queues.handle(LeaveTake("d1"))
        bench.queues.handle(DORA)
        assert bench.sent[-2:] == [EndWait("d1", QueueEnd.NO_AGENTS)] * 2

    played(play)


def test_who_has_called_in_is_there_between_two_callers_whatever_their_calls_handle_is() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.drop_call_backs("200")
        bench.queues.handle(DORA)
        bench.queues.handle(LeaveTake("d1"))
        bench.queues.handle(MovedInQueue("d1", "d2"))
        bench.queues.released("d1")
        assert called_in(bench) == {"u9": "wrap-up"}
        bench.queues.handle(replace(DORA, call="d2"))
        assert called_in(bench) == {"u9": "ready"}
        bench.queues.released("d2")
        assert called_in(bench) == {}

    played(play)


class Nobody:
    """Places no calls."""

    async def place(self, wanted: CallOut) -> str:
        raise AssertionError(wanted)

    def hang_up(self, call: str, why: str = "") -> bool:
        return False


def test_a_number_that_is_none_drops_nobody() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.handle(JoinQueue("c2", "support"))  # nobody knows who they are
        bench.queues.handle(WantCallBack("c2", "pbx", CallBackWish("201")))
        for number in ("", "+", "tel:"):
            with pytest.raises(NotInQueuesError):
                bench.queues.drop_call_backs(number)

    played(play)


def test_what_the_bot_may_not_place_now_is_no_try() -> None:
    async def play(bench: Bench) -> None:
        bench.failure = NotNowError(429, Problem("the trunk takes no more calls", "it has all", "wait"), 1)
        bench.queues.agent("anna", "login")
        await asyncio.sleep(25)
        assert len(bench.placed) == 3
        assert bench.kept == [{"queue": "support", "number": "200", "trunk": "pbx", "tries": 0}]
        bench.failure = None
        await asyncio.sleep(10)
        bench.queues.released("back4")
        assert bench.kept == []

    played(play, call_back_tries=1, call_back_again_s=10)


def test_a_call_that_is_placed_too_late_is_hung_up() -> None:
    async def play(bench: Bench) -> None:
        bench.may_place.clear()  # a name server that takes its time
        bench.queues.agent("anna", "login")
        await asyncio.sleep(80)
        assert bench.queues.states() == {"anna": "ready"}
        bench.may_place.set()
        await asyncio.sleep(1)
        assert bench.hung_up == ["back1"]
        await asyncio.sleep(300)
        assert len(bench.placed) == 2 and bench.hung_up == ["back1"]

    played(play)


def test_others_learn_of_a_call_back_that_is_reached() -> None:
    async def play(bench: Bench) -> None:
        assert bench.told == [
            ("u1", "joined", 1),
            ("u1", "left", "call_back"),
            ("u1", "call_back", "wanted", 0, None),
        ]
        assert (bench.value("waiting"), bench.value("call_backs_waiting")) == (0, 1)
        assert bench.events[-1].data["src"] == "sip:1@192.0.2.9" and bench.events[-1].data["number"] == "200"
        bench.queues.agent("anna", "login")
        await asyncio.sleep(1)
        bench.queues.handle(JoinQueue("back1", "support", ticket=bench.ticket, about={"uniqueid": "back1"}))
        await asyncio.sleep(21)
        assert (bench.value("waiting"), bench.value("longest_wait_seconds")) == (1, 21)
        bench.queues.handle(AgentTook("back1", "anna"))
        assert bench.told[3:] == [
            ("u1", "call_back", "placed", 1, "back1"),
            ("u1", "call_back", "reached", 1, "back1"),
            ("back1", "joined", 1),
            ("back1", "answered", "anna"),
        ]
        assert bench.value("agents", state="talking") == 1 and bench.value("agents", state="ready") == 0
        assert bench.value("ended_total", end="answered") == 1 and bench.value("joined_total") == 2
        assert bench.value("answered_in_time_total") == 0 and bench.value("wait_seconds_sum") == 21

    played(play)


@pytest.mark.parametrize("by_hand", [True, False])
def test_others_learn_of_a_call_back_that_is_given_up(by_hand: bool) -> None:
    async def play(bench: Bench) -> None:
        if by_hand:
            bench.queues.drop_call_backs("200")
        else:
            await asyncio.sleep(61)
        step = "dropped" if by_hand else "given_up"
        assert bench.told[3:] == [("u1", "call_back", step, 0, None)]
        assert bench.value("call_backs_total", step=step) == 1
        assert bench.value("call_backs_waiting") == 0

    played(play, call_back_kept_s=60)


def test_refusals_are_counted_and_told() -> None:
    async def play(bench: Bench) -> None:
        bench.queues.handle(JoinQueue("c2", "support", about={"uniqueid": "u2"}))
        assert bench.value("refused_total", reason="full") == 1 and bench.told[-1] == ("u2", "left", "full")
        bench.queues.drop_call_backs("200")
        bench.queues.handle(JoinQueue("c3", "support", about={"uniqueid": "u3"}))
        bench.queues.handle(WantCallBack("c3", "pbx", CallBackWish("900")))
        assert bench.value("refused_total", reason="call_back_not_listed") == 1
        bench.queues.released("c3")
        assert bench.told[-1] == ("u3", "left", "abandoned") and bench.value("ended_total", end="abandoned") == 1

    played(play, max_length=1)
