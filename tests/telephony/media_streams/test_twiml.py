from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.media_streams.twiml import connect_stream, dial, hang_up, plivo_stream, reject

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


@pytest.mark.parametrize("text", NASTY)
def test_whatever_is_dialled_or_said_is_only_ever_text(text: str) -> None:
    assert [tag for tag, _ in shape(dial(text))] == ["Response", "Dial", "Number"]
    assert [tag for tag, _ in shape(plivo_stream(text))] == ["Response", "Stream"]
    assert shape(hang_up(text)) == [("Response", []), ("Hangup", ["reason"])]
    connected = connect_stream(text, action=text, attributes={"codec": "PCMU"})
    assert shape(connected) == [("Response", []), ("Connect", ["action"]), ("Stream", ["codec", "url"])]


def test_a_call_is_ended_without_a_reason() -> None:
    assert shape(hang_up()) == [("Response", []), ("Hangup", [])]
