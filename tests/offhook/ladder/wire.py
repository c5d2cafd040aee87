"""SIP messages as they are on the wire, for the tests of traces."""

from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport

US = Address("192.0.2.1", 5060)
CALLER = Address("192.0.2.7", 5070)


def flow(peer: Address = CALLER, transport: Transport = Transport.UDP) -> Flow:
    return Flow(transport, US, peer)


def message(start: str, *fields: str, call_id: str = "one", cseq: str = "1 INVITE", body: str = "") -> bytes:
    lines = [start, "Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK1", f"Call-ID: {call_id}", f"CSeq: {cseq}", *fields]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def sdp(host: str = "192.0.2.7", port: int = 4000, *attributes: str, protocol: str = "RTP/AVP") -> str:
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} {protocol} 0 8 101",
        "a=rtpmap:101 telephone-event/8000",
        *attributes,
    ]
    return "\r\n".join(lines) + "\r\n"


def invite(**changed: str) -> bytes:
    return message("INVITE sip:+15551234567@192.0.2.1 SIP/2.0", body=sdp(), **changed)
