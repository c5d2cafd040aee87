import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message.params import Params
from offhook.sip.message.via import Via


def test_the_parts() -> None:
    via = Via.parse("SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa;rport=4;received=192.0.2.9")
    assert (via.protocol, via.transport, via.host, via.port) == ("SIP/2.0", "UDP", "192.0.2.1", 5062)
    assert (via.branch, via.params["rport"], via.params["received"]) == ("z9hG4bKa", "4", "192.0.2.9")


@pytest.mark.parametrize(
    "text",
    [
        "SIP  /   2.0 /UDP 192.0.2.2;branch=b",
        " sip / 2.0  / udp     192.0.2.2   ; branch  =   b  ",
        "SIP/2.0/UDP\t192.0.2.2 ;branch=b",
    ],
)
def test_white_space_round_the_separators(text: str) -> None:
    assert Via.parse(text) == Via("SIP/2.0", "UDP", "192.0.2.2", None, Params([("branch", "b")]))


def test_white_space_round_the_ports_colon() -> None:
    assert Via.parse("SIP/2.0/UDP first.example.com: 4000;ttl=16").port == 4000
    assert Via.parse("SIP/2.0/UDP first.example.com : 4000 ;ttl=16").port == 4000


@pytest.mark.parametrize("transport", ["TCP", "TLS", "SCTP", "UNKNOWN"])
def test_any_transport_is_read(transport: str) -> None:
    assert Via.parse(f"SIP/2.0/{transport} h").transport == transport


def test_ipv6() -> None:
    via = Via.parse("SIP/2.0/UDP [2001:db8::9]:5060;received=[2001:db8::1]")
    assert (via.host, via.port, via.params["received"]) == ("[2001:db8::9]", 5060, "[2001:db8::1]")
    assert Via.parse("SIP/2.0/UDP [::1];received=2001:db8::1").params["received"] == "2001:db8::1"


def test_an_absent_branch() -> None:
    assert Via.parse("SIP/2.0/UDP h").branch is None


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0/UDP h;branch=z9hG4bK-.!%66*_+`'~",
        "SIP/2.0/TCP h:1;rport",
        "SIP/2.0/UDP [::1]:5060;branch=b;received=::2",
        'SIP/2.0/UDP h;x="a;b"',
    ],
)
def test_print_of_parse_is_the_text(text: str) -> None:
    assert str(Via.parse(text)) == text
    assert Via.parse(str(Via.parse(text))) == Via.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "SIP/2.0/UDPh",
        "SIP/2.0/UDP h:65536",
        "SIP/2.0/UDP h:",
        "SIP/2.0/UDP h: ",
        "SIP/2.0/UDP h h",
        "SIP/2.0/UDP ::1",
        "SIP/2.0/UDP 192.0.2.15;;",
        "SIP/2.0/UDP h;branch=a;branch=b",
        "SIP/2.0/UDP 999.0.0.1",
        "SIP/2.0/UDP h\x00",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Via.parse(text)
