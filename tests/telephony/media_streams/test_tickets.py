from offhook.telephony.media_streams.tickets import TICKET_S, TICKETS_MAX, Tickets


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets()
    token = tickets.issue("CA1", "+1", "+2", 0.0)
    assert token.isascii() and len(token) >= 32
    looked, taken = tickets.look(token, 1.0), tickets.take(token, 1.0)
    assert looked == taken
    assert taken is not None
    assert (taken.call_sid, taken.caller, taken.called, taken.signed) == ("CA1", "+1", "+2", True)
    assert tickets.take(token, 1.0) is None
    assert len(tickets) == 0


def test_a_ticket_is_good_for_a_minute() -> None:
    tickets = Tickets()
    token = tickets.issue("CA1", "", "", 0.0)
    assert tickets.take(token, TICKET_S) is None
    assert tickets.take(token, TICKET_S - 0.1) is not None


def test_a_call_has_one_ticket_and_none_when_it_is_over() -> None:
    tickets = Tickets()
    first = tickets.issue("CA1", "", "", 0.0)
    second = tickets.issue("CA1", "", "", 0.0, signed=False)
    assert tickets.look(first, 0.0) is None
    ticket = tickets.look(second, 0.0)
    assert ticket is not None
    assert not ticket.signed
    tickets.void("CA1")
    tickets.void("CA1")
    assert tickets.look(second, 0.0) is None


def test_they_do_not_pile_up() -> None:
    tickets = Tickets()
    tokens = [tickets.issue(f"CA{n}", "", "", 0.0) for n in range(TICKETS_MAX + 10)]
    assert len(tickets) == TICKETS_MAX
    assert tickets.look(tokens[9], 0.0) is None
    assert tickets.look(tokens[10], 0.0) is not None
    tickets.issue("CA", "", "", TICKET_S)
    assert len(tickets) == 1


def test_what_was_never_issued_is_worth_nothing() -> None:
    assert Tickets().take("", 0.0) is None
    assert Tickets().take("x" * 10_000, 0.0) is None
