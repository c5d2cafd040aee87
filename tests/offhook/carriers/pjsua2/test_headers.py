"""Which header fields PJSIP is kept from."""

import pytest

from offhook.carriers.pjsua2.descriptions import IGNORED
from offhook.carriers.pjsua2.headers import BAD_REQUEST, judge, verdict

ROUTE, CONTACT = "Record-Route", "Contact"


def request(method: str) -> str:
    return f"Request msg {method}/cseq=1"


def response(status: int, method: str = "INVITE") -> str:
    return f"Response msg {status}/{method}/cseq=1"


def test_no_call_begins_with_a_route_that_is_none() -> None:
    assert verdict(request("INVITE"), ROUTE, in_dialog=False) == BAD_REQUEST


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "PRACK", "ACK", "BYE", "CANCEL", "NOTIFY", "REFER", "INFO"])
def test_requests_in_a_call_change_no_route(method: str) -> None:
    for name in (ROUTE, CONTACT):
        assert verdict(request(method), name, in_dialog=True) == IGNORED


@pytest.mark.parametrize("method", ["ACK", "CANCEL", "OPTIONS", "REGISTER", "MESSAGE", "INVITED"])
def test_what_begins_no_call_needs_no_route(method: str) -> None:
    for name in (ROUTE, CONTACT):
        assert verdict(request(method), name, in_dialog=False) == IGNORED


def test_a_contact_may_be_one_of_several() -> None:
    assert verdict(request("INVITE"), CONTACT, in_dialog=False) == IGNORED


@pytest.mark.parametrize("status", [100, 180, 183, 199, 200, 202, 299])
def test_an_answer_goes_on_without_it(status: int) -> None:
    for method in ("INVITE", "REGISTER", "REFER", "SUBSCRIBE"):
        for name in (ROUTE, CONTACT):
            assert verdict(response(status, method), name, in_dialog=True) == IGNORED


@pytest.mark.parametrize("status", [300, 302, 380, 404, 485, 503, 600])
def test_pjsip_goes_nowhere_by_itself(status: int) -> None:
    """What a redirection names is read by `call_attempts`."""
    assert verdict(response(status), CONTACT, in_dialog=True) == IGNORED


def test_a_second_answer_has_a_tag() -> None:
    assert verdict(response(200), "To", in_dialog=False) > 0


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Via"])
def test_whose_message_it_is_has_to_be_clear(name: str) -> None:
    for what in (request("INVITE"), request("BYE"), request("ACK"), response(180), response(302), response(200, "BYE")):
        for in_dialog in (False, True):
            assert verdict(what, name, in_dialog=in_dialog) == BAD_REQUEST


@pytest.mark.parametrize("name", ["Expires", "Min-Expires", "Service-Route", "Flow-Timer"])
def test_what_a_registrar_grants_beyond_all_bounds_is_left_out(name: str) -> None:
    for what in (response(200, "REGISTER"), response(423, "REGISTER"), request("INVITE")):
        assert verdict(what, name, in_dialog=False) == IGNORED


def test_only_refused_requests_are_counted() -> None:
    refused: list[int] = []
    asked = judge(refused.append)
    assert asked(f"{request('INVITE')} (rdata0x7f2a)".encode(), ROUTE, False) == BAD_REQUEST
    assert asked(f"{request('INVITE')} (rdata0x7f2a)".encode(), ROUTE, True) == IGNORED
    assert asked(f"{response(200)} (rdata0x7f2a)".encode(), CONTACT, True) == IGNORED
    assert asked(f"{response(200)} (rdata0x7f2a)".encode(), "To", False) == BAD_REQUEST
    assert refused == [BAD_REQUEST]
