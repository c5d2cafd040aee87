import pytest

from offhook.sip.errors import LocalError
from offhook.sip.message import build
from offhook.sip.message.message import Request, Response
from tests.sip.message.samples import INVITE, refusal, request, with_line


def test_what_a_response_copies() -> None:
    answer = build.response(request(INVITE), 404, to_tag="t1")
    assert (answer.status, answer.reason) == (404, "Not Found")
    assert list(answer.headers) == [
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport"),
        ("From", '"Ann" <sip:ann@example.com>;tag=a1'),
        ("To", "<sip:bot@192.0.2.10>;tag=t1"),
        ("Call-ID", "c1@192.0.2.1"),
        ("CSeq", "1 INVITE"),
    ]


def test_a_tag_that_is_there_stays() -> None:
    inside = request(with_line(b"To: <sip:bot@192.0.2.10>", b"To: sip:bot@192.0.2.10 ; tag=old"))
    assert build.response(inside, 200, to_tag="new").headers.get("To") == "sip:bot@192.0.2.10 ; tag=old"


def test_without_a_tag_none_is_added() -> None:
    assert build.response(request(INVITE), 100).headers.get("To") == "<sip:bot@192.0.2.10>"


def test_names_go_back_octet_by_octet() -> None:
    odd = b'To: "BEL:\\\x07 NUL:\\\x00 \xe9" <sip:bot@192.0.2.10>'
    answer = build.response(request(with_line(b"To: <sip:bot@192.0.2.10>", odd)), 501, to_tag="t")
    assert odd + b";tag=t\r\n" in bytes(answer)


def test_all_vias_in_their_order() -> None:
    twice = request(with_line(b"Max-Forwards: 70", b"v: SIP/2.0/TCP far;branch=2, SIP/2.0/TCP farther"))
    assert build.response(twice, 200).headers.get_all("Via") == [
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport",
        "SIP/2.0/TCP far;branch=2, SIP/2.0/TCP farther",
    ]


@pytest.mark.parametrize(("status", "due"), [(100, False), (180, True), (200, True), (302, False), (486, False)])
def test_record_route_goes_where_a_dialog_may_come_of_it(status: int, due: bool) -> None:
    routed = with_line(b"Max-Forwards: 70", b"Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>")
    answer = build.response(request(routed), status)
    assert answer.headers.get_all("Record-Route") == (["<sip:p1;lr>", "<sip:p2;lr>"] if due else [])


def test_timestamp_goes_into_a_100() -> None:
    stamped = request(with_line(b"Max-Forwards: 70", b"Timestamp: 54"))
    assert build.response(stamped, 100).headers.get("Timestamp") == "54"
    assert "Timestamp" not in build.response(stamped, 180).headers


def test_own_headers_and_a_body() -> None:
    answer = build.response(
        request(INVITE), 200, "Fine", headers=[("Contact", "<sip:x>")], body=b"v=0", content_type="application/sdp"
    )
    assert answer.reason == "Fine"
    assert bytes(answer).endswith(
        b"\r\nContact: <sip:x>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0"
    )


def test_a_status_without_a_known_reason() -> None:
    assert build.response(request(INVITE), 299).reason == ""


@pytest.mark.parametrize(
    ("line", "instead", "to"),
    [
        (b"To: <sip:bot@192.0.2.10>", b"", None),
        (b"To: <sip:bot@192.0.2.10>", b'To: "Bot <sip:bot@192.0.2.10>', '"Bot <sip:bot@192.0.2.10>'),
        (b"Call-ID: c1@192.0.2.1", b"", "<sip:bot@192.0.2.10>;tag=t"),
        (b"INVITE sip:bot@192.0.2.10 SIP/2.0", b"INVITE <sip:x>  SIP/2.0", "<sip:bot@192.0.2.10>;tag=t"),
        (b"To: <sip:bot@192.0.2.10>", b"To: <sip:a@b>\r\nTo: <sip:c@d>", "<sip:a@b>;tag=t"),
    ],
)
def test_a_request_of_which_only_parts_were_read_is_answered(line: bytes, instead: bytes, to: str | None) -> None:
    error = refusal(with_line(line, instead))
    assert isinstance(error.partial, Request)
    answer = build.response(error.partial, error.status, to_tag="t")
    assert answer.headers.get("To") == to
    assert answer.headers.get("CSeq") == "1 INVITE"
    assert isinstance(answer, Response)


def test_misuse() -> None:
    for status in (99, 700):
        with pytest.raises(LocalError):
            build.response(request(INVITE), status)
    with pytest.raises(LocalError):
        build.response(request(INVITE), 200, to_tag="a b")
