import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.refer.refer_to import ReferTo
from offhook.sip.refer.replaces import Replaces
from offhook.sip.refer.sipfrag import SipFragment

WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=';,<>"'), min_size=1)
TAGS = st.text("abcXYZ019.-_", min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x20, exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40)


@given(WORDS, TAGS, TAGS, st.booleans())
def test_replaces_reads_what_it_writes(call_id: str, to_tag: str, from_tag: str, early: bool) -> None:
    replaces = Replaces(call_id, to_tag, from_tag, early)
    assert Replaces.parse(str(replaces)) == replaces


@pytest.mark.parametrize(
    "text", ["", "abc", "abc;to-tag=1", "abc;from-tag=1", ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2"]
)
def test_replaces_needs_all_of_a_dialog(text: str) -> None:
    with pytest.raises(ParseError):
        Replaces.parse(text)


@given(st.lists(st.tuples(TAGS, VALUES), max_size=5))
def test_refer_to_reads_what_it_writes(headers: list[tuple[str, str]]) -> None:
    refer_to = ReferTo("sip:agent@example.com;transport=tcp", tuple(headers))
    assert ReferTo.parse(str(refer_to)) == refer_to


def test_user_to_user_is_written_as_contact_centres_read_it() -> None:
    refer_to = ReferTo("sip:+15551234567@example.com", (("User-to-User", "56A390F3D2B7310023;encoding=hex"),))
    assert str(refer_to) == "<sip:+15551234567@example.com?User-to-User=56A390F3D2B7310023%3Bencoding%3Dhex>"


def test_a_tel_uri_has_no_headers() -> None:
    assert str(ReferTo("tel:+15551234567")) == "<tel:+15551234567>"
    with pytest.raises(ParseError, match="tel"):
        str(ReferTo("tel:+15551234567", (("User-to-User", "1"),)))


def test_only_calls_are_referred_to() -> None:
    assert ReferTo.parse("<sip:a@example.com;method=INVITE>").uri.startswith("sip:a@example.com")
    with pytest.raises(ParseError, match="something else"):
        ReferTo.parse("<sip:a@example.com;method=SUBSCRIBE>")


@pytest.mark.parametrize("text", ["<{}>", "{}", " {} "])
def test_replaces_of_another_phone_is_read(text: str) -> None:
    """Also without the angle brackets that RFC 3261 §20.10 wants: Asterisk sends what its dialplan has."""
    uri = "sip:bob@192.0.2.4;transport=tcp?Replaces=425928%40bob.example.org%3Bto-tag%3D7743%3Bfrom-tag%3D6472"
    refer_to = ReferTo.parse(text.format(uri))
    assert refer_to.uri == "sip:bob@192.0.2.4;transport=tcp"
    assert Replaces.parse(refer_to.get("replaces") or "") == Replaces("425928@bob.example.org", "7743", "6472")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"SIP/2.0 100 Trying\r\n", 100, "Trying"),
        (b"SIP/2.0 200 OK", 200, "OK"),
        (b"SIP/2.0 603 Declined\r\nContact: <sip:x@y>\r\n\r\n", 603, "Declined"),
        (b"\r\nsip/2.0 486\r\n", 486, ""),
    ],
)
def test_status_lines_are_read(body: bytes, status: int, reason: str) -> None:
    assert SipFragment.parse(body) == SipFragment(status, reason)


@pytest.mark.parametrize(
    "body", [b"", b"INVITE sip:a@b SIP/2.0\r\n", b"SIP/2.0 700 x\r\n", b"SIP/2.0 20", b"\xff\xfe" * 400]
)
def test_other_bodies_have_no_status(body: bytes) -> None:
    assert SipFragment.parse(body) is None
