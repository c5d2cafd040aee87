"""The fuzz targets: functions of bytes that return if no invariant is violated.

Declared errors are fine; any other exception, above all an AssertionError, is a finding.
"""

from collections.abc import Callable

from fuzz.jitter_buffer import play_buffer
from fuzz.media_stream import play_stream
from fuzz.rtp_session import play_session
from fuzz.websocket import check_websocket
from offhook.sip.errors import ParseError, RemoteError
from offhook.sip.message import build, typed
from offhook.sip.message import parser as sip_parser
from offhook.sip.message.limits import MAX_HEADERS
from offhook.sip.message.message import Request, Response
from offhook.sip.sdp import parser as sdp_parser
from offhook.sip.sdp.negotiate import LocalMedia, accept_answer, answer_offer, make_offer
from offhook.sip.sdp.serializer import serialize
from offhook.telephony.errors import WireError
from offhook.telephony.wire import rtcp, rtp, telephone_event

Target = Callable[[bytes], None]

LOCAL = LocalMedia("192.0.2.1", 4_000, 1, 1)
OUR_OFFER = make_offer(LOCAL)

_READERS: list[Callable[[Request | Response], object]] = [
    *[typed.vias, typed.from_, typed.to, typed.call_id, typed.cseq, typed.contacts, typed.record_routes, typed.routes],
    *[typed.max_forwards, typed.require, typed.supported, typed.content_type],
]


_WRITTEN = (rtcp.SenderReport, rtcp.ReceiverReport, rtcp.SourceDescription, rtcp.Bye)


def check_rtp(data: bytes) -> None:
    """An RTP packet is refused, or survives a round trip."""
    try:
        packet = rtp.parse(data)
    except WireError:
        return
    assert len(packet.payload) <= len(data)
    assert rtp.parse(rtp.build(packet)) == packet


def check_rtcp(data: bytes) -> None:
    """An RTCP compound likewise."""
    try:
        packets = rtcp.parse_compound(data)
    except WireError:
        return
    assert packets
    # Types that are only read, such as extended reports, cannot be written.
    written = tuple(packet for packet in packets if isinstance(packet, _WRITTEN))
    if written and isinstance(written[0], rtcp.SenderReport | rtcp.ReceiverReport):
        assert rtcp.parse_compound(rtcp.build_compound(*written)) == written


def check_event(data: bytes) -> None:
    """A telephone-event likewise."""
    try:
        event = telephone_event.parse(data)
    except WireError:
        return
    assert telephone_event.parse(telephone_event.build(event)) == event


def check_sdp(data: bytes) -> None:
    """A session description is answered or refused with a status, as an offer and as an answer to our offer."""
    try:
        answer, audio = answer_offer(data, LOCAL)
    except RemoteError as error:
        assert error.status in {400, 488}
    else:
        assert len(sdp_parser.parse(answer).media) == len(sdp_parser.parse(data).media)
        assert sdp_parser.parse(serialize(sdp_parser.parse(answer))) == sdp_parser.parse(answer)
        assert 0 <= audio.payload_type <= 127
        assert 10 <= audio.ptime_ms <= 60
        assert 0 < audio.remote_port <= 65_535 or audio.direction == "inactive"
    try:
        accept_answer(OUR_OFFER, data)
    except RemoteError as error:
        assert error.status in {400, 488}


def check_sip(data: bytes) -> None:
    """A message is refused, with a request that can be answered, or each of its headers can be read or refused."""
    try:
        message = sip_parser.parse(data)
    except ParseError as error:
        if isinstance(error.partial, Request):
            sip_parser.parse(bytes(build.response(error.partial, error.status, to_tag="t")))
        return
    if len(message.headers) < MAX_HEADERS:  # Content-Length is added on writing, within the limit
        assert sip_parser.parse(bytes(message)) == message
    try:
        if isinstance(message, Request):
            typed.validate_request(message)
        else:
            typed.validate_response(message)
    except ParseError as error:
        assert 400 <= error.status < 700
    for read in _READERS:
        try:
            read(message)
        except ParseError as error:
            assert error.status == 400


TARGETS: dict[str, Target] = {
    "rtp": check_rtp,
    "rtcp": check_rtcp,
    "event": check_event,
    "jitter": play_buffer,
    "session": play_session,
    "twilio": play_stream,
    "websocket": check_websocket,
    "sdp": check_sdp,
    "sip": check_sip,
}
"""By name."""

MAX_BYTES = {
    "rtp": 256,
    "rtcp": 512,
    "event": 16,
    "jitter": 64,
    "session": 40,
    "twilio": 48,
    "websocket": 64,
    "sdp": 2_048,
    "sip": 4_096,
}
"""The longest inputs. Where bytes encode steps, some dozens: longer inputs would mean fewer of them."""
