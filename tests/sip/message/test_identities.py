"""Caller, callee and diversion, by every header that names them."""

import pytest

from offhook.sip.message.headers import Headers
from offhook.sip.message.identities import Diversion, HistoryEntry, Identities, Party, identities, untrusted
from offhook.sip.message.message import Request


def request(*fields: tuple[str, str], uri: str = "sip:+15551234@bot.example.com;user=phone") -> Request:
    return Request("INVITE", uri, Headers(fields))


def test_all_of_them() -> None:
    found = identities(
        request(
            ("t", "<sip:+15559999@trunk.example.com>"),
            ("f", '"Ann" <sip:anonymous@anonymous.invalid>;tag=1'),
            ("P-Asserted-Identity", '"Ann B" <sip:+15557777@trunk.example.com>, <tel:+1-555-7777>'),
            ("Diversion", "<sip:+15559999@trunk>;reason=no-answer;counter=2"),
            ("Diversion", "<tel:+15558888>;reason=unconditional"),
            ("History-Info", "<sip:+15558888@trunk?Reason=SIP%3Bcause%3D302>;index=1, <sip:+15551234@bot>;index=1.1"),
        )
    )
    assert found == Identities(
        called=Party("sip:+15551234@bot.example.com;user=phone"),
        to=Party("sip:+15559999@trunk.example.com"),
        caller=Party("sip:anonymous@anonymous.invalid", "Ann"),
        asserted=(Party("sip:+15557777@trunk.example.com", "Ann B"), Party("tel:+1-555-7777")),
        diversions=(
            Diversion(Party("sip:+15559999@trunk"), "no-answer", 2),
            Diversion(Party("tel:+15558888"), "unconditional", 1),
        ),
        history=(HistoryEntry(Party("sip:+15558888@trunk"), "1", 302), HistoryEntry(Party("sip:+15551234@bot"), "1.1")),
    )
    assert found.called.number == "+15551234"
    assert [party.number for party in found.asserted] == ["+15557777", "+15557777"]


def test_what_cannot_be_read_is_left_out() -> None:
    found = identities(
        request(
            ("To", "<"),
            ("From", '"'),
            ("P-Asserted-Identity", '"'),
            ("P-Asserted-Identity", "<<>>, <tel:+1>, ;"),
            ("Diversion", "nobody;counter=x"),
            ("Diversion", "<sip:a@h>;counter=99999999999"),
            ("History-Info", "<sip:a@h?Reason=SIP;cause=abc>"),
        )
    )
    assert (found.to, found.caller) == (Party(), Party())
    assert found.asserted == (Party("tel:+1"),)
    assert found.diversions == (Diversion(Party("sip:a@h")),)


@pytest.mark.parametrize(
    ("uri", "user", "number"),
    [
        ("sip:+1%2D555@h", "+1-555", "+1555"),
        ("sip:5551234;phone-context=+1@h;user=phone", "5551234", "5551234"),
        ("tel:+1-(555)-12.34;ext=5", "+1-(555)-12.34", "+15551234"),
        ("sip:*67#@h", "*67#", "*67#"),
        ("sip:sales@h", "sales", None),
        ("sip:h", "", None),
        ("+15551234", "+15551234", "+15551234"),
        ("", "", None),
        ("urn:service:sos", "service:sos", None),
    ],
)
def test_the_number_of_a_party(uri: str, user: str, number: str | None) -> None:
    assert (Party(uri).user, Party(uri).number) == (user, number)


def test_bytes_that_are_no_text_can_be_written_down() -> None:
    found = identities(request(("From", "J\udcfcrgen <sip:j@h>"), uri="sip:\udcff@h"))
    assert (found.caller.display, found.called.uri) == ("J�rgen", "sip:�@h")


def test_privacy_and_who_may_assert_an_identity() -> None:
    found = identities(request(("Privacy", "id; Header,critical"), ("P-Asserted-Identity", "<tel:+1>")))
    assert found.asserted == (Party("tel:+1"),)
    assert found.privacy == ("id", "header", "critical")
    assert untrusted(found).asserted == ()
    assert untrusted(found).privacy == found.privacy
