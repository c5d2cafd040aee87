"""Agents who have called in: each waits for one caller at a time, and is there between two."""

import pytest

from offhook.queues.distributor import Distributor
from offhook.queues.members import BETWEEN_S
from offhook.queues.orders import (
    EndTake,
    EndWait,
    HangUpCallBack,
    JoinCalls,
    KeepAgent,
    Place,
    PlaceCallBack,
    QueueEnd,
    RingAgents,
    StopRinging,
)
from offhook.queues.policy import QueuePolicy
from offhook.queues.tables import AgentState, CallerState
from tests.offhook.queues.test_distributor import orders, run_to, with_agents


def called_in(it: Distributor) -> dict[str, str]:
    found = it.dump(0)["called_in"]
    assert isinstance(found, dict)
    return {name: agent["state"] for name, agent in found.items()}


def test_the_first_caller_by_priority_and_then_arrival_is_taken() -> None:
    it = with_agents(empty="wait")
    for number, priority in enumerate((0, 5, 5)):
        it.join(f"c{number}", "support", number, priority)
    it.come("dora", "support", 5)
    assert orders(it) == [JoinCalls("c1", "dora")]
    it.taken("c1", "dora", 6)
    assert (it.state_of("c1"), called_in(it)) == (CallerState.TALKING, {"dora": "talking"})
    it.talk_over("c1", 60)
    assert (it.state_of("c1"), called_in(it), orders(it)) == (None, {"dora": "wrap-up"}, [])
    it.come("dora", "support", 61)
    assert orders(it) == [JoinCalls("c2", "dora")]


def test_they_wait_until_somebody_comes_in_their_order() -> None:
    it = with_agents()
    for name in ("dora", "emil"):
        it.come(name, "support", 0)
    assert (orders(it), called_in(it)) == ([], {"dora": "ready", "emil": "ready"})
    assert it.join("c1", "support", 1) is None  # somebody is there
    it.join("c2", "support", 2)
    assert orders(it) == [JoinCalls("c1", "dora"), JoinCalls("c2", "emil")]


def test_they_come_before_phones_that_ring_and_ring_with_none() -> None:
    it = with_agents("anna", "ben", strategy="ring_all")
    it.come("dora", "support", 0)
    it.join("c1", "support", 1)
    it.join("c2", "support", 1)
    assert orders(it) == [JoinCalls("c1", "dora"), RingAgents("c2", ("anna", "ben"), 20)]


def test_they_are_in_one_queue_alone() -> None:
    it = Distributor({"support": QueuePolicy(()), "sales": QueuePolicy((), empty="wait")}, 0)
    it.come("dora", "support", 0)
    it.join("c1", "sales", 1)
    assert orders(it) == []
    assert it.states_in("sales") == [] and it.states_in("support") == [AgentState.READY]
    with pytest.raises(KeyError):
        it.come("emil", "suport", 2)


def test_callers_do_not_wait_when_the_last_one_has_gone() -> None:
    it = with_agents(max_wait_s=60)
    it.come("dora", "support", 0)
    it.come("emil", "support", 0)
    for call in ("c1", "c2", "c3"):
        it.join(call, "support", 1)
    orders(it)
    it.taken("c1", "dora", 2)
    it.go("emil", 3)
    assert orders(it) == [StopRinging("c2", ("emil",))]
    assert (it.state_of("c2"), it.place_of("c3")) == (CallerState.WAITING, Place(2, None))
    it.leave("c1", 4)
    assert orders(it) == []
    it.go("dora", 5)  # the call of the agent is over
    assert orders(it) == [EndWait("c2", QueueEnd.NO_AGENTS), EndWait("c3", QueueEnd.NO_AGENTS)]
    assert called_in(it) == {}


@pytest.mark.parametrize("wrap_up_s", [0.0, BETWEEN_S + 30])
@pytest.mark.parametrize("talks", [True, False])
def test_they_are_there_between_two_callers(talks: bool, wrap_up_s: float) -> None:
    it = with_agents(wrap_up_s=wrap_up_s)
    it.come("dora", "support", 0)
    if talks:
        it.join("c1", "support", 0)
        it.taken("c1", "dora", 1)
        it.leave("c1", 9)
        it.step_away("dora", 9)
    else:
        it.step_away("dora", 9)  # they have waited in vain
    orders(it)
    run_to(it, 20)
    assert it.join("c2", "support", 20) is None
    it.come("dora", "support", 25)
    assert orders(it) == [JoinCalls("c2", "dora")]
    it.step_away("dora", 26)
    assert orders(it) == [StopRinging("c2", ("dora",))]
    run_to(it, 25 + max(wrap_up_s, BETWEEN_S))
    assert (orders(it), called_in(it)) == ([], {"dora": "wrap-up"})
    run_to(it, 26 + max(wrap_up_s, BETWEEN_S))
    assert (orders(it), called_in(it)) == ([EndWait("c2", QueueEnd.NO_AGENTS)], {})
    assert it.join("c3", "support", 200) is QueueEnd.NO_AGENTS


def test_who_hangs_up_between_two_callers_is_gone_at_once() -> None:
    it = with_agents()
    it.come("dora", "support", 0)
    for call in ("c1", "c2"):
        it.join(call, "support", 0)
    it.taken("c1", "dora", 1)
    it.leave("c1", 9)
    orders(it)
    it.go("dora", 10)
    assert (orders(it), called_in(it)) == ([EndWait("c2", QueueEnd.NO_AGENTS)], {})


def test_who_goes_on_to_another_queue_is_not_there_in_the_first() -> None:
    it = Distributor({"support": QueuePolicy(()), "sales": QueuePolicy(())}, 0)
    it.come("dora", "support", 0)
    it.join("c1", "support", 0)
    it.join("c2", "support", 0)
    it.taken("c1", "dora", 1)
    it.talk_over("c1", 9)
    orders(it)
    it.come("dora", "sales", 10)
    assert orders(it) == [EndWait("c2", QueueEnd.NO_AGENTS)]


def test_who_steps_away_while_talking_may_come_again_at_once() -> None:
    it = with_agents(empty="wait")
    it.join("c1", "support", 0)
    it.come("dora", "support", 0)
    it.taken("c1", "dora", 1)
    it.step_away("dora", 2)
    assert called_in(it) == {"dora": "talking"}
    it.come("dora", "support", 3)  # the caller's side has not noticed yet
    with pytest.raises(ValueError):
        it.come("dora", "support", 3)
    it.talk_over("c1", 4)
    assert called_in(it) == {"dora": "ready"}


def test_a_caller_who_is_gone_before_the_talk_leaves_them_free() -> None:
    it = with_agents(empty="wait")
    it.come("dora", "support", 0)
    it.join("c1", "support", 0)
    it.join("c2", "support", 0)
    orders(it)
    it.leave("c1", 1)
    assert orders(it) == [JoinCalls("c2", "dora")]


def test_a_connection_of_which_nothing_is_heard_is_given_up() -> None:
    it = with_agents(empty="wait", rest_s=30)
    it.come("dora", "support", 0)
    it.join("c1", "support", 0)
    orders(it)
    run_to(it, 90)
    assert orders(it) == [StopRinging("c1", ("dora",)), JoinCalls("c1", "dora")]


def test_who_misses_callers_rests_each_time_and_is_not_asked_at_once_but_never_paused() -> None:
    it = with_agents(empty="wait", rest_s=30, max_missed=2)
    it.come("dora", "support", 0)
    it.join("c1", "support", 0)
    orders(it)
    for at in (1, 32, 63):
        it.missed("c1", "dora", at)
        assert (orders(it), called_in(it)) == ([], {"dora": "resting"})
        run_to(it, at + 30)
        assert orders(it) == [JoinCalls("c1", "dora")]


def test_they_are_kept_for_a_call_back() -> None:
    it = with_agents(empty="wait")
    it.join("c1", "support", 0)
    it.want_call_back("c1", "t1", 1)
    it.come("dora", "support", 2)
    assert orders(it) == [KeepAgent("dora", 75.0), PlaceCallBack("t1", 45.0)]
    assert called_in(it) == {"dora": "reserved"}
    it.call_back_answered("t1", "c9", 10)
    assert orders(it) == [JoinCalls("c9", "dora")]


def test_a_call_back_that_nobody_waits_for_any_more_is_made_again_later() -> None:
    it = with_agents(call_back_tries=1)
    it.come("dora", "support", 0)
    it.restore_call_back("t1", "support", 0)
    placed = [KeepAgent("dora", 75.0), PlaceCallBack("t1", 45.0)]
    assert orders(it) == placed
    it.go("dora", 5)
    assert orders(it) == [HangUpCallBack("t1")]
    assert not it.call_back_answered("t1", "c1", 5)
    it.come("dora", "support", 6)
    run_to(it, 304)
    assert orders(it) == []
    run_to(it, 305)
    assert orders(it) == placed  # that was no try


def test_a_call_back_goes_on_while_they_may_come_again() -> None:
    it = with_agents()
    it.come("dora", "support", 0)
    it.restore_call_back("t1", "support", 0)
    orders(it)
    it.step_away("dora", 5)
    it.call_back_answered("t1", "c1", 8)
    assert it.state_of("c1") is CallerState.WAITING
    it.come("dora", "support", 9)
    assert orders(it) == [JoinCalls("c1", "dora")]


def test_nobody_is_taken_from_a_closed_queue() -> None:
    it = with_agents(empty="wait")
    for name in ("dora", "emil"):
        it.come(name, "support", 0)
    it.join("c1", "support", 0)
    orders(it)
    it.close("support", 1)
    assert orders(it) == [EndTake("emil")]
    assert called_in(it) == {"dora": "ringing", "emil": "wrap-up"}
    it.missed("c1", "dora", 2)
    assert orders(it) == [EndWait("c1", QueueEnd.NO_AGENTS)]
    run_to(it, 32)
    assert orders(it) == [EndTake("dora")]
    it.come("emil", "support", 33)
    assert orders(it) == [EndTake("emil")]
    it.close("support", 34, closed=False)
    it.come("emil", "support", 35)
    assert (orders(it), called_in(it)["emil"]) == ([], "ready")


def test_people_log_in_and_out_only_those_of_the_settings() -> None:
    it = with_agents()
    it.come("dora", "support", 0)
    assert "dora" not in it.agent_states()
    it.go("anna", 1)
    assert it.agent_states()["anna"] is AgentState.OUT
