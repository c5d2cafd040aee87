"""The names that carriers give their calls."""

from offhook.calls.directory import MemoryDirectory


def test_a_name_is_the_first_one_s_until_it_is_over() -> None:
    directory = MemoryDirectory()
    assert directory.claim("CA1", "a") and directory.claim("CA1", "a")
    assert not directory.claim("CA1", "b")
    assert directory.find("CA1") == "a" and directory.find("CA2") is None
    directory.release("b")
    assert directory.find("CA1") == "a"
    directory.release("a")
    directory.release("a")
    assert directory.find("CA1") is None
    assert directory.claim("CA1", "b")


def test_all_names_of_a_call_go_with_it() -> None:
    directory = MemoryDirectory()
    assert directory.claim("CA1", "a") and directory.claim("CA2", "a") and directory.claim("CA3", "b")
    directory.release("a")
    assert [directory.find(name) for name in ("CA1", "CA2", "CA3")] == [None, None, "b"]


def test_a_ticket_of_another_kind_is_worth_nothing() -> None:
    directory = MemoryDirectory()
    token = directory.tickets("twilio").issue("CA1", "a", "b", 0.0)
    assert directory.tickets("talk").take(token, 1.0) is None
    ticket = directory.tickets("twilio").take(token, 1.0)
    assert ticket is not None and ticket.call_sid == "CA1"
    assert directory.tickets("twilio").take(token, 1.0) is None
