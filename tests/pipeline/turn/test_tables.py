"""The table itself: what holds for every floor, whatever the machine does with it."""

import pytest

from offhook.pipeline.turn.tables import MOVES, Action, Floor, Move


def reachable() -> set[Floor]:
    seen = {Floor.IDLE}
    while True:
        more = {after for (before, _), (after, _) in MOVES.items() if before in seen} - seen
        if not more:
            return seen
        seen |= more


def test_every_floor_can_be_reached() -> None:
    assert reachable() == set(Floor)


def test_every_move_is_used() -> None:
    assert {move for _, move in MOVES} == set(Move)


def test_every_floor_but_closed_can_be_closed() -> None:
    assert {floor for floor, move in MOVES if move is Move.CLOSE} == set(Floor) - {Floor.CLOSED}


@pytest.mark.parametrize("floor", [Floor.LISTENING, Floor.PAUSING, Floor.RECOGNISING, Floor.COLLECTING_DTMF])
def test_every_waiting_floor_has_a_timer(floor: Floor) -> None:
    """No dead air: every transition to a floor that waits for the caller or an engine arms a timer."""
    arming = {action for action in Action if action.value.startswith("arm-")}
    ways = [(key, actions) for key, (after, actions) in MOVES.items() if after is floor and key[0] is not floor]
    assert ways
    for key, actions in ways:
        assert arming & set(actions), f"{key} leads to {floor} without a timer"


def test_a_step_that_ends_releases_the_recogniser() -> None:
    opened = {
        after
        for (_, _), (after, actions) in MOVES.items()
        if Action.RECOGNISE in actions or after in (Floor.USER_TURN, Floor.PAUSING)
    }
    for (before, move), (after, actions) in MOVES.items():
        if before in opened and after in (Floor.IDLE, Floor.CLOSED, Floor.COLLECTING_DTMF):
            assert Action.CANCEL_ASR in actions, f"({before}, {move}) leaves a recogniser open"


def test_only_a_paused_prompt_is_abandoned() -> None:
    for (before, move), (_, actions) in MOVES.items():
        if Action.ABANDON_PROMPT in actions:
            paused = before in (Floor.BOT_PAUSED, Floor.WAITING) or move is Move.WORDS
            assert paused or actions.index(Action.PAUSE) < actions.index(Action.ABANDON_PROMPT), (before, move)
