import pytest

from offhook.sip.dialog.tables import INCOMING_CALL, OFFER, OUTGOING_CALL, CallAction, CallState, CallTimer, durations
from offhook.sip.settings import UaSettings
from offhook.sip.transaction.machine import Start, Table

CALLS = [INCOMING_CALL, OUTGOING_CALL]


@pytest.mark.parametrize("table", CALLS, ids=lambda table: table.name)
def test_every_state_leads_to_the_end(table: Table[CallState, CallAction]) -> None:
    leads = {CallState.ENDED}
    while True:
        more = {state for (state, _), (to, _) in table.rows.items() if to in leads} - leads
        if not more:
            break
        leads |= more
    reached, frontier = {table.start[0]}, {table.start[0]}
    while frontier:
        frontier = {to for (state, _), (to, _) in table.rows.items() if state in frontier} - reached
        reached |= frontier
    assert reached <= leads
    assert not [state for state, _ in table.rows if state is CallState.ENDED]


@pytest.mark.parametrize("table", [*CALLS, OFFER], ids=lambda table: table.name)
def test_every_timer_that_is_started_is_seen_to(table: Table[CallState, CallAction]) -> None:
    for to, actions in (table.start, *table.rows.values()):
        for action in actions:
            if isinstance(action, Start):
                assert (to, action.timer) in table.rows


@pytest.mark.parametrize("table", CALLS, ids=lambda table: table.name)
def test_a_call_ends_with_at_most_one_word_about_it(table: Table[CallState, CallAction]) -> None:
    last_words = {
        CallAction.REPORT_CANCELLED,
        CallAction.REPORT_REJECTED,
        CallAction.REPORT_REMOTE_BYE,
        CallAction.REPORT_LOCAL_BYE,
        CallAction.REPORT_ACK_TIMEOUT,
        CallAction.REPORT_TIMEOUT,
        CallAction.REPORT_TRANSPORT,
        CallAction.REPORT_NOT_REFRESHED,
    }
    silent = {CallAction.SEND_FAILURE}
    for (state, _), (to, actions) in table.rows.items():
        words = [action for action in actions if action in last_words]
        ends_here = to in {CallState.ENDED, CallState.CLOSING} and state not in {CallState.CLOSING}
        assert len(words) == (1 if ends_here and not silent.intersection(actions) else 0)


def test_all_timers_have_a_duration_but_those_of_one_call() -> None:
    assert set(durations(UaSettings())) == set(CallTimer) - {CallTimer.GLARE, CallTimer.EXPIRES}
