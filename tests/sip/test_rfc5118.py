"""The 12 messages of RFC 5118, SIP over IPv6: what each is answered by UDP and by TCP, and where its answer goes."""

from pathlib import Path

import pytest

from offhook.sip.errors import RemoteError
from offhook.sip.events import IncomingCall
from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Flow, Transport
from offhook.sip.net.framing import StreamFramer
from offhook.sip.sdp import parser as sdp_parser
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer
from offhook.sip.settings import UaSettings
from offhook.sip.ua import UserAgent
from tests.sip.dialog.harness import Message, Tokens

MESSAGES = Path(__file__).parent.parent / "data" / "rfc5118"
US = Address("2001:db8::10", 5060)
PEER = Address("2001:db8::9:1", 5060)

ANSWERS = {
    "ipv6-good": 405,  # REGISTER: no registrar
    "ipv6-bad": 400,
    "port-ambiguous": 405,
    "port-unambiguous": 405,
    "via-received-param-with-delim": 481,
    "via-received-param-no-delim": 200,
    "ipv6-in-sdp": 100,
    "mult-ip-in-header": 481,
    "mult-ip-in-sdp": 100,
    "ipv4-mapped-ipv6": 100,
    "ipv6-bug-abnf-3-colons": 200,
    "ipv6-correct-abnf-2-colons": 200,
}


def data_of(name: str) -> bytes:
    return (MESSAGES / f"{name}.dat").read_bytes()


def request_of(name: str) -> Request:
    message = parse(data_of(name))
    assert isinstance(message, Request)
    return message


class Peer:
    """A user agent on IPv6 at virtual time."""

    def __init__(self, transport: Transport) -> None:
        self.ua = UserAgent({transport: US}, settings=UaSettings(), entropy=Tokens("us"))
        self.flow = Flow(transport, US, PEER, id=int(transport is Transport.TCP))
        self.now = 0.0

    def send(self, data: bytes) -> list[tuple[Response, Flow]]:
        messages = StreamFramer().take(data) if self.flow.id else [data]
        for message in messages:
            self.ua.receive(message, self.flow, self.now)
        sent = [(parse(answer), flow) for answer, flow in self.ua.messages_to_send()]
        return [(answer, flow) for answer, flow in sent if isinstance(answer, Response)]

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.ua.get_timer()) is not None and at <= end:
            self.now = max(self.now, at)
            self.ua.handle_timer(self.now)
            self.ua.messages_to_send()


def test_all_of_them_are_here() -> None:
    assert {path.stem for path in MESSAGES.glob("*.dat")} == set(ANSWERS)
    assert len(ANSWERS) == 12


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_it_is_answered(name: str, transport: Transport) -> None:
    peer = Peer(transport)
    ((answer, flow),) = peer.send(data_of(name))
    assert answer.status == ANSWERS[name]
    assert flow.remote.host == PEER.host
    ((alive, _),) = peer.send(bytes(Message("OPTIONS", branch="z9hG4bKalive", call_id="alive")))
    assert alive.status == 200
    assert isinstance(peer.ua.next_event(), IncomingCall) == (ANSWERS[name] == 100)
    peer.run(400)
    assert peer.ua.idle


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [("port-ambiguous", "2001:db8::10:5070", None), ("port-unambiguous", "2001:db8::10", 5070)],
)
def test_a_port_stands_outside_the_brackets(name: str, host: str, port: int | None) -> None:
    uri = Uri.parse(request_of(name).uri)
    assert (str(numeric(uri.host)), uri.port) == (host, port)


def test_an_answer_goes_to_where_the_request_came_from() -> None:
    ((_, flow),) = Peer(Transport.UDP).send(data_of("mult-ip-in-header"))
    assert flow.remote == Address(PEER.host, 6050)


@pytest.mark.parametrize("name", ["via-received-param-with-delim", "via-received-param-no-delim"])
def test_received_is_read_with_and_without_brackets(name: str) -> None:
    (via,) = typed.vias(request_of(name))
    assert str(numeric(via.params.get("received") or "")) == "2001:db8::9:255"


def test_received_is_written_without_brackets() -> None:
    ((answer, _),) = Peer(Transport.UDP).send(data_of("ipv6-correct-abnf-2-colons"))
    assert f"received={PEER.host}" in (answer.headers.get("Via") or "")


def test_media_of_both_families() -> None:
    body = request_of("mult-ip-in-sdp").body
    answer, audio = answer_offer(body, LocalMedia("192.0.2.9", 4_000, 1, 1))
    assert (audio.remote_host, audio.remote_port) == ("192.0.2.1", 22334)
    assert [media.port for media in sdp_parser.parse(answer).media] == [4_000, 0]


@pytest.mark.parametrize("name", ["ipv6-in-sdp", "ipv4-mapped-ipv6"])
def test_an_offer_without_a_codec_of_ours_is_refused(name: str) -> None:
    with pytest.raises(RemoteError) as refused:
        answer_offer(request_of(name).body, LocalMedia("2001:db8::10", 4_000, 1, 1))
    assert refused.value.status == 488


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert [str(numeric(via.host)) for via in typed.vias(request_of("ipv4-mapped-ipv6"))] == ["192.0.2.10", "192.0.2.2"]
