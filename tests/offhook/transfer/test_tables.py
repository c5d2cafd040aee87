from offhook.sip.transaction.machine import Start
from offhook.transfer.tables import FINAL, TRANSFER, TransferAction, TransferState, TransferTimer
from offhook.transfer.transfer import TransferPolicy

S, A = TransferState, TransferAction

WITH_AGENT = {S.CALLING, S.BRIEFING, S.REPLACING, S.REPLACED, S.ALONE, S.BRIDGED}
"""The states with a leg of the agent that is ours."""


def test_every_state_leads_to_an_end() -> None:
    leads = set(FINAL)
    while more := {state for (state, _), (to, _) in TRANSFER.rows.items() if to in leads} - leads:
        leads |= more
    assert leads == set(S)
    assert not [state for state, _ in TRANSFER.rows if state in FINAL]


def test_the_end_and_nothing_else_is_reported() -> None:
    for to, actions in TRANSFER.rows.values():
        assert (to in FINAL) == (actions[-1:] == (A.REPORT,))
        assert A.REPORT not in actions[:-1]


def test_the_caller_may_leave_at_any_time() -> None:
    for state in set(S) - FINAL - {S.ALONE}:
        assert any(at is state and given.value == "caller left" for at, given in TRANSFER.rows)


def test_the_agents_leg_is_released_unless_it_has_ended() -> None:
    ends = {"agent left", "agent not reached"}
    for (state, given), (to, actions) in TRANSFER.rows.items():
        leaves = state in WITH_AGENT and to not in WITH_AGENT
        assert (A.RELEASE_AGENT in actions) == (leaves and given.value not in ends), (state, given)
        assert (A.CALL_AGENT in actions) == (state not in WITH_AGENT and to in WITH_AGENT), (state, given)


def test_media_is_bridged_exactly_while_it_says_so() -> None:
    for (state, given), (to, actions) in TRANSFER.rows.items():
        assert (A.BRIDGE in actions) == (to is S.BRIDGED and state is not S.BRIDGED), (state, given)
        assert (A.UNBRIDGE in actions) == (state is S.BRIDGED and to is not S.BRIDGED), (state, given)


def test_every_timer_that_is_started_is_seen_to() -> None:
    for to, actions in TRANSFER.rows.values():
        for action in actions:
            if isinstance(action, Start):
                assert (to, action.timer) in TRANSFER.rows
    assert set(TransferPolicy().durations()) == set(TransferTimer)


def test_silence_means_one_thing() -> None:
    for good in (True, False):
        durations = TransferPolicy(silence_is_success=good).durations()
        assert (durations[TransferTimer.SILENT_GOOD] is None) != (durations[TransferTimer.SILENT_BAD] is None)
