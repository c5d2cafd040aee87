import pytest

from offhook.sip.dialog.model import from_answer, from_invite, request_dialog_id
from offhook.sip.dialog.requests import cancel_of, in_dialog, next_hop, numeric_address
from offhook.sip.errors import ParseError
from offhook.sip.message import build
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from tests.sip.dialog.harness import ALICE, Message, inside, invite


def request(message: Message) -> Request:
    parsed = parse(bytes(message))
    assert isinstance(parsed, Request)
    return parsed


def test_the_callee_and_the_caller_make_mirror_images() -> None:
    sent = request(invite(extra=("Contact: <sip:a@192.0.2.1>", "Record-Route: <sip:p2;lr>, <sip:p1;lr>")))
    answer = build.response(sent, 200, to_tag="us", headers=[("Contact", "<sip:bot@192.0.2.2>")])
    callee = from_invite(sent, "us", ALICE)
    caller = from_answer(sent, answer, Address("192.0.2.2", 5060))
    assert callee.id == ("call-1", "us", "alice")
    assert caller.id == ("call-1", "alice", "us")
    assert (callee.local, callee.remote) == (caller.remote, caller.local)
    assert callee.route_set == ("<sip:p2;lr>", "<sip:p1;lr>")
    assert caller.route_set == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert (callee.remote_target, caller.remote_target) == ("sip:a@192.0.2.1", "sip:bot@192.0.2.2")
    assert (callee.local_cseq, callee.remote_cseq) == (0, 1)
    assert (caller.local_cseq, caller.remote_cseq) == (1, None)
    assert request_dialog_id(request(inside("BYE", "us", 2))) == callee.id


def test_numbers_go_up() -> None:
    dialog = from_invite(request(invite(cseq=10)), "us", ALICE)
    assert [dialog.take_cseq(), dialog.take_cseq()] == [1, 2]
    assert [dialog.admits(request(inside("BYE", "us", n))) for n in (11, 13, 12, 13, 14)] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_a_peer_without_a_tag() -> None:
    dialog = from_invite(request(invite(sender="<sip:old@example.com>")), "us", ALICE)
    assert dialog.id == ("call-1", "us", "")
    assert in_dialog(dialog, "BYE", 1, "SIP/2.0/UDP h").headers.get("To") == "<sip:old@example.com>"


def test_a_cancel_is_the_invites_twin() -> None:
    sent = request(invite(extra=("Route: <sip:p;lr>", "Require: x")))
    cancel = cancel_of(sent)
    assert (cancel.method, cancel.uri, cancel.body) == ("CANCEL", sent.uri, b"")
    for name in ("Via", "From", "To", "Call-ID", "Route", "Max-Forwards"):
        assert cancel.headers.get_all(name) == sent.headers.get_all(name)
    assert cancel.headers.get("CSeq") == "1 CANCEL"
    assert "Require" not in cancel.headers


def test_numeric_addresses() -> None:
    assert numeric_address("sip:a@192.0.2.1:7") == Address("192.0.2.1", 7)
    assert numeric_address("sip:[2001:db8::1]") == Address("2001:db8::1", 5060)
    assert numeric_address("sip:example.com") is None
    assert numeric_address("tel:+1") is None
    with pytest.raises(ParseError):
        numeric_address("nonsense")


def test_the_next_hop_is_the_first_route() -> None:
    dialog = from_invite(request(invite(extra=("Record-Route: <sip:192.0.2.50:5080;lr>",))), "us", ALICE)
    assert next_hop(dialog) == Address("192.0.2.50", 5080)
