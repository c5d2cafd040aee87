"""Messages after those of RFC 4475: valid ones that look wrong, and wrong ones that look valid."""

import pytest

from offhook.sip.message import build, typed
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from tests.sip.message.samples import refusal, request

FOLDED = (
    b"INVITE sip:carol@chair.example.com;unknownparam SIP/2.0\r\n"
    b"TO :\r\n sip:carol@chair.example.com ;   tag    = 19n\r\n"
    b'from   : "J Smith \\\\\\""       <sip:smith@example.com>\r\n  ;\r\n  tag = 98a\r\n'
    b"MaX-fOrWaRdS: 0068\r\n"
    b"Call-ID: ws.1@192.0.2.1\r\n"
    b"Content-Length   : 2\r\n"
    b"cseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\n"
    b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
    b"v:  SIP  / 2.0  / TCP     far.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
    b'm:"Quoted string \\"\\"" <sip:smith@example.com> ; newparam =\r\n'
    b"      newvalue ;\r\n  secondparam ; q = 0.33\r\n"
    b"\r\n"
    b"v="
)


def test_white_space_everywhere() -> None:
    message = request(FOLDED)
    typed.validate_request(message)
    assert typed.to(message).tag == "19n"
    assert typed.from_(message).display_name == 'J Smith \\"'
    assert typed.from_(message).tag == "98a"
    assert typed.max_forwards(message) == 68
    assert (typed.cseq(message).number, typed.cseq(message).method) == (9, "INVITE")
    assert [via.branch for via in typed.vias(message)] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert [via.transport for via in typed.vias(message)] == ["UDP", "TCP", "UDP"]
    assert message.headers.get("Subject") == ""
    contact = typed.contact(message)
    assert contact is not None
    assert contact.display_name == 'Quoted string ""'
    assert dict(contact.params) == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert dict(typed.routes(message)[0].uri.params) == {
        "lr": None,
        "unknownwith": "value",
        "unknown-no-value": None,
    }
    assert parse(bytes(message)) == message


METHOD = "!odd-Method0123456789_*+`.%indeed'~"

UNUSUAL = (
    f"{METHOD} sip:1_u.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(no)@h.example SIP/2.0\r\n"
    "Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n"
    'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_u.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>\r\n'
    "From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"я\";tag=_t~1'+`*%!-.\r\n"
    "Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n"
    f"CSeq: 139122385 {METHOD}\r\n"
    "Max-Forwards: 255\r\n"
    "extensionHeader-!.%*+_`'~:\ufeff大停電\r\n"
    "Content-Length: 0\r\n"
    "\r\n"
).encode()


def test_every_character_that_a_token_may_have() -> None:
    message = request(UNUSUAL)
    typed.validate_request(message)
    assert message.method == METHOD
    assert typed.to(message).display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert typed.from_(message).params["fromParam''~+*_!.-%"] == "я"
    assert typed.from_(message).tag == "_t~1'+`*%!-."
    to = UNUSUAL.split(b"\r\n")[2]
    assert to + b";tag=x\r\n" in bytes(build.response(message, 501, to_tag="x"))


def options(*lines: str, uri: str = "sip:user@example.com", method: str = "OPTIONS", cseq: str = "8 OPTIONS") -> bytes:
    """A request made of what every request has and these lines; a line of a name that is there takes its place."""
    fields = {
        "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw",
        "To": "sip:user@example.com",
        "From": "sip:caller@example.org;tag=33242",
        "Max-Forwards": "3",
        "Call-ID": "odd.1",
        "CSeq": cseq,
    }
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name] = value
    text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {uri} SIP/2.0\r\n{text}\r\n".encode()


def calling(*lines: str) -> bytes:
    """An INVITE of the same kind."""
    return options(*lines, method="INVITE", cseq="8 INVITE")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(options(uri="sip:sips%3Auser%40example.com@example.net"), id="escaped user"),
        pytest.param(options("To: sip:%75se%72@example.com"), id="escaped letters"),
        pytest.param(options("Contact: <sip:cal%6Cer@h.example;%6C%72;n%61me=v%61lue%25%34%31>"), id="escaped params"),
        pytest.param(options("To: sip:null-%00-null@example.com", "Contact: <sip:%00@h>"), id="escaped NUL"),
        pytest.param(options("From: caller<sip:caller@example.com>;tag=323"), id="no space before bracket"),
        pytest.param(options(uri="sip:user;par=u%40example.net@example.com"), id="semicolon in user"),
        pytest.param(options("Via: SIP/2.0/UNKNOWN t1;branch=a, SIP/2.0/TLS t2, SIP/2.0/SCTP t3"), id="transports"),
        pytest.param(options("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), id="bare cookie"),
        pytest.param(options(uri="soap.beep://192.0.2.103:3002"), id="scheme with a dot"),
        pytest.param(options("To: isbn:2983792873", "From: <http://www.example.com>;tag=3"), id="other schemes"),
        pytest.param(options("Contact: <name:John_Smith>"), id="unknown scheme in Contact"),
        pytest.param(options("Require: nothingSupportsThis, nothingSupportsThisEither"), id="unknown extension"),
        pytest.param(options("Contact: sip:+19725552222@gw1.example.net;unknownparam"), id="param of the header"),
        pytest.param(options("Contact: <sip:+19725552222@gw1.example.net;unknownparam>"), id="param of the URI"),
        pytest.param(options("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"), id="URI headers"),
        pytest.param(options("Authorization: NoOneKnowsThisScheme opaque-data=here"), id="unknown credentials"),
        pytest.param(options("Max-Forwards: 300"), id="huge Max-Forwards"),
        pytest.param(options('Contact: "Joe" <sip:joe@example.org>;;;;'), id="Contact that nobody asks for"),
        pytest.param(options("Expires: 0 0 1"), id="unused header that is wrong"),
        pytest.param(options("C%6Fntact: <<>>"), id="escaped header name is an unknown header"),
        pytest.param(
            options("Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3"), id="IPv6"
        ),
        pytest.param(options(uri="sip:[2001:db8::10:5070]"), id="IPv6 URI"),
    ],
)
def test_valid_however_it_looks(data: bytes) -> None:
    message = request(data)
    typed.validate_request(message)
    assert parse(bytes(message)) == message


def test_an_escaped_method_is_another_method() -> None:
    message = request(options(method="RE%47IST%45R", cseq="8 RE%47IST%45R"))
    typed.validate_request(message)
    assert message.method == "RE%47IST%45R"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(options("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), id="separators in Via"),
        pytest.param(calling('Contact: "Joe" <sip:joe@example.org>;;;;'), id="separators in Contact"),
        pytest.param(options(cseq="36893488147419103232 OPTIONS"), id="huge CSeq"),
        pytest.param(options('To: "Mr. J. User <sip:j.user@example.com>'), id="open quote"),
        pytest.param(options(uri="<sip:user@example.com>"), id="brackets round Request-URI"),
        pytest.param(options(uri="sip:user@example.com; lr"), id="space in Request-URI"),
        pytest.param(options(uri=" sip:user@example.com "), id="spaces in request line"),
        pytest.param(options(uri="sip:user@example.com?Route=%3Csip:example.com%3E"), id="headers in Request-URI"),
        pytest.param(calling("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"), id="bare URI headers"),
        pytest.param(options('To: "Watson, Thomas" < sip:t.watson@example.org >'), id="spaces in brackets"),
        pytest.param(options("From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"), id="bare comma"),
        pytest.param(options(cseq="8 INVITE"), id="CSeq of another method"),
        pytest.param(options(method="NEWMETHOD", cseq="8 INVITE"), id="CSeq of another unknown method"),
        pytest.param(options("Content-Length: -999"), id="negative length"),
        pytest.param(options("Content-Length: 9999"), id="length beyond the datagram"),
        pytest.param(options("Content-Length: 13", "l: 5"), id="two lengths"),
        pytest.param(options(uri="sip:2001:db8::10"), id="IPv6 without brackets"),
    ],
)
def test_invalid_and_answered_400(data: bytes) -> None:
    error = refusal(data)
    assert error.status == 400
    assert isinstance(error.partial, Request)
    answer = parse(bytes(build.response(error.partial, error.status, to_tag="t")))
    assert answer.headers.get("Call-ID") == "odd.1"


def test_what_follows_the_body_starts_no_second_request() -> None:
    first = options("Content-Length: 0", method="REGISTER", cseq="8 REGISTER")
    assert parse(first + FOLDED) == parse(first)


def test_a_body_is_octets() -> None:
    body = b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\n\x00\xff\x30\x82\r\n"
    message = request(options("Content-Type: multipart/mixed;boundary=7a9cbec02ceef655") + body)
    assert message.body == body
    assert parse(bytes(message)) == message


def test_34_hops_and_long_values() -> None:
    vias = ", ".join(f"SIP/2.0/TCP sip{n}.example.com" for n in range(33))
    data = options(f"Via: {vias}, SIP/2.0/TCP h;branch={'very' + 'long' * 60}value", f"To: sip:{'a' * 600}@example.com")
    message = request(data)
    typed.validate_request(message)
    assert len(typed.vias(message)) == 34
    assert typed.to(message).uri.user == "a" * 600
