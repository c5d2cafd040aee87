"""An INVITE with an offer, changed field by field: each part of each line, in each way that a field can be wrong."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEAD = (
    b"INVITE sip:bot@192.0.2.2;transport=udp SIP/2.0",
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnumber%d;rport",
    b"Via: SIP/2.0/TCP proxy.example.com:5061;branch=z9hG4bKbefore;received=192.0.2.9",
    b"Max-Forwards: 70",
    b'From: "Alice \\"A.\\"" <sip:alice@example.com;user=phone>;tag=alice',
    b"To: <sip:bot@example.com>",
    b"Call-ID: number%d@192.0.2.1",
    b"CSeq: 1 INVITE",
    b"Contact: <sip:alice@192.0.2.1:5060;transport=udp>;expires=60",
    b"Record-Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8:5070;lr=on>",
    b"Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, OPTIONS",
    b"Supported: timer, 100rel",
    b"Require: timer",
    b"Session-Expires: 1800;refresher=uac",
    b"Min-SE: 90",
    b"Accept: application/sdp;q=0.9",
    b'P-Asserted-Identity: "Alice" <sip:+4930123@example.com>, <tel:+4930123>',
    b"Privacy: none",
    b"Diversion: <sip:desk@example.com>;reason=unconditional;counter=1",
    b"History-Info: <sip:desk@example.com>;index=1, <sip:bot@example.com>;index=1.1",
    b"User-to-User: 56a390f3d2b7310023a2;encoding=hex",
    b"Date: Sat, 13 Nov 2010 23:29:00 GMT",
    b"User-Agent: phone/1.0 (test)",
    b"Content-Type: application/sdp;charset=utf-8",
    b"Content-Disposition: session;handling=required",
    b"Content-Length: %d",
)
BODY = (
    b"v=0",
    b"o=alice 2890844526 1 IN IP4 192.0.2.1",
    b"s=call",
    b"c=IN IP4 192.0.2.1/127",
    b"b=AS:64",
    b"t=0 0",
    b"a=sendrecv",
    b"m=audio 49170 RTP/AVP 0 8 9 96 101",
    b"b=TIAS:64000",
    b"a=rtpmap:0 PCMU/8000/1",
    b"a=rtpmap:96 opus/48000/2",
    b"a=fmtp:96 maxplaybackrate=16000;useinbandfec=1",
    b"a=rtpmap:101 telephone-event/8000",
    b"a=fmtp:101 0-15,66",
    b"a=ptime:20",
    b"a=maxptime:60",
    b"a=rtcp:53020 IN IP4 192.0.2.1",
    b"a=rtcp-mux",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:4",
    b"a=ssrc:314159 cname:alice@example.com",
    b"m=video 0 RTP/AVP 31",
)

_PART = re.compile(rb"[A-Za-z0-9.+%*_^-]+")

WRITTEN_OVER = (
    *(b"", b" ", b"\t", b"\0", b"\r", b"\n", b"\r\n", b"\r\n ", b"\r\n\r\n", b"\x7f", b"\xff\xfe", "é漢".encode()),
    *(b'"', b"<", b">", b"(", b"[", b"[::1", b",", b";", b";;,;,,", b"=", b":", b"@", b"?a=b", b"%00", b"%s%n", b"/"),
    *(b"0", b"-1", b"4294967296", b"99999999999999999999", b"1e9", b"0x10", b"\xd9\xa3", b"a" * 300, b"a" * 9_000),
)
"""What takes a part's place."""

CHANGED: tuple[Callable[[bytes], bytes], ...] = (
    lambda part: part + part,
    lambda part: part.swapcase(),
    lambda part: part[::-1],
    lambda part: part[:-1],
    lambda part: b'"' + part,
    lambda part: b"  " + part,
)

REWRITTEN: tuple[Callable[[bytes], tuple[bytes, ...]], ...] = (
    lambda line: (),
    lambda line: (line, line),
    lambda line: (line,) * 150,
    lambda line: (line + b" ",),
    lambda line: (b" " + line,),
    lambda line: (line[: len(line) // 2],),
    lambda line: (line.replace(b":", b" :\r\n\t", 1).replace(b"=", b" = ", 1),),
    lambda line: (line.replace(b":", b"", 1).replace(b"=", b"", 1),),
)
"""What takes a line's place."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One INVITE; `number` makes it another call than all others."""

    number: int
    of: bytes
    """The line that is changed."""
    message: bytes


def lines() -> tuple[bytes, ...]:
    """Every line that is changed, in order."""
    return HEAD + BODY


def valid(number: int) -> bytes:
    """The INVITE as it should be."""
    return _written(number, HEAD, BODY)


def mutations(at: int) -> Iterator[Mutation]:
    """Those of one of `lines`."""
    line = lines()[at]
    for count, changed in enumerate(_changes(line)):
        number = 1_000 * at + count
        if at < len(HEAD):
            message = _written(number, (*HEAD[:at], *changed, *HEAD[at + 1 :]), BODY)
        else:
            of_body = at - len(HEAD)
            message = _written(number, HEAD, (*BODY[:of_body], *changed, *BODY[of_body + 1 :]))
        yield Mutation(number, line, message)


def _changes(line: bytes) -> Iterator[tuple[bytes, ...]]:
    for rewrite in REWRITTEN:
        yield rewrite(line)
    for part in _PART.finditer(line):
        before, own, after = line[: part.start()], part[0], line[part.end() :]
        for other in (*WRITTEN_OVER, *(change(own) for change in CHANGED)):
            yield (before + other + after,)


def _written(number: int, head: tuple[bytes, ...], body: tuple[bytes, ...]) -> bytes:
    content = b"\r\n".join((*body, b""))
    start = b"\r\n".join((*head, b"", b""))
    # As text, since a changed part may have a percent sign of its own.
    start = start.replace(b"number%d", b"number%d" % number).replace(b"Length: %d", b"Length: %d" % len(content))
    return start + content
