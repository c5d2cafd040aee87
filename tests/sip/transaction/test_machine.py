from enum import StrEnum

from offhook.sip.transaction.machine import Machine, Pace, Start, Table


class State(StrEnum):
    WAITING = "waiting"
    TRYING = "trying"
    DONE = "done"


class Timer(StrEnum):
    REPEAT = "repeat"
    LIMIT = "limit"
    NEVER = "never"


class Given(StrEnum):
    GO = "go"
    STOP = "stop"


class Action(StrEnum):
    SAY = "say"


TABLE: Table[State, Action] = Table(
    "test",
    (State.WAITING, (Action.SAY, Start(Timer.LIMIT), Start(Timer.NEVER))),
    {
        (State.WAITING, Given.GO): (State.TRYING, (Start(Timer.REPEAT), Action.SAY)),
        (State.WAITING, Timer.LIMIT): (State.DONE, ()),
        (State.WAITING, Timer.NEVER): (State.DONE, ()),
        (State.TRYING, Timer.REPEAT): (State.TRYING, (Action.SAY, Start(Timer.REPEAT, Pace.DOUBLE_TO_T2))),
        (State.TRYING, Timer.LIMIT): (State.DONE, (Action.SAY,)),
        (State.TRYING, Given.STOP): (State.DONE, ()),
    },
)


def machine() -> Machine[State, Action]:
    return Machine(TABLE, {Timer.REPEAT: 1.0, Timer.LIMIT: 10.0, Timer.NEVER: None}, t2_s=3.0)


def test_start_gives_the_first_actions_and_starts_the_first_timers() -> None:
    one = machine()
    assert one.start(100.0) == [Action.SAY]
    assert one.get_timer() == 110.0
    assert one.next_timer() == "limit"


def test_an_input_without_a_row_changes_nothing() -> None:
    one = machine()
    one.start(0.0)
    assert not one.accepts(Given.STOP)
    assert one.handle(Given.STOP, 1.0) is None
    assert one.state is State.WAITING
    assert one.get_timer() == 10.0


def test_a_timer_that_lives_in_both_states_runs_on() -> None:
    one = machine()
    one.start(0.0)
    assert one.handle(Given.GO, 9.5) == [Action.SAY]
    assert one.pop_due(10.0) is Timer.LIMIT
    assert one.handle(Timer.LIMIT, 10.0) == [Action.SAY]
    assert one.state is State.DONE


def test_entering_a_state_stops_the_timers_that_it_has_no_row_for() -> None:
    one = machine()
    one.start(0.0)
    one.handle(Given.GO, 0.0)
    one.handle(Given.STOP, 0.5)
    assert one.get_timer() is None
    assert one.next_timer() is None
    assert one.pop_due(1000.0) is None


def test_paces() -> None:
    one = machine()
    one.start(0.0)
    one.handle(Given.GO, 0.0)
    fired = []
    for _ in range(4):
        at = one.get_timer()
        assert at is not None
        fired.append(at)
        timer = one.pop_due(at)
        assert timer is not None
        one.handle(timer, at)
    assert fired == [1.0, 3.0, 6.0, 9.0]


def test_nothing_is_due_early() -> None:
    one = machine()
    one.start(0.0)
    assert one.pop_due(9.999) is None
    assert one.pop_due(10.0) is Timer.LIMIT
    assert one.pop_due(10.0) is None
