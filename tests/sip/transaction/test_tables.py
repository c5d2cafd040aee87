"""RFC 3261 §17 and RFC 6026 in virtual time: the machines alone, without messages."""

import pytest

from offhook.sip.transaction.machine import Machine, Start, Table
from offhook.sip.transaction.tables import CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER, Action, Input, State
from offhook.sip.transaction.timers import Timer, Timers

TABLES = [CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER]


class Run:
    """A machine and a log of when it did what."""

    def __init__(self, table: Table[State, Action], *, reliable: bool = False) -> None:
        timers = Timers()
        self.machine: Machine[State, Action] = Machine(table, timers.durations(reliable), timers.t2_s)
        self.log: list[tuple[float, Action]] = [(0.0, do) for do in self.machine.start(0.0)]

    def handle(self, given: Input, now: float) -> "Run":
        self.advance(now)
        self.log += [(now, do) for do in self.machine.handle(given, now) or []]
        return self

    def advance(self, now: float) -> "Run":
        while (at := self.machine.get_timer()) is not None and at <= now:
            timer = self.machine.pop_due(at)
            assert timer is not None
            self.log += [(at, do) for do in self.machine.handle(timer, at) or []]
        return self

    @property
    def state(self) -> State:
        return self.machine.state

    def times(self, *of: Action) -> list[float]:
        return [at for at, do in self.log if do in of]


def test_an_unanswered_invite_is_sent_seven_times_and_times_out_after_32_s() -> None:
    run = Run(INVITE_CLIENT).advance(100.0)
    assert run.times(Action.SEND, Action.RESEND) == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert run.times(Action.REPORT_TIMEOUT) == [32.0]
    assert run.state is State.TERMINATED


def test_an_unanswered_request_is_sent_eleven_times() -> None:
    run = Run(CLIENT).advance(100.0)
    assert run.times(Action.SEND, Action.RESEND) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert run.times(Action.REPORT_TIMEOUT) == [32.0]


def test_reliable_transports_repeat_nothing_and_still_time_out() -> None:
    for table in (INVITE_CLIENT, CLIENT):
        run = Run(table, reliable=True).advance(100.0)
        assert run.times(Action.SEND, Action.RESEND) == [0.0]
        assert run.times(Action.REPORT_TIMEOUT) == [32.0]


def test_a_provisional_ends_the_retransmission_of_an_invite_and_its_timeout() -> None:
    run = Run(INVITE_CLIENT).handle(Input.R1XX, 0.7).advance(200.0)
    assert run.times(Action.SEND, Action.RESEND) == [0.0, 0.5]
    assert run.state is State.PROCEEDING


def test_timer_c_bounds_an_invite_that_only_ever_gets_provisionals() -> None:
    run = Run(INVITE_CLIENT).handle(Input.R1XX, 0.0).handle(Input.R1XX, 100.0).advance(399.0)
    assert run.state is State.PROCEEDING
    assert run.advance(400.0).times(Action.REPORT_TIMEOUT) == [400.0]


def test_a_provisional_slows_the_retransmission_of_a_request_to_t2() -> None:
    run = Run(CLIENT).handle(Input.R1XX, 0.2).advance(100.0)
    assert run.times(Action.SEND, Action.RESEND) == [0.0, 0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5]
    assert run.times(Action.REPORT_TIMEOUT) == [32.0]


@pytest.mark.parametrize("before", [[], [Input.R1XX]])
def test_a_failed_invite_is_acknowledged_each_time_until_timer_d(before: list[Input]) -> None:
    run = Run(INVITE_CLIENT)
    for given in before:
        run.handle(given, 0.1)
    run.handle(Input.R3_6XX, 1.0).handle(Input.R3_6XX, 2.0).handle(Input.R3_6XX, 32.9)
    assert run.times(Action.SEND_ACK) == [1.0, 2.0, 32.9]
    assert run.times(Action.DELIVER)[-1] == 1.0
    assert run.state is State.COMPLETED
    assert run.advance(33.0).state is State.TERMINATED


def test_timer_d_is_zero_over_a_reliable_transport() -> None:
    run = Run(INVITE_CLIENT, reliable=True).handle(Input.R3_6XX, 1.0)
    assert run.advance(1.0).state is State.TERMINATED


@pytest.mark.parametrize("before", [[], [Input.R1XX]])
def test_every_2xx_goes_up_until_timer_m(before: list[Input]) -> None:
    run = Run(INVITE_CLIENT)
    for given in before:
        run.handle(given, 0.1)
    run.handle(Input.R2XX, 1.0).handle(Input.R2XX, 1.5).handle(Input.R3_6XX, 2.0).handle(Input.R2XX, 32.0)
    assert [at for at in run.times(Action.DELIVER) if at >= 1.0] == [1.0, 1.5, 32.0]
    assert run.times(Action.SEND_ACK) == []
    assert run.state is State.ACCEPTED
    assert run.advance(33.0).state is State.TERMINATED


@pytest.mark.parametrize("final", [Input.R2XX, Input.R3_6XX])
@pytest.mark.parametrize("before", [[], [Input.R1XX]])
def test_a_request_is_answered_once_and_absorbs_until_timer_k(before: list[Input], final: Input) -> None:
    run = Run(CLIENT)
    for given in before:
        run.handle(given, 0.1)
    run.handle(final, 1.0).handle(final, 1.5).handle(Input.R1XX, 1.6).handle(final, 5.9)
    assert [at for at in run.times(Action.DELIVER) if at >= 1.0] == [1.0]
    assert run.state is State.COMPLETED
    assert run.advance(6.0).state is State.TERMINATED


@pytest.mark.parametrize(("table", "steps"), [(INVITE_CLIENT, []), (CLIENT, []), (CLIENT, [Input.R1XX])])
def test_a_transport_error_ends_a_client(table: Table[State, Action], steps: list[Input]) -> None:
    run = Run(table)
    for given in steps:
        run.handle(given, 0.1)
    run.handle(Input.TRANSPORT_ERROR, 0.2)
    assert run.times(Action.REPORT_TRANSPORT) == [0.2]
    assert run.state is State.TERMINATED
    assert run.machine.get_timer() is None


def test_an_invite_server_repeats_its_provisional() -> None:
    run = Run(INVITE_SERVER).handle(Input.R1XX, 0.0).handle(Input.REQUEST, 0.5).handle(Input.R1XX, 0.6)
    assert run.times(Action.SEND) == [0.0, 0.6]
    assert run.times(Action.RESEND) == [0.5]
    assert run.machine.get_timer() is None


def test_a_failure_is_repeated_until_timer_h() -> None:
    run = Run(INVITE_SERVER).handle(Input.R3_6XX, 0.0).advance(100.0)
    assert run.times(Action.SEND, Action.RESEND) == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert run.times(Action.REPORT_TIMEOUT) == [32.0]
    assert run.state is State.TERMINATED


def test_a_failure_is_repeated_for_each_retransmitted_invite() -> None:
    run = Run(INVITE_SERVER).handle(Input.R3_6XX, 0.0).handle(Input.REQUEST, 0.2)
    assert run.times(Action.RESEND) == [0.2]


def test_the_ack_of_a_failure_ends_its_repetition_and_timer_i_the_transaction() -> None:
    run = Run(INVITE_SERVER).handle(Input.R3_6XX, 0.0).handle(Input.ACK, 0.7)
    run.handle(Input.ACK, 0.8).handle(Input.REQUEST, 0.9)
    assert run.state is State.CONFIRMED
    assert run.times(Action.RESEND) == [0.5]
    assert run.advance(5.6).state is State.CONFIRMED
    assert run.advance(5.7).state is State.TERMINATED


def test_an_accepted_invite_absorbs_invites_and_hands_up_acks_until_timer_l() -> None:
    run = Run(INVITE_SERVER).handle(Input.R2XX, 1.0).handle(Input.REQUEST, 1.5).handle(Input.ACK, 2.0)
    run.handle(Input.R2XX, 2.1)
    assert run.times(Action.SEND) == [1.0, 2.1]
    assert run.times(Action.RESEND) == []
    assert run.times(Action.DELIVER) == [0.0, 2.0]
    assert run.advance(32.9).state is State.ACCEPTED
    assert run.advance(33.0).state is State.TERMINATED


def test_a_final_response_cannot_be_taken_back() -> None:
    run = Run(INVITE_SERVER).handle(Input.R3_6XX, 0.0).handle(Input.R2XX, 0.1).handle(Input.R1XX, 0.2)
    assert run.times(Action.SEND) == [0.0]
    other = Run(SERVER).handle(Input.R2XX, 0.0).handle(Input.R3_6XX, 0.1)
    assert other.times(Action.SEND) == [0.0]


def test_a_transport_error_is_reported_and_leaves_an_invite_server_as_it_was() -> None:
    for given, state in ((Input.R1XX, "PROCEEDING"), (Input.R2XX, "ACCEPTED"), (Input.R3_6XX, "COMPLETED")):
        run = Run(INVITE_SERVER).handle(given, 0.0).handle(Input.TRANSPORT_ERROR, 0.1)
        assert run.times(Action.REPORT_TRANSPORT) == [0.1]
        assert run.state is State[state]


def test_a_server_is_silent_before_there_is_a_response() -> None:
    run = Run(SERVER).handle(Input.REQUEST, 0.5)
    assert run.times(Action.SEND, Action.RESEND) == []
    assert run.state is State.TRYING


@pytest.mark.parametrize("final", [Input.R2XX, Input.R3_6XX])
def test_a_server_repeats_its_responses_until_timer_j(final: Input) -> None:
    run = Run(SERVER).handle(Input.R1XX, 0.0).handle(Input.REQUEST, 0.5).handle(final, 1.0).handle(Input.REQUEST, 1.5)
    assert run.times(Action.SEND) == [0.0, 1.0]
    assert run.times(Action.RESEND) == [0.5, 1.5]
    assert run.advance(32.9).state is State.COMPLETED
    assert run.advance(33.0).state is State.TERMINATED


def test_timers_i_j_k_are_zero_over_a_reliable_transport() -> None:
    confirmed = Run(INVITE_SERVER, reliable=True).handle(Input.R3_6XX, 0.0).handle(Input.ACK, 0.1)
    assert confirmed.advance(0.1).state is State.TERMINATED
    assert confirmed.times(Action.RESEND) == []
    assert Run(SERVER, reliable=True).handle(Input.R2XX, 0.0).advance(0.0).state is State.TERMINATED
    assert Run(CLIENT, reliable=True).handle(Input.R2XX, 0.0).advance(0.0).state is State.TERMINATED


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_state_that_can_be_entered_can_be_left_and_ends_terminated(table: Table[State, Action]) -> None:
    reached, frontier = {table.start[0]}, {table.start[0]}
    while frontier:
        frontier = {to for (state, _), (to, _) in table.rows.items() if state in frontier} - reached
        reached |= frontier
    assert State.TERMINATED in reached
    assert reached == {state for state, _ in table.rows} | {State.TERMINATED}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_timer_is_only_started_on_the_way_into_a_state_that_has_a_row_for_it(
    table: Table[State, Action],
) -> None:
    for to, actions in (table.start, *table.rows.values()):
        for action in actions:
            if isinstance(action, Start):
                assert (to, action.timer) in table.rows


def test_shorter_timers_follow_from_t1() -> None:
    durations = Timers(t1_s=0.1).durations(reliable=False)
    assert durations[Timer.A] == 0.1
    assert {durations[timer] for timer in (Timer.B, Timer.F, Timer.H, Timer.J, Timer.L, Timer.M)} == {6.4}
