from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.twiml import connect_stream, reject

NASTY = [
    '"/><Dial>+19005550100</Dial><x a="',
    "</Parameter></Stream></Connect><Redirect>http://evil.example</Redirect>",
    "<!--",
    "]]>",
    "<![CDATA[<Hangup/>]]>",
    "&lt;Dial&gt;",
    "&#60;Dial&#62;",
    "&xxe;",
    "<?xml version='1.0'?>",
    "' onload='x",
    "\u202e<Say>",
    "a\r\nb\tc",
    "ünïcode € 𝄞",
    "%3CDial%3E",
    "${jndi:ldap://x}",
]


def shape(document: bytes) -> list[tuple[str, list[str]]]:
    return [(element.tag, sorted(element.attrib)) for element in ElementTree.fromstring(document).iter()]


@pytest.mark.parametrize("text", NASTY)
def test_what_callers_send_stays_text(text: str) -> None:
    plain = connect_stream("wss://a.example/x", [("from", "me")])
    nasty = connect_stream("wss://a.example/x", [(text, text)])
    assert shape(nasty) == shape(plain)
    assert shape(connect_stream(text, [("from", "me")])) == shape(plain)
    parameter = ElementTree.fromstring(nasty).find("Connect/Stream/Parameter")
    assert parameter is not None
    assert parameter.get("value") == text


@given(st.text(max_size=200))
def test_any_text_is_kept_or_refused(text: str) -> None:
    try:
        document = connect_stream("wss://a.example/x", [("from", text)])
    except ValueError:
        assert not text.isprintable()
        return
    parameter = ElementTree.fromstring(document).find("Connect/Stream/Parameter")
    assert parameter is not None
    assert parameter.get("value") == text


def test_the_documents() -> None:
    assert shape(connect_stream("wss://a.example/x")) == [("Response", []), ("Connect", []), ("Stream", ["url"])]
    assert shape(reject("busy")) == [("Response", []), ("Reject", ["reason"])]
