import pytest

from offhook.sip.dialog.model import from_answer, from_invite, request_dialog_id
from offhook.sip.dialog.requests import FlowTo, cancel_of, in_dialog, next_hop, numeric_address
from offhook.sip.message import build
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport, transport_of
from tests.sip.dialog.harness import ALICE, BOB, Message, inside, invite, udp


def request(message: Message) -> Request:
    parsed = parse(bytes(message))
    assert isinstance(parsed, Request)
    return parsed


def test_the_callee_and_the_caller_make_mirror_images() -> None:
    sent = request(invite(extra=("Contact: <sip:a@192.0.2.1>", "Record-Route: <sip:p2;lr>, <sip:p1;lr>")))
    answer = build.response(sent, 200, to_tag="us", headers=[("Contact", "<sip:bot@192.0.2.2>")])
    callee = from_invite(sent, "us", udp(ALICE))
    caller = from_answer(sent, answer, udp(BOB, ALICE))
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
    dialog = from_invite(request(invite(cseq=10)), "us", udp(ALICE))
    assert [dialog.take_cseq(), dialog.take_cseq()] == [1, 2]
    assert [dialog.admits(request(inside("BYE", "us", n))) for n in (11, 13, 12, 13, 14)] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_a_peer_without_a_tag() -> None:
    dialog = from_invite(request(invite(sender="<sip:old@example.com>")), "us", udp(ALICE))
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


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:a@192.0.2.1:7", Address("192.0.2.1", 7)),
        ("sip:[2001:db8::1]", Address("2001:db8::1", 5060)),
        ("sip:192.0.2.1;transport=tls", Address("192.0.2.1", 5061)),
        ("sips:192.0.2.1", Address("192.0.2.1", 5061)),
        ("sip:example.com", None),
        ("tel:+1", None),
    ],
)
def test_numeric_addresses(uri: str, address: Address | None) -> None:
    parsed = Uri.parse(uri)
    transport = transport_of(parsed)
    assert transport is not None
    assert numeric_address(parsed, transport) == address


def listening(*transports: Transport) -> FlowTo:
    return lambda transport, remote: Flow(transport, BOB, remote) if transport in transports else None


@pytest.mark.parametrize(
    ("route", "transports", "hop"),
    [
        (
            "sip:192.0.2.50:5080;lr;transport=tcp",
            [Transport.TCP],
            Flow(Transport.TCP, BOB, Address("192.0.2.50", 5080)),
        ),
        ("sips:192.0.2.50;lr", [Transport.TLS], Flow(Transport.TLS, BOB, Address("192.0.2.50", 5061))),
        ("sip:192.0.2.50;lr;transport=tcp", [], udp(ALICE)),
        ("sip:192.0.2.50;lr;transport=sctp", [Transport.TCP], udp(ALICE)),
        ("sip:proxy.example.com;lr;transport=tcp", [Transport.TCP], udp(ALICE)),
    ],
)
def test_the_next_hop_is_reached_by_the_transport_that_it_asks_for(
    route: str, transports: list[Transport], hop: Flow
) -> None:
    dialog = from_invite(request(invite(extra=(f"Record-Route: <{route}>",))), "us", udp(ALICE))
    assert next_hop(dialog, listening(*transports)) == hop


def test_a_connection_that_is_there_is_used() -> None:
    connection = Flow(Transport.TCP, BOB, Address("192.0.2.1", 49_152), id=3)
    contact = ("Contact: <sip:alice@192.0.2.1;transport=tcp>",)
    dialog = from_invite(request(invite(extra=contact)), "us", connection)
    assert next_hop(dialog, listening(Transport.TCP)) == connection
    dialog.moved(udp(ALICE))
    assert next_hop(dialog, listening(Transport.TCP)) == Flow(Transport.TCP, BOB, ALICE)


@pytest.mark.parametrize(("port", "by_connection"), [(49_152, True), (5_060, False)])
def test_a_contact_that_is_the_end_of_a_connection_is_reached_by_it(port: int, by_connection: bool) -> None:
    connection = Flow(Transport.TCP, BOB, Address("192.0.2.1", 49_152), id=3)
    contact = (f"Contact: <sip:alice@192.0.2.1:{port}>",)
    dialog = from_invite(request(invite(extra=contact)), "us", connection)
    by_udp = Flow(Transport.UDP, BOB, Address("192.0.2.1", port))
    assert next_hop(dialog, listening(Transport.TCP, Transport.UDP)) == (connection if by_connection else by_udp)


def test_the_next_hop_is_the_first_route() -> None:
    dialog = from_invite(request(invite(extra=("Record-Route: <sip:192.0.2.50:5080;lr>",))), "us", udp(ALICE))
    assert next_hop(dialog, listening(Transport.UDP)) == udp(Address("192.0.2.50", 5080))
