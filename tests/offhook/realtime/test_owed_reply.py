"""What a model that decides alone when to talk is told, and when."""

from offhook.realtime.owed_reply import PATIENCE_S, SAY_AGAIN, WAITS_S, OwedReply

GREET = "Greet."


def due(owed: OwedReply, now: float, *, talks: bool = False) -> str | None:
    return owed.due(now, caller_talks=talks)


def answered(at: float = 10.0) -> OwedReply:
    """A conversation in which the model spoke last."""
    owed = OwedReply()
    owed.opened(1.0, awaited=False)
    owed.caller_spoke(8.0, 8.2)
    owed.model_spoke(at)
    return owed


def test_what_is_wanted_is_asked_for_once_a_session_until_the_model_speaks() -> None:
    owed = OwedReply()
    owed.opened(1.0, awaited=False)
    assert due(owed, 1.0) is None
    owed.want(GREET)
    assert [due(owed, 1.1), due(owed, 1.2)] == [GREET, None]
    owed.opened(2.0, awaited=False)
    assert due(owed, 2.0) == GREET
    assert owed.owed(2.0 + WAITS_S - 0.1)
    assert not owed.owed(2.0 + WAITS_S)
    owed.model_spoke(2.1)
    assert not owed.owed(2.1)
    owed.opened(3.0, awaited=False)
    assert due(owed, 3.0) is None


def test_words_that_only_a_lost_session_has_heard_are_asked_for_at_once() -> None:
    owed = answered()
    owed.caller_spoke(11.0, 11.2)
    owed.opened(13.0, awaited=False)
    assert due(owed, 13.0) == SAY_AGAIN


def test_a_session_that_has_heard_the_end_of_them_may_answer_first() -> None:
    owed = answered()
    owed.caller_spoke(11.0, 11.2)
    owed.opened(11.5, awaited=False)
    assert due(owed, 11.5, talks=True) is None
    assert due(owed, 12.0, talks=True) is None
    assert due(owed, 12.0 + PATIENCE_S - 0.1) is None
    assert due(owed, 12.0 + PATIENCE_S) == SAY_AGAIN
    owed.caller_spoke(14.0, 14.2)
    owed.opened(14.5, awaited=False)
    owed.caller_spoke(14.0, 14.7)
    owed.model_spoke(15.0)
    assert due(owed, 16.5) is None


def test_words_that_began_before_a_session_and_are_noticed_in_it_have_been_heard_in_part() -> None:
    owed = answered()
    owed.opened(12.0, awaited=False)
    owed.caller_spoke(11.9, 12.1)
    assert due(owed, 12.2) is None
    assert due(owed, 12.1 + PATIENCE_S) == SAY_AGAIN


def test_words_that_a_session_has_heard_whole_are_left_to_it() -> None:
    owed = answered()
    owed.opened(12.0, awaited=False)
    owed.caller_spoke(12.5, 12.7)
    assert due(owed, 20.0) is None


def test_an_answer_that_is_awaited_is_asked_for_without_words() -> None:
    owed = answered()
    owed.opened(12.0, awaited=True)
    assert due(owed, 12.0) == ""


def test_it_may_come_for_a_while() -> None:
    owed = answered()
    assert not owed.may_come(10.5, 2.0)
    owed.caller_spoke(11.0, 11.0)
    assert owed.may_come(12.9, 2.0)
    assert not owed.may_come(13.1, 2.0)
