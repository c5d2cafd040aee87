"""What is remembered for a while."""

from offhook.sip.recent import Recent


def test_a_value_lasts_so_long() -> None:
    recent: Recent[str, int] = Recent(10.0, 5)
    recent.keep("a", 1, 0.0)
    assert recent.recall("a", 9.9) == 1
    assert recent.recall("a", 10.0) is None
    assert recent.recall("b", 0.0) is None


def test_there_are_never_more_than_so_many() -> None:
    recent: Recent[int, int] = Recent(10.0, 3)
    for n in range(10):
        recent.keep(n, n, 0.0)
    assert len(recent) == 3
    assert [recent.recall(n, 1.0) for n in (6, 7, 9)] == [None, 7, 9]


def test_what_is_over_makes_room() -> None:
    recent: Recent[str, int] = Recent(10.0, 5)
    recent.keep("a", 1, 0.0)
    recent.keep("b", 2, 11.0)
    assert len(recent) == 1
    recent.keep("b", 3, 12.0)
    assert (len(recent), recent.recall("b", 12.0)) == (1, 3)
