from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.transaction.agenda import Agenda


class Owner:
    def __init__(self, name: int) -> None:
        self.name = name


def test_the_earliest_comes_first_and_only_when_due() -> None:
    agenda: Agenda[Owner] = Agenda()
    one, two = Owner(1), Owner(2)
    agenda.schedule(one, 5.0)
    agenda.schedule(two, 3.0)
    assert agenda.get_timer() == 3.0
    assert agenda.pop_due(2.9) is None
    assert agenda.pop_due(3.0) is two
    assert agenda.pop_due(3.0) is None
    assert agenda.get_timer() == 5.0


def test_a_new_deadline_replaces_the_old_one_and_none_removes_it() -> None:
    agenda: Agenda[Owner] = Agenda()
    one = Owner(1)
    agenda.schedule(one, 3.0)
    agenda.schedule(one, 7.0)
    assert agenda.get_timer() == 7.0
    assert agenda.pop_due(6.0) is None
    agenda.schedule(one, None)
    assert agenda.get_timer() is None
    assert len(agenda) == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 50))), max_size=300))
def test_it_agrees_with_a_dictionary(changes: list[tuple[int, int | None]]) -> None:
    agenda: Agenda[Owner] = Agenda()
    owners = [Owner(name) for name in range(10)]
    model: dict[int, int] = {}
    for name, deadline in changes:
        agenda.schedule(owners[name], deadline)
        if deadline is None:
            model.pop(name, None)
        else:
            model[name] = deadline
        assert agenda.get_timer() == min(model.values(), default=None)
    popped = []
    while (owner := agenda.pop_due(1000.0)) is not None:
        popped.append(model.pop(owner.name))
    assert popped == sorted(popped)
    assert model == {}
