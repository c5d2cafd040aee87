import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.transaction.via import fix_top_via
from tests.sip.dialog.harness import BOB, udp

SOURCE = Address("198.51.100.7", 40000)


def request(*vias: str) -> Request:
    return Request("OPTIONS", "sip:x@y", Headers(("Via", via) for via in vias))


@pytest.mark.parametrize(
    ("via", "source", "stamped", "reply_to"),
    [
        ("SIP/2.0/UDP h;branch=b", SOURCE, "SIP/2.0/UDP h;branch=b;received=198.51.100.7", Address(SOURCE.host, 5060)),
        ("SIP/2.0/UDP h:9", SOURCE, "SIP/2.0/UDP h:9;received=198.51.100.7", Address(SOURCE.host, 9)),
        (
            "SIP/2.0/UDP h:9;rport;branch=b",
            SOURCE,
            "SIP/2.0/UDP h:9;rport=40000;branch=b;received=198.51.100.7",
            SOURCE,
        ),
        (
            "SIP/2.0/UDP [2001:db8::1];rport",
            Address("2001:db8::2", 7),
            "SIP/2.0/UDP [2001:db8::1];rport=7;received=2001:db8::2",
            Address("2001:db8::2", 7),
        ),
    ],
)
def test_stamp(via: str, source: Address, stamped: str, reply_to: Address) -> None:
    one = request(via)
    assert fix_top_via(one, udp(source)) == udp(reply_to)
    assert one.headers.get_all("Via") == [stamped]
    assert fix_top_via(one, udp(source)) == udp(reply_to)
    assert one.headers.get_all("Via") == [stamped]


def test_over_a_connection_the_answer_goes_back_by_it() -> None:
    connection = Flow(Transport.TCP, BOB, SOURCE, id=5)
    one = request("SIP/2.0/TCP h:9;branch=b")
    assert fix_top_via(one, connection) == connection
    assert one.headers.get_all("Via") == ["SIP/2.0/TCP h:9;branch=b;received=198.51.100.7"]


def test_only_the_top_via_changes() -> None:
    one = request("SIP/2.0/UDP a;rport, SIP/2.0/UDP b;branch=2", "SIP/2.0/UDP c")
    fix_top_via(one, udp(SOURCE))
    assert [str(via) for via in typed.vias(one)] == [
        "SIP/2.0/UDP a;rport=40000;received=198.51.100.7",
        "SIP/2.0/UDP b;branch=2",
        "SIP/2.0/UDP c",
    ]


@pytest.mark.parametrize("vias", [(), ("nonsense",)])
def test_without_a_readable_via_there_is_no_answer(vias: tuple[str, ...]) -> None:
    with pytest.raises(ParseError):
        fix_top_via(request(*vias), udp(SOURCE))
