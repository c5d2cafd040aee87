"""Callers and agents, input by input."""

from collections.abc import Callable

import pytest

from offhook.queues.distributor import Distributor
from offhook.queues.notices import Notice, WaitAnswered, WaitBegan, WaitLeft
from offhook.queues.orders import (
    DropCallBack,
    EndWait,
    HangUpCallBack,
    Order,
    Place,
    PlaceCallBack,
    QueueEnd,
    QueueNow,
    RingAgents,
    StopRinging,
)
from offhook.queues.policy import QueuePolicy
from offhook.queues.tables import AgentState, CallerState

AGENTS = ("anna", "ben", "cleo")


def with_agents(*there: str, **policy: object) -> Distributor:
    it = Distributor({"support": QueuePolicy(AGENTS, **policy)}, 0)  # type: ignore[arg-type]
    for agent in there:
        it.log_in(agent, 0)
    return it


def orders(it: Distributor) -> list[Order]:
    found = []
    while (order := it.next_order()) is not None:
        found.append(order)
    return found


def notices(it: Distributor) -> list[Notice]:
    found = []
    while (notice := it.next_notice()) is not None:
        found.append(notice)
    return found


def run_to(it: Distributor, at: float) -> None:
    while (due := it.get_timer()) is not None and due <= at:
        it.handle_timer(due)


def test_one_caller_and_one_agent() -> None:
    it = with_agents("anna")
    assert it.join("c1", "support", 1) is None
    assert orders(it) == [RingAgents("c1", ("anna",), 20)]
    it.taken("c1", "anna", 5)
    assert (it.state_of("c1"), it.agent_states()["anna"]) == (CallerState.TALKING, AgentState.TALKING)
    it.join("c2", "support", 6)
    assert it.place_of("c2") == Place(1, None)
    it.talk_over("c1", 60)
    assert (it.state_of("c1"), it.agent_states()["anna"]) == (None, AgentState.WRAP_UP)
    assert orders(it) == []
    run_to(it, 70)
    assert orders(it) == [RingAgents("c2", ("anna",), 20)]


def test_the_caller_hangs_up_in_the_talk() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 0)
    it.taken("c1", "anna", 0)
    it.leave("c1", 9)
    assert it.agent_states()["anna"] is AgentState.WRAP_UP
    assert it.state_of("c1") is None


def test_who_does_not_answer_is_left_alone_and_the_caller_keeps_the_place() -> None:
    it = with_agents("anna", rest_s=30)
    it.join("c1", "support", 0)
    it.join("c2", "support", 1)
    orders(it)
    it.missed("c1", "anna", 20)
    assert it.agent_states()["anna"] is AgentState.RESTING
    assert [it.place_of(call) for call in ("c1", "c2")] == [Place(1, None), Place(2, None)]
    run_to(it, 50)
    assert orders(it) == [RingAgents("c1", ("anna",), 20)]


def test_who_misses_too_many_calls_is_paused() -> None:
    it = with_agents("anna", max_missed=2, rest_s=0)
    it.join("c1", "support", 0)
    it.missed("c1", "anna", 20)
    run_to(it, 20)
    it.missed("c1", "anna", 40)
    assert it.agent_states()["anna"] is AgentState.PAUSED
    it.log_in("anna", 50)
    assert orders(it)[-1] == RingAgents("c1", ("anna",), 20)


def test_who_cannot_be_called_has_missed_nothing() -> None:
    it = with_agents("anna", max_missed=1, rest_s=0)
    it.join("c1", "support", 0)
    for now in (0, 10, 20):
        run_to(it, now)
        assert orders(it) == [RingAgents("c1", ("anna",), 20)]
        it.missed("c1", "anna", now, reached=False)
        assert it.agent_states()["anna"] is AgentState.RESTING
        run_to(it, now + 9)
        assert orders(it) == []  # not at once, or the two would go on without a pause
    run_to(it, 30)
    it.missed("c1", "anna", 40)
    assert it.agent_states()["anna"] is AgentState.PAUSED


def test_a_wait_that_is_lost_sight_of_ends() -> None:
    it = with_agents("anna", max_wait_s=1_000)
    it.join("c1", "support", 0)
    orders(it)
    run_to(it, 999)  # nobody reports what became of the ringing
    assert StopRinging("c1", ("anna",)) in orders(it)
    run_to(it, 1_200)
    assert EndWait("c1", QueueEnd.TIMEOUT) in orders(it)
    assert it.agent_states()["anna"] is AgentState.READY


def test_a_last_chance() -> None:
    it = with_agents(max_wait_s=60, empty="wait")
    it.join("c1", "support", 0)
    it.log_in("anna", 50)
    orders(it)
    run_to(it, 61)
    assert it.state_of("c1") is CallerState.RINGING_LAST
    assert orders(it) == []
    it.missed("c1", "anna", 70)
    assert orders(it) == [EndWait("c1", QueueEnd.TIMEOUT)]


def test_limits() -> None:
    it = with_agents(max_length=1)
    assert it.join("c1", "support", 0) is QueueEnd.NO_AGENTS
    it.pause("anna", 0)
    assert it.agent_states()["anna"] is AgentState.PAUSED
    assert it.join("c1", "support", 0) is None
    assert it.join("c2", "support", 0) is QueueEnd.FULL
    it.log_out("anna", 5)
    assert orders(it) == [EndWait("c1", QueueEnd.NO_AGENTS)]
    with pytest.raises(KeyError):
        it.join("c1", "sales", 6)
    with pytest.raises(KeyError):
        it.log_in("dora", 6)


def test_all_ring_and_one_takes() -> None:
    it = with_agents("anna", "ben", "cleo", strategy="ring_all")
    it.join("c1", "support", 0)
    assert orders(it) == [RingAgents("c1", AGENTS, 20)]
    it.missed("c1", "cleo", 2)
    it.taken("c1", "ben", 3)
    assert it.agent_states() == {"anna": AgentState.READY, "ben": AgentState.TALKING, "cleo": AgentState.RESTING}


def rung(strategy: str) -> list[str]:
    it = with_agents(*AGENTS, strategy=strategy, wrap_up_s=0)
    found = []
    for number in range(5):
        call, now = f"c{number}", 100.0 * number
        it.join(call, "support", now)
        ((*_, order),) = (orders(it),)
        assert isinstance(order, RingAgents)
        found.append(order.agents[0])
        it.taken(call, order.agents[0], now)
        # Anna's talks are the shortest.
        it.talk_over(call, now + (10 if order.agents[0] == "anna" else 20 + number))
        run_to(it, now + 50)
    return found


def test_strategies() -> None:
    assert rung("round_robin") == ["anna", "ben", "cleo", "anna", "ben"]
    assert rung("longest_idle") == ["anna", "ben", "cleo", "anna", "ben"]
    assert rung("fewest_calls") == ["anna", "ben", "cleo", "anna", "ben"]


def test_an_agent_who_was_rung_in_vain_is_not_the_longest_idle_again() -> None:
    it = with_agents("anna", "ben", strategy="longest_idle", rest_s=5)
    it.join("c1", "support", 0)
    it.missed("c1", "anna", 20)
    assert orders(it)[-1] == RingAgents("c1", ("ben",), 20)
    run_to(it, 25)
    it.missed("c1", "ben", 40)
    assert orders(it)[-1] == RingAgents("c1", ("anna",), 20)


def test_an_agent_logs_out_while_they_ring_and_while_they_talk() -> None:
    it = with_agents("anna", "ben")
    it.join("c1", "support", 0)
    orders(it)
    it.log_out("anna", 5)
    assert orders(it) == [StopRinging("c1", ("anna",)), RingAgents("c1", ("ben",), 20)]
    it.taken("c1", "ben", 8)
    it.log_out("ben", 9)
    assert (it.state_of("c1"), it.agent_states()["ben"]) == (CallerState.TALKING, AgentState.LEAVING)
    it.talk_over("c1", 60)
    assert it.agent_states()["ben"] is AgentState.OUT


def test_an_agent_of_two_queues_rings_for_one_caller() -> None:
    policies = {"a": QueuePolicy(("anna",)), "b": QueuePolicy(("anna",), wrap_up_s=0)}
    it = Distributor(policies, 0)
    it.log_in("anna", 0)
    it.join("c1", "b", 0)
    it.join("c2", "a", 1)
    assert orders(it) == [RingAgents("c1", ("anna",), 20)]
    it.taken("c1", "anna", 2)
    it.talk_over("c1", 3)
    run_to(it, 3)
    assert orders(it) == [RingAgents("c2", ("anna",), 20)]


def test_priority() -> None:
    it = with_agents(empty="wait")
    it.join("c1", "support", 0)
    it.join("c2", "support", 1, priority=5)
    assert [it.place_of(call) for call in ("c2", "c1")] == [Place(1, None), Place(2, None)]
    it.log_in("anna", 2)
    assert orders(it) == [RingAgents("c2", ("anna",), 20)]


def test_the_estimate_goes_by_the_latest_talks() -> None:
    it = with_agents("anna", "ben", wrap_up_s=10)
    for number in range(3):
        it.join(f"c{number}", "support", 200 * number)
        it.taken(f"c{number}", "anna" if number % 2 == 0 else "ben", 200 * number)
        it.talk_over(f"c{number}", 200 * number + 90)
        run_to(it, 200 * number + 150)
    it.pause("anna", 900)
    it.pause("ben", 900)
    for number in range(3, 6):
        it.join(f"c{number}", "support", 1_000)
    assert it.place_of("c5") == Place(3, 3 * 100 / 2)


def test_how_a_queue_is_now() -> None:
    it = with_agents(empty="wait")
    for number, at in enumerate((0, 4, 10), 1):
        it.join(f"c{number}", "support", at)
    assert it.queue_now("c3", 20) == QueueNow(3, (20 + 16 + 10) / 3)
    assert it.want_call_back("c1", "t1", 20)
    it.leave("c1", 21)  # the place stays
    assert it.queue_now("c3", 22) == QueueNow(3, (18 + 12) / 2)
    it.leave("c3", 23)
    assert it.queue_now("c3", 24) is None


def test_a_call_back() -> None:
    it = with_agents("anna", empty="wait")
    it.join("c1", "support", 0)
    it.taken("c1", "anna", 0)
    it.join("c2", "support", 1)
    it.join("c3", "support", 2)
    orders(it)
    assert it.want_call_back("c2", "t2", 3)
    assert not it.want_call_back("c1", "t1", 3)
    it.leave("c2", 4)  # its call is over: the place is not
    assert it.place_of("c3") == Place(2, None)
    it.talk_over("c1", 60)
    run_to(it, 70)
    assert orders(it) == [PlaceCallBack("t2", 45)]
    assert it.agent_states()["anna"] is AgentState.RESERVED
    assert it.call_back_answered("t2", "c4", 80)
    assert orders(it) == [RingAgents("c4", ("anna",), 20)]
    it.taken("c4", "anna", 85)
    assert it.state_of("c4") is CallerState.TALKING


def test_a_call_back_that_is_not_answered() -> None:
    it = with_agents("anna", call_back_tries=2, call_back_again_s=300)
    it.join("c0", "support", 0)
    it.taken("c0", "anna", 0)
    it.join("c1", "support", 0)
    assert it.want_call_back("c1", "t1", 1)
    it.join("c2", "support", 1)
    it.leave("c0", 10)
    run_to(it, 20)
    assert orders(it)[-1] == PlaceCallBack("t1", 45)
    it.call_back_failed("t1", 60)
    # The agent is there for the next one meanwhile.
    assert orders(it) == [RingAgents("c2", ("anna",), 20)]
    it.taken("c2", "anna", 61)
    it.talk_over("c2", 100)
    run_to(it, 360)
    assert orders(it) == [PlaceCallBack("t1", 45)]
    it.call_back_failed("t1", 400)
    assert orders(it) == [DropCallBack("t1")]
    assert it.agent_states()["anna"] is AgentState.READY


def test_the_agent_leaves_while_the_caller_is_called_back() -> None:
    it = with_agents("anna", empty="wait")
    assert it.restore_call_back("t1", "support", 0)
    assert not it.restore_call_back("t2", "sales", 0)
    assert orders(it) == [PlaceCallBack("t1", 45)]
    it.log_out("anna", 5)
    assert it.call_back_answered("t1", "c1", 8)
    assert it.state_of("c1") is CallerState.WAITING
    it.log_in("ben", 9)
    assert orders(it) == [RingAgents("c1", ("ben",), 20)]


def test_a_call_back_of_which_nothing_is_heard() -> None:
    it = with_agents("anna")
    it.restore_call_back("t1", "support", 0)
    orders(it)
    run_to(it, 76)
    assert orders(it) == [HangUpCallBack("t1")]
    assert it.agent_states()["anna"] is AgentState.READY
    assert not it.call_back_answered("t1", "c1", 77)


def test_a_call_back_is_not_kept_for_ever() -> None:
    it = with_agents(call_back_kept_s=100)
    it.restore_call_back("t1", "support", 0)
    run_to(it, 101)
    assert orders(it) == [DropCallBack("t1")]


def test_the_time_of_a_call_back_begins_with_the_promise() -> None:
    it = with_agents("anna", call_back_kept_s=1_000, call_back_again_s=300, call_back_tries=9)
    it.restore_call_back("t1", "support", 0, age_s=350)
    it.call_back_failed("t1", 40)
    run_to(it, 340)
    assert orders(it)[-1] == PlaceCallBack("t1", 45)
    it.call_back_failed("t1", 380)
    run_to(it, 649)
    assert orders(it) == []
    run_to(it, 650)
    assert orders(it) == [DropCallBack("t1")]


def test_a_call_back_whose_time_is_over_while_it_rings_is_the_last() -> None:
    it = with_agents("anna", call_back_kept_s=100, call_back_tries=9)
    it.restore_call_back("t1", "support", 0, age_s=70)
    run_to(it, 40)
    assert it.state_of("t1") is CallerState.CALLING_BACK
    it.call_back_failed("t1", 44, tried=False)
    assert orders(it) == [PlaceCallBack("t1", 45), DropCallBack("t1")]


def test_calls_of_an_earlier_process_count() -> None:
    it = with_agents("anna", call_back_tries=3, call_back_kept_s=100)
    assert it.restore_call_back("t1", "support", 0, tries=2)
    it.call_back_failed("t1", 40)
    assert orders(it) == [PlaceCallBack("t1", 45), DropCallBack("t1")]
    assert not it.restore_call_back("t2", "support", 50, tries=3)
    assert not it.restore_call_back("t3", "support", 50, age_s=100)


def test_a_call_back_that_cannot_be_placed_now_has_not_been_tried() -> None:
    it = with_agents("anna", call_back_tries=1, call_back_again_s=300)
    it.restore_call_back("t1", "support", 0)
    it.call_back_failed("t1", 1, tried=False)
    run_to(it, 301)
    assert orders(it) == [PlaceCallBack("t1", 45), PlaceCallBack("t1", 45)]


def test_so_many_may_be_called_back() -> None:
    it = with_agents(empty="wait", max_length=3, max_call_backs=1)
    for call in ("c1", "c2"):
        it.join(call, "support", 0)
    assert it.want_call_back("c1", "t1", 1)
    assert not it.want_call_back("c2", "t2", 1)
    assert it.place_of("c2") == Place(2, None)
    assert it.join("c3", "support", 2) is None


def test_who_leaves_while_the_call_goes_on_has_the_phones_stop() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 0)
    orders(it)
    it.leave("c1", 1, rings=True)
    assert orders(it) == [StopRinging("c1", ("anna",))]
    assert it.agent_states()["anna"] is AgentState.READY


def test_a_call_that_gets_another_handle() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 0)
    it.move("c1", "c9")
    it.leave("c1", 1)
    it.taken("c9", "anna", 2)
    assert it.state_of("c9") is CallerState.TALKING


def test_what_is_shown() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 0)
    shown = {"call": "c1", "state": "ringing", "is_call_back": False, "waited_s": 3.0, "agents": ["anna"]}
    assert it.dump(3)["queues"] == {"support": {"agents": list(AGENTS), "callers": [shown]}}


def test_what_is_told_of_an_answer() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 1)
    it.missed("c1", "anna", 5)
    it.log_in("anna", 6)
    it.taken("c1", "anna", 9)
    it.leave("c1", 60)
    assert notices(it) == [WaitBegan("c1", "support"), WaitAnswered("c1", "support", "anna", 8)]


@pytest.mark.parametrize(
    ("does", "end", "waited_s"),
    [
        (lambda it: it.leave("c1", 4), None, 4),
        (lambda it: it.leave("c1", 4, QueueEnd.LEFT), QueueEnd.LEFT, 4),
        (lambda it: it.log_out("anna", 7), QueueEnd.NO_AGENTS, 7),
        (lambda it: run_to(it, 100), QueueEnd.TIMEOUT, 90),  # nobody says that she has not answered
        (lambda it: it.want_call_back("c1", "t1", 3), QueueEnd.CALL_BACK, 3),
    ],
)
def test_what_is_told_of_a_wait_without_an_answer(
    does: Callable[[Distributor], object], end: QueueEnd | None, waited_s: float
) -> None:
    it = with_agents("anna", max_wait_s=30)
    it.join("c1", "support", 0)
    does(it)
    assert notices(it) == [WaitBegan("c1", "support"), WaitLeft("c1", "support", end, waited_s)]


def test_what_is_told_of_a_call_back() -> None:
    it = with_agents(empty="wait")
    it.join("c1", "support", 0)
    it.want_call_back("c1", "t1", 5)
    it.leave("c1", 6)
    notices(it)
    it.log_in("anna", 100)
    assert notices(it) == []
    assert it.call_back_answered("t1", "c2", 110)
    it.taken("c2", "anna", 113)
    assert notices(it) == [WaitBegan("c2", "support", True), WaitAnswered("c2", "support", "anna", 3)]


def test_who_may_not_wait_does_not_begin() -> None:
    it = with_agents("anna", max_length=1)
    it.join("c1", "support", 0)
    notices(it)
    assert it.join("c2", "support", 0) is QueueEnd.FULL
    assert notices(it) == []


@pytest.mark.parametrize("empty", ["leave", "wait"])
def test_nobody_waits_in_a_closed_queue_whoever_is_there(empty: str) -> None:
    it = with_agents("anna", empty=empty)
    for call in ("talks", "rung", "waits"):
        it.join(call, "support", 0)
        if call == "talks":
            it.taken(call, "anna", 0)
            it.log_in("ben", 0)
    assert orders(it)[-1] == RingAgents("rung", ("ben",), 20)
    it.close("support", 5)
    assert it.is_closed("support") and orders(it) == [EndWait("waits", QueueEnd.NO_AGENTS)]
    assert it.join("comes", "support", 6) is QueueEnd.NO_AGENTS
    it.missed("rung", "ben", 20)
    assert orders(it) == [EndWait("rung", QueueEnd.NO_AGENTS)]
    assert it.state_of("talks") is CallerState.TALKING
    it.talk_over("talks", 30)
    it.close("support", 35, closed=False)
    assert not it.is_closed("support") and it.join("comes", "support", 36) is None
    run_to(it, 50)
    assert [each.call for each in orders(it) if isinstance(each, RingAgents)] == ["comes"]


def test_who_is_paused_without_being_there_gets_nobody_first() -> None:
    it = with_agents(empty="wait")
    it.join("c1", "support", 0)
    it.pause("anna", 1)
    assert orders(it) == [] and it.agent_states()["anna"] is AgentState.PAUSED
    it.log_in("anna", 2)
    assert orders(it) == [RingAgents("c1", ("anna",), 20)]


def test_who_rings_when_the_queue_closes_may_still_take_the_call() -> None:
    it = with_agents("anna")
    it.join("c1", "support", 0)
    it.close("support", 1)
    it.taken("c1", "anna", 5)
    assert it.state_of("c1") is CallerState.TALKING


def test_call_backs_wait_while_the_queue_is_closed() -> None:
    it = with_agents("ben")
    it.join("c1", "support", 0)
    it.taken("c1", "ben", 0)
    it.join("c2", "support", 0)
    assert it.want_call_back("c2", "t1", 1)
    it.close("support", 2)
    it.talk_over("c1", 3)
    orders(it)
    run_to(it, 60)
    assert orders(it) == [] and it.agent_states()["ben"] is AgentState.READY
    it.close("support", 61, closed=False)
    assert orders(it) == [PlaceCallBack("t1", 45)]


def test_agents_of_a_closed_queue_take_the_calls_of_others() -> None:
    it = Distributor({name: QueuePolicy(("anna",)) for name in ("support", "sales")}, 0)
    it.log_in("anna", 0)
    it.close("support", 0)
    assert it.join("c1", "support", 1) is QueueEnd.NO_AGENTS
    assert it.join("c2", "sales", 2) is None
    assert orders(it) == [RingAgents("c2", ("anna",), 20)]
